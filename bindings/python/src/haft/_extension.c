/* The package haft as a C extension on the limited API of Python 3.9, so that
 * one build serves all later versions. (Free-threaded builds before 3.15 have
 * no limited API: they compile this file for themselves.)
 *
 * The table holds one reference to each object. It is released by a thread that
 * is attached to the interpreter (has the GIL, where there is one), and only
 * after the handle has become stale. Therefore a thread that has the GIL and
 * finds a handle live may take a reference of its own without a pin. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "haft/haft.h"
#include "haft/view.h"

/* Defined in free-threaded builds, and by a test, for look-ups with a pin. */
#if defined(Py_GIL_DISABLED) && !defined(HAFT_PINNED_LOOKUPS)
#define HAFT_PINNED_LOOKUPS
#endif

/* The types and the objects of the package's Python part that are used here.
 * There is one set, because there is one interpreter that may import this. */
static struct {
  PyTypeObject *handle;
  PyTypeObject *weak_handle;
  PyTypeObject *pin;
  PyTypeObject *weak;    /* haft._shared.Weak */
  PyObject *new_weak;    /* new_weak(obj) -> word */
  PyObject *error_for;   /* haft._errors.error_for(status, word, text) */
  PyObject *word_of;     /* haft._shared.word_of(pointer) -> word */
  PyObject *to_pointer;  /* haft._shared.to_pointer(word) -> c_void_p */
  PyObject *nanoseconds; /* haft._shared.nanoseconds(seconds) -> int */
  PyObject *stats;       /* haft._shared.Stats */
} state;

/* For functions to return. The macros of Python.h 3.12 and later count no
 * reference, because None lives for ever in these versions. If an extension for
 * earlier ones is compiled with them, too many references are given up. */
static PyObject *None(void) {
  Py_INCREF(Py_None);
  return Py_None;
}
static PyObject *NotImplemented(void) {
  Py_INCREF(Py_NotImplemented);
  return Py_NotImplemented;
}

/* --- The end of the interpreter -------------------------------------------*/

/* How many threads are inside ReleaseObject, and whether it is too late. */
static atomic_int releasing;
static atomic_int interpreter_ends;

/* Whether this thread ends a pin for Python code, with the GIL. */
static _Thread_local int ends_pin_with_gil;

/* The `destroy` of each object: releases the table's reference. Any thread may
 * call it, with or without the GIL. When the interpreter ends, AtExit waits for
 * the threads in here; objects that C gives up later stay in memory. */
static void ReleaseObject(void *object) {
  if (ends_pin_with_gil) {
    ends_pin_with_gil = 0; /* the object's finalizer may release the GIL */
    Py_DECREF((PyObject *)object);
    ends_pin_with_gil = 1;
    return;
  }
  atomic_fetch_add(&releasing, 1);
  if (!atomic_load(&interpreter_ends)) {
    const PyGILState_STATE gil = PyGILState_Ensure();
    Py_DECREF((PyObject *)object);
    PyGILState_Release(gil);
  }
  atomic_fetch_sub(&releasing, 1);
}

/* C code that makes or takes Python objects itself uses a descriptor with this
 * identity. Its object is a PyObject *, to which the table has a reference that
 * is released as above. The object of a weak handle is a haft._shared.Weak. */
static const haft_type kObject = {
    .name = "Python object",
    .identity = "haft.python.object/1",
    .destroy = ReleaseObject,
};

/* Any other type has another identity. */
static int IsPythonType(const haft_type *type) {
  return type != NULL && type->identity != NULL &&
         strcmp(type->identity, kObject.identity) == 0;
}

static int DeletePythonObject(void *unused, haft_handle handle,
                              const haft_type *type, void *object) {
  (void)unused, (void)object;
  if (IsPythonType(type)) haft_delete(handle, &kObject);
  return 0;
}

/* Deletes the handles of all Python objects while the interpreter still works,
 * so that C finds stale handles afterwards. Called by atexit. */
static PyObject *AtExit(PyObject *module, PyObject *unused) {
  (void)module, (void)unused;
  haft_table_for_each(NULL, DeletePythonObject, NULL);
  atomic_store(&interpreter_ends, 1);
  while (atomic_load(&releasing) > 0) {
    const struct timespec pause = {0, 1000000};
    Py_BEGIN_ALLOW_THREADS;
    nanosleep(&pause, NULL);
    Py_END_ALLOW_THREADS;
    if (PyErr_CheckSignals() != 0) return NULL;
  }
  return None();
}

/* The threads that were releasing objects do not exist in the child. */
static PyObject *AfterFork(PyObject *module, PyObject *unused) {
  (void)module, (void)unused;
  atomic_store(&releasing, 0);
  return None();
}

/* --- The view of the table -------------------------------------------------*/

/* Until there is a table, and if the library has another HAFT_VIEW_ABI, every
 * call takes the way that it takes while diagnostics watch. */
static const uintptr_t always_watched = HAFT_VIEW_WATCHED;
static haft_slot no_slot;
static haft_view view = {
    .gate = &always_watched,
    .slots = &no_slot,
};
static atomic_int viewed; /* whether the view has been asked for */

/* Gets the view when it is first needed, and not before, because diagnostics
 * can be turned on until there is a table. One thread gets it; the others take
 * the longer way meanwhile. */
static int IsWatchedAtFirst(void) {
  haft_view given;
  if (atomic_exchange(&viewed, 1)) return 1;
  const haft_status status = haft_table_view(NULL, HAFT_VIEW_ABI, &given);
  if (status == HAFT_OK) {
    view.table = given.table;
    view.slots = given.slots;
    view.mask = given.mask;
    __atomic_store_n(&view.gate, given.gate, __ATOMIC_RELEASE);
  } else if (status != HAFT_INVALID) {
    atomic_store(&viewed, 0); /* there may be memory later */
  }
  return haft_view_is_watched(&view);
}

/* Whether diagnostics watch, so that calls say from which lines they are made,
 * and make no attempts that would be reported as refusals. */
static inline int IsWatched(void) {
  const uintptr_t *const gate = __atomic_load_n(&view.gate, __ATOMIC_ACQUIRE);
  return __atomic_load_n(gate, __ATOMIC_RELAXED) == HAFT_VIEW_WATCHED &&
         IsWatchedAtFirst();
}

/* --- Errors ---------------------------------------------------------------*/

/* Returns what haft_describe says, as a str. */
static PyObject *Description(uintptr_t word) {
  char fixed[512];
  char *text = fixed;
  size_t size = sizeof(fixed);
  size_t length;
  for (;;) {
    /* It may wait for the dynamic linker, which may wait for the GIL. */
    Py_BEGIN_ALLOW_THREADS;
    length = haft_describe(word, text, size);
    Py_END_ALLOW_THREADS;
    if (length < size) break;
    size = length + 1;
    char *const more = PyMem_Realloc(text == fixed ? NULL : text, size);
    if (more == NULL) {
      if (text != fixed) PyMem_Free(text);
      return PyErr_NoMemory();
    }
    text = more;
  }
  PyObject *const result =
      PyUnicode_DecodeUTF8(text, (Py_ssize_t)length, "replace");
  if (text != fixed) PyMem_Free(text);
  return result;
}

