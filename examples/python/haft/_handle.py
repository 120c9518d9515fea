"""The class Handle, which calls haft.h through ctypes. The type of a `void *`
depends on how a program calls C, so each backend adds pointers of its own."""

import atexit
import ctypes
import os
import sys

# The reference counts are CPython's own, so that libhaft's table is the only one.
# These functions are not documented, but CPython has had them for long (3.8 to 3.13
# were tried). Py_IncRef and Py_DecRef through ctypes.pythonapi take ten times as
# long.
from _ctypes import Py_DECREF, Py_INCREF, PyObj_FromPtr

from haft.errors import PinnedError, StaleHandleError, raise_for

PATH = os.environ.get("HAFT_LIBRARY", "libhaft.so.0")
_Word = ctypes.c_size_t
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
    _fields_ = [("words", _Word * 4)]


# libhaft calls `destroy` on any thread; ctypes then acquires the GIL.
_TYPE = _Type(b"Python object", b"haft.python.object", _Destroy(Py_DECREF))
_Type_p = ctypes.POINTER(_Type)
_TYPE_P = ctypes.pointer(_TYPE)
Py_INCREF(_TYPE)  # libhaft may use it until the process ends

# A call that destroys or waits must not hold the GIL. The other calls take less
# time than releasing and acquiring it.
WITH_GIL = ctypes.PyDLL(PATH)
_WITHOUT_GIL = ctypes.CDLL(PATH)


def function(library, name, result, *arguments):
    function = library[name]
    function.restype = result
    function.argtypes = arguments
    return function


# The arguments that are not declared are objects of ctypes, passed without
# conversion, because converting an integer takes as long as a quarter of the call.
_new = function(WITH_GIL, "haft_new", ctypes.c_int, ctypes.py_object)
_take = function(WITH_GIL, "haft_take", ctypes.c_int)

_check = function(WITH_GIL, "haft_check", ctypes.c_int, _Word)
_pin = function(
    WITH_GIL, "haft_pin_object", ctypes.c_int, _Word, _Type_p, ctypes.POINTER(_Pin), ctypes.POINTER(ctypes.c_void_p)
)
_unpin = function(_WITHOUT_GIL, "haft_unpin", None, ctypes.POINTER(_Pin))
_delete = function(_WITHOUT_GIL, "haft_delete", ctypes.c_int, _Word, _Type_p)
_wait = function(_WITHOUT_GIL, "haft_delete_and_wait", ctypes.c_int, _Word, _Type_p, ctypes.c_uint64)
_describe = function(
    _WITHOUT_GIL, "haft_table_describe", ctypes.c_size_t, ctypes.c_void_p, _Word, ctypes.c_char_p, ctypes.c_size_t
)
_Visit = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, _Word, _Type_p, ctypes.c_void_p)
_for_each = function(_WITHOUT_GIL, "haft_table_for_each", ctypes.c_int, ctypes.c_void_p, _Visit, ctypes.c_void_p)

# _value(word) returns the object. ctypes raises ValueError if the result was not
# written.
#
# It needs no pin. The reference that a handle has is released only under the GIL,
# and only after the handle has become stale: by `destroy`, or by delete(). This is
# one foreign call of a PyDLL, and ctypes makes a reference from the result inside
# that call: no byte code, no allocation that collects garbage and no finalizer runs
# in between, so the GIL is held all the time. If the look-up finds the handle live,
# its reference exists, and continues to exist until there is another. (Two calls
# would not be sufficient, although each holds the GIL.)
_value = ctypes.PYFUNCTYPE(None, _Word, ctypes.c_void_p, ctypes.POINTER(ctypes.py_object))(
    ("haft_value", WITH_GIL), ((1,), (1, "type", ctypes.c_void_p(ctypes.addressof(_TYPE))), (2,))
)


def _describe_word(word):
    text = ctypes.create_string_buffer(256)
    _describe(None, word, text, len(text))
    return text.value.decode()


def _raise_about(status, word):
    if status != 0:
        raise_for(status, _describe_word(word))


