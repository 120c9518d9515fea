"""The functions on integers."""

import ctypes
import gc
import pickle
import sys
import unittest
import weakref

import haft
from support import Callback, Thing, accounts, emitter


class FunctionsTest(unittest.TestCase):
    def test_value_is_the_object_until_it_is_deleted(self):
        thing = Thing()
        word = haft.new(thing)
        self.assertIs(type(word), int)
        self.assertEqual(word % 2, 1)
        self.assertLess(word, 2**63)
        self.assertIs(haft.value(word), thing)
        self.assertTrue(haft.is_live(word))
        self.assertIsNone(haft.check(word))
        self.assertIsNone(haft.delete(word))
        self.assertFalse(haft.is_live(word))
        for late in haft.value, haft.delete, haft.take, haft.check, haft.delete_unless_pinned, haft.Pin:
            with self.subTest(late), self.assertRaises(haft.StaleHandleError) as raised:
                late(word)
            self.assertEqual(raised.exception.handle, word)

    def test_any_object_can_be_given(self):
        for thing in None, True, 0, "text", (), [], {}, Thing, weakref.ref(Thing), haft, haft.new:
            word = haft.new(thing)
            self.assertIs(haft.value(word), thing)
            self.assertIs(haft.take(word), thing)

    def test_one_object_can_have_many_handles(self):
        thing = Thing()
        words = [haft.new(thing) for _ in range(3)]
        self.assertEqual(len(set(words)), 3)
        haft.delete(words[0])
        self.assertIs(haft.value(words[1]), thing)
        haft.delete(words[1])
        haft.delete(words[2])

    def test_references_are_counted(self):
        thing = Thing()
        before = sys.getrefcount(thing)
        word = haft.new(thing)
        self.assertEqual(sys.getrefcount(thing), before + 1)
        for _ in range(1000):
            haft.value(word)
            haft.Pin(word).value()
        self.assertEqual(sys.getrefcount(thing), before + 1)
        haft.delete(word)
        self.assertEqual(sys.getrefcount(thing), before)
        for _ in range(10):
            with self.assertRaises(haft.StaleHandleError):
                haft.delete(word)
            with self.assertRaises(haft.StaleHandleError):
                haft.take(word)
        self.assertEqual(sys.getrefcount(thing), before)
        for _ in range(10):
            self.assertIs(haft.take(haft.new(thing)), thing)
        self.assertEqual(sys.getrefcount(thing), before)

    def test_the_table_keeps_the_object_alive(self):
        gone = weakref.ref(thing := Thing())
        word = haft.new(thing)
        del thing
        gc.collect()
        self.assertIs(haft.value(word), gone())
        haft.delete(word)
        self.assertIsNone(gone())

    def test_objects_that_delete_handles_as_they_go(self):
        inner = haft.new(Thing())

        class Owner:
            def __del__(self):
                haft.delete(inner)

        haft.delete(haft.new(Owner()))
        self.assertFalse(haft.is_live(inner))

    def test_a_long_chain_of_owners_is_deleted(self):
        gone = []

        class Link:
            def __init__(self, following):
                self.following = following

            def __del__(self):
                gone.append(self)
                if self.following:
                    haft.delete(self.following)

        word = 0
        for _ in range(100):
            word = haft.new(Link(word))
        haft.delete(word)
        self.assertEqual(len(gone), 100)

    def test_a_very_long_chain_of_owners_is_deleted(self):
        for make in haft.Handle, haft.new_weak:
            following = None
            for _ in range(50000):
                thing = Thing()
                thing.following = following
                following = (thing, make(thing)) if make is haft.new_weak else make(thing)
            live = haft.stats().live
            del thing, following
            self.assertEqual(haft.stats().live, live - 50000)

    def test_an_exception_that_is_being_handled_survives_a_delete(self):
        class Noisy:
            def __del__(self):
                try:
                    raise KeyError
                except KeyError:
                    pass

        with self.assertRaises(ZeroDivisionError):
            handle = haft.Handle(Noisy())
            try:
                1 / 0  # noqa: B018
            finally:
                del handle

    def test_take_and_delete_unless_pinned_refuse_a_pinned_object(self):
        thing = Thing()
        word = haft.new(thing)
        with haft.Pin(word):
            for refused in haft.take, haft.delete_unless_pinned:
                with self.assertRaises(haft.PinnedError) as raised:
                    refused(word)
                self.assertEqual((raised.exception.status, raised.exception.handle), (haft.Status.PINNED, word))
            self.assertTrue(haft.is_live(word))
        haft.delete_unless_pinned(word)
        self.assertFalse(haft.is_live(word))

    def test_pointers_and_words(self):
        word = haft.new(Thing())
        pointer = haft.to_pointer(word)
        self.assertIsInstance(pointer, ctypes.c_void_p)
        self.assertEqual(pointer.value, word)
        for given in word, pointer, ctypes.c_void_p(word):
            self.assertEqual(haft.from_pointer(given), word)
        self.assertEqual(haft.from_pointer(None), 0)
        self.assertEqual(haft.from_pointer(ctypes.c_void_p()), 0)
        for wrong in "text", 1.0, object(), ctypes.c_int(3), True:
            with self.subTest(wrong), self.assertRaises(TypeError):
                haft.from_pointer(wrong)
        seen = []
        emitter.emitter_on(callback := Callback(seen.append), pointer)
        emitter.emitter_emit()
        self.assertEqual(seen, [word])
        del callback
        haft.delete(word)

    def test_pointers_of_cffi(self):
        try:
            import cffi
        except ImportError:
            self.skipTest("cffi is not installed")
        ffi = cffi.FFI()
        word = haft.new(Thing())
        self.assertEqual(haft.from_pointer(ffi.cast("void *", word)), word)
        self.assertEqual(haft.from_pointer(ffi.NULL), 0)
        self.assertEqual(haft.from_pointer(ffi.cast("void *", 2**64 - 1)), 2**64 - 1)
        self.assertEqual(int(ffi.cast("uintptr_t", ffi.cast("void *", word))), word)
        haft.delete(word)

    def test_statistics(self):
        before = haft.stats()
        words = [haft.new(Thing()) for _ in range(5)]
        after = haft.stats()
        self.assertEqual((after.live, after.created), (before.live + 5, before.created + 5))
        for word in words:
            haft.delete(word)
        self.assertEqual(haft.stats().live, before.live)
        self.assertEqual(haft.stats().deleted, before.deleted + 5)
        self.assertEqual(pickle.loads(pickle.dumps(after)), after)
        self.assertGreater(after.capacity, 1000)

    def test_report_names_the_live_handles(self):
        word = haft.new(Thing())
        self.assertFalse([line for line in haft.report() if f"{word:#x}" in line])
        self.assertTrue([line for line in haft.report() if "Python object" in line])
        self.assertTrue([line for line in haft.report(most=10**6) if f"{word:#x}" in line])
        haft.delete(word)
        with self.assertRaises(ValueError):
            haft.report(-1)

    def test_prepare_and_trim(self):
        haft.prepare(100)
        haft.prepare(0)
        with self.assertRaises(haft.TableFullError) as raised:
            haft.prepare(2**40)
        self.assertIsNone(raised.exception.handle)
        for wrong in -1, 2**64:
            with self.assertRaises(OverflowError):
                haft.prepare(wrong)
        words = [haft.new(None) for _ in range(10000)]
        for word in words:
            haft.delete(word)
        self.assertGreater(haft.trim(), 0)

    def test_delete_ends_an_object_of_any_language(self):
        before = accounts.accounts_open()
        word = accounts.account_open(1)
        self.assertEqual(accounts.accounts_open(), before + 1)
        haft.delete(word)
        self.assertEqual(accounts.accounts_open(), before)
        word = accounts.account_open(1)
        for refused in haft.value, haft.take:
            with self.assertRaises(haft.WrongTypeError):
                refused(word)
        self.assertTrue(haft.is_live(word))
        haft.delete_unless_pinned(word)
        self.assertEqual(accounts.accounts_open(), before)

    def test_delete_and_wait(self):
        word = haft.new(Thing())
        haft.delete_and_wait(word, 0)
        self.assertFalse(haft.is_live(word))
        word = haft.new(Thing())
        with haft.Pin(word):
            with self.assertRaises(haft.TimedOutError) as raised:
                haft.delete_and_wait(word, seconds=0)
            self.assertEqual(raised.exception.handle, word)
            self.assertFalse(haft.is_live(word))
        for wrong in -1, -0.5, float("nan"):
            word = haft.new(Thing())
            with self.subTest(wrong), self.assertRaises(ValueError):
                haft.delete_and_wait(word, wrong)
            self.assertTrue(haft.is_live(word), "nothing has changed")
            haft.delete_and_wait(word, float("inf"))
        with self.assertRaises(TypeError):
            haft.delete_and_wait(haft.new(1), "soon")

    def test_library_version(self):
        self.assertEqual(haft.library_version(), (0, 1, 0))


