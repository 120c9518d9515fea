"""Errors with everything that diagnostics know: the lines are those of the Python program."""

import os
import shutil
import tempfile
import unittest

from support import run

PROGRAM = """import haft, sys
word = haft.new([])
haft.value(word)
haft.delete(word)
try:
    haft.value(word)
except haft.StaleHandleError as error:
    print(error)
"""


class DiagnosticsTest(unittest.TestCase):
    def test_errors_say_who_made_and_who_deleted(self):
        known = r"created at <string>:2 by thread \d+, deleted at <string>:4 by thread \d+"
        self.assertRegex(run(PROGRAM, HAFT_DIAGNOSE="sites").stdout, known)
        self.assertRegex(run(PROGRAM.replace("sys\n", "sys; haft.diagnose()\n")).stdout, known)
        self.assertNotRegex(run(PROGRAM).stdout, "created")

    def test_handles_and_weak_handles(self):
        done = run(
            """import haft
class Thing: pass
thing = Thing()
one = haft.Handle(thing)
two = haft.WeakHandle(thing)
three = haft.new_weak(thing)
def function():
    return haft.Handle(thing)
four = function()
for word in one.word, two.word, three, four.word: print(haft.describe(word))
del one, two, thing
haft.delete(three)
""",
            HAFT_DIAGNOSE="sites",
        )
        for line, text in zip((4, 5, 6, 8), done.stdout.splitlines()):
            self.assertIn(f"created at <string>:{line} ", text)

    def test_late_use_is_reported_once(self):
        done = run(
            """
            import haft
            handle = haft.Handle(object())
            other = haft.Handle.from_word(handle.word)
            class Thing: pass
            thing = Thing()
            weak = haft.WeakHandle(thing)
            weak.value(), weak.pin(), haft.value(weak.word), weak.delete()
            handle.pin()
            handle.delete()
            for use in handle.value, handle.delete, other.delete, handle.pin, handle.take:
                try:
                    use()
                except haft.StaleHandleError:
                    pass
            """,
            HAFT_DIAGNOSE="refusals=100",
        )
        self.assertEqual(done.stderr.count("the handle has been deleted"), 5, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 5, done.stderr)

    def test_ends_of_owners_are_no_late_uses(self):
        done = run(
            """
            import haft, gc
            class Thing: pass
            thing = Thing()
            for end in "take", "delete", "delete_unless_pinned":
                handle = haft.Handle(thing)
                getattr(handle, end)()
                assert not handle.is_owner
                del handle
            handle = haft.Handle(thing)
            handle.delete_and_wait(1)
            del handle
            with haft.Handle(thing) as handle:
                haft.delete(handle)
            handle = haft.Handle(thing)
            haft.delete(handle)
            del handle
            thing.handle = haft.WeakHandle(thing)
            del thing
            thing = Thing()
            word = haft.new_weak(thing)
            pin = haft.Pin(word)
            haft.delete(word)
            del thing
            pin.unpin()
            assert haft.stats().live == haft.stats().retired_objects == 0
            print("done")
            """,
            HAFT_DIAGNOSE="refusals=100",
        )
        self.assertEqual((done.stdout, done.stderr), ("done\n", ""))

    def test_an_exception_passes_the_end_of_a_handle(self):
        program = """import haft
class Thing: pass
def function(make):
    return [make(thing), 1 / 0]  # ends on the interpreter's stack, while the exception is on its way
thing = Thing()
for make in haft.Handle, haft.WeakHandle, lambda thing: haft.Handle(thing).pin():
    try:
        function(make)
    except ZeroDivisionError:
        print("passed")
print(haft.stats().live)
"""
        for words in "", "sites", "refusals=10":
            done = run(program, HAFT_DIAGNOSE=words)
            self.assertEqual((done.stdout, done.stderr), ("passed\n" * 3 + "0\n", ""))

    @unittest.skipUnless(os.environ.get("OTHER_VERSION"), "needs another copy of the library")
    def test_a_long_description(self):
        with tempfile.TemporaryDirectory() as folder:
            deep = os.path.join(folder, *["x" * 200] * 6)
            os.makedirs(deep)
            path = shutil.copy(os.environ["OTHER_VERSION"], deep)
            done = run(
                """
                import haft, sys, ctypes
                other = ctypes.CDLL(sys.argv[1])
                text = haft.describe(2)
                assert sys.argv[1] in text, text
                try:
                    haft.value(2)
                except haft.MalformedHandleError as error:
                    assert error.description == text
                print(len(text) > 1200)
                """,
                more=[path],
            )
        self.assertEqual(done.stdout, "True\n")

    def test_leaks_are_reported_by_type_and_place(self):
        program = """import haft, os
words = [haft.new(1) for _ in range(3)]
print(haft.report())
"""
        done = run(program, HAFT_DIAGNOSE="leaks")
        self.assertIn("3 live of type Python object, created at <string>:2", done.stdout)
        self.assertIn("live handles at exit: 0", done.stderr, "Python's were deleted")
        done = run(program + "os._exit(0)", HAFT_DIAGNOSE="leaks")
        self.assertEqual(done.stderr, "")

    def test_it_can_be_too_late(self):
        done = run(
            """
            import haft
            haft.diagnose(sites=False, leaks=False)
            try:
                haft.diagnose()
            except haft.InvalidArgumentError as error:
                print(error.status.name)
            """
        )
        self.assertEqual(done.stdout, "INVALID\n")
        done = run("import haft; haft.new(1)\ntry: haft.diagnose(leaks=True)\nexcept haft.InvalidArgumentError: print('late')")
        self.assertEqual(done.stdout, "late\n")

    def test_turning_it_on_after_the_import(self):
        # The import makes no table, because there is no other time to turn diagnostics on.
        done = run(
            "import haft; haft.diagnose(leaks=True); w = haft.new(1)\ntry: haft.value(w + 2)\nexcept Exception as e: print(e)"
        )
        self.assertIn("never issued", done.stdout)

    def test_a_program_without_a_frame(self):
        # Handles made by C's own calls into Python have a place all the same.
        done = run(
            """
            import haft
            words = list(map(haft.new, range(2)))
            print(haft.describe(words[0]))
            """,
            HAFT_DIAGNOSE="sites",
        )
        self.assertIn("created at <string>:3", done.stdout)


if __name__ == "__main__":
    unittest.main()
