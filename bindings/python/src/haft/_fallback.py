"""The package haft through ctypes, where there is no extension for the interpreter. It takes many times as long.

It needs CPython, because the reference counts are CPython's own.
"""

from __future__ import annotations

import atexit
import ctypes
import operator
import os
import sys

# libhaft's table is to be the only one, so the references are counted by CPython. These functions are not documented, but
# CPython has had them for long (3.9 to 3.13 were tried). Py_IncRef and Py_DecRef of ctypes.pythonapi take ten times as long.
from _ctypes import Py_DECREF, Py_INCREF, PyObj_FromPtr
from types import GenericAlias
from typing import Any, NoReturn

from haft import _errors, _shared
from haft._errors import MalformedHandleError, StaleHandleError, Status
from haft._shared import Stats

_HandleWord = ctypes.c_size_t
_Destroy = ctypes.CFUNCTYPE(None, ctypes.py_object)


class _Type(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("identity", ctypes.c_char_p),
        ("destroy", _Destroy),
        ("size", ctypes.c_size_t),
        ("alignment", ctypes.c_size_t),
    ]


class _Pin(ctypes.Structure):
    _fields_ = [("words", _HandleWord * 4)]


class _Stats(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in Stats._fields]


# libhaft calls `destroy` on any thread; ctypes then acquires the GIL. The same type as that of the extension.
_TYPE = _Type(b"Python object", b"haft.python.object/1", _Destroy(Py_DECREF))
_Type_p = ctypes.POINTER(_Type)
_TYPE_P = ctypes.pointer(_TYPE)
Py_INCREF(_TYPE)  # libhaft may use it until the process ends


def _load() -> str:
    """Returns the name by which the library is loaded: the copy that the process has, if it has one."""
    for name, mode in (("libhaft.so.0", os.RTLD_NOLOAD), (_shared.bundled_library(), 0), ("libhaft.so.0", 0)):
        try:
            ctypes.CDLL(name, mode | os.RTLD_NOW)
            return name
        except OSError as error:
            problem = error
    raise ImportError(f"libhaft.so.0 cannot be loaded: {problem}")


# A call that destroys or waits must not hold the GIL. The other calls take less time than releasing and acquiring it.
_path = _load()
_WITH_GIL = ctypes.PyDLL(_path)
_WITHOUT_GIL = ctypes.CDLL(_path)


def _function(library: ctypes.CDLL, name: str, result: Any, *arguments: Any) -> Any:
    function = library[name]
    function.restype = result
    function.argtypes = arguments
    return function


_haft_version = _function(_WITH_GIL, "haft_version", ctypes.c_int)
_problem = _shared.version_error(_haft_version())
if _problem is not None:
    raise ImportError(_problem)
_interpreter = _function(ctypes.pythonapi, "PyInterpreterState_Get", ctypes.c_void_p)
_interpreter_id = _function(ctypes.pythonapi, "PyInterpreterState_GetID", ctypes.c_int64, ctypes.c_void_p)
if _interpreter_id(_interpreter()) != 0:
    raise ImportError("haft can be imported by the main interpreter only")

# The arguments that are not declared are objects of ctypes, passed without conversion, because converting an integer takes
# as long as a quarter of the call.
_new = _function(_WITH_GIL, "haft_new", ctypes.c_int, ctypes.py_object)
_take = _function(_WITH_GIL, "haft_take", ctypes.c_int, _HandleWord, _Type_p)
_new_at = _function(
    _WITH_GIL,
    "haft_new_at",
    ctypes.c_int,
    ctypes.py_object,
    _Type_p,
    ctypes.POINTER(_HandleWord),
    ctypes.c_char_p,
    ctypes.c_uint,
)
_delete_at = _function(
    _WITHOUT_GIL,
    "haft_table_delete_at",
    ctypes.c_int,
    ctypes.c_void_p,
    _HandleWord,
    _Type_p,
    ctypes.c_char_p,
    ctypes.c_uint,
)
_check = _function(_WITH_GIL, "haft_check", ctypes.c_int, _HandleWord)
_pin = _function(
    _WITH_GIL,
    "haft_pin_object",
    ctypes.c_int,
    _HandleWord,
    ctypes.c_void_p,
    ctypes.POINTER(_Pin),
    ctypes.POINTER(ctypes.c_void_p),
)
_unpin = _function(_WITHOUT_GIL, "haft_unpin", None, ctypes.POINTER(_Pin))
_delete = _function(_WITHOUT_GIL, "haft_delete", ctypes.c_int, _HandleWord, _Type_p)
_delete_unless_pinned = _function(_WITHOUT_GIL, "haft_delete_unless_pinned", ctypes.c_int, _HandleWord, _Type_p)
_wait = _function(_WITHOUT_GIL, "haft_delete_and_wait", ctypes.c_int, _HandleWord, _Type_p, ctypes.c_uint64)
_describe = _function(_WITHOUT_GIL, "haft_describe", ctypes.c_size_t, _HandleWord, ctypes.c_char_p, ctypes.c_size_t)
_strerror = _function(_WITH_GIL, "haft_strerror", ctypes.c_char_p, ctypes.c_int)
_table_stats = _function(_WITH_GIL, "haft_table_stats", ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(_Stats))
_prepare = _function(_WITHOUT_GIL, "haft_prepare", ctypes.c_int, ctypes.c_size_t)
_trim = _function(_WITHOUT_GIL, "haft_trim", ctypes.c_size_t)
_diagnose = _function(_WITH_GIL, "haft_diagnose", ctypes.c_int, ctypes.c_uint)
_Line = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)
_report = _function(_WITHOUT_GIL, "haft_table_report", ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, _Line, ctypes.c_void_p)
_Visit = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, _HandleWord, _Type_p, ctypes.c_void_p)
_for_each = _function(_WITHOUT_GIL, "haft_table_for_each", ctypes.c_int, ctypes.c_void_p, _Visit, ctypes.c_void_p)

