"""A C++ library used from Python: the objects of examples/widget are C++'s, and Python holds their handles.

WIDGET=libwidget.so python3 widgets.py
"""

from __future__ import annotations

import ctypes
import os
from typing import Callable

import haft

_library = ctypes.CDLL(os.environ.get("WIDGET", "libwidget.so"))
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int64)
_library.widget_new.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_size_t)]
_library.widget_add.argtypes = [ctypes.c_size_t, ctypes.c_int64, ctypes.POINTER(ctypes.c_int64)]
_library.widget_add_later.argtypes = [ctypes.c_size_t, ctypes.c_int64]
_library.widget_subscribe.argtypes = [ctypes.c_size_t, _Callback, ctypes.c_void_p]
_library.widget_count.restype = ctypes.c_int64


def _call_back(user_data: int | None, total: int) -> int:
    """Calls the subscriber whose handle C gives back. If it is gone, the status tells C so, which then forgets it."""
    try:
        subscriber = haft.value(haft.from_pointer(user_data))
    except haft.HaftError as error:
        return int(error.status or haft.Status.INVALID)
    subscriber(total)
    return haft.Status.OK


_call = _Callback(_call_back)


class Widget:
    """A C++ object. It is deleted with this object, at the end of a `with` block, or by close()."""

    def __init__(self, total: int = 0) -> None:
        """Makes a widget of C++."""
        word = ctypes.c_size_t()
        haft.raise_for(_library.widget_new(total, word))
        self._handle = haft.Handle.adopt(word.value)
        self._subscriber: haft.Handle[Callable[[int], None]] | None = None

    def add(self, amount: int) -> int:
        """Adds, and returns the new sum."""
        total = ctypes.c_int64()
        # ctypes releases the GIL, and C++ pins the widget, so another thread may close it at any time.
        haft.raise_for(_library.widget_add(self._handle.word, amount, total), self._handle)
        return total.value

    def add_later(self, amount: int) -> None:
        """Adds on a thread of C++. The widget lives until then, even if it is closed."""
        haft.raise_for(_library.widget_add_later(self._handle.word, amount), self._handle)

    def subscribe(self, subscriber: Callable[[int], None]) -> None:
        """Calls `subscriber` with each new sum, until another one comes or this widget is closed."""
        handle = haft.Handle(subscriber)
        haft.raise_for(_library.widget_subscribe(self._handle.word, _call, handle.pointer), self._handle)
        self._subscriber = handle  # the handle of the last one ends here

    def close(self) -> None:
        """Deletes the C++ object."""
        self._subscriber = None
        self._handle.delete()

    def __enter__(self) -> Widget:
        """Returns self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the widget."""
        self.close()


def count() -> int:
    """Returns how many widgets there are in C++."""
    return int(_library.widget_count())


def join() -> None:
    """Waits for everything that was to be added later."""
    _library.widget_join()


def main() -> None:
    """Uses a widget, and uses it once too often."""
    totals: list[int] = []
    with Widget(40) as widget:
        widget.subscribe(totals.append)
        widget.add(2)
        widget.add_later(8)
        join()
    print("totals:", totals, "widgets:", count())
    try:
        widget.add(1)
    except haft.StaleHandleError as error:
        print("too late:", error.status.name if error.status else "")


if __name__ == "__main__":
    main()
