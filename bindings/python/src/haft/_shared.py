"""The part that both implementations share."""

from __future__ import annotations

import ctypes
import importlib
import os
import weakref
from typing import Any, Callable, NamedTuple

from haft._errors import StaleHandleError

#: The least version of libhaft that has all that this package uses, as HAFT_VERSION in haft.h.
LEAST_VERSION = 100


class Stats(NamedTuple):
    """Figures of the process's table. They are exact if no other thread is inside a call."""

    #: Handles issued and not deleted.
    live: int
    #: Objects deleted and still in use.
    retired_objects: int
    #: Handles ever issued.
    created: int
    #: Handles ever deleted.
    deleted: int
    #: Slots that have used up their generations.
    exhausted_slots: int
    #: Slots ever taken into use.
    high_water: int
    #: Objects that can always exist at the same time.
    capacity: int
    #: Thread caches that a fork has left half written.
    lost_caches: int
    #: Pins that were refused because they had ended before.
    refused_unpins: int


class Weak(weakref.ref):  # type: ignore[type-arg]  # generic only for type checkers in Python 3.9
    """The object in the table of a weak handle: a reference to the user's object, and the handle's word."""

    __slots__ = ("word",)
    word: int


def make_new_weak(
    new: Callable[[Any], int], delete: Callable[[int], None], is_live: Callable[[int], bool]
) -> Callable[[object], int]:
    """Returns the function new_weak of an implementation."""

    def end(weak: Any) -> None:
        if is_live(weak.word):  # so that diagnostics have nothing to report
            try:
                delete(weak.word)
            except StaleHandleError:
                pass  # another thread has deleted it

    def new_weak(obj: object, /) -> int:
        """Makes obj reachable through a new handle that does not keep it alive, and returns the handle's word.

        The handle ends when obj is collected, if it is not deleted before.
        """
        weak = Weak(obj, end)
        weak.word = word = new(weak)
        return word

    return new_weak


def word_of(pointer: object) -> int:
    """Returns the word of a ``void *`` of ctypes or cffi."""
    if pointer is None:  # ctypes passes a null pointer so
        return 0
    if isinstance(pointer, ctypes.c_void_p):
        return pointer.value or 0
    if type(pointer).__module__ == "_cffi_backend":
        ffi = importlib.import_module("_cffi_backend").FFI()
        return int(ffi.cast("uintptr_t", pointer))
    raise TypeError(f"a pointer is an int, None, a c_void_p or a pointer of cffi, not {type(pointer).__name__}")


def to_pointer(word: int) -> ctypes.c_void_p:
    """Returns the word as the ``void *`` of ctypes, which would pass a plain int as a C int, of 32 bits."""
    return ctypes.c_void_p(word)


def bundled_library() -> str:
    """Returns the path of the library that a wheel brings, whether it is there or not."""
    return os.path.join(os.path.dirname(__file__), "libhaft.so.0")


def diagnostics_asked() -> bool:
    """Whether the environment asks for diagnostics, so that the calls should say their lines."""
    return bool(os.environ.get("HAFT_DIAGNOSE"))


def nanoseconds(seconds: float) -> int:
    """Returns a time for haft_delete_and_wait: at most 2**64 - 1, also for infinity."""
    if not seconds >= 0:
        raise ValueError("the time to wait must be 0 or more seconds")
    return 2**64 - 1 if seconds >= 2**64 / 1e9 else int(seconds * 1e9)


def version_error(loaded: int) -> str | None:
    """Returns why this package cannot work with a library of that version, or None if it can."""
    if loaded < LEAST_VERSION or loaded // 10000 != LEAST_VERSION // 10000:
        needed = f"{LEAST_VERSION // 10000}.{LEAST_VERSION // 100 % 100}.{LEAST_VERSION % 100}"
        found = f"{loaded // 10000}.{loaded // 100 % 100}.{loaded % 100}"
        return (
            f"the libhaft.so.0 that is loaded has version {found}; this package needs {needed} or later, of the same major version"
        )
    return None
