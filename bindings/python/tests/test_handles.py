"""The classes Handle, WeakHandle and Pin."""

import copy
import gc
import pickle
import sys
import unittest
import weakref

import haft
from support import Callback, Thing, accounts, emitter, run


class Named(haft.Handle):
    """A subclass with an attribute."""

    def __init__(self, obj, name):
        super().__init__(obj)
        self.name = name


class HandleTest(unittest.TestCase):
    def test_value_is_the_object(self):
        thing = Thing()
        with haft.Handle(thing) as handle:
            self.assertIs(handle.value(), thing)
            self.assertIs(haft.value(handle.word), thing)
            self.assertTrue(handle.is_live)
            self.assertTrue(handle.is_owner)
            self.assertIsNone(handle.check())
            for pointer in handle.word, handle.pointer, handle:
                found = haft.Handle.from_pointer(pointer)
                self.assertIs(found.value(), thing)
                self.assertFalse(found.is_owner)
        self.assertFalse(handle.is_live)
        self.assertFalse(handle.is_owner)
        for late in handle.value, handle.check, handle.pin, handle.delete, handle.take:
            with self.assertRaises(haft.StaleHandleError) as raised:
                late()
            self.assertEqual(raised.exception.handle, handle.word)

    def test_the_owner_deletes_the_handle(self):
        gone = weakref.ref(thing := Thing())
        handle = haft.Handle(thing)
        word = handle.word
        del thing
        self.assertIsNotNone(gone())
        del handle
        self.assertIsNone(gone())
        self.assertFalse(haft.is_live(word))

    def test_others_do_not_delete_it(self):
        handle = haft.Handle(Thing())
        haft.Handle.from_word(handle.word)
        haft.Handle.from_pointer(handle.pointer)
        with haft.Handle.from_word(handle.word):
            pass
        self.assertTrue(handle.is_live)

    def test_detached_handle_stays_until_deleted(self):
        gone = weakref.ref(thing := Thing())
        handle = haft.Handle(thing)
        del thing
        word = handle.detach()
        self.assertEqual(word, handle.word)
        self.assertFalse(handle.is_owner)
        with handle:
            pass
        del handle
        self.assertIsNotNone(gone())
        haft.Handle.from_word(word).delete()
        self.assertIsNone(gone())

    def test_a_handle_that_was_deleted_elsewhere_ends_in_silence(self):
        with haft.Handle(Thing()) as handle:
            haft.delete(handle.word)
        handle = haft.Handle(Thing())
        haft.delete(handle.word)
        del handle

    def test_a_block_that_raises_deletes_the_handle(self):
        with self.assertRaises(ZeroDivisionError), haft.Handle(Thing()) as handle:
            1 / 0  # noqa: B018
        self.assertFalse(handle.is_live)

    def test_adopt_owns_what_is_live(self):
        word = haft.new(Thing())
        owner = haft.Handle.adopt(word)
        self.assertTrue(owner.is_owner)
        del owner
        self.assertFalse(haft.is_live(word))
        for refused in word, 0, 2:
            with self.assertRaises(haft.HaftError):
                haft.Handle.adopt(refused)

    def test_take_gives_the_object_back(self):
        thing = Thing()
        handle = haft.Handle(thing)
        with handle.pin():
            with self.assertRaises(haft.PinnedError):
                handle.take()
            self.assertTrue(handle.is_owner)
        self.assertIs(handle.take(), thing)
        self.assertFalse(handle.is_live)
        self.assertFalse(handle.is_owner)

    def test_delete_unless_pinned(self):
        handle = haft.Handle(Thing())
        with handle.pin(), self.assertRaises(haft.PinnedError):
            handle.delete_unless_pinned()
        self.assertTrue(handle.is_live)
        self.assertTrue(handle.is_owner)
        handle.delete_unless_pinned()
        self.assertFalse(handle.is_live)

    def test_a_refused_wait_leaves_the_handle_as_it_is(self):
        handle = haft.Handle(Thing())
        with self.assertRaises(ValueError):
            handle.delete_and_wait(-1)
        self.assertTrue(handle.is_live)
        self.assertTrue(handle.is_owner)
        handle.delete_and_wait(seconds=1)
        self.assertFalse(handle.is_live)
        self.assertFalse(handle.is_owner)

    def test_equality_and_hash_are_those_of_the_word(self):
        one, two = haft.Handle(1), haft.Handle(1)
        same = haft.Handle.from_word(one.word)
        self.assertEqual(one, same)
        self.assertEqual(hash(one), hash(same))
        self.assertNotEqual(one, two)
        self.assertFalse(one != same)
        self.assertNotEqual(one, one.word)
        self.assertFalse(one == "text")
        self.assertEqual(len({one, two, same}), 2)
        with self.assertRaises(TypeError):
            one < two  # noqa: B015

    def test_numbers(self):
        handle = haft.Handle(1)
        self.assertEqual(int(handle), handle.word)
        self.assertEqual(hex(handle), f"{handle.word:#x}")

    def test_repr_says_what_is_known(self):
        handle = haft.Handle(Thing())
        self.assertRegex(repr(handle), f"^<haft.Handle {handle.word:#x}: live.*Python object")
        handle.delete()
        self.assertRegex(repr(handle), f"^<haft.Handle {handle.word:#x}: stale")
        self.assertRegex(repr(Named(1, "n")), "^<haft.Named 0x")

    def test_arguments(self):
        for arguments in (), (1, 2):
            with self.assertRaises(TypeError):
                haft.Handle(*arguments)
        with self.assertRaises(TypeError):
            haft.Handle(obj=1)
        live = haft.stats().live
        handle = haft.Handle(1)
        with self.assertRaises(TypeError):
            handle.__init__(2)
        self.assertEqual(handle.value(), 1)
        self.assertEqual(haft.stats().live, live + 1)
        empty = haft.Handle.__new__(haft.Handle)
        with self.assertRaises(haft.NullHandleError):
            empty.value()

    def test_word_cannot_be_changed(self):
        handle = haft.Handle(1)
        for name in "word", "pointer", "is_live", "is_owner":
            with self.assertRaises(AttributeError):
                setattr(handle, name, 1)

    def test_a_handle_is_a_parameter_of_ctypes(self):
        seen = []
        with haft.Handle(Thing()) as handle:
            emitter.emitter_on(callback := Callback(seen.append), handle)
            emitter.emitter_emit()
            emitter.emitter_on(callback, handle.pointer)
            emitter.emitter_emit()
            self.assertEqual(seen, [handle.word] * 2)

    def test_subclasses(self):
        handle = Named(Thing(), "first")
        self.assertEqual(handle.name, "first")
        word = handle.word
        self.assertIs(type(Named.from_word(word)), Named)
        handle.own = handle  # a cycle that the collector sees
        del handle
        gc.collect()
        self.assertFalse(haft.is_live(word))

    def test_generic_for_type_checkers(self):
        self.assertEqual(haft.Handle[int].__args__, (int,))
        self.assertEqual(haft.Pin[int].__origin__, haft.Pin)


