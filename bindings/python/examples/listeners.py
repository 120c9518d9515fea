"""A C library that calls Python back: the objects are Python's, and C holds their handles as `void *user_data`.

EMITTER=emitter.so python3 listeners.py
"""

from __future__ import annotations

import ctypes
import os

import haft

_Callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_library = ctypes.CDLL(os.environ.get("EMITTER", "emitter.so"))
_library.emitter_on.argtypes = [_Callback, ctypes.c_void_p]
_library.emitter_on.restype = None
_library.emitter_emit.restype = None

late: list[haft.HaftError] = []


def _call_back(user_data: int | None) -> None:
    """Calls the listener whose handle C gives back, in whichever thread."""
    try:
        listener = haft.value(haft.from_pointer(user_data))
    except haft.StaleHandleError as error:
        late.append(error)  # C has called too late; nothing else happens
        return
    listener.hear()


_call = _Callback(_call_back)


class Listener:
    """Owns its handle, and is collected when nobody else refers to it: a WeakHandle does not keep it alive."""

    def __init__(self) -> None:
        """Lets the emitter call this object."""
        self.heard = 0
        self._handle = haft.WeakHandle(self)
        _library.emitter_on(_call, self._handle)

    def hear(self) -> None:
        """Called by the emitter."""
        self.heard += 1


def main() -> None:
    """Hears, and is called once too often."""
    listener = Listener()
    _library.emitter_emit()
    print("heard:", listener.heard)
    del listener
    _library.emitter_emit()
    print("too late:", [type(error).__name__ for error in late])


if __name__ == "__main__":
    main()
