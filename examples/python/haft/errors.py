"""One exception for each status of haft.h."""

__all__ = [
    "HaftError",
    "NullHandleError",
    "MalformedHandleError",
    "NeverIssuedError",
    "StaleHandleError",
    "WrongTypeError",
    "TableFullError",
    "NoMemoryError",
    "PinnedError",
    "TimedOutError",
    "InvalidArgumentError",
    "DeferredError",
    "raise_for",
]


class HaftError(Exception):
    """The reason why a handle is refused."""

    status = None


class NullHandleError(HaftError, ValueError):
    """The null handle."""

    status = 1


class MalformedHandleError(HaftError, ValueError):
    """No table issues such a word."""

    status = 2


class NeverIssuedError(HaftError, LookupError):
    """This table has not issued the handle: it is forged, or another table's."""

    status = 3


class StaleHandleError(HaftError, ReferenceError):
    """The handle has been deleted."""

    status = 4


class WrongTypeError(HaftError, TypeError):
    """The object is of another type."""

    status = 5


class TableFullError(HaftError, MemoryError):
    """The table has no room for another handle."""

    status = 6


class NoMemoryError(HaftError, MemoryError):
    """There is no memory, or no room for a pin."""

    status = 7


class PinnedError(HaftError):
    """The object is in use: it has not been deleted."""

    status = 8


class TimedOutError(HaftError, TimeoutError):
    """The handle has been deleted, and its object is still in use."""

    status = 9


class InvalidArgumentError(HaftError, ValueError):
    """An argument other than the handle is null or 0, or it was never interned."""

    status = 10


class DeferredError(HaftError):
    """The handle has been deleted; a callback that is running in this thread destroys the object when it returns."""

    status = 11


_BY_STATUS = {error.status: error for error in HaftError.__subclasses__()}


def raise_for(status, about=None):
    """Raises the error of a status of haft.h. HAFT_OK raises nothing."""
    if status != 0:
        error = _BY_STATUS.get(status)
        if error is None:
            raise HaftError(f"unknown status {status}")
        raise error(about or error.__doc__)