static void SetError(int status, PyObject *word, PyObject *description) {
  if (word == NULL || description == NULL) return;
  PyObject *const error =
      PyObject_CallFunction(state.error_for, "iOO", status, word, description);
  if (error != NULL) {
    PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_DECREF(error);
  }
}

/* Raises the error of a status, about a handle. Returns NULL. */
static PyObject *Refuse(int status, uintptr_t word) {
  PyObject *const number = PyLong_FromSize_t(word);
  PyObject *const text = Description(word);
  SetError(status, number, text);
  Py_XDECREF(number);
  Py_XDECREF(text);
  return NULL;
}

/* The same with a text of its own. */
static PyObject *RefuseWith(int status, uintptr_t word, const char *text) {
  char hexadecimal[2 * sizeof(word) + 3]; /* PyUnicode_FromFormat has no %zx */
  snprintf(hexadecimal, sizeof(hexadecimal), "0x%" PRIxPTR, word);
  PyObject *const number = PyLong_FromSize_t(word);
  PyObject *const description =
      PyUnicode_FromFormat("%s: %s", hexadecimal, text);
  SetError(status, number, description);
  Py_XDECREF(number);
  Py_XDECREF(description);
  return NULL;
}

/* The same about no handle. */
static PyObject *Fail(int status) {
  PyObject *const text = PyUnicode_FromString(haft_strerror(status));
  SetError(status, Py_None, text);
  Py_XDECREF(text);
  return NULL;
}

static PyObject *NoneOrRefuse(int status, uintptr_t word) {
  if (status != HAFT_OK) return Refuse(status, word);
  return None();
}

/* --- Words ----------------------------------------------------------------*/

/* Raises MalformedHandleError for a number that does not fit into a word. */
static void RefuseNumber(PyObject *number) {
  PyErr_Clear();
  PyObject *const text =
      PyUnicode_FromFormat("%R is not a word: it must be from 0 to %zu", number,
                           (size_t)UINTPTR_MAX);
  SetError(HAFT_MALFORMED, number, text);
  Py_XDECREF(text);
}

static int WordOfInt(PyObject *number, uintptr_t *word) {
  const size_t value = PyLong_AsSize_t(number);
  if (value == (size_t)-1 && PyErr_Occurred() != NULL) {
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) RefuseNumber(number);
    return -1;
  }
  *word = value;
  return 0;
}

/* An object that is not exactly an int: a Handle, a number of NumPy and so on.
 * True is 1, and nobody means that. */
static int WordOfOther(PyObject *object, uintptr_t *word) {
  if (PyBool_Check(object) || !PyIndex_Check(object)) {
    PyObject *const name =
        PyObject_GetAttrString((PyObject *)Py_TYPE(object), "__name__");
    if (name != NULL) {
      PyErr_Format(PyExc_TypeError, "a handle is an int, not %U", name);
      Py_DECREF(name);
    }
    return -1;
  }
  PyObject *const number = PyNumber_Index(object);
  if (number == NULL) return -1;
  const int result = WordOfInt(number, word);
  Py_DECREF(number);
  return result;
}

/* Gives the word of an argument, or raises and returns -1. */
static inline int ToWord(PyObject *argument, uintptr_t *word) {
  return PyLong_CheckExact(argument) ? WordOfInt(argument, word)
                                     : WordOfOther(argument, word);
}

/* --- The calls of haft.h --------------------------------------------------*/

/* Where the running Python code is, for diagnostics. */
typedef struct {
  PyObject *file; /* a bytes object, or NULL */
  unsigned line;
} Place;

/* Returns a new reference to the attribute, or NULL without an error. */
static PyObject *Attribute(PyObject *object, const char *name) {
  PyObject *const found =
      object == NULL ? NULL : PyObject_GetAttrString(object, name);
  if (found == NULL) PyErr_Clear();
  return found;
}

/* Whether the frame runs code of this package. */
static int IsOurs(PyObject *frame) {
  PyObject *const globals = Attribute(frame, "f_globals");
  PyObject *const name = globals != NULL && PyDict_Check(globals)
                             ? PyDict_GetItemString(globals, "__name__")
                             : NULL;
  PyObject *const prefix = PyUnicode_FromString("haft.");
  const int ours = name != NULL && prefix != NULL && PyUnicode_Check(name) &&
                   PyUnicode_Tailmatch(name, prefix, 0, PY_SSIZE_T_MAX, -1) > 0;
  Py_XDECREF(prefix);
  Py_XDECREF(globals);
  return ours;
}

static Place WhereWeAre(void) {
  Place place = {NULL, 0};
  PyObject *frame = (PyObject *)PyEval_GetFrame();
  Py_XINCREF(frame);
  while (frame != NULL && frame != Py_None && IsOurs(frame)) {
    PyObject *const caller = Attribute(frame, "f_back");
    Py_DECREF(frame);
    frame = caller;
  }
  PyObject *const code = Attribute(frame, "f_code");
  PyObject *const file = Attribute(code, "co_filename");
  PyObject *const line = Attribute(frame, "f_lineno");
  if (file != NULL && line != NULL && PyLong_Check(line)) {
    place.file = PyUnicode_EncodeFSDefault(file);
    place.line = (unsigned)PyLong_AsUnsignedLong(line);
    PyErr_Clear();
  }
  Py_XDECREF(frame);
  Py_XDECREF(code);
  Py_XDECREF(file);
  Py_XDECREF(line);
  return place;
}

static const char *FileOf(const Place *place) {
  return place->file == NULL ? NULL : PyBytes_AsString(place->file);
}

static haft_status NewHere(PyObject *object, haft_handle *word) {
  const Place place = WhereWeAre();
  const haft_status status =
      haft_new_at(object, &kObject, word, FileOf(&place), place.line);
  Py_XDECREF(place.file);
  return status;
}

static haft_status DeleteHere(uintptr_t word) {
  haft_status status;
  const Place place = WhereWeAre();
  const char *const file = FileOf(&place);
  Py_BEGIN_ALLOW_THREADS;
  status = haft_table_delete_at(NULL, word, NULL, file, place.line);
  Py_END_ALLOW_THREADS;
  Py_XDECREF(place.file);
  return status;
}

/* Makes a handle, and a reference for the table. Returns 0 and raises if it
 * cannot. */
static inline uintptr_t Create(PyObject *object) {
  haft_handle word;
  Py_INCREF(object);
  const haft_status status =
      IsWatched() ? NewHere(object, &word) : haft_new(object, &kObject, &word);
  if (status == HAFT_OK) return word;
  Py_DECREF(object);
  Fail(status);
  return 0;
}

