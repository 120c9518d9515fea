"""haft.h by cffi."""

import os
import sys

import cffi

from haft import _handle

_ffi = cffi.FFI()
_ffi.cdef("""
typedef uintptr_t haft_handle;
typedef struct { const char *name, *identity; void (*destroy)(void *); } haft_type;
typedef struct { uintptr_t words[4]; } haft_pin;
int haft_new(void *, const haft_type *, haft_handle *);
int haft_check(haft_handle);
int haft_pin_object(haft_handle, const haft_type *, haft_pin *, void **);
void haft_unpin(haft_pin *);
int haft_delete(haft_handle, const haft_type *);
int haft_delete_and_wait(haft_handle, const haft_type *, uint64_t);
size_t haft_table_describe(void *, haft_handle, char *, size_t);
int haft_table_for_each(void *, int (*)(void *, haft_handle, const haft_type *, void *), void *);
void *haft_to_pointer(haft_handle);
haft_handle haft_from_pointer(const void *);
""")
_haft = _ffi.dlopen(os.environ.get("HAFT_LIBRARY", "libhaft.so.0"))


@_ffi.callback("void(void *)")
def _destroy(address):
    _handle.destroy(int(_ffi.cast("uintptr_t", address)))


_STRINGS = [_ffi.new("char[]", text) for text in (b"Python object", b"haft.python.object")]
_TYPE = _ffi.new("haft_type *", (*_STRINGS, _destroy))
# libhaft may call it for as long as the process lasts.
for _kept in (_destroy, *_STRINGS, _TYPE):
    _handle._increase(_kept)

check = _haft.haft_check
to_pointer = _haft.haft_to_pointer
from_pointer = _haft.haft_from_pointer
unpin = _haft.haft_unpin


def new(address):
    word = _ffi.new("haft_handle *")
    return _haft.haft_new(_ffi.cast("void *", address), _TYPE, word), word[0]


def pin(word):
    held, address = _ffi.new("haft_pin *"), _ffi.new("void **")
    status = _haft.haft_pin_object(word, _TYPE, held, address)
    return status, held, int(_ffi.cast("uintptr_t", address[0]))


def delete(word):
    return _haft.haft_delete(word, _ffi.NULL)


def delete_and_wait(word, nanoseconds):
    return _haft.haft_delete_and_wait(word, _ffi.NULL, nanoseconds)


def describe(word):
    text = _ffi.new("char[256]")
    _haft.haft_table_describe(_ffi.NULL, word, text, len(text))
    return _ffi.string(text).decode()


@_ffi.callback("int(void *, haft_handle, const haft_type *, void *)")
def _visit(_context, word, _type, _object):
    _haft.haft_delete(word, _TYPE)  # refused if it is no Python object's
    return 0


def delete_all():
    _haft.haft_table_for_each(_ffi.NULL, _visit, _ffi.NULL)


Handle = _handle.make_handle_class(sys.modules[__name__])
