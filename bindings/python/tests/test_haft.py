"""Tests the package haft, with both backends."""

import ctypes
import gc
import os
import subprocess
import sys
import threading
import unittest
import weakref

import haft
from haft import through_cffi, through_ctypes

Callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
emitter = ctypes.CDLL(os.environ["EMITTER"])
emitter.emitter_on.argtypes = [Callback, ctypes.c_void_p]
emitter.emitter_on.restype = None

accounts = ctypes.CDLL(os.environ["ACCOUNTS"])
accounts.account_open.argtypes = [ctypes.c_int64]
accounts.account_open.restype = ctypes.c_size_t
accounts.account_deposit.argtypes = [ctypes.c_size_t, ctypes.c_int64]
accounts.account_balance.argtypes = [ctypes.c_size_t, ctypes.POINTER(ctypes.c_int64)]
accounts.account_close.argtypes = [ctypes.c_size_t]
accounts.accounts_open.restype = ctypes.c_int64


class Thing:
    pass


class Account:
    """The code that a user of accounts.so writes."""

    def __init__(self, handle_class, balance):
        self.handle = handle_class.adopt(accounts.account_open(balance))

    def deposit(self, amount):
        haft.raise_for(accounts.account_deposit(self.handle.word, amount))

    @property
    def balance(self):
        cents = ctypes.c_int64()
        haft.raise_for(accounts.account_balance(self.handle.word, cents))
        return cents.value

    def close(self):
        haft.raise_for(accounts.account_close(self.handle.detach()))


def address_of(pointer):
    """A backend's `void *` for ctypes."""
    if isinstance(pointer, through_cffi._ffi.CData):
        return int(through_cffi._ffi.cast("uintptr_t", pointer))
    return pointer