/* Gives a new reference to what is in the table. */
static inline haft_status Find(uintptr_t word, PyObject **object) {
  void *found;
#ifdef HAFT_PINNED_LOOKUPS
  haft_pin pin;
  const haft_status status = haft_pin_object(word, &kObject, &pin, &found);
  if (status != HAFT_OK) return status;
  Py_INCREF((PyObject *)found);
  haft_unpin(&pin);
#else
  if (view.gate == &always_watched) (void)IsWatched();
  const haft_status status = haft_value_inline(&view, word, &kObject, &found);
  if (status != HAFT_OK) return status;
  Py_INCREF((PyObject *)found); /* see the file comment */
#endif
  *object = found;
  return HAFT_OK;
}

/* Gives the user's object for what is in the table, whose reference it takes:
 * a Weak refers to it. */
static PyObject *Referent(PyObject *weak, uintptr_t word) {
  PyObject *const object = PyObject_CallObject(weak, NULL);
  Py_DECREF(weak);
  if (object != Py_None) return object;
  Py_DECREF(object);
  return RefuseWith(HAFT_STALE, word, "its object has been collected");
}

static inline PyObject *Value(uintptr_t word) {
  PyObject *object;
  const haft_status status = Find(word, &object);
  if (status != HAFT_OK) return Refuse(status, word);
  return Py_TYPE(object) == state.weak ? Referent(object, word) : object;
}

/* Deletes the handle of an object of any type. An object of Python that is not
 * pinned is taken out, so that it needs no callback and the GIL can be held. */
static inline haft_status Delete(uintptr_t word) {
  void *object;
  if (IsWatched()) return DeleteHere(word);
  haft_status status = haft_take(word, &kObject, &object);
  if (status == HAFT_OK) {
    Py_DECREF((PyObject *)object);
  } else if (status == HAFT_PINNED || status == HAFT_WRONG_TYPE) {
    Py_BEGIN_ALLOW_THREADS;
    status = haft_delete(word, NULL);
    Py_END_ALLOW_THREADS;
  }
  return status;
}

/* The same for owners, for whom a handle that was deleted elsewhere is no
 * error, so diagnostics must not report one. */
static haft_status DeleteIfLive(uintptr_t word) {
  if (IsWatched()) {
    const haft_status status = haft_check(word);
    if (status != HAFT_OK) return status;
  }
  return Delete(word);
}

static PyObject *DeleteUnlessPinned(uintptr_t word) {
  haft_status status;
  Py_BEGIN_ALLOW_THREADS;
  status = haft_delete_unless_pinned(word, NULL);
  Py_END_ALLOW_THREADS;
  return NoneOrRefuse(status, word);
}

static PyObject *DeleteAndWait(uintptr_t word, PyObject *seconds) {
  PyObject *const time =
      PyObject_CallFunctionObjArgs(state.nanoseconds, seconds, NULL);
  if (time == NULL) return NULL;
  const uint64_t nanoseconds = PyLong_AsUnsignedLongLong(time);
  Py_DECREF(time);
  if (PyErr_Occurred() != NULL) return NULL;
  haft_status status;
  Py_BEGIN_ALLOW_THREADS;
  status = haft_delete_and_wait(word, NULL, nanoseconds);
  Py_END_ALLOW_THREADS;
  return NoneOrRefuse(status, word);
}

static PyObject *Take(uintptr_t word) {
  void *object;
  const haft_status status = haft_take(word, &kObject, &object);
  if (status != HAFT_OK) return Refuse(status, word);
  return Py_TYPE((PyObject *)object) == state.weak ? Referent(object, word)
                                                   : object;
}

/* --- Functions on integers ------------------------------------------------*/

static PyObject *haft_new_function(PyObject *module, PyObject *object) {
  (void)module;
  const uintptr_t word = Create(object);
  if (word == 0) return NULL;
  PyObject *const number = PyLong_FromSize_t(word);
  if (number == NULL) Delete(word);
  return number;
}

static PyObject *haft_value_function(PyObject *module, PyObject *argument) {
  uintptr_t word;
  (void)module;
  return ToWord(argument, &word) < 0 ? NULL : Value(word);
}

static PyObject *haft_delete_function(PyObject *module, PyObject *argument) {
  uintptr_t word;
  (void)module;
  return ToWord(argument, &word) < 0 ? NULL : NoneOrRefuse(Delete(word), word);
}

static PyObject *haft_take_function(PyObject *module, PyObject *argument) {
  uintptr_t word;
  (void)module;
  return ToWord(argument, &word) < 0 ? NULL : Take(word);
}

static PyObject *haft_delete_unless_pinned_function(PyObject *module,
                                                    PyObject *argument) {
  uintptr_t word;
  (void)module;
  return ToWord(argument, &word) < 0 ? NULL : DeleteUnlessPinned(word);
}

static PyObject *haft_delete_and_wait_function(PyObject *module, PyObject *args,
                                               PyObject *keywords) {
  static char *names[] = {"", "seconds", NULL};
  PyObject *handle, *seconds;
  uintptr_t word;
  (void)module;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO:delete_and_wait", names,
                                   &handle, &seconds) ||
      ToWord(handle, &word) < 0) {
    return NULL;
  }
  return DeleteAndWait(word, seconds);
}

static PyObject *haft_check_function(PyObject *module, PyObject *argument) {
  uintptr_t word;
  (void)module;
  if (ToWord(argument, &word) < 0) return NULL;
  return NoneOrRefuse(haft_check(word), word);
}

static PyObject *haft_is_live_function(PyObject *module, PyObject *argument) {
  uintptr_t word;
  (void)module;
  if (ToWord(argument, &word) < 0) return NULL;
  return PyBool_FromLong(haft_check(word) == HAFT_OK);
}

static PyObject *haft_describe_function(PyObject *module, PyObject *argument) {
  uintptr_t word;
  (void)module;
  return ToWord(argument, &word) < 0 ? NULL : Description(word);
}

/* Gives the word of a pointer as callbacks of ctypes and cffi get it. */
static int WordOfPointer(PyObject *pointer, uintptr_t *word) {
  if (PyIndex_Check(pointer)) return ToWord(pointer, word);
  PyObject *const number =
      PyObject_CallFunctionObjArgs(state.word_of, pointer, NULL);
  if (number == NULL) return -1;
  const int result = ToWord(number, word);
  Py_DECREF(number);
  return result;
}

static PyObject *haft_from_pointer_function(PyObject *module,
                                            PyObject *pointer) {
  uintptr_t word;
  (void)module;
  return WordOfPointer(pointer, &word) < 0 ? NULL : PyLong_FromSize_t(word);
}

static PyObject *ToPointer(uintptr_t word) {
  return PyObject_CallFunction(state.to_pointer, "K", (unsigned long long)word);
}

static PyObject *haft_to_pointer_function(PyObject *module,
                                          PyObject *argument) {
  uintptr_t word;
  (void)module;
  return ToWord(argument, &word) < 0 ? NULL : ToPointer(word);
}

