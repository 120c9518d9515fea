"""Handles with the pointers of cffi."""

import cffi

from haft import _handle

_ffi = cffi.FFI()
_ffi.cdef("""
void *haft_to_pointer(uintptr_t);
uintptr_t haft_from_pointer(const void *);
""")
_haft = _ffi.dlopen(_handle.PATH)


class Handle(_handle.Handle):
    __slots__ = ()
    __doc__ = _handle.Handle.__doc__
    _to_pointer = _haft.haft_to_pointer
    _from_pointer = _haft.haft_from_pointer
