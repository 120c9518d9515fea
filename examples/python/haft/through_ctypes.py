"""haft.h by ctypes."""

import ctypes
import os
import sys

from haft import _handle

_PATH = os.environ.get("HAFT_LIBRARY", "libhaft.so.0")
_Word = ctypes.c_size_t
_Destroy = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class _Type(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("identity", ctypes.c_char_p),
        ("destroy", _Destroy),
    ]


class _Pin(ctypes.Structure):
    _fields_ = [("words", _Word * 4)]


_TYPE = _Type(b"Python object", b"haft.python.object", _Destroy(_handle.destroy))
# libhaft may call it for as long as the process lasts.
ctypes.pythonapi.Py_IncRef(ctypes.py_object(_TYPE))

# What destroys or waits must not hold the GIL; the rest is over sooner than it
# is let go of and taken again.
_WITH_GIL = ctypes.PyDLL(_PATH)
_WITHOUT_GIL = ctypes.CDLL(_PATH)


def _function(library, name, result, *arguments):
    function = getattr(library, name)
    function.restype = result
    function.argtypes = arguments
    return function


_type_p = ctypes.POINTER(_Type)
_Visit = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, _Word, _type_p, ctypes.c_void_p)
_new = _function(_WITH_GIL, "haft_new", ctypes.c_int, ctypes.c_void_p, _type_p, ctypes.POINTER(_Word))
_pin = _function(
    _WITH_GIL,
    "haft_pin_object",
    ctypes.c_int,
    _Word,
    _type_p,
    ctypes.POINTER(_Pin),
    ctypes.POINTER(ctypes.c_void_p),
)
_unpin = _function(_WITHOUT_GIL, "haft_unpin", None, ctypes.POINTER(_Pin))
_delete = _function(_WITHOUT_GIL, "haft_delete", ctypes.c_int, _Word, _type_p)
_wait = _function(_WITHOUT_GIL, "haft_delete_and_wait", ctypes.c_int, _Word, _type_p, ctypes.c_uint64)
_describe = _function(
    _WITHOUT_GIL, "haft_table_describe", ctypes.c_size_t, ctypes.c_void_p, _Word, ctypes.c_char_p, ctypes.c_size_t
)
_for_each = _function(_WITHOUT_GIL, "haft_table_for_each", ctypes.c_int, ctypes.c_void_p, _Visit, ctypes.c_void_p)
_TYPE_P = ctypes.pointer(_TYPE)

check = _function(_WITH_GIL, "haft_check", ctypes.c_int, _Word)
to_pointer = _function(_WITH_GIL, "haft_to_pointer", ctypes.c_void_p, _Word)
from_pointer = _function(_WITH_GIL, "haft_from_pointer", _Word, ctypes.c_void_p)


def new(address):
    word = _Word()
    return _new(address, _TYPE_P, word), word.value


def pin(word):
    held, address = _Pin(), ctypes.c_void_p()
    return _pin(word, _TYPE_P, held, address), held, address


unpin = _unpin


def delete(word):
    return _delete(word, None)


def delete_and_wait(word, nanoseconds):
    return _wait(word, None, nanoseconds)


def describe(word):
    text = ctypes.create_string_buffer(256)
    _describe(None, word, text, len(text))
    return text.value.decode()


@_Visit
def _visit(_context, word, _type, _object):
    _delete(word, _TYPE_P)  # refused if it is no Python object's
    return 0


def delete_all():
    _for_each(None, _visit, None)


Handle = _handle.make_handle_class(sys.modules[__name__])
