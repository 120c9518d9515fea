"""Haft's handles for Python: opaque words for objects that C code keeps.

    with haft.Handle(obj) as handle:
        library.register(callback, handle.pointer)   # void *user_data

    def callback(user_data):
        obj = haft.Handle.from_pointer(user_data).value()

What is used too late raises StaleHandleError and is never a crash. All handles
of a process are in one table, that of libhaft.so (the environment variable
HAFT_LIBRARY says which): C and C++ libraries can take Python's handles, and
Python theirs. `haft.through_ctypes` and `haft.through_cffi` have one and the
same API; `haft` itself is the former. For CPython: 3.8 to 3.13 were tried.
"""

from haft import through_ctypes
from haft.errors import *  # noqa: F401,F403

Handle = through_ctypes.Handle
