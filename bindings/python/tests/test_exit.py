"""The end of the interpreter, forks, and second interpreters."""

import os
import subprocess
import sys
import unittest

from support import only_extension, run

SUPPORT = """
import ctypes, os, sys, time, threading
import haft
from support import Callback, Thing, emitter
write = os.write
class Last:
    def __del__(self, write=os.write):
        write(1, b"destroyed ")
"""


def program(text):
    return SUPPORT + text


class ExitTest(unittest.TestCase):
    def ends(self, text, output):
        done = run(program(text))
        self.assertEqual((done.stdout.strip(), done.stderr), (output, ""))

    def test_live_handles_are_deleted_when_the_interpreter_ends(self):
        self.ends("word = haft.Handle(Last()).detach()", "destroyed")
        self.ends("handle = haft.Handle(Last())", "destroyed")
        self.ends("thing = Last(); handle = haft.WeakHandle(thing)", "destroyed")

    def test_objects_of_others_are_left_alone(self):
        done = run(
            """
            import atexit, ctypes, os
            accounts = ctypes.CDLL(os.environ["ACCOUNTS"])
            accounts.account_open.restype = ctypes.c_size_t
            # Registered before haft is imported, so it runs after haft's.
            atexit.register(lambda: print(accounts.account_deposit(account, ctypes.c_int64(1)), accounts.accounts_open()))
            import haft
            account = ctypes.c_size_t(accounts.account_open(ctypes.c_int64(5)))
            haft.new("Python's")
            """
        )
        self.assertEqual((done.stdout, done.stderr), ("0 1\n", ""))

    @only_extension
    def test_handles_are_stale_while_the_interpreter_ends(self):
        self.ends(
            """
class Late:
    def __init__(self):
        self.handle = haft.Handle(1)
    def __del__(self, write=os.write, value=haft.value, stale=haft.StaleHandleError):
        try:
            value(self.handle.word)
        except stale:
            write(1, b"stale")
sys.late = Late()
""",
            "stale",
        )

    def test_a_handle_of_an_exit_function(self):
        # It was registered after haft was imported, so it runs first.
        self.ends(
            """
import atexit
handle = haft.Handle("thing")
atexit.register(lambda: write(1, handle.value().encode()))
""",
            "thing",
        )

    @only_extension
    def test_a_handle_that_is_made_late(self):
        self.ends(
            """
class Late:
    def __del__(self, new=haft.new, delete=haft.delete, value=haft.value, write=os.write):
        word = new("thing")
        write(1, value(word).encode())
        delete(word)
sys.late = Late()
""",
            "thing",
        )

    @only_extension
    def test_a_pin_that_ends_with_the_interpreter(self):
        self.ends("sys.kept = haft.Handle(Last()).pin()", "destroyed")

    @only_extension
    def test_c_ends_its_pin_after_the_interpreter(self):
        self.ends(
            """
handle = haft.Handle(Last())
emitter.emitter_on(Callback(), handle)
assert emitter.emitter_hold_until_exit() == 0
handle.delete()
write(1, b"kept")
""",
            "kept",
        )

    @only_extension
    def test_the_interpreter_waits_for_a_thread_that_releases_an_object(self):
        self.ends(
            """
started = threading.Event()
class Slow:
    def __del__(self):
        started.set()
        time.sleep(0.3)
        write(1, b"released")
words = (ctypes.c_size_t * 1)(haft.new(Slow()))
emitter.emitter_delete_later(words, 1)
started.wait()
""",
            "released",
        )

    @only_extension
    def test_a_thread_of_c_deletes_while_the_interpreter_ends(self):
        for count in 1, 10, 100, 1000, 10000, 100000:
            self.ends(
                f"""
words = (ctypes.c_size_t * {count})(*(haft.new(Thing()) for _ in range({count})))
emitter.emitter_delete_later(words, {count})
write(1, b"ends")
""",
                "ends",
            )

    @only_extension
    def test_an_exit_that_waits_can_be_interrupted(self):
        done = run(
            program(
                """
import signal
started = threading.Event()
class Endless:
    def __del__(self):
        started.set()
        while True:
            time.sleep(1)
words = (ctypes.c_size_t * 1)(haft.new(Endless()))
emitter.emitter_delete_later(words, 1)
started.wait()
ended = []
main = threading.main_thread().ident
def interrupt():
    time.sleep(0.3)
    signal.pthread_kill(main, signal.SIGINT)
threading.Thread(target=interrupt, daemon=True).start()
"""
            ),
            check=False,
        )
        self.assertIn("KeyboardInterrupt", done.stderr)

    def test_daemon_threads_at_the_end(self):
        self.ends(
            """
def use():
    while True:
        with haft.Handle(Thing()) as handle:
            try:
                handle.value()
            except haft.StaleHandleError:
                pass  # the interpreter ends, and has deleted it
for _ in range(3):
    threading.Thread(target=use, daemon=True).start()
time.sleep(0.05)
write(1, b"ends")
""",
            "ends",
        )