class CopiesTest(unittest.TestCase):
    """Copies and pickles do not own. They did once, so the original went stale when a copy was collected."""

    def copies(self, handle):
        yield copy.copy(handle)
        yield copy.deepcopy(handle)
        yield copy.deepcopy([handle])[0]
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            yield pickle.loads(pickle.dumps(handle, protocol))

    def test_copies_do_not_own(self):
        gone = weakref.ref(thing := Thing())
        handle = haft.Handle(thing)
        before = sys.getrefcount(thing)
        count = 0
        for other in self.copies(handle):
            self.assertEqual(other, handle)
            self.assertIs(type(other), haft.Handle)
            self.assertFalse(other.is_owner)
            self.assertIs(other.value(), thing)
            with other:
                pass
            count += 1
            del other
            gc.collect()
            self.assertTrue(handle.is_live)
            self.assertTrue(handle.is_owner)
            self.assertIs(handle.value(), thing)
        self.assertEqual(count, 3 + pickle.HIGHEST_PROTOCOL + 1)
        self.assertEqual(sys.getrefcount(thing), before)
        del handle, thing
        self.assertIsNone(gone())

    def test_copies_of_weak_handles(self):
        thing = Thing()
        handle = haft.WeakHandle(thing)
        for other in self.copies(handle):
            self.assertIs(type(other), haft.WeakHandle)
            self.assertFalse(other.is_owner)
            self.assertIs(other.value(), thing)
        self.assertTrue(handle.is_live)

    def test_copies_of_a_subclass_have_its_attributes(self):
        handle = Named(Thing(), ["name"])
        for other in self.copies(handle):
            self.assertIs(type(other), Named)
            self.assertEqual(other.name, ["name"])
            self.assertFalse(other.is_owner)
        self.assertIs(copy.copy(handle).name, handle.name)
        self.assertIsNot(copy.deepcopy(handle).name, handle.name)

    def test_a_copy_of_a_deleted_handle_is_stale(self):
        handle = haft.Handle(Thing())
        handle.delete()
        for other in self.copies(handle):
            with self.assertRaises(haft.StaleHandleError):
                other.value()

    def test_another_process_refuses_a_pickle(self):
        handle = haft.Handle(Thing())
        done = run(
            f"""
            import haft, pickle
            haft.new(1)
            try:
                pickle.loads({pickle.dumps(handle)!r}).value()
            except (haft.NeverIssuedError, haft.StaleHandleError):
                print("refused")
            """
        )
        self.assertEqual(done.stdout, "refused\n")
        self.assertTrue(handle.is_live)

    def test_pins_cannot_be_copied(self):
        with haft.Handle(1) as handle, handle.pin() as pin:
            for copying in copy.copy, copy.deepcopy, pickle.dumps:
                with self.assertRaisesRegex(TypeError, "a Pin cannot be copied"):
                    copying(pin)