# _value(word) returns what is in the table. ctypes raises ValueError if the result was not written.
#
# It needs no pin. The reference that the table has is released only under the GIL, and only after the handle has become stale:
# by `destroy`, or by delete(). This is one foreign call of a PyDLL, and ctypes makes a reference from the result inside that
# call: no byte code, no allocation that collects garbage and no finalizer runs in between, so the GIL is held all the time. If
# the look-up finds the handle live, its reference exists, and continues to exist until there is another. (Two calls would not
# be sufficient, although each holds the GIL.)
_value = ctypes.PYFUNCTYPE(None, _HandleWord, ctypes.c_void_p, ctypes.POINTER(ctypes.py_object))(
    ("haft_value", _WITH_GIL),
    ((1,), (1, "type", ctypes.c_void_p(ctypes.addressof(_TYPE))), (2,)),
)

_diagnosing = _shared.diagnostics_asked()
_HAS_GIL: bool = getattr(sys, "_is_gil_enabled", lambda: True)()
_MOST = ctypes.c_size_t(-1).value


def _word(handle: Any) -> int:
    if type(handle) is not int:
        if isinstance(handle, bool) or not hasattr(handle, "__index__"):
            raise TypeError(f"a handle is an int, not {type(handle).__name__}")
        handle = operator.index(handle)
    if not 0 <= handle <= _MOST:
        raise MalformedHandleError(f"{handle!r} is not a word: it must be from 0 to {_MOST}", handle)
    return int(handle)


def _description(word: int) -> str:
    size = 512
    while True:
        text = ctypes.create_string_buffer(size)
        length = _describe(word, text, size)
        if length < size:
            return text.value.decode(errors="replace")
        size = length + 1


def _refuse(status: int, word: int) -> NoReturn:
    raise _errors.error_for(status, word, _description(word))


def _check_status(status: int, word: int) -> None:
    if status != Status.OK:
        _refuse(status, word)


def _fail(status: int) -> NoReturn:
    raise _errors.error_for(status, None, _strerror(status).decode())


def _where() -> tuple[bytes | None, int]:
    """Returns the line of the user's code that is running."""
    frame = sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).startswith("haft."):
        frame = frame.f_back
    return os.fsencode(frame.f_code.co_filename), frame.f_lineno


def _create(obj: Any) -> int:
    word = _HandleWord()
    Py_INCREF(obj)
    if _diagnosing:
        status = _new_at(obj, _TYPE_P, word, *_where())
    else:
        status = _new(obj, _TYPE_P, ctypes.byref(word))
    if status != Status.OK:
        Py_DECREF(obj)
        _fail(status)
    return word.value


def _by_pin(word: int) -> Any:
    pin, address = _Pin(), ctypes.c_void_p()
    _check_status(_pin(word, ctypes.addressof(_TYPE), pin, address), word)
    try:
        return PyObj_FromPtr(address.value or 0)  # the pin keeps it alive until this reference does
    finally:
        _unpin(pin)


def _find(word: int) -> Any:
    if _HAS_GIL:
        try:
            return _value(word)
        except ValueError:
            pass
        _check_status(_check(word), word)
    return _by_pin(word)  # it has another type, or was just issued; or there is no GIL to rely on


