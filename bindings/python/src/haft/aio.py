"""Handles for coroutines: a result that C delivers from any thread, and a wait that does not block the event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import haft

if TYPE_CHECKING:
    from collections.abc import Generator
    from ctypes import c_void_p
    from types import TracebackType
    from typing import SupportsIndex

_T = TypeVar("_T")

__all__ = ["Completion", "complete", "delete_and_wait", "fail"]


class Completion(Generic[_T]):
    """The one result of an operation of C, for which a coroutine waits.

    C gets the handle as its ``void *user_data``, and the callback passes it to :func:`complete` or :func:`fail`, in any thread::

        async with haft.aio.Completion() as done:
            library.start(callback, done.pointer)
            result = await asyncio.wait_for(done, 10)

        def callback(user_data, result):
            haft.aio.complete(user_data, result)

    The handle ends with the first result, at the end of the block, and with the Completion. A later callback, after a timeout or
    a cancellation say, gets :class:`haft.StaleHandleError`.
    """

    __slots__ = ("__weakref__", "_future", "_handle", "_loop")

    def __init__(self) -> None:
        """Makes a handle. To be called in a coroutine."""
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[_T] = self._loop.create_future()
        self._handle = haft.WeakHandle(self)

    @property
    def word(self) -> int:
        """The handle as an int."""
        return self._handle.word

    @property
    def pointer(self) -> c_void_p:
        """The handle as the ``void *`` of ctypes."""
        return self._handle.pointer

    _as_parameter_ = pointer

    @property
    def is_live(self) -> bool:
        """Whether a result would still be accepted."""
        return self._handle.is_live

    def __await__(self) -> Generator[Any, None, _T]:
        """Waits for the result. It may be called more than once."""
        # Shielded, because a cancelled wait for the result must not make a second one impossible.
        return asyncio.shield(self._future).__await__()

    async def __aenter__(self) -> Completion[_T]:
        """Returns self."""
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends the handle."""
        self._handle.__exit__(exc_type, exc, traceback)
        self._future.cancel()

    def _finish(self, result: Any, error: BaseException | None) -> None:
        if not self._future.done():  # the block has not ended meanwhile
            if error is None:
                self._future.set_result(result)
            else:
                self._future.set_exception(error)


def _deliver(handle: SupportsIndex, result: Any, error: BaseException | None) -> None:
    completion = haft.value(handle)
    if not isinstance(completion, Completion):
        raise TypeError(f"the handle is that of a {type(completion).__name__}, not of a Completion")
    haft.delete(handle)  # succeeds for one caller
    completion._loop.call_soon_threadsafe(completion._finish, result, error)


def complete(handle: SupportsIndex, result: Any = None) -> None:
    """Delivers the result of a :class:`Completion`, from any thread.

    Raises StaleHandleError if there is a result already, or if nobody waits for it any more.
    """
    _deliver(handle, result, None)


def fail(handle: SupportsIndex, error: BaseException) -> None:
    """Makes the coroutine raise the error, from any thread. Raises as complete()."""
    if not isinstance(error, BaseException):
        raise TypeError(f"an error is an exception, not {type(error).__name__}")
    _deliver(handle, None, error)


async def delete_and_wait(handle: SupportsIndex, seconds: float) -> None:
    """Ends a handle, and waits until its object has been released, while the event loop runs.

    Raises as haft.delete_and_wait. If it is cancelled, the handle is deleted all the same.
    """
    await asyncio.get_running_loop().run_in_executor(None, haft.delete_and_wait, handle, seconds)
