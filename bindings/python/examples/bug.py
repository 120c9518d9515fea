"""bug.py object | closed: two bugs of programs today."""

import ctypes
import os
import sys


def collected_while_c_holds_it() -> None:
    """User data that nothing keeps alive, so CPython reads freed memory."""
    emitter = ctypes.CDLL(os.environ["EMITTER"])
    callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda data: print(ctypes.cast(data, ctypes.py_object).value))

    class Listener:
        pass

    listener = Listener()
    emitter.emitter_on(callback, ctypes.c_void_p(id(listener)))
    del listener
    emitter.emitter_emit()


def used_after_close() -> None:
    """A pointer to a C++ object that is used once more; the sanitizer reports it."""
    accounts = ctypes.CDLL(os.environ["ACCOUNTS_RAW"])
    accounts.account_open.restype = ctypes.c_size_t
    account = ctypes.c_size_t(accounts.account_open(ctypes.c_int64(100)))
    accounts.account_close(account)
    accounts.account_deposit(account, ctypes.c_int64(1))


{"object": collected_while_c_holds_it, "closed": used_after_close}[sys.argv[1]]()