static PyObject *haft_raise_for_function(PyObject *module, PyObject *args,
                                         PyObject *keywords) {
  static char *names[] = {"", "handle", NULL};
  int status;
  PyObject *handle = Py_None;
  uintptr_t word;
  (void)module;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "i|O:raise_for", names,
                                   &status, &handle)) {
    return NULL;
  }
  if (handle == Py_None) {
    if (status != HAFT_OK) return Fail(status);
    return None();
  }
  return ToWord(handle, &word) < 0 ? NULL : NoneOrRefuse(status, word);
}

static PyObject *haft_stats_function(PyObject *module, PyObject *unused) {
  haft_stats stats;
  (void)module, (void)unused;
  const haft_status status = haft_table_stats(NULL, &stats);
  if (status != HAFT_OK) return Fail(status);
  return PyObject_CallFunction(
      state.stats, "KKKKKKKKK", (unsigned long long)stats.live,
      (unsigned long long)stats.retired_objects,
      (unsigned long long)stats.created, (unsigned long long)stats.deleted,
      (unsigned long long)stats.exhausted_slots,
      (unsigned long long)stats.high_water, (unsigned long long)stats.capacity,
      (unsigned long long)stats.lost_caches,
      (unsigned long long)stats.refused_unpins);
}

static PyObject *haft_prepare_function(PyObject *module, PyObject *argument) {
  haft_status status;
  (void)module;
  const size_t expected = PyLong_AsSize_t(argument);
  if (expected == (size_t)-1 && PyErr_Occurred() != NULL) return NULL;
  Py_BEGIN_ALLOW_THREADS;
  status = haft_prepare(expected);
  Py_END_ALLOW_THREADS;
  if (status != HAFT_OK) return Fail(status);
  return None();
}

static PyObject *haft_trim_function(PyObject *module, PyObject *unused) {
  size_t bytes;
  (void)module, (void)unused;
  Py_BEGIN_ALLOW_THREADS;
  bytes = haft_trim();
  Py_END_ALLOW_THREADS;
  return PyLong_FromSize_t(bytes);
}

static PyObject *haft_diagnose_function(PyObject *module, PyObject *args,
                                        PyObject *keywords) {
  static char *names[] = {"sites", "leaks", NULL};
  int sites = 1, leaks = 0;
  (void)module;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$pp:diagnose", names,
                                   &sites, &leaks)) {
    return NULL;
  }
  const haft_status status = haft_diagnose((sites ? HAFT_DIAGNOSE_SITES : 0) |
                                           (leaks ? HAFT_DIAGNOSE_LEAKS : 0));
  if (status != HAFT_OK) return Fail(status);
  return None();
}

static void AppendLine(void *list, const char *text) {
  PyObject *const line =
      PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
  if (line == NULL || PyList_Append(list, line) < 0) PyErr_Clear();
  Py_XDECREF(line);
}

static PyObject *haft_report_function(PyObject *module, PyObject *args,
                                      PyObject *keywords) {
  static char *names[] = {"most", NULL};
  Py_ssize_t most = 0;
  (void)module;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "|n:report", names, &most)) {
    return NULL;
  }
  if (most < 0) {
    PyErr_SetString(PyExc_ValueError, "most must be 0 or more");
    return NULL;
  }
  PyObject *const lines = PyList_New(0);
  if (lines != NULL) haft_table_report(NULL, (size_t)most, AppendLine, lines);
  return lines;
}

static PyObject *haft_library_version_function(PyObject *module,
                                               PyObject *unused) {
  (void)module, (void)unused;
  const int version = haft_version();
  return Py_BuildValue("(iii)", version / 10000, version / 100 % 100,
                       version % 100);
}

#define FUNCTION(name, flags, signature, doc)                            \
  {                                                                      \
#name, (PyCFunction)(void (*)(void))haft_##name##_function, (flags), \
        #name signature "\n--\n\n" doc                                   \
  }
#define WITH_KEYWORDS (METH_VARARGS | METH_KEYWORDS)

