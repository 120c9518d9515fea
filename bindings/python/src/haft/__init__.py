"""Haft's handles for Python: opaque words for the objects that C code keeps.

A handle is an integer that C stores as its ``void *user_data``. It is made for an object, leads back to it, and is refused
with an exception, and never a crash, if it is used after it was deleted::

    import haft

    word = haft.new(listener)       # the table keeps the listener alive
    library.register(callback, word)

    def callback(user_data):
        haft.value(user_data).hear()

    haft.delete(word)               # from now on a late callback gets StaleHandleError

:class:`Handle` owns a handle and deletes it at the end of a ``with`` block. :class:`WeakHandle` does not keep its object
alive. :class:`Pin` keeps an object alive, also one of C++, while it is used by its address.

All handles of a process are in one table, that of ``libhaft.so.0``. C and C++ libraries can take Python's handles, and Python
theirs. Every function may be called by any thread.
"""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

from haft._errors import (
    DeferredError as DeferredError,
)
from haft._errors import (
    HaftError as HaftError,
)
from haft._errors import (
    InvalidArgumentError as InvalidArgumentError,
)
from haft._errors import (
    MalformedHandleError as MalformedHandleError,
)
from haft._errors import (
    NeverIssuedError as NeverIssuedError,
)
from haft._errors import (
    NoMemoryError as NoMemoryError,
)
from haft._errors import (
    NullHandleError as NullHandleError,
)
from haft._errors import (
    PinnedError as PinnedError,
)
from haft._errors import (
    StaleHandleError as StaleHandleError,
)
from haft._errors import (
    Status as Status,
)
from haft._errors import (
    TableFullError as TableFullError,
)
from haft._errors import (
    TimedOutError as TimedOutError,
)
from haft._errors import (
    WrongTypeError as WrongTypeError,
)
from haft._shared import Stats as Stats
from haft._version import __version__ as __version__

#: ``"extension"``, or ``"ctypes"`` if there is no extension for this interpreter.
implementation: str


class FallbackWarning(RuntimeWarning):
    """The extension cannot be imported, so every call goes through ctypes and takes many times as long."""


_wanted = os.environ.get("HAFT_PYTHON", "")
if _wanted not in ("", "extension", "ctypes"):
    raise ImportError(f"HAFT_PYTHON is {_wanted!r}; it can be 'extension' or 'ctypes'")
if os.environ.get("HAFT_LIBRARY"):
    # Whoever asks for libhaft.so.0 afterwards gets this one, because the dynamic linker knows it by its SONAME.
    import ctypes as _ctypes

    _ctypes.CDLL(os.environ["HAFT_LIBRARY"])

if TYPE_CHECKING:
    from haft import _extension as _chosen
else:
    _chosen = None
    if _wanted != "ctypes":
        try:
            from haft import _extension as _chosen

            implementation = "extension"
        except ImportError as _problem:
            if _wanted == "extension":
                raise
            warnings.warn(f"haft is slow, because its extension cannot be imported: {_problem}", FallbackWarning, stacklevel=2)
    if _chosen is None:
        from haft import _fallback as _chosen

        implementation = "ctypes"

Handle = _chosen.Handle
WeakHandle = _chosen.WeakHandle
Pin = _chosen.Pin
new = _chosen.new
new_weak = _chosen.new_weak
value = _chosen.value
delete = _chosen.delete
take = _chosen.take
delete_unless_pinned = _chosen.delete_unless_pinned
delete_and_wait = _chosen.delete_and_wait
check = _chosen.check
is_live = _chosen.is_live
describe = _chosen.describe
from_pointer = _chosen.from_pointer
to_pointer = _chosen.to_pointer
raise_for = _chosen.raise_for
stats = _chosen.stats
prepare = _chosen.prepare
trim = _chosen.trim
diagnose = _chosen.diagnose
report = _chosen.report
library_version = _chosen.library_version

__all__ = [
    "DeferredError",
    "FallbackWarning",
    "HaftError",
    "Handle",
    "InvalidArgumentError",
    "MalformedHandleError",
    "NeverIssuedError",
    "NoMemoryError",
    "NullHandleError",
    "Pin",
    "PinnedError",
    "StaleHandleError",
    "Stats",
    "Status",
    "TableFullError",
    "TimedOutError",
    "WeakHandle",
    "WrongTypeError",
    "check",
    "delete",
    "delete_and_wait",
    "delete_unless_pinned",
    "describe",
    "diagnose",
    "from_pointer",
    "implementation",
    "is_live",
    "library_version",
    "new",
    "new_weak",
    "prepare",
    "raise_for",
    "report",
    "stats",
    "take",
    "to_pointer",
    "trim",
    "value",
]

for _name in __all__:
    _object = globals()[_name]
    if getattr(_object, "__module__", None) in ("haft._errors", "haft._shared"):
        _object.__module__ = "haft"
