"""A program that mypy --strict must accept, and must refuse where a comment says so. It is not run."""

import asyncio
import ctypes
from typing import Any

from typing_extensions import assert_type

import haft
from haft import aio


class Listener:
    """An object."""

    def hear(self) -> int:
        """Returns a number."""
        return 1


listener = Listener()
assert_type(haft.new(listener), int)
assert_type(haft.new_weak(listener), int)
assert_type(haft.value(5), Any)
assert_type(haft.is_live(5), bool)
assert_type(haft.from_pointer(ctypes.c_void_p(5)), int)
assert_type(haft.to_pointer(5), ctypes.c_void_p)
assert_type(haft.stats().live, int)
assert_type(haft.library_version(), tuple[int, int, int])
assert_type(haft.report(), list[str])
assert_type(haft.implementation, str)

with haft.Handle(listener) as handle:
    assert_type(handle, haft.Handle[Listener])
    assert_type(handle.value(), Listener)
    assert_type(handle.value().hear(), int)
    assert_type(handle.word, int)
    assert_type(handle.pointer, ctypes.c_void_p)
    assert_type(handle.take(), Listener)
    assert_type(haft.value(handle), Any)
    with handle.pin() as pin:
        assert_type(pin, haft.Pin[Listener])
        assert_type(pin.value(), Listener)
    assert_type(haft.Pin(handle).value(), Listener)
    assert_type(haft.Pin(handle.word).value(), Any)
weak: haft.WeakHandle[Listener] = haft.WeakHandle(listener)
assert_type(weak.value(), Listener)
either: haft.Handle[object] = weak  # covariant
assert_type(haft.Handle.from_word(5).value(), Any)

try:
    haft.check(5)
except haft.StaleHandleError as error:
    assert_type(error.handle, "int | None")
    assert_type(error.status, haft.Status)
    assert_type(error.description, str)


async def wait() -> str:
    """Waits for a text."""
    done: aio.Completion[str]
    async with aio.Completion[str]() as done:
        aio.complete(done.word, "text")
        return await asyncio.wait_for(done, 1)


haft.value("text")  # type: ignore[arg-type]
haft.value(1.5)  # type: ignore[arg-type]
haft.delete_and_wait(5)  # type: ignore[call-arg]
handle.word = 5  # type: ignore[misc]
wrong: haft.Handle[int] = haft.Handle("text")  # type: ignore[arg-type]
haft.Handle(1).value().hear()  # type: ignore[attr-defined]


class Sub(haft.Pin[int]):  # type: ignore[misc]
    """A Pin is final."""
