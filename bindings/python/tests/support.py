"""The C and C++ libraries of the tests, and programs that run in a process of their own."""

import ctypes
import os
import subprocess
import sys
import textwrap
import unittest

import haft

Callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
emitter = ctypes.CDLL(os.environ["EMITTER"])
emitter.emitter_on.argtypes = [Callback, ctypes.c_void_p]
emitter.emitter_on.restype = None
emitter.emitter_delete_later.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
emitter.emitter_delete_later.restype = None

accounts = ctypes.CDLL(os.environ["ACCOUNTS"])
accounts.account_open.argtypes = [ctypes.c_int64]
accounts.account_open.restype = ctypes.c_size_t
accounts.account_deposit.argtypes = [ctypes.c_size_t, ctypes.c_int64]
accounts.account_balance.argtypes = [ctypes.c_size_t, ctypes.POINTER(ctypes.c_int64)]
accounts.account_close.argtypes = [ctypes.c_size_t]
accounts.accounts_open.restype = ctypes.c_int64
accounts.account_type.restype = ctypes.c_size_t

only_extension = unittest.skipUnless(haft.implementation == "extension", "ctypes does not promise this")


class Thing:
    """An object that can be referred to weakly."""


def run(program, *, check=True, more=(), **environment):
    """Runs a program in a process of its own. Returns what subprocess.run does."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *more],
        capture_output=True,
        text=True,
        check=check,
        timeout=100,
        env={**os.environ, **environment},
    )