class Handle:
    """The handle of an object: made for a Python object, or adopted.

    It is deleted when the Handle is: by delete(), at the end of a `with`,
    or with the last reference to it. detach() leaves it to the other
    holders of the word.
    """

    # _made is the word again, as a c_size_t, if the handle was made here.
    __slots__ = ("word", "_owned", "_made")

    def __init__(self, obj):
        """Makes `obj` reachable through a new handle, and keeps it alive."""
        self._owned = False
        self.word = 0
        self._made = word = _Word()
        Py_INCREF(obj)
        status = _new(obj, _TYPE_P, ctypes.byref(word))
        if status != 0:
            Py_DECREF(obj)
            raise_for(status)
        self.word = word.value
        self._owned = True

    @classmethod
    def adopt(cls, word):
        """Returns an owner of a handle that C or C++ has made."""
        handle = cls.from_word(word)
        _raise_about(_check(word), word)
        handle._owned = True
        return handle

    @classmethod
    def from_word(cls, word):
        """Returns a Handle, without ownership, for a word, live or not."""
        handle = cls.__new__(cls)
        handle.word = word
        handle._owned = False
        handle._made = None
        return handle

    @classmethod
    def from_pointer(cls, pointer):
        """The same from the `void *` that a callback gets."""
        return cls.from_word(cls._from_pointer(pointer))

    @property
    def pointer(self):
        """The handle as the `void *user_data` of this backend."""
        return self._to_pointer(self.word)

    def value(self):
        """The Python object."""
        try:
            return _value(self.word)
        except ValueError:
            pass
        _raise_about(_check(self.word), self.word)
        return self._value_by_pin()  # it has another type, or was just issued

    def _value_by_pin(self):
        pin, address = _Pin(), ctypes.c_void_p()
        _raise_about(_pin(self.word, _TYPE_P, pin, address), self.word)
        try:
            # The pin keeps it alive until this reference does.
            return PyObj_FromPtr(address.value)
        finally:
            _unpin(pin)

    def check(self):
        """Raises the reason if the handle is refused."""
        _raise_about(_check(self.word), self.word)

    @property
    def is_live(self):
        return _check(self.word) == 0

    def delete(self):
        """Ends the handle. The object is released with its last pin."""
        self._owned = False
        if self._made is None:
            status = _delete(self.word, None)
        else:
            # The object is taken out unless it is pinned. libhaft then destroys
            # nothing, so the GIL can be held, and there is no callback.
            obj = ctypes.py_object()
            status = _take(self._made, None, ctypes.byref(obj))
            if status == 0:
                Py_DECREF(obj.value)
                return
            if status == PinnedError.status:
                status = _delete(self.word, None)
        _raise_about(status, self.word)

    def delete_and_wait(self, seconds):
        """The same, and waits until the object has been released."""
        self._owned = False
        _raise_about(_wait(self.word, None, int(seconds * 1e9)), self.word)

    def detach(self):
        """Returns the word, which no Handle owns from now on."""
        self._owned = False
        return self.word

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._owned:
            try:
                self.delete()
            except StaleHandleError:
                pass  # deleted by C

    def __del__(self):
        if self._owned:
            self.__exit__()

    def __eq__(self, other):
        other = getattr(other, "word", None)
        return NotImplemented if other is None else self.word == other

    def __hash__(self):
        return hash(self.word)

    def __repr__(self):
        return f"<haft.Handle {_describe_word(self.word)}>"


if not getattr(sys, "_is_gil_enabled", lambda: True)():
    Handle.value = Handle._value_by_pin  # the reasoning about _value needs a GIL


@_Visit
def _visit(_context, word, _type, _object):
    _delete(word, _TYPE_P)  # refused if the object is no Python object
    return 0


# C may outlive the interpreter. It must then find stale handles, and no objects of
# an interpreter that is gone. (A pin that C still holds then must not be released
# after Py_Finalize, because there is no GIL to acquire.)
atexit.register(_for_each, None, _visit, None)