static PyMethodDef functions[] = {
    FUNCTION(new, METH_O, "(obj, /)",
             "Makes obj reachable through a new handle, and returns its word.\n"
             "\nThe table keeps obj alive until the handle is deleted."),
    FUNCTION(value, METH_O, "(handle, /)", "Returns the object of a handle."),
    FUNCTION(delete, METH_O, "(handle, /)",
             "Ends a handle, of an object of any language.\n\n"
             "The object is released now or, if it is pinned, with its last "
             "pin."),
    FUNCTION(take, METH_O, "(handle, /)",
             "Ends a handle and returns its object, unless it is pinned."),
    FUNCTION(delete_unless_pinned, METH_O, "(handle, /)",
             "Ends a handle, unless its object is pinned."),
    FUNCTION(delete_and_wait, WITH_KEYWORDS, "(handle, /, seconds)",
             "Ends a handle, and waits until its object has been released."),
    FUNCTION(check, METH_O, "(handle, /)",
             "Raises the reason if a handle is refused."),
    FUNCTION(is_live, METH_O, "(handle, /)", "Returns whether it is live."),
    FUNCTION(describe, METH_O, "(handle, /)",
             "Returns all that is known about a handle, in a sentence."),
    FUNCTION(from_pointer, METH_O, "(pointer, /)",
             "Returns the word of a void * as callbacks get it.\n\n"
             "It is an int, None, a c_void_p of ctypes or a pointer of cffi."),
    FUNCTION(to_pointer, METH_O, "(handle, /)",
             "Returns the void * of ctypes for a word."),
    FUNCTION(raise_for, WITH_KEYWORDS, "(status, /, handle=None)",
             "Raises the error of a haft_status that C has returned.\n\n"
             "HAFT_OK raises nothing."),
    FUNCTION(stats, METH_NOARGS, "()",
             "Returns the figures of the process's table."),
    FUNCTION(prepare, METH_O, "(expected, /)",
             "Does now what the first calls would do later.\n\n"
             "Gives memory to the pages that so many live handles need."),
    FUNCTION(trim, METH_NOARGS, "()",
             "Gives free memory back to the system; returns how many bytes."),
    FUNCTION(diagnose, WITH_KEYWORDS, "(*, sites=True, leaks=False)",
             "Turns diagnostics on, before the first handle is made.\n\n"
             "Errors then say by which lines the handle was made and "
             "deleted."),
    FUNCTION(report, WITH_KEYWORDS, "(most=0)",
             "Returns lines about the live handles.\n\n"
             "First come `most` of them, then how many there are of each type "
             "and place."),
    FUNCTION(library_version, METH_NOARGS, "()",
             "Returns the version of the libhaft.so.0 that is loaded."),
    {"_at_exit", AtExit, METH_NOARGS, NULL},
    {"_after_fork", AfterFork, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* --- Handle ---------------------------------------------------------------*/

typedef struct {
  PyObject base;
  uintptr_t word; /* 0 before __init__; then never changed */
  int owned;      /* deleted with this object */
} HandleObject;

static inline uintptr_t WordOf(PyObject *self) {
  return ((HandleObject *)self)->word;
}

/* Gives the ownership up. Returns whether it was owned; true for one caller. */
static inline int Disown(PyObject *self) {
  HandleObject *const handle = (HandleObject *)self;
#ifdef Py_GIL_DISABLED
  return __atomic_exchange_n(&handle->owned, 0, __ATOMIC_RELAXED);
#else
  const int owned = handle->owned;
  handle->owned = 0;
  return owned;
#endif
}

static int InitHandle(PyObject *self, PyObject *args, PyObject *keywords,
                      uintptr_t (*create)(PyObject *object)) {
  HandleObject *const handle = (HandleObject *)self;
  if (keywords != NULL && PyDict_Size(keywords) != 0) {
    PyErr_SetString(PyExc_TypeError, "a handle takes no keyword arguments");
    return -1;
  }
  if (PyTuple_Size(args) != 1) {
    PyErr_Format(PyExc_TypeError, "a handle is made of one object, not of %zd",
                 PyTuple_Size(args));
    return -1;
  }
  if (handle->word != 0) {
    PyErr_SetString(PyExc_TypeError, "this Handle has its word already");
    return -1;
  }
  const uintptr_t word = create(PyTuple_GetItem(args, 0));
  if (word == 0) return -1;
  handle->word = word;
  handle->owned = 1;
  return 0;
}

static uintptr_t CreateWeak(PyObject *object) {
  uintptr_t word;
  PyObject *const number =
      PyObject_CallFunctionObjArgs(state.new_weak, object, NULL);
  if (number == NULL) return 0;
  const int result = ToWord(number, &word);
  Py_DECREF(number);
  return result < 0 ? 0 : word;
}

static int Handle_init(PyObject *self, PyObject *args, PyObject *keywords) {
  return InitHandle(self, args, keywords, Create);
}

static int WeakHandle_init(PyObject *self, PyObject *args, PyObject *keywords) {
  return InitHandle(self, args, keywords, CreateWeak);
}

/* Deletes what is owned. A handle that has been deleted elsewhere is no error.
 */
static void End(PyObject *self) {
  if (!Disown(self)) return;
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  DeleteIfLive(WordOf(self));
  PyErr_Restore(type, value, traceback);
}

static void Handle_dealloc(PyObject *self) {
  PyTypeObject *const type = Py_TYPE(self);
  End(self);
  if (type == state.handle || type == state.weak_handle) {
    PyObject_Free(self);
  } else {
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
  }
  Py_DECREF(type);
}

/* Returns a Handle of class `class` that owns nothing. */
static PyObject *HandleOf(PyObject *class, uintptr_t word) {
  PyTypeObject *const type = (PyTypeObject *)class;
  const allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
  PyObject *const self = allocate(type, 0);
  if (self != NULL) ((HandleObject *)self)->word = word;
  return self;
}

static PyObject *Handle_from_word(PyObject *class, PyObject *argument) {
  uintptr_t word;
  return ToWord(argument, &word) < 0 ? NULL : HandleOf(class, word);
}

static PyObject *Handle_from_pointer(PyObject *class, PyObject *pointer) {
  uintptr_t word;
  return WordOfPointer(pointer, &word) < 0 ? NULL : HandleOf(class, word);
}

static PyObject *Handle_adopt(PyObject *class, PyObject *argument) {
  uintptr_t word;
  if (ToWord(argument, &word) < 0) return NULL;
  const haft_status status = haft_check(word);
  if (status != HAFT_OK) return Refuse(status, word);
  PyObject *const self = HandleOf(class, word);
  if (self != NULL) ((HandleObject *)self)->owned = 1;
  return self;
}

static PyObject *Handle_value(PyObject *self, PyObject *unused) {
  (void)unused;
  return Value(WordOf(self));
}

static PyObject *Handle_check(PyObject *self, PyObject *unused) {
  (void)unused;
  return NoneOrRefuse(haft_check(WordOf(self)), WordOf(self));
}

static PyObject *Handle_pin(PyObject *self, PyObject *unused) {
  (void)unused;
  return PyObject_CallFunctionObjArgs((PyObject *)state.pin, self, NULL);
}

static PyObject *Handle_delete(PyObject *self, PyObject *unused) {
  (void)unused;
  Disown(self);
  return NoneOrRefuse(Delete(WordOf(self)), WordOf(self));
}

/* Passes a result on. Unless it is an error, the handle has ended. */
static PyObject *Ended(PyObject *self, PyObject *result) {
  if (result != NULL) Disown(self);
  return result;
}

static PyObject *Handle_delete_unless_pinned(PyObject *self, PyObject *unused) {
  (void)unused;
  return Ended(self, DeleteUnlessPinned(WordOf(self)));
}

static PyObject *Handle_delete_and_wait(PyObject *self, PyObject *args,
                                        PyObject *keywords) {
  static char *names[] = {"seconds", NULL};
  PyObject *seconds;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O:delete_and_wait", names,
                                   &seconds)) {
    return NULL;
  }
  return Ended(self, DeleteAndWait(WordOf(self), seconds));
}

static PyObject *Handle_take(PyObject *self, PyObject *unused) {
  (void)unused;
  return Ended(self, Take(WordOf(self)));
}

static PyObject *Handle_detach(PyObject *self, PyObject *unused) {
  (void)unused;
  Disown(self);
  return PyLong_FromSize_t(WordOf(self));
}

static PyObject *Handle_enter(PyObject *self, PyObject *unused) {
  (void)unused;
  Py_INCREF(self);
  return self;
}

static PyObject *Handle_exit(PyObject *self, PyObject *args) {
  (void)args;
  if (!Disown(self)) return None();
  const haft_status status = DeleteIfLive(WordOf(self));
  if (status == HAFT_STALE) return None();
  return NoneOrRefuse(status, WordOf(self));
}

/* Pickles and copies have the word, and the attributes of a subclass. */
static PyObject *Handle_reduce(PyObject *self, PyObject *unused) {
  (void)unused;
  PyObject *const make =
      PyObject_GetAttrString((PyObject *)Py_TYPE(self), "from_word");
  if (make == NULL) return NULL;
  PyObject *attributes = PyObject_GetAttrString(self, "__dict__");
  if (attributes == NULL) {
    PyErr_Clear();
    attributes = None();
  }
  return Py_BuildValue("(N(K)N)", make, (unsigned long long)WordOf(self),
                       attributes);
}

static PyObject *Handle_int(PyObject *self) {
  return PyLong_FromSize_t(WordOf(self));
}

static PyObject *Handle_get_word(PyObject *self, void *unused) {
  (void)unused;
  return PyLong_FromSize_t(WordOf(self));
}

static PyObject *Handle_get_pointer(PyObject *self, void *unused) {
  (void)unused;
  return ToPointer(WordOf(self));
}