def _referent(found: Any, word: int) -> Any:
    if type(found) is not _shared.Weak:
        return found
    obj = found()
    if obj is None:
        raise StaleHandleError(f"{word:#x}: its object has been collected", word)
    return obj


def _erase(word: int) -> int:
    if _diagnosing:
        return int(_delete_at(None, word, None, *_where()))
    # An object of Python is taken out unless it is pinned. libhaft then destroys nothing, so the GIL can be held, and there
    # is no callback.
    obj = ctypes.py_object()
    status: int = _take(word, _TYPE_P, ctypes.byref(obj))
    if status == Status.OK:
        Py_DECREF(obj.value)
    elif status in (Status.PINNED, Status.WRONG_TYPE):
        status = _delete(word, None)
    return status


def _erase_if_live(word: int) -> int:
    """The same for owners, for whom a handle that was deleted elsewhere is no error, so diagnostics must not report one."""
    status = _check(word) if _diagnosing else Status.OK
    return _erase(word) if status == Status.OK else int(status)


def new(obj: object, /) -> int:
    """Makes obj reachable through a new handle, and returns its word.

    The table keeps obj alive until the handle is deleted.
    """
    return _create(obj)


def value(handle: Any, /) -> Any:
    """Returns the object of a handle."""
    word = _word(handle)
    return _referent(_find(word), word)


def delete(handle: Any, /) -> None:
    """Ends a handle, of an object of any language.

    The object is released now or, if it is pinned, with its last pin.
    """
    word = _word(handle)
    _check_status(_erase(word), word)


def take(handle: Any, /) -> Any:
    """Ends a handle and returns its object, unless it is pinned."""
    word = _word(handle)
    obj = ctypes.py_object()
    _check_status(_take(word, _TYPE_P, ctypes.byref(obj)), word)
    found = obj.value
    Py_DECREF(found)  # the table's reference
    return _referent(found, word)


def delete_unless_pinned(handle: Any, /) -> None:
    """Ends a handle, unless its object is pinned."""
    word = _word(handle)
    _check_status(_delete_unless_pinned(word, None), word)


def delete_and_wait(handle: Any, /, seconds: float) -> None:
    """Ends a handle, and waits until its object has been released."""
    word = _word(handle)
    _check_status(_wait(word, None, _shared.nanoseconds(seconds)), word)


def check(handle: Any, /) -> None:
    """Raises the reason if a handle is refused."""
    word = _word(handle)
    _check_status(_check(word), word)


def is_live(handle: Any, /) -> bool:
    """Returns whether it is live."""
    return bool(_check(_word(handle)) == Status.OK)


def describe(handle: Any, /) -> str:
    """Returns all that is known about a handle, in a sentence."""
    return _description(_word(handle))


def from_pointer(pointer: Any, /) -> int:
    """Returns the word of a void * as callbacks get it.

    It is an int, None, a c_void_p of ctypes or a pointer of cffi.
    """
    return _word(pointer if hasattr(pointer, "__index__") else _shared.word_of(pointer))


def to_pointer(handle: Any, /) -> ctypes.c_void_p:
    """Returns the void * of ctypes for a word."""
    return _shared.to_pointer(_word(handle))


def raise_for(status: int, /, handle: Any = None) -> None:
    """Raises the error of a haft_status that C has returned.

    HAFT_OK raises nothing.
    """
    word = None if handle is None else _word(handle)
    if operator.index(status) != Status.OK:
        if word is None:
            _fail(status)
        _refuse(status, word)


def stats() -> Stats:
    """Returns the figures of the process's table."""
    figures = _Stats()
    status = _table_stats(None, figures)
    if status != Status.OK:
        _fail(status)
    return Stats(*(getattr(figures, name) for name in Stats._fields))


def prepare(expected: int, /) -> None:
    """Does now what the first calls would do later.

    Gives memory to the pages that so many live handles need.
    """
    expected = operator.index(expected)
    if not 0 <= expected <= _MOST:
        raise OverflowError("expected must fit into a size_t")
    status = _prepare(expected)
    if status != Status.OK:
        _fail(status)


def trim() -> int:
    """Gives free memory back to the system; returns how many bytes."""
    return int(_trim())


def diagnose(*, sites: bool = True, leaks: bool = False) -> None:
    """Turns diagnostics on, before the first handle is made.

    Errors then say by which lines the handle was made and deleted.
    """
    global _diagnosing
    status = _diagnose((1 if sites else 0) | (2 if leaks else 0))
    if status != Status.OK:
        _fail(status)
    _diagnosing = True


