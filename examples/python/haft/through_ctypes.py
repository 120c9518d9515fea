"""Handles with the pointers of ctypes: addresses, and None."""

import ctypes

from haft import _handle


class Handle(_handle.Handle):
    __slots__ = ()
    __doc__ = _handle.Handle.__doc__
    _to_pointer = _handle.function(_handle.WITH_GIL, "haft_to_pointer", ctypes.c_void_p, ctypes.c_size_t)
    _from_pointer = _handle.function(_handle.WITH_GIL, "haft_from_pointer", ctypes.c_size_t, ctypes.c_void_p)