class WordsTest(unittest.TestCase):
    """A function that takes a handle rejects what is not a word, and changes nothing."""

    functions = (
        haft.value,
        haft.delete,
        haft.take,
        haft.check,
        haft.is_live,
        haft.describe,
        haft.delete_unless_pinned,
        haft.Pin,
        haft.Handle.from_word,
        haft.Handle.adopt,
        haft.to_pointer,
        haft.from_pointer,
        lambda word: haft.delete_and_wait(word, 0),
        lambda word: haft.raise_for(4, word),
    )
    none_means_something = (haft.from_pointer, functions[-1])

    def test_numbers_outside_of_a_word(self):
        word = haft.new(Thing())
        for wrong in -1, -word, 2**64, word + 2**64, word - 2**64, 10**1000:
            for function in self.functions:
                with self.subTest(function=function, wrong=wrong), self.assertRaises(haft.MalformedHandleError) as raised:
                    function(wrong)
                self.assertEqual(raised.exception.handle, wrong)
                self.assertIn("is not a word", str(raised.exception))
        self.assertTrue(haft.is_live(word))
        haft.delete(word)

    def test_the_limits_are_words(self):
        for word in 0, 1, 2, 2**63, 2**64 - 1:
            self.assertEqual(haft.Handle.from_word(word).word, word)
            self.assertEqual(haft.from_pointer(word), word)

    def test_other_types(self):
        word = haft.new(Thing())
        for wrong in True, False, None, float(1), float(word), str(word), b"1", [word], object(), complex(1):
            for function in self.functions:
                if wrong is None and function in self.none_means_something:
                    continue
                with self.subTest(function=function, wrong=wrong), self.assertRaises(TypeError) as raised:
                    function(wrong)
                self.assertNotIsInstance(raised.exception, haft.HaftError)
        self.assertTrue(haft.is_live(word))
        haft.delete(word)

    def test_whatever_has_an_index(self):
        class Number:
            def __init__(self, number):
                self.number = number

            def __index__(self):
                return self.number

        class Int(int):
            pass

        thing = Thing()
        word = haft.new(thing)
        for good in Number(word), Int(word), haft.Handle.from_word(word):
            self.assertIs(haft.value(good), thing)
        with self.assertRaises(haft.MalformedHandleError):
            haft.value(Number(-1))

        class Bad:
            def __index__(self):
                raise ZeroDivisionError

        with self.assertRaises(ZeroDivisionError):
            haft.value(Bad())
        haft.delete(word)