class WeakHandleTest(unittest.TestCase):
    def test_it_does_not_keep_its_object_alive(self):
        gone = weakref.ref(thing := Thing())
        handle = haft.WeakHandle(thing)
        self.assertIs(handle.value(), thing)
        self.assertIs(haft.value(handle.word), thing)
        self.assertIs(haft.Handle.from_word(handle.word).value(), thing)
        del thing
        self.assertIsNone(gone())
        self.assertFalse(handle.is_live)
        for late in handle.value, handle.pin, handle.take, handle.delete:
            with self.assertRaises(haft.StaleHandleError):
                late()

    def test_an_object_that_owns_its_handle_can_be_collected(self):
        class Listener:
            def __init__(self):
                self.handle = haft.WeakHandle(self)

        listener = Listener()
        word = listener.handle.word
        gone = weakref.ref(listener)
        self.assertIs(haft.value(word), listener)
        del listener
        self.assertIsNone(gone(), "without the collector")
        self.assertFalse(haft.is_live(word))

    def test_an_object_in_a_cycle_can_be_collected(self):
        thing = Thing()
        thing.itself = thing
        thing.handle = haft.WeakHandle(thing)
        word = thing.handle.word
        del thing
        self.assertTrue(haft.is_live(word))
        gc.collect()
        self.assertFalse(haft.is_live(word))

    def test_an_object_that_owns_its_strong_handle_cannot(self):
        thing = Thing()
        thing.handle = haft.Handle(thing)
        word = thing.handle.word
        del thing
        gc.collect()
        self.assertTrue(haft.is_live(word))
        haft.value(word).handle.delete()
        gc.collect()
        self.assertFalse(haft.is_live(word))

    def test_its_end_leaves_the_object_alone(self):
        thing = Thing()
        before = sys.getrefcount(thing)
        with haft.WeakHandle(thing) as handle:
            self.assertEqual(sys.getrefcount(thing), before)
        self.assertFalse(handle.is_live)
        self.assertEqual(weakref.getweakrefcount(thing), 0)
        word = haft.WeakHandle(thing).detach()
        self.assertIs(haft.take(word), thing)
        self.assertEqual(weakref.getweakrefcount(thing), 0)
        self.assertEqual(sys.getrefcount(thing), before)

    def test_word_without_an_owner(self):
        thing = Thing()
        word = haft.new_weak(thing)
        self.assertIs(haft.value(word), thing)
        del thing
        with self.assertRaises(haft.StaleHandleError):
            haft.value(word)

    def test_the_time_between_the_end_of_the_object_and_that_of_its_handle(self):
        # The callbacks of references to an object are called newest first, so this one comes before Haft's.
        seen = []
        thing = Thing()
        word = haft.new_weak(thing)

        def look(_):
            for function in haft.value, haft.Pin:
                try:
                    function(word)
                except haft.StaleHandleError as error:
                    seen.append((error.handle, str(error)))

        retired = haft.stats().retired_objects
        newest = weakref.ref(thing, look)
        del thing
        self.assertEqual(haft.stats().retired_objects, retired, "no pin is left")
        self.assertEqual(seen, [(word, f"{word:#x}: its object has been collected")] * 2)
        self.assertFalse(haft.is_live(word))
        del newest

    def test_a_pin_keeps_the_object_alive(self):
        gone = weakref.ref(thing := Thing())
        handle = haft.WeakHandle(thing)
        with handle.pin() as pin:
            del thing
            self.assertIs(pin.value(), gone())
        self.assertIsNone(gone())
        self.assertFalse(handle.is_live)

    def test_a_pin_in_a_cycle_can_be_collected(self):
        thing = Thing()
        word = haft.new_weak(thing)
        thing.pin = haft.Pin(word)
        gone = weakref.ref(thing)
        del thing
        gc.collect()
        if haft.implementation == "extension":
            self.assertIsNone(gone())

    def test_objects_without_weak_references(self):
        live = haft.stats().live
        for thing in 1, "text", (), None:
            for make in haft.WeakHandle, haft.new_weak:
                with self.assertRaises(TypeError):
                    make(thing)
        self.assertEqual(haft.stats().live, live)