def report(most: int = 0) -> list[str]:
    """Returns lines about the live handles.

    First come `most` of them, then how many there are of each type and place.
    """
    if most < 0:
        raise ValueError("most must be 0 or more")
    lines: list[str] = []
    line = _Line(lambda _context, text: lines.append(text.decode(errors="replace")))
    _report(None, most, line, None)
    return lines


def library_version() -> tuple[int, int, int]:
    """Returns the version of the libhaft.so.0 that is loaded."""
    version = _haft_version()
    return version // 10000, version // 100 % 100, version % 100


new_weak = _shared.make_new_weak(new, delete, is_live)


class Handle:
    """The handle of an object: made for a Python object, or adopted.

    It keeps the object alive. It is deleted when the Handle is: by delete(),
    at the end of a `with`, or with the last reference to it. detach() leaves it
    to the other holders of the word. Copies do not own it.
    """

    __slots__ = ("_owned", "_word")
    _word: int
    _owned: bool
    _create = staticmethod(_create)

    def __new__(cls, *_args: Any, **_keywords: Any) -> Handle:
        """Makes a Handle without a word."""
        self = object.__new__(cls)
        self._word = 0
        self._owned = False
        return self

    def __init__(self, obj: object, /) -> None:
        """Makes obj reachable through a new handle."""
        if self._word != 0:
            raise TypeError("this Handle has its word already")
        self._word = self._create(obj)
        self._owned = True

    @classmethod
    def adopt(cls, handle: Any, /) -> Handle:
        """Returns an owner of a live handle, such as one that C has made."""
        self = cls.from_word(handle)
        self.check()
        self._owned = True
        return self

    @classmethod
    def from_word(cls, word: Any, /) -> Handle:
        """Returns a Handle without ownership, for a live word or not."""
        self = cls.__new__(cls)
        self._word = _word(word)
        return self

    @classmethod
    def from_pointer(cls, pointer: Any, /) -> Handle:
        """The same from the void * that a callback gets."""
        return cls.from_word(from_pointer(pointer))

    @property
    def word(self) -> int:
        """The handle as an int."""
        return self._word

    @property
    def pointer(self) -> ctypes.c_void_p:
        """The handle as the void * of ctypes, for C."""
        return _shared.to_pointer(self._word)

    @property
    def _as_parameter_(self) -> ctypes.c_void_p:
        """For ctypes, so that a Handle can be passed as it is."""
        return _shared.to_pointer(self._word)

    @property
    def is_live(self) -> bool:
        """Whether the handle is live."""
        return is_live(self._word)

    @property
    def is_owner(self) -> bool:
        """Whether the handle is deleted with this object."""
        return self._owned

    def value(self, /) -> Any:
        """Returns the object."""
        return _referent(_find(self._word), self._word)

    def check(self, /) -> None:
        """Raises the reason if the handle is refused."""
        check(self._word)

    def pin(self, /) -> Pin:
        """Returns a Pin, which keeps the object alive."""
        return Pin(self)

    def delete(self, /) -> None:
        """Ends the handle.

        The object is released now or, if it is pinned, with its last pin.
        """
        self._owned = False
        _check_status(_erase(self._word), self._word)

    def delete_unless_pinned(self, /) -> None:
        """Ends the handle, unless its object is pinned."""
        delete_unless_pinned(self._word)
        self._owned = False

    def delete_and_wait(self, /, seconds: float) -> None:
        """Ends the handle, and waits until its object has been released."""
        delete_and_wait(self._word, seconds)
        self._owned = False

    def take(self, /) -> Any:
        """Ends the handle and returns its object, unless it is pinned."""
        obj = take(self._word)
        self._owned = False
        return obj

    def detach(self, /) -> int:
        """Returns the word, which no Handle owns from now on."""
        self._owned = False
        return self._word

    def __enter__(self, /) -> Handle:
        """Returns self."""
        return self

    def __exit__(self, /, *args: object) -> None:
        """Ends the handle, if it is owned."""
        if self._owned:
            self._owned = False
            status = _erase_if_live(self._word)
            if status != Status.STALE:
                _check_status(status, self._word)

    def __del__(self, /) -> None:
        """Ends the handle, if it is owned."""
        if self._owned:
            self._owned = False
            _erase_if_live(self._word)

    def __reduce__(self, /) -> tuple[Any, ...]:
        """Copies and pickles have the word, and do not own it."""
        return type(self).from_word, (self._word,), getattr(self, "__dict__", None)

    def __index__(self, /) -> int:
        """Returns the word."""
        return self._word

    __int__ = __index__

    def __eq__(self, other: object, /) -> bool:
        """Whether the words are equal."""
        return self._word == other._word if isinstance(other, Handle) else NotImplemented

    def __hash__(self, /) -> int:
        """Returns a hash of the word."""
        return hash(self._word >> 1)

    def __repr__(self, /) -> str:
        """Returns all that is known about the handle."""
        return f"<haft.{type(self).__name__} {_description(self._word)}>"

    def __class_getitem__(cls, item: Any, /) -> GenericAlias:
        """Handle[T] is for type checkers."""
        return GenericAlias(cls, item)