@unittest.skipUnless(hasattr(os, "fork"), "there is no fork")
class ForkTest(unittest.TestCase):
    def test_each_process_has_its_handles(self):
        done = run(
            program(
                """
handle = haft.Handle(Last())
other = haft.new("other")
child = os.fork()
if child == 0:
    assert type(handle.value()) is Last and haft.value(other) == "other"
    handle.delete()
    haft.delete(other)
    assert not haft.is_live(other)
    mine = haft.new("child")
    assert haft.value(mine) == "child"
    write(1, b"child ")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert haft.value(other) == "other"
write(1, b"parent ")
handle.delete()
"""
            )
        )
        self.assertEqual((done.stdout, done.stderr), ("destroyed child parent destroyed ", ""))

    def test_a_child_ends_while_the_parent_has_threads_that_release(self):
        done = run(
            program(
                """
import warnings
warnings.simplefilter("ignore")  # about a fork beside threads
started, go = threading.Event(), threading.Event()
class Slow:
    def __del__(self):
        started.set()
        go.wait()
words = (ctypes.c_size_t * 1)(haft.new(Slow()))
emitter.emitter_delete_later(words, 1)
started.wait()
child = os.fork()
if child == 0:
    sys.exit(7)  # with exit functions, which must not wait for the parent's thread
status = os.waitpid(child, 0)[1]
go.set()
emitter.emitter_join()
write(1, str(os.WEXITSTATUS(status)).encode())
"""
            )
        )
        self.assertEqual((done.stdout, done.stderr), ("7", ""))

    def test_multiprocessing(self):
        done = run(
            """
            import haft, multiprocessing
            def child(queue):
                word = haft.new("child")
                queue.put(haft.value(word))
            if __name__ == "__main__":
                context = multiprocessing.get_context("fork")
                queue = context.Queue()
                haft.new("parent")
                process = context.Process(target=child, args=(queue,))
                process.start()
                print(queue.get())
                process.join()
                print(process.exitcode)
            """
        )
        self.assertEqual((done.stdout, done.stderr), ("child\n0\n", ""))


class InterpretersTest(unittest.TestCase):
    def test_a_second_interpreter_cannot_import_it(self):
        done = run(
            """
            import haft, sys
            try:
                import _interpreters as interpreters
            except ImportError:
                import _xxsubinterpreters as interpreters
            second = interpreters.create()
            path = [entry for entry in sys.path if entry]
            code = f"import sys; sys.path[:] = {path!r}\\ntry:\\n    import haft\\nexcept ImportError as e: print('refused', e)"
            problem = interpreters.run_string(second, code)
            assert problem is None, problem
            interpreters.destroy(second)
            assert haft.value(haft.new(5)) == 5
            """
        )
        self.assertTrue(done.stdout.startswith("refused "), done)
        self.assertIn("interpreter", done.stdout)

    @only_extension
    def test_a_second_module_is_refused(self):
        done = run(
            """
            import haft, sys
            import importlib
            importlib.reload(haft)
            assert haft.implementation == "extension"
            word = haft.new("first")
            del sys.modules["haft._extension"]
            sys.modules["haft"].__dict__.pop("_extension")
            try:
                import haft._extension
            except ImportError as error:
                print(error)
            assert haft.value(word) == "first"
            """
        )
        self.assertEqual(done.stdout, "haft._extension has been imported in this process before\n")

    @only_extension
    @unittest.skipUnless(os.environ.get("EMBEDDING"), "needs the program embedding, which is built with this version of Python")
    def test_the_interpreter_after_py_finalize(self):
        done = subprocess.run(
            [os.environ["EMBEDDING"], *filter(None, sys.path)], capture_output=True, text=True, check=False, timeout=60
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.splitlines(), ["first", "haft cannot be imported again after Py_Finalize", "end"])


if __name__ == "__main__":
    unittest.main()