class ErrorsTest(unittest.TestCase):
    def test_every_refusal_has_its_error(self):
        word = haft.new(Thing())
        haft.delete(word)
        account = haft.Handle.adopt(accounts.account_open(0))
        for refused, error in (
            (word, haft.StaleHandleError),
            (0, haft.NullHandleError),
            (2, haft.MalformedHandleError),
            (word + 2, haft.NeverIssuedError),
            (account.word, haft.WrongTypeError),
        ):
            with self.assertRaises(error) as raised:
                haft.value(refused)
            self.assertIs(type(raised.exception), error)
            self.assertEqual(raised.exception.handle, refused)
            self.assertEqual(raised.exception.status, error.status)
            self.assertEqual(raised.exception.description, haft.describe(refused))
            self.assertEqual(str(raised.exception), raised.exception.description)

    def test_every_status_has_its_error(self):
        errors = set()
        for status in haft.Status:
            if status is haft.Status.OK:
                self.assertIsNone(haft.raise_for(status))
                self.assertIsNone(haft.raise_for(0, 5))
                continue
            for handle in None, 7:
                with self.assertRaises(haft.HaftError) as raised:
                    haft.raise_for(status, handle)
                self.assertIs(type(raised.exception).status, status)
                self.assertEqual(raised.exception.handle, handle)
                self.assertTrue(str(raised.exception))
            errors.add(type(raised.exception))
        self.assertEqual(errors, set(haft.HaftError.__subclasses__()))
        self.assertEqual(len(errors), 11)

    def test_a_status_that_is_not_known(self):
        for status in -1, 12, 1000:
            with self.assertRaises(haft.HaftError) as raised:
                haft.raise_for(status)
            self.assertIs(type(raised.exception), haft.HaftError)
            self.assertIn(str(status), str(raised.exception))
        with self.assertRaises(TypeError):
            haft.raise_for("4")

    def test_errors_are_what_python_calls_them(self):
        for error, base in (
            (haft.NullHandleError, ValueError),
            (haft.MalformedHandleError, ValueError),
            (haft.NeverIssuedError, LookupError),
            (haft.StaleHandleError, ReferenceError),
            (haft.WrongTypeError, TypeError),
            (haft.TableFullError, MemoryError),
            (haft.NoMemoryError, MemoryError),
            (haft.TimedOutError, TimeoutError),
            (haft.InvalidArgumentError, ValueError),
        ):
            self.assertTrue(issubclass(error, base))
            self.assertTrue(issubclass(error, haft.HaftError))
            self.assertEqual(error.__module__, "haft")

    def test_errors_can_be_pickled(self):
        for error in haft.HaftError.__subclasses__():
            made = error("the description", 5)
            again = pickle.loads(pickle.dumps(made))
            self.assertIs(type(again), error)
            self.assertEqual((again.description, again.handle, str(again)), ("the description", 5, "the description"))
            self.assertEqual(again.args, made.args)

    def test_a_full_table(self):
        # In a process of its own, because it needs a small table.
        from support import run

        done = run(
            """
            import haft, sys
            words = []
            class Thing: pass
            thing = Thing()
            before = sys.getrefcount(thing)
            for make in haft.new, haft.Handle, haft.new_weak, haft.WeakHandle:
                try:
                    while True:
                        words.append(make(thing))
                except haft.TableFullError as error:
                    assert error.handle is None and error.status == haft.Status.FULL
            assert haft.stats().live == len(words), (haft.stats(), len(words))
            while words:
                word = words.pop()
                if isinstance(word, int):
                    haft.delete(word)
            del word
            assert haft.stats().live == 0
            assert sys.getrefcount(thing) == before
            print("full")
            """,
            HAFT_CAPACITY="100",
        )
        self.assertEqual((done.stdout, done.stderr), ("full\n", ""))