class WeakHandle(Handle):
    """A handle that does not keep its object alive.

    It ends when the object is collected, also if the object owns it.
    """

    __slots__ = ()
    _create = staticmethod(lambda obj: new_weak(obj))


class Pin:
    """Keeps the object of a handle alive, even if the handle is deleted.

    The object may be of any language. `type` is the address of the haft_type
    that it must have. Any thread may end the pin.
    """

    __slots__ = ("_address", "_held", "_object", "_pin", "_python", "_word")
    _address: int
    _held: bool
    _object: Any
    _pin: _Pin
    _python: bool
    _word: int

    def __new__(cls, handle: Any, /, *, type: Any = None) -> Pin:
        """Pins the object."""
        self = object.__new__(cls)
        self._held = False
        self._word = word = _word(handle)
        self._pin = _Pin()
        self._object = None
        wanted = 0 if type is None else from_pointer(type)
        address = ctypes.c_void_p()
        self._python = wanted == 0
        status = _pin(word, wanted or ctypes.addressof(_TYPE), self._pin, address)
        if status == Status.WRONG_TYPE and self._python:
            self._python = False
            status = _pin(word, None, self._pin, address)
        _check_status(status, word)
        self._address = address.value or 0
        self._held = True
        if self._python:
            self._object = _referent(PyObj_FromPtr(self._address), word)
        return self

    def __init_subclass__(cls, /) -> None:
        """Raises TypeError."""
        raise TypeError("type 'haft.Pin' is not an acceptable base type")

    def _check_held(self) -> None:
        if not self._held:
            raise _errors.InvalidArgumentError(f"{self._word:#x}: the pin has ended", self._word)

    def _let_go(self) -> None:
        if self._held:
            self._held = False
            self._object = None
            _unpin(self._pin)

    @property
    def word(self) -> int:
        """The handle that was pinned, as an int."""
        return self._word

    @property
    def address(self) -> int:
        """The address of the object, of any language, as an int."""
        self._check_held()
        return self._address

    @property
    def is_held(self) -> bool:
        """Whether the pin has not ended."""
        return self._held

    def value(self, /) -> Any:
        """Returns the object, if it is one of Python."""
        self._check_held()
        if not self._python:
            _refuse(Status.WRONG_TYPE, self._word)
        return self._object

    def unpin(self, /) -> None:
        """Ends the pin.

        If the handle has been deleted and this was the last pin, the object is destroyed.
        """
        self._check_held()
        self._let_go()

    def __enter__(self, /) -> Pin:
        """Returns self."""
        self._check_held()
        return self

    def __exit__(self, /, *args: object) -> None:
        """Ends the pin, if it has not ended."""
        self._let_go()

    def __del__(self, /) -> None:
        """Ends the pin, if it has not ended."""
        self._let_go()

    def __repr__(self, /) -> str:
        """Returns all that is known about the handle."""
        return f"<haft.Pin {'of' if self._held else 'ended, of'} {_description(self._word)}>"

    def __reduce__(self, /) -> NoReturn:
        """Raises TypeError."""
        raise TypeError("a Pin cannot be copied or pickled")

    def __class_getitem__(cls, item: Any, /) -> GenericAlias:
        """Pin[T] is for type checkers."""
        return GenericAlias(cls, item)


for _class in Handle, WeakHandle, Pin:
    _class.__module__ = "haft"


def _delete_python_object(_context: Any, word: int, _type: Any, _object: Any) -> int:
    _delete(word, _TYPE_P)  # refused if the object is no Python object
    return 0


_visit = _Visit(_delete_python_object)


# C may outlive the interpreter. It must then find stale handles, and no objects of an interpreter that is gone. (Unlike with
# the extension, a pin that C still holds must not be ended after Py_Finalize, because there is no GIL to acquire.)
atexit.register(_for_each, None, _visit, None)
