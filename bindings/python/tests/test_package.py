"""What is in the package, and how it chooses its implementation."""

import importlib
import inspect
import os
import unittest

import haft
from support import run


def other():
    """Returns the two implementations."""
    from haft import _fallback

    return haft, _fallback


class InterfaceTest(unittest.TestCase):
    def test_the_implementation_is_the_one_that_was_asked_for(self):
        self.assertEqual(haft.implementation, os.environ["HAFT_PYTHON"])
        module = {"extension": "haft._extension", "ctypes": "haft._fallback"}[haft.implementation]
        self.assertEqual(haft.new.__module__, module)

    def test_everything_in_all_exists(self):
        self.assertEqual(sorted(haft.__all__), sorted(set(haft.__all__)))
        public = {name for name in vars(haft) if not name.startswith("_") and not inspect.ismodule(getattr(haft, name))}
        self.assertEqual(public - {"TYPE_CHECKING", "annotations"}, set(haft.__all__))

    def test_everything_is_documented(self):
        for name in haft.__all__:
            thing = getattr(haft, name)
            if name == "implementation":
                continue
            self.assertTrue(thing.__doc__, name)
            if inspect.isclass(thing):
                for member, value in vars(thing).items():
                    if not member.startswith("_") and (callable(value) or inspect.isdatadescriptor(value)):
                        self.assertTrue(value.__doc__, f"{name}.{member}")

    @unittest.skipUnless(haft.implementation == "extension", "compares the extension with the fall-back")
    def test_implementations_have_the_same_interface(self):
        _, fallback = other()
        for name in haft.__all__:
            here, there = getattr(haft, name), getattr(fallback, name, None)
            if there is None or here is there:
                continue
            with self.subTest(name):
                self.assertEqual(here.__name__, there.__name__)
                if not inspect.isclass(here):
                    self.check_function(here, there)
                    continue
                self.assertEqual(here.__doc__.split(), there.__doc__.split())
                members = [member for member in dir(here) if not member.startswith("_")]
                self.assertEqual(members, [member for member in dir(there) if not member.startswith("_")])
                for member in members:
                    self.check_member(getattr(here, member), getattr(there, member))
                for special in "__enter__", "__exit__", "__reduce__", "__class_getitem__", "__repr__":
                    self.assertTrue(hasattr(there, special) and hasattr(here, special), special)

    def check_member(self, here, there):
        if inspect.isdatadescriptor(here):
            self.assertTrue(inspect.isdatadescriptor(there), here)
            self.assertEqual(here.__doc__, there.__doc__)
        else:
            self.check_function(here, there)

    def check_function(self, here, there):
        self.assertEqual(here.__doc__.split(), inspect.getdoc(there).split(), here)
        self.assertEqual(
            [(p.name, p.kind, p.default) for p in inspect.signature(here).parameters.values()],
            [(p.name, p.kind, p.default) for p in inspect.signature(there).parameters.values()],
            here,
        )

    @unittest.skipUnless(haft.implementation == "extension", "both at once")
    def test_implementations_share_table_and_type(self):
        _, fallback = other()
        thing = {}
        with haft.Handle(thing) as handle:
            self.assertIs(fallback.value(handle.word), thing)
            self.assertIs(fallback.Handle.from_word(handle).value(), thing)
            with self.assertRaises(haft.PinnedError), fallback.Pin(handle):
                handle.take()
            fallback.delete(handle)
            self.assertFalse(handle.is_live)
        word = fallback.new(thing)
        self.assertIs(haft.value(word), thing)
        haft.delete(word)
        self.assertFalse(fallback.is_live(word))

        class Thing:
            pass

        thing = Thing()
        self.assertIs(haft.value(fallback.new_weak(thing)), thing)
        self.assertIs(fallback.value(haft.new_weak(thing)), thing)
        with self.assertRaises(haft.StaleHandleError):
            fallback.value(word)

    def test_version(self):
        self.assertRegex(haft.__version__, r"^\d+\.\d+\.\d+$")
        try:
            from importlib.metadata import version

            installed = version("haft")
        except importlib.metadata.PackageNotFoundError:
            self.skipTest("not installed")
        self.assertEqual(haft.__version__, installed)