class PinTest(unittest.TestCase):
    def test_it_keeps_the_object_of_a_deleted_handle(self):
        gone = weakref.ref(thing := Thing())
        handle = haft.Handle(thing)
        del thing
        with haft.Pin(handle) as pin:
            self.assertIs(pin.value(), gone())
            self.assertEqual(pin.word, handle.word)
            handle.delete()
            self.assertIsNotNone(gone())
            self.assertIs(pin.value(), gone())
            self.assertTrue(pin.is_held)
        self.assertIsNone(gone())
        self.assertFalse(pin.is_held)

    def test_an_ended_pin_is_refused(self):
        handle = haft.Handle(Thing())
        pin = handle.pin()
        pin.unpin()
        for late in pin.value, pin.unpin, pin.__enter__, lambda: pin.address:
            with self.assertRaisesRegex(haft.InvalidArgumentError, f"^{handle.word:#x}: the pin has ended") as raised:
                late()
            self.assertEqual(raised.exception.handle, handle.word)
        with handle.pin() as pin:
            pin.unpin()
        self.assertEqual(haft.stats().refused_unpins, 0)
        self.assertRegex(repr(pin), f"^<haft.Pin ended, of {handle.word:#x}")
        with handle.pin() as pin:
            self.assertRegex(repr(pin), f"^<haft.Pin of {handle.word:#x}: live")

    def test_a_forgotten_pin_ends_with_its_object(self):
        handle = haft.Handle(Thing())
        handle.pin()
        self.assertIsNotNone(handle.take())

    def test_pins_nest(self):
        gone = weakref.ref(thing := Thing())
        handle = haft.Handle(thing)
        del thing
        pins = [handle.pin() for _ in range(40)]
        handle.delete()
        while pins:
            self.assertIsNotNone(gone())
            pins.pop().unpin()
        self.assertIsNone(gone())

    def test_objects_of_cpp(self):
        before = accounts.accounts_open()
        handle = haft.Handle.adopt(accounts.account_open(3))
        with haft.Pin(handle) as pin:
            handle.delete()
            self.assertEqual(accounts.accounts_open(), before + 1)
            self.assertNotEqual(pin.address, 0)
            with self.assertRaises(haft.WrongTypeError):
                pin.value()
        self.assertEqual(accounts.accounts_open(), before)

    def test_the_type_that_it_must_have(self):
        handle = haft.Handle.adopt(accounts.account_open(3))
        descriptor = haft.to_pointer(accounts.account_type())
        with haft.Pin(handle, type=descriptor) as pin:
            self.assertNotEqual(pin.address, 0)
        with haft.Pin(handle, type=accounts.account_type()):
            pass
        with haft.Handle(1) as other, self.assertRaises(haft.WrongTypeError):
            haft.Pin(other, type=descriptor)
        for wrong in "text", 1.5, True:
            with self.assertRaises(TypeError):
                haft.Pin(handle, type=wrong)
        with self.assertRaises(TypeError):
            haft.Pin(handle, descriptor)
        handle.delete_unless_pinned()

    def test_a_pin_is_final(self):
        with self.assertRaisesRegex(TypeError, "type 'haft.Pin' is not an acceptable base type"):
            type("Sub", (haft.Pin,), {})


if __name__ == "__main__":
    unittest.main()