static PyObject *Handle_get_is_live(PyObject *self, void *unused) {
  (void)unused;
  return PyBool_FromLong(haft_check(WordOf(self)) == HAFT_OK);
}

static PyObject *Handle_get_is_owner(PyObject *self, void *unused) {
  (void)unused;
  const HandleObject *const handle = (HandleObject *)self;
  return PyBool_FromLong(__atomic_load_n(&handle->owned, __ATOMIC_RELAXED));
}

static PyObject *Handle_repr(PyObject *self) {
  PyObject *const name =
      PyObject_GetAttrString((PyObject *)Py_TYPE(self), "__name__");
  PyObject *const text = Description(WordOf(self));
  PyObject *result = NULL;
  if (name != NULL && text != NULL) {
    result = PyUnicode_FromFormat("<haft.%U %U>", name, text);
  }
  Py_XDECREF(name);
  Py_XDECREF(text);
  return result;
}

static Py_hash_t Handle_hash(PyObject *self) {
  const Py_hash_t hash = (Py_hash_t)(WordOf(self) >> 1);
  return hash == -1 ? -2 : hash;
}

static PyObject *Handle_compare(PyObject *self, PyObject *other, int how) {
  if ((how != Py_EQ && how != Py_NE) ||
      !PyObject_TypeCheck(other, state.handle)) {
    return NotImplemented();
  }
  return PyBool_FromLong((WordOf(self) == WordOf(other)) == (how == Py_EQ));
}

#define METHOD(type, name, flags, signature, doc)               \
  {                                                             \
#name, (PyCFunction)(void (*)(void))type##_##name, (flags), \
        #name signature "\n--\n\n" doc                          \
  }
#define SPECIAL(type, name, flags, signature, doc)                        \
  {                                                                       \
    "__" #name "__", (PyCFunction)(void (*)(void))type##_##name, (flags), \
        "__" #name "__" signature "\n--\n\n" doc                          \
  }