class LeakTest(unittest.TestCase):
    def test_no_operation_leaks(self):
        thing = Thing()

        def refused(function, *arguments):
            try:
                function(*arguments)
            except (haft.HaftError, TypeError, OverflowError, ValueError):
                return
            raise AssertionError(function)

        def cycle():
            word = haft.new(thing)
            haft.value(word), haft.describe(word), haft.is_live(word), haft.check(word)
            haft.to_pointer(word), haft.from_pointer(haft.to_pointer(word)), haft.stats(), haft.report(3)
            with haft.Pin(word) as pin:
                pin.value(), pin.address, repr(pin)
                refused(haft.take, word)
            refused(haft.Pin, word, haft.from_pointer)
            haft.delete(word)
            for late in haft.value, haft.delete, haft.Pin, haft.check, haft.take, haft.Handle.adopt:
                refused(late, word)
                refused(late, -1)
                refused(late, 1.5)
            refused(pin.value)
            refused(haft.raise_for, 5)
            refused(haft.raise_for, 5, word)
            refused(haft.Handle)
            refused(haft.Handle, 1, 2)
            haft.take(haft.new(thing))
            handle = haft.Handle(thing)
            handle.pointer, handle.word, repr(handle), hash(handle), handle == handle  # noqa: PLR0124
            refused(handle.__init__, thing)
            haft.Handle.from_word(handle.word), haft.Handle[int], handle.__reduce__()
            with haft.WeakHandle(thing) as weak:
                weak.value(), weak.pin()
            refused(haft.WeakHandle, 5)
            handle.delete_and_wait(1)

        for _ in range(20):
            cycle()
        gc.collect()
        live, references = haft.stats().live, sys.getrefcount(thing)
        growth = []
        for _ in range(4):  # the interpreter's own caches grow now and then
            blocks = sys.getallocatedblocks()
            for _ in range(150):
                cycle()
            gc.collect()
            growth.append(sys.getallocatedblocks() - blocks)
        self.assertEqual(haft.stats().live, live)
        self.assertEqual(sys.getrefcount(thing), references)
        self.assertLess(min(growth), 100)


if __name__ == "__main__":
    unittest.main()
