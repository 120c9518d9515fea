"""The statuses of haft.h, and one exception for each."""

from __future__ import annotations

import enum
from typing import ClassVar


class Status(enum.IntEnum):
    """The statuses of haft.h. They are never renumbered."""

    OK = 0
    NULL = 1
    MALFORMED = 2
    NEVER_ISSUED = 3
    STALE = 4
    WRONG_TYPE = 5
    FULL = 6
    OUT_OF_MEMORY = 7
    PINNED = 8
    TIMED_OUT = 9
    INVALID = 10
    DEFERRED = 11


class HaftError(Exception):
    """The base of all errors of Haft.

    ``status`` says why a call was refused, ``handle`` is the word that was refused (None if there was none), and
    ``description`` is all that Haft knows about it. Diagnostics add who made and who deleted the handle.
    """

    #: The status of haft.h; None only if the library returned one that this package does not know.
    status: ClassVar[Status | None] = None

    def __init__(self, description: str = "", handle: int | None = None) -> None:
        # BaseException's own, because OSError, a base of TimedOutError, takes two arguments for an errno and its text.
        BaseException.__init__(self, description, handle)
        #: All that is known about the handle.
        self.description: str = description
        #: The word that was refused.
        self.handle: int | None = handle

    def __str__(self) -> str:
        """Returns the description."""
        return self.description


class NullHandleError(HaftError, ValueError):
    """The handle is the null handle."""

    status = Status.NULL


class MalformedHandleError(HaftError, ValueError):
    """No table issues such a word, or the number is not a word at all."""

    status = Status.MALFORMED


class NeverIssuedError(HaftError, LookupError):
    """This table has not issued the handle: it is forged, or another table's."""

    status = Status.NEVER_ISSUED


class StaleHandleError(HaftError, ReferenceError):
    """The handle has been deleted, or the object of a WeakHandle has been collected."""

    status = Status.STALE


class WrongTypeError(HaftError, TypeError):
    """The handle is live, and its object is of another type."""

    status = Status.WRONG_TYPE


class TableFullError(HaftError, MemoryError):
    """The table has no room for another handle."""

    status = Status.FULL


class NoMemoryError(HaftError, MemoryError):
    """There is no memory, or no room for a pin."""

    status = Status.OUT_OF_MEMORY


class PinnedError(HaftError):
    """The handle is live and pinned, so it was not deleted."""

    status = Status.PINNED


class TimedOutError(HaftError, TimeoutError):
    """The handle has been deleted, and its object is still pinned."""

    status = Status.TIMED_OUT


class InvalidArgumentError(HaftError, ValueError):
    """An argument other than the handle is null or 0."""

    status = Status.INVALID


class DeferredError(HaftError):
    """The handle has been deleted; a callback that is running in this thread destroys the object when it returns."""

    status = Status.DEFERRED


_BY_STATUS: dict[int, type[HaftError]] = {error.status: error for error in HaftError.__subclasses__() if error.status is not None}


def error_for(status: int, handle: int | None, description: str) -> HaftError:
    """Returns the error of a status that is not OK."""
    error = _BY_STATUS.get(status)
    if error is None:
        return HaftError(f"unknown status {status}: {description}", handle)
    return error(description or error.__doc__ or "", handle)