static PyMethodDef Handle_methods[] = {
    METHOD(Handle, adopt, METH_O | METH_CLASS, "($type, handle, /)",
           "Returns an owner of a live handle, such as one that C has made."),
    METHOD(Handle, from_word, METH_O | METH_CLASS, "($type, word, /)",
           "Returns a Handle without ownership, for a live word or not."),
    METHOD(Handle, from_pointer, METH_O | METH_CLASS, "($type, pointer, /)",
           "The same from the void * that a callback gets."),
    METHOD(Handle, value, METH_NOARGS, "($self, /)", "Returns the object."),
    METHOD(Handle, check, METH_NOARGS, "($self, /)",
           "Raises the reason if the handle is refused."),
    METHOD(Handle, pin, METH_NOARGS, "($self, /)",
           "Returns a Pin, which keeps the object alive."),
    METHOD(Handle, delete, METH_NOARGS, "($self, /)",
           "Ends the handle.\n\n"
           "The object is released now or, if it is pinned, with its last "
           "pin."),
    METHOD(Handle, delete_unless_pinned, METH_NOARGS, "($self, /)",
           "Ends the handle, unless its object is pinned."),
    METHOD(Handle, delete_and_wait, WITH_KEYWORDS, "($self, /, seconds)",
           "Ends the handle, and waits until its object has been released."),
    METHOD(Handle, take, METH_NOARGS, "($self, /)",
           "Ends the handle and returns its object, unless it is pinned."),
    METHOD(Handle, detach, METH_NOARGS, "($self, /)",
           "Returns the word, which no Handle owns from now on."),
    SPECIAL(Handle, enter, METH_NOARGS, "($self, /)", "Returns self."),
    SPECIAL(Handle, exit, METH_VARARGS, "($self, /, *args)",
            "Ends the handle, if it is owned."),
    SPECIAL(Handle, reduce, METH_NOARGS, "($self, /)",
            "Copies and pickles have the word, and do not own it."),
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     "__class_getitem__($type, item, /)\n--\n\nHandle[T] is for type "
     "checkers."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef Handle_getset[] = {
    {"word", Handle_get_word, NULL, "The handle as an int.", NULL},
    {"pointer", Handle_get_pointer, NULL,
     "The handle as the void * of ctypes, for C.", NULL},
    {"_as_parameter_", Handle_get_pointer, NULL,
     "For ctypes, so that a Handle can be passed as it is.", NULL},
    {"is_live", Handle_get_is_live, NULL, "Whether the handle is live.", NULL},
    {"is_owner", Handle_get_is_owner, NULL,
     "Whether the handle is deleted with this object.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot Handle_slots[] = {
    {Py_tp_doc,
     "Handle(obj, /)\n--\n\n"
     "The handle of an object: made for a Python object, or adopted.\n\n"
     "It keeps the object alive. It is deleted when the Handle is: by "
     "delete(),\n"
     "at the end of a `with`, or with the last reference to it. detach() "
     "leaves it\nto the other holders of the word. Copies do not own it."},
    {Py_tp_init, Handle_init},
    {Py_tp_dealloc, Handle_dealloc},
    {Py_tp_methods, Handle_methods},
    {Py_tp_getset, Handle_getset},
    {Py_tp_repr, Handle_repr},
    {Py_tp_hash, Handle_hash},
    {Py_tp_richcompare, Handle_compare},
    {Py_nb_index, Handle_int},
    {Py_nb_int, Handle_int},
    {0, NULL},
};

static PyType_Spec Handle_spec = {
    .name = "haft.Handle",
    .basicsize = sizeof(HandleObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = Handle_slots,
};

static PyType_Slot WeakHandle_slots[] = {
    {Py_tp_doc,
     "WeakHandle(obj, /)\n--\n\n"
     "A handle that does not keep its object alive.\n\n"
     "It ends when the object is collected, also if the object owns it."},
    {Py_tp_init, WeakHandle_init},
    {0, NULL},
};

static PyType_Spec WeakHandle_spec = {
    .name = "haft.WeakHandle",
    .basicsize = sizeof(HandleObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = WeakHandle_slots,
};

/* --- Pin ------------------------------------------------------------------*/

typedef struct {
  PyObject base;
  haft_pin pin;
  uintptr_t word;
  void *address;
  PyObject *object; /* a reference, or NULL if the object is not Python's */
  int is_python;
  int held;
} PinObject;

/* Where there is a GIL, it does what these do. */
#ifdef Py_GIL_DISABLED
#define BEGIN_ALONE_WITH(self) Py_BEGIN_CRITICAL_SECTION(self)
#define END_ALONE_WITH() Py_END_CRITICAL_SECTION()
#else
#define BEGIN_ALONE_WITH(self) {
#define END_ALONE_WITH() }
#endif

static const char kEnded[] = "the pin has ended";

static int IsHeld(PyObject *self) {
  return __atomic_load_n(&((PinObject *)self)->held, __ATOMIC_ACQUIRE);
}

static int LetGo(PyObject *self) {
  PinObject *const pin = (PinObject *)self;
#ifdef Py_GIL_DISABLED
  const int held = __atomic_exchange_n(&pin->held, 0, __ATOMIC_ACQ_REL);
#else
  const int held = pin->held;
  pin->held = 0;
#endif
  if (!held) return 0;
  if (atomic_load(&interpreter_ends)) {
    /* Python code is running, so its objects can still be released. */
    ends_pin_with_gil = 1;
    haft_unpin(&pin->pin);
    ends_pin_with_gil = 0;
  } else {
    /* It may destroy an object of any language. */
    Py_BEGIN_ALLOW_THREADS;
    haft_unpin(&pin->pin);
    Py_END_ALLOW_THREADS;
  }
  return 1;
}

/* Pins an object of any type, and says whether it is one of Python. */
static haft_status PinAny(uintptr_t word, haft_pin *pin, void **object,
                          int *is_python) {
  haft_view now;
  if (haft_table_view(NULL, HAFT_VIEW_ABI, &now) != HAFT_OK) {
    /* The first attempt may be reported as a refusal. */
    const haft_status status = haft_pin_object(word, &kObject, pin, object);
    *is_python = status == HAFT_OK;
    return status == HAFT_WRONG_TYPE ? haft_pin_object(word, NULL, pin, object)
                                     : status;
  }
  const haft_status status = haft_pin_object(word, NULL, pin, object);
  if (status != HAFT_OK) return status;
  /* The slot keeps its type while its object is pinned. */
  const haft_slot *const slot = haft_view_slot(&now, word);
  *is_python = IsPythonType(__atomic_load_n(&slot->type, __ATOMIC_ACQUIRE));
  return HAFT_OK;
}

static PyObject *Pin_new(PyTypeObject *type, PyObject *args,
                         PyObject *keywords) {
  static char *names[] = {"", "type", NULL};
  PyObject *handle, *wanted = Py_None;
  uintptr_t word, descriptor = 0;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$O:Pin", names, &handle,
                                   &wanted) ||
      ToWord(handle, &word) < 0 ||
      (wanted != Py_None && WordOfPointer(wanted, &descriptor) < 0)) {
    return NULL;
  }
  haft_pin pin;
  void *address;
  int is_python = 0;
  const haft_status status =
      descriptor == 0 ? PinAny(word, &pin, &address, &is_python)
                      : haft_pin_object(word, (const haft_type *)descriptor,
                                        &pin, &address);
  if (status != HAFT_OK) return Refuse(status, word);

  PyObject *object = NULL;
  if (is_python) {
    object = address;
    Py_INCREF(object);
    if (Py_TYPE(object) == state.weak) object = Referent(object, word);
  }
  PyObject *self = NULL;
  if (object != NULL || !is_python) {
    const allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    self = allocate(type, 0);
  }
  if (self == NULL) {
    Py_XDECREF(object);
    haft_unpin(&pin);
    return NULL;
  }
  PinObject *const made = (PinObject *)self;
  made->pin = pin;
  made->word = word;
  made->address = address;
  made->object = object;
  made->is_python = is_python;
  made->held = 1;
  return self;
}

static int Pin_traverse(PyObject *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(((PinObject *)self)->object);
  return 0;
}

static int Pin_clear(PyObject *self) {
  PyObject *object;
  BEGIN_ALONE_WITH(self);
  object = ((PinObject *)self)->object;
  ((PinObject *)self)->object = NULL;
  END_ALONE_WITH();
  Py_XDECREF(object);
  return 0;
}

static void Pin_dealloc(PyObject *self) {
  PyTypeObject *const type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  PyObject *error, *value, *traceback;
  PyErr_Fetch(&error, &value, &traceback);
  Pin_clear(self);
  LetGo(self);
  PyErr_Restore(error, value, traceback);
  ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

/* Raises unless the pin is held. */
static int CheckHeld(PyObject *self) {
  if (IsHeld(self)) return 0;
  RefuseWith(HAFT_INVALID, ((PinObject *)self)->word, kEnded);
  return -1;
}

static PyObject *Pin_value(PyObject *self, PyObject *unused) {
  PinObject *const pin = (PinObject *)self;
  PyObject *object;
  (void)unused;
  BEGIN_ALONE_WITH(self);
  object = pin->object;
  Py_XINCREF(object);
  END_ALONE_WITH();
  if (object != NULL || CheckHeld(self) < 0) return object;
  /* Another thread may have ended it just now. */
  return pin->is_python ? RefuseWith(HAFT_INVALID, pin->word, kEnded)
                        : Refuse(HAFT_WRONG_TYPE, pin->word);
}

static PyObject *Pin_unpin(PyObject *self, PyObject *unused) {
  (void)unused;
  if (!LetGo(self)) {
    CheckHeld(self);
    return NULL;
  }
  Pin_clear(self);
  return None();
}

static PyObject *Pin_enter(PyObject *self, PyObject *unused) {
  (void)unused;
  if (CheckHeld(self) < 0) return NULL;
  Py_INCREF(self);
  return self;
}

static PyObject *Pin_exit(PyObject *self, PyObject *args) {
  (void)args;
  LetGo(self);
  Pin_clear(self);
  return None();
}

static PyObject *Pin_reduce(PyObject *self, PyObject *unused) {
  (void)self, (void)unused;
  PyErr_SetString(PyExc_TypeError, "a Pin cannot be copied or pickled");
  return NULL;
}

static PyObject *Pin_get_word(PyObject *self, void *unused) {
  (void)unused;
  return PyLong_FromSize_t(((PinObject *)self)->word);
}

static PyObject *Pin_get_address(PyObject *self, void *unused) {
  (void)unused;
  if (CheckHeld(self) < 0) return NULL;
  return PyLong_FromVoidPtr(((PinObject *)self)->address);
}

static PyObject *Pin_get_is_held(PyObject *self, void *unused) {
  (void)unused;
  return PyBool_FromLong(IsHeld(self));
}

static PyObject *Pin_repr(PyObject *self) {
  PinObject *const pin = (PinObject *)self;
  PyObject *const text = Description(pin->word);
  if (text == NULL) return NULL;
  PyObject *const result = PyUnicode_FromFormat(
      "<haft.Pin %s %U>", IsHeld(self) ? "of" : "ended, of", text);
  Py_DECREF(text);
  return result;
}

static PyMethodDef Pin_methods[] = {
    METHOD(Pin, value, METH_NOARGS, "($self, /)",
           "Returns the object, if it is one of Python."),
    METHOD(Pin, unpin, METH_NOARGS, "($self, /)",
           "Ends the pin.\n\nIf the handle has been deleted and this was the "
           "last pin, the object is destroyed."),
    SPECIAL(Pin, enter, METH_NOARGS, "($self, /)", "Returns self."),
    SPECIAL(Pin, exit, METH_VARARGS, "($self, /, *args)",
            "Ends the pin, if it has not ended."),
    SPECIAL(Pin, reduce, METH_NOARGS, "($self, /)", "Raises TypeError."),
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     "__class_getitem__($type, item, /)\n--\n\nPin[T] is for type checkers."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef Pin_getset[] = {
    {"word", Pin_get_word, NULL, "The handle that was pinned, as an int.",
     NULL},
    {"address", Pin_get_address, NULL,
     "The address of the object, of any language, as an int.", NULL},
    {"is_held", Pin_get_is_held, NULL, "Whether the pin has not ended.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot Pin_slots[] = {
    {Py_tp_doc,
     "Pin(handle, /, *, type=None)\n--\n\n"
     "Keeps the object of a handle alive, even if the handle is deleted.\n\n"
     "The object may be of any language. `type` is the address of the "
     "haft_type\nthat it must have. Any thread may end the pin."},
    {Py_tp_new, Pin_new},
    {Py_tp_dealloc, Pin_dealloc},
    {Py_tp_traverse, Pin_traverse},
    {Py_tp_clear, Pin_clear},
    {Py_tp_repr, Pin_repr},
    {Py_tp_methods, Pin_methods},
    {Py_tp_getset, Pin_getset},
    {0, NULL},
};

static PyType_Spec Pin_spec = {
    .name = "haft.Pin",
    .basicsize = sizeof(PinObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = Pin_slots,
};

/* --- The module -----------------------------------------------------------*/

/* Reads an attribute of a module into a place that keeps it. */
static int Keep(PyObject *module, const char *name, void *place) {
  PyObject **const kept = place;
  PyObject *const object = PyObject_GetAttrString(module, name);
  if (object == NULL) return -1;
  *kept = object;
  return 0;
}

static int CheckVersion(PyObject *shared) {
  PyObject *const problem =
      PyObject_CallMethod(shared, "version_error", "i", haft_version());
  if (problem == NULL) return -1;
  const int bad = problem != Py_None;
  if (bad) PyErr_SetObject(PyExc_ImportError, problem);
  Py_DECREF(problem);
  return bad ? -1 : 0;
}

static int UseShared(PyObject *shared, PyObject *module) {
  if (CheckVersion(shared) < 0 || Keep(shared, "Weak", &state.weak) < 0 ||
      Keep(shared, "word_of", &state.word_of) < 0 ||
      Keep(shared, "to_pointer", &state.to_pointer) < 0 ||
      Keep(shared, "nanoseconds", &state.nanoseconds) < 0 ||
      Keep(shared, "Stats", &state.stats) < 0) {
    return -1;
  }
  PyObject *const make = PyObject_GetAttrString(shared, "make_new_weak");
  PyObject *const new_ = PyObject_GetAttrString(module, "new");
  PyObject *const delete_ = PyObject_GetAttrString(module, "delete");
  PyObject *const is_live = PyObject_GetAttrString(module, "is_live");
  PyObject *made = NULL;
  if (make != NULL && new_ != NULL && delete_ != NULL && is_live != NULL) {
    made = PyObject_CallFunctionObjArgs(make, new_, delete_, is_live, NULL);
  }
  Py_XDECREF(make);
  Py_XDECREF(new_);
  Py_XDECREF(delete_);
  Py_XDECREF(is_live);
  if (made == NULL) return -1;
  state.new_weak = made;
  return PyObject_SetAttrString(module, "new_weak", made);
}

static int UseErrors(PyObject *errors) {
  return Keep(errors, "error_for", &state.error_for);
}

/* Calls `function` of the module `name` with an argument by that name. */
static int Register(const char *name, const char *function, const char *keyword,
                    PyObject *callback) {
  if (callback == NULL) return -1;
  PyObject *result = NULL;
  PyObject *const module = PyImport_ImportModule(name);
  PyObject *const called =
      module == NULL ? NULL : PyObject_GetAttrString(module, function);
  PyObject *const args =
      keyword == NULL ? PyTuple_Pack(1, callback) : PyTuple_New(0);
  PyObject *const keywords =
      keyword == NULL ? NULL : Py_BuildValue("{sO}", keyword, callback);
  if (called != NULL && args != NULL && PyErr_Occurred() == NULL) {
    result = PyObject_Call(called, args, keywords);
  }
  Py_XDECREF(module);
  Py_XDECREF(called);
  Py_XDECREF(args);
  Py_XDECREF(keywords);
  Py_DECREF(callback);
  Py_XDECREF(result);
  return result == NULL ? -1 : 0;
}

static int MakeTypes(PyObject *module) {
  PyObject *const handle = PyType_FromSpec(&Handle_spec);
  PyObject *const bases = handle == NULL ? NULL : PyTuple_Pack(1, handle);
  PyObject *const weak =
      bases == NULL ? NULL : PyType_FromSpecWithBases(&WeakHandle_spec, bases);
  PyObject *const pin = weak == NULL ? NULL : PyType_FromSpec(&Pin_spec);
  Py_XDECREF(bases);
  if (pin == NULL ||
      Register("atexit", "register", NULL,
               PyObject_GetAttrString(module, "_at_exit")) < 0 ||
      Register("os", "register_at_fork", "after_in_child",
               PyObject_GetAttrString(module, "_after_fork")) < 0) {
    Py_XDECREF(handle);
    Py_XDECREF(weak);
    Py_XDECREF(pin);
    return -1;
  }
  state.handle = (PyTypeObject *)handle;
  state.weak_handle = (PyTypeObject *)weak;
  state.pin = (PyTypeObject *)pin;
  return 0;
}

static int Execute(PyObject *module) {
  /* PyGILState_Ensure enters the main interpreter. */
  if (PyInterpreterState_GetID(PyInterpreterState_Get()) != 0) {
    PyErr_SetString(PyExc_ImportError,
                    "haft can be imported by the main interpreter only");
    return -1;
  }
  if (atomic_load(&interpreter_ends)) {
    PyErr_SetString(PyExc_ImportError,
                    "haft cannot be imported again after Py_Finalize");
    return -1;
  }
  if (state.handle != NULL) {
    PyErr_SetString(PyExc_ImportError,
                    "haft._extension has been imported in this process before");
    return -1;
  }
  int result = -1;
  PyObject *const shared = PyImport_ImportModule("haft._shared");
  PyObject *const errors = PyImport_ImportModule("haft._errors");
  if (shared != NULL && errors != NULL && UseErrors(errors) == 0 &&
      UseShared(shared, module) == 0 && MakeTypes(module) == 0 &&
      PyObject_SetAttrString(module, "Handle", (PyObject *)state.handle) == 0 &&
      PyObject_SetAttrString(module, "WeakHandle",
                             (PyObject *)state.weak_handle) == 0) {
    result = PyObject_SetAttrString(module, "Pin", (PyObject *)state.pin);
  }
  Py_XDECREF(shared);
  Py_XDECREF(errors);
  return result;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, (void *)Execute},
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "haft._extension",
    .m_doc = "The package haft as a C extension.",
    .m_methods = functions,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__extension(void) {
  return PyModuleDef_Init(&module_definition);
}
