"""Handles in many threads, of Python and of C."""

import ctypes
import sys
import threading
import unittest
import weakref

import haft
from support import Callback, Thing, accounts, emitter


def run_threads(count, function):
    threads = [threading.Thread(target=function) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


class ThreadsTest(unittest.TestCase):
    def setUp(self):
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(1e-6)  # between any two byte codes

    def test_readers_while_another_thread_deletes(self):
        for round_number in range(100):
            gone = weakref.ref(thing := Thing())
            word = haft.new(thing)
            del thing
            ready = threading.Barrier(4)
            wrong, ended = [], []

            def use():
                ready.wait()
                try:
                    while True:
                        if type(haft.value(word)) is not Thing:
                            wrong.append(word)
                except haft.StaleHandleError:
                    ended.append(1)

            threads = run_threads(3, use)
            ready.wait()
            if round_number % 2:
                haft.delete(word)
            else:  # a thread of C, without the GIL
                words = (ctypes.c_size_t * 1)(word)
                emitter.emitter_delete_later(words, 1)
                emitter.emitter_join()
            for thread in threads:
                thread.join()
            self.assertEqual((wrong, len(ended)), ([], 3))
            self.assertIsNone(gone())

    def test_one_of_many_deletes_succeeds(self):
        for end in haft.delete, haft.take, haft.delete_unless_pinned, lambda word: haft.delete_and_wait(word, 9):
            for _ in range(20):
                gone = weakref.ref(thing := Thing())
                word = haft.new(thing)
                del thing
                ready = threading.Barrier(4)
                results = []

                def use():
                    ready.wait()
                    try:
                        end(word)
                        results.append("deleted")
                    except haft.StaleHandleError:
                        results.append("stale")

                for thread in run_threads(4, use):
                    thread.join()
                self.assertEqual(sorted(results), ["deleted", "stale", "stale", "stale"])
                self.assertIsNone(gone())

    def test_one_handle_object_in_many_threads(self):
        for _ in range(50):
            gone = weakref.ref(thing := Thing())
            handle = haft.Handle(thing)
            del thing
            ready = threading.Barrier(4)

            def use():
                ready.wait()
                with handle:
                    pass

            for thread in run_threads(4, use):
                thread.join()
            self.assertIsNone(gone())

    def test_pins_of_many_threads(self):
        for _ in range(30):
            gone = weakref.ref(thing := Thing())
            handle = haft.Handle(thing)
            del thing
            ready = threading.Barrier(4)
            pins, wrong = [], []

            def use():
                ready.wait()
                for _ in range(20):
                    try:
                        pin = handle.pin()
                    except haft.StaleHandleError:
                        return
                    if type(pin.value()) is not Thing:
                        wrong.append(pin)
                    pins.append(pin)

            threads = run_threads(3, use)
            ready.wait()
            handle.delete()
            for thread in threads:
                thread.join()
            self.assertEqual(gone() is None, not pins)
            for pin in pins:  # by another thread than that which has taken it
                pin.unpin()
            del pins[:]
            self.assertIsNone(gone())
            self.assertEqual(wrong, [])

    def test_weak_handles_while_their_objects_are_collected(self):
        for _ in range(50):
            things = [Thing()]
            word = haft.new_weak(things[0])
            ready = threading.Barrier(4)
            wrong = []

            def use():
                ready.wait()
                try:
                    while True:
                        if type(haft.value(word)) is not Thing:
                            wrong.append(word)
                except haft.StaleHandleError:
                    pass

            threads = run_threads(3, use)
            ready.wait()
            things.clear()
            for thread in threads:
                thread.join()
            self.assertEqual(wrong, [])
            self.assertFalse(haft.is_live(word))

    def test_last_unpin_by_a_thread_of_c_destroys_with_the_gil(self):
        destroyed_by = []

        class Noting:
            def __del__(self):
                destroyed_by.append(threading.get_ident())

        handle = haft.Handle(Noting())
        emitter.emitter_on(Callback(), handle)
        emitter.emitter_hold()
        handle.delete()
        self.assertEqual(destroyed_by, [])
        emitter.emitter_let_go()
        self.assertEqual(len(destroyed_by), 1)
        self.assertNotEqual(destroyed_by[0], threading.get_ident())

    def test_deletion_by_a_thread_of_c(self):
        things = [Thing() for _ in range(1000)]
        gone = [weakref.ref(thing) for thing in things]
        words = (ctypes.c_size_t * 1000)(*map(haft.new, things))
        things.clear()
        emitter.emitter_delete_later(words, 1000)
        for word in reversed(words):  # until the two meet
            try:
                self.assertIs(type(haft.value(word)), Thing)
                haft.delete(word)
            except haft.StaleHandleError:
                break
        emitter.emitter_join()
        self.assertEqual([reference() for reference in gone], [None] * 1000)

    def test_delete_and_wait_lets_others_run(self):
        handle = haft.Handle(Thing())
        emitter.emitter_on(Callback(), handle)
        emitter.emitter_hold()
        with self.assertRaises(haft.TimedOutError):
            handle.delete_and_wait(0)
        emitter.emitter_let_go()
        gone = weakref.ref(thing := Thing())
        handle = haft.Handle(thing)
        del thing
        emitter.emitter_on(Callback(), handle)
        emitter.emitter_hold()
        # The thread needs the GIL to destroy the object that this waits for.
        emitter.emitter_let_go_later()
        handle.delete_and_wait(600)
        self.assertIsNone(gone())
        emitter.emitter_let_go()

    def test_cpp_objects_used_by_threads_while_another_closes_them(self):
        before = accounts.accounts_open()
        for _ in range(50):
            word = accounts.account_open(0)
            ready = threading.Barrier(4)
            statuses = []

            def use():
                ready.wait()
                while True:
                    status = accounts.account_deposit(word, 1)
                    if status != haft.Status.OK:
                        statuses.append(status)
                        return

            threads = run_threads(3, use)
            ready.wait()
            accounts.account_close(word)
            for thread in threads:
                thread.join()
            self.assertEqual(statuses, [haft.Status.STALE] * 3)
        self.assertEqual(accounts.accounts_open(), before)


class UserDataTest(unittest.TestCase):
    def test_dropped_handle_is_stale_for_c(self):
        raised = []

        def callback(user_data):
            try:
                haft.Handle.from_pointer(user_data).value()
            except haft.HaftError as error:
                raised.append(type(error))

        kept = Callback(callback)
        handle = haft.Handle(Thing())
        emitter.emitter_on(kept, handle)
        emitter.emitter_emit()
        self.assertEqual(raised, [])
        del handle
        emitter.emitter_emit()
        self.assertEqual(raised, [haft.StaleHandleError])

    def test_callback_in_a_thread_of_c(self):
        seen = []
        kept = Callback(lambda user_data: seen.append(haft.value(user_data)))
        thing = Thing()
        with haft.Handle(thing) as handle:
            emitter.emitter_on(kept, handle)
            emitter.emitter_emit_later()
            emitter.emitter_join()
        self.assertEqual(seen, [thing])

    def test_callback_that_deletes_itself(self):
        gone = weakref.ref(thing := Thing())
        word = haft.new(thing)
        del thing
        seen = []

        def callback(user_data):
            thing = haft.value(user_data)
            haft.delete(user_data)
            seen.append(gone() is thing)

        kept = Callback(callback)
        emitter.emitter_on(kept, haft.to_pointer(word))
        emitter.emitter_emit()
        self.assertEqual(seen, [True])
        self.assertIsNone(gone())


if __name__ == "__main__":
    unittest.main()