class Cases:
    Handle = None

    def test_value_is_the_object(self):
        thing = Thing()
        with self.Handle(thing) as handle:
            self.assertIs(handle.value(), thing)
            self.assertTrue(handle.is_live)
            self.assertEqual(handle.word % 2, 1)
            self.assertIs(self.Handle.from_pointer(handle.pointer).value(), thing)
        self.assertFalse(handle.is_live)

    def test_references_are_counted(self):
        thing = Thing()
        before = sys.getrefcount(thing)
        handle = self.Handle(thing)
        self.assertEqual(sys.getrefcount(thing), before + 1)
        for _ in range(1000):
            handle.value()
            handle._value_by_pin()
        self.assertEqual(sys.getrefcount(thing), before + 1)
        handle.delete()
        self.assertEqual(sys.getrefcount(thing), before)
        for _ in range(10):
            with self.assertRaises(haft.StaleHandleError):
                handle.delete()
        self.assertEqual(sys.getrefcount(thing), before)

    def test_handle_keeps_its_object_alive(self):
        handle = self.Handle(Thing())
        gc.collect()
        gone = weakref.ref(handle.value())
        self.assertIsNotNone(gone())
        handle.delete()
        self.assertIsNone(gone())

    def test_every_status_has_its_exception(self):
        handle = self.Handle(Thing())
        word = handle.word
        handle.delete()
        account = self.Handle.adopt(accounts.account_open(0))
        for word, error in (
            (word, haft.StaleHandleError),
            (0, haft.NullHandleError),
            (2, haft.MalformedHandleError),
            (account.word, haft.WrongTypeError),
        ):
            for value in (self.Handle.value, self.Handle._value_by_pin):
                with self.assertRaises(error) as raised:
                    value(self.Handle.from_word(word))
                self.assertIsInstance(raised.exception, haft.HaftError)
        for status in range(1, 11):
            with self.assertRaises(haft.HaftError) as raised:
                haft.raise_for(status)
            self.assertEqual(raised.exception.status, status)

    def test_message_names_the_handle(self):
        handle = self.Handle(Thing())
        self.assertIn("Python object", repr(handle))
        handle.delete()
        with self.assertRaisesRegex(haft.StaleHandleError, f"{handle.word:#x}: stale"):
            handle.value()

    def test_dropped_handle_is_stale_for_c(self):
        raised = []

        def callback(user_data):
            try:
                self.Handle.from_pointer(self.pointer_of(user_data)).value()
            except haft.HaftError as error:
                raised.append(type(error))

        kept = Callback(callback)
        handle = self.Handle(Thing())
        emitter.emitter_on(kept, address_of(handle.pointer))
        emitter.emitter_emit()
        self.assertEqual(raised, [])
        del handle
        emitter.emitter_emit()
        self.assertEqual(raised, [haft.StaleHandleError])

    def test_detached_handle_stays_until_deleted(self):
        gone = weakref.ref(thing := Thing())
        word = self.Handle(thing).detach()
        del thing
        self.assertIsNotNone(gone())
        self.Handle.from_word(word).delete()
        self.assertIsNone(gone())

    def test_last_unpin_by_a_thread_of_c_destroys_under_the_gil(self):
        destroyed_by = []

        class Noting:
            def __del__(self):
                destroyed_by.append(threading.get_ident())

        handle = self.Handle(Noting())
        emitter.emitter_on(Callback(), address_of(handle.pointer))
        emitter.emitter_hold()
        handle.delete()
        self.assertEqual(destroyed_by, [])
        emitter.emitter_let_go()
        self.assertEqual(len(destroyed_by), 1)
        self.assertNotEqual(destroyed_by[0], threading.get_ident())

    def test_delete_and_wait_lets_others_run(self):
        handle = self.Handle(Thing())
        emitter.emitter_on(Callback(), address_of(handle.pointer))
        emitter.emitter_hold()
        with self.assertRaises(haft.TimedOutError):
            handle.delete_and_wait(0)
        emitter.emitter_let_go()
        handle = self.Handle(Thing())
        emitter.emitter_on(Callback(), address_of(handle.pointer))
        emitter.emitter_hold()
        # The thread needs the GIL to destroy the object that this waits for.
        emitter.emitter_let_go_later()
        handle.delete_and_wait(600)
        emitter.emitter_let_go()

    def test_object_that_deletes_handles_as_it_goes(self):
        inner = self.Handle(Thing())

        class Owner:
            def __del__(self):
                inner.delete()

        self.Handle(Owner()).delete()
        self.assertFalse(inner.is_live)

    def test_cpp_object_used_after_close_raises(self):
        before = accounts.accounts_open()
        account = Account(self.Handle, 100)
        account.deposit(1)
        self.assertEqual(account.balance, 101)
        account.close()
        for late in (lambda: account.balance, account.close, lambda: account.deposit(1)):
            with self.assertRaises(haft.StaleHandleError):
                late()
        dropped = Account(self.Handle, 1)
        self.assertEqual(accounts.accounts_open(), before + 1)
        del dropped
        self.assertEqual(accounts.accounts_open(), before)

    def test_cpp_objects_used_by_threads_while_another_closes_them(self):
        before = accounts.accounts_open()
        for _ in range(50):
            account = Account(self.Handle, 0)
            ready = threading.Barrier(4)
            errors = []

            def use():
                ready.wait()
                try:
                    while True:
                        account.deposit(1)
                except haft.HaftError as error:
                    errors.append(type(error))

            threads = [threading.Thread(target=use) for _ in range(3)]
            for thread in threads:
                thread.start()
            ready.wait()
            account.close()
            for thread in threads:
                thread.join()
            self.assertEqual(errors, [haft.StaleHandleError] * 3)
        self.assertEqual(accounts.accounts_open(), before)

    def test_python_objects_read_by_threads_while_another_deletes_them(self):
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(1e-6)  # between any two byte codes
        for round in range(100):
            gone = weakref.ref(thing := Thing())
            handle = self.Handle(thing)
            del thing
            ready = threading.Barrier(4)
            wrong = []

            def use():
                ready.wait()
                try:
                    while True:
                        if type(handle.value()) is not Thing:
                            wrong.append(handle)
                except haft.StaleHandleError:
                    pass

            threads = [threading.Thread(target=use) for _ in range(3)]
            for thread in threads:
                thread.start()
            ready.wait()
            if round % 2:
                handle.delete()  # with the GIL
            else:
                self.Handle.from_word(handle.word).delete()  # without
            for thread in threads:
                thread.join()
            self.assertEqual(wrong, [])
            self.assertIsNone(gone())

    def test_late_use_is_reported_once(self):
        program = f"""
import haft, {self.backend} as backend
handle = backend.Handle(object())
handle.delete()
for use in handle.value, handle.delete, backend.Handle.from_word(handle.word).delete:
    try:
        use()
    except haft.StaleHandleError:
        pass
"""
        environment = dict(os.environ, HAFT_DIAGNOSE="refusals=100")
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
        )
        self.assertEqual(done.stderr.count("the handle has been deleted"), 3, done.stderr)

    def test_live_handles_are_deleted_when_the_interpreter_ends(self):
        program = f"""
import sys, {self.backend} as backend
class Last:
    def __del__(self, write=sys.stdout.write):
        write("destroyed")
kept = backend.Handle(Last()).detach()
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        self.assertEqual((done.stdout, done.stderr), ("destroyed", ""))


class CtypesTest(Cases, unittest.TestCase):
    Handle = through_ctypes.Handle
    backend = "haft.through_ctypes"

    @staticmethod
    def pointer_of(address):
        return address


class CffiTest(Cases, unittest.TestCase):
    Handle = through_cffi.Handle
    backend = "haft.through_cffi"

    @staticmethod
    def pointer_of(address):
        return through_cffi._ffi.cast("void *", address)


class BothTest(unittest.TestCase):
    def test_backends_share_table_and_type(self):
        thing = Thing()
        with through_ctypes.Handle(thing) as handle:
            self.assertIs(through_cffi.Handle.from_word(handle.word).value(), thing)
            self.assertEqual(through_cffi.Handle.from_word(handle.word), handle)
            through_cffi.Handle.from_word(handle.word).delete()
            self.assertFalse(handle.is_live)

    def test_backends_have_the_same_api(self):
        self.assertEqual(dir(through_ctypes.Handle), dir(through_cffi.Handle))


if __name__ == "__main__":
    unittest.main()