class ChoiceTest(unittest.TestCase):
    HIDE = "import sys; sys.modules['haft._extension'] = None\n"

    def test_the_fall_back_announces_itself(self):
        program = self.HIDE + "import haft; print(haft.implementation, haft.value(haft.new(5)))"
        done = run(program, HAFT_PYTHON="")
        self.assertEqual(done.stdout, "ctypes 5\n")
        self.assertIn("FallbackWarning: haft is slow", done.stderr)
        self.assertIn("<string>:2", done.stderr, "the line that imports it")

    def test_the_announcement_can_be_an_error_or_silent(self):
        done = run(
            self.HIDE
            + """
import warnings
warnings.filterwarnings("error", "haft is slow", RuntimeWarning)
try:
    import haft
except RuntimeWarning as warning:
    print(type(warning).__name__)
warnings.filterwarnings("ignore", "haft is slow", RuntimeWarning)
import haft
print(haft.implementation)
""",
            HAFT_PYTHON="",
        )
        self.assertEqual((done.stdout, done.stderr), ("FallbackWarning\nctypes\n", ""))

    def test_who_asks_for_the_fall_back_is_not_warned(self):
        done = run("import haft; print(haft.implementation)", HAFT_PYTHON="ctypes")
        self.assertEqual((done.stdout, done.stderr), ("ctypes\n", ""))

    def test_who_asks_for_the_extension_gets_no_other(self):
        done = run(self.HIDE + "import haft", check=False, HAFT_PYTHON="extension")
        self.assertIn("ImportError", done.stderr.replace("ModuleNotFound", "Import"))
        self.assertNotEqual(done.returncode, 0)

    def test_another_word_is_refused(self):
        done = run("import haft", check=False, HAFT_PYTHON="quick")
        self.assertIn("ImportError: HAFT_PYTHON is 'quick'", done.stderr)

    def test_a_library_that_does_not_exist(self):
        done = run("import haft", check=False, HAFT_LIBRARY="/nowhere/libhaft.so.0")
        self.assertIn("/nowhere/libhaft.so.0", done.stderr)
        self.assertNotEqual(done.returncode, 0)

    @unittest.skipUnless(os.environ.get("OTHER_VERSION"), "needs a library with another version")
    def test_a_library_of_another_version_is_refused(self):
        for word in os.environ["HAFT_PYTHON"], "":
            done = run("import haft", check=False, HAFT_LIBRARY=os.environ["OTHER_VERSION"], HAFT_PYTHON=word)
            self.assertIn("ImportError: the libhaft.so.0 that is loaded has version 2.3.4; this package needs 0.1.0", done.stderr)
            self.assertNotEqual(done.returncode, 0)

    def test_the_library_that_the_process_has_is_used(self):
        done = run(
            """
            import os
            import haft
            import ctypes
            maps = {line.split()[-1] for line in open("/proc/self/maps") if "libhaft.so" in line}
            assert len(maps) == 1, maps
            other = ctypes.CDLL(os.environ["ACCOUNTS"])
            other.account_open.restype = ctypes.c_size_t
            assert haft.is_live(other.account_open(5))
            maps = {line.split()[-1] for line in open("/proc/self/maps") if "libhaft.so" in line}
            assert len(maps) == 1, maps
            print(maps.pop() == os.path.join(os.path.dirname(haft.__file__), "libhaft.so.0"))
            """
        )
        self.assertEqual(done.stdout, "True\n", done.stderr)
        done = run(
            """
            import os, ctypes
            other = ctypes.CDLL(os.environ["ACCOUNTS"])
            other.account_open.restype = ctypes.c_size_t
            account = other.account_open(5)
            import haft
            assert haft.is_live(account)
            maps = {line.split()[-1] for line in open("/proc/self/maps") if "libhaft.so" in line}
            assert len(maps) == 1, maps
            print(os.path.dirname(haft.__file__) in maps.pop())
            """
        )
        self.assertEqual(done.stdout, "False\n", done.stderr)


if __name__ == "__main__":
    unittest.main()
