"""The examples."""

import importlib
import os
import sys
import threading
import unittest

import haft
from support import run

EXAMPLES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "examples")


@unittest.skipUnless(os.environ.get("WIDGET"), "libwidget.so has not been built")
class WidgetsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        sys.path.insert(0, EXAMPLES)
        cls.addClassCleanup(sys.path.remove, EXAMPLES)
        cls.widgets = importlib.import_module("widgets")

    def setUp(self):
        self.before = self.widgets.count()

    def tearDown(self):
        self.widgets.join()
        self.assertEqual(self.widgets.count(), self.before)

    def test_a_widget_that_is_used_after_its_end(self):
        with self.widgets.Widget(40) as widget:
            self.assertEqual(widget.add(2), 42)
            self.assertEqual(self.widgets.count(), self.before + 1)
        late = (lambda: widget.add(1), lambda: widget.add_later(1), lambda: widget.subscribe(print), widget.close)
        for use in late:
            with self.assertRaises(haft.StaleHandleError):
                use()

    def test_a_dropped_widget_is_deleted(self):
        self.widgets.Widget()
        self.assertEqual(self.widgets.count(), self.before)

    def test_handles_of_other_types_are_refused(self):
        with self.widgets.Widget() as widget, haft.Handle("thing") as thing:
            widget._handle, kept = thing, widget._handle
            with self.assertRaises(haft.WrongTypeError):
                widget.add(1)
            widget._handle = kept

    def test_a_subscriber_may_close_its_widget(self):
        widget = self.widgets.Widget()
        counts = []

        def subscriber(_total):
            widget.close()
            counts.append(self.widgets.count())  # pinned by the call that is running

        widget.subscribe(subscriber)
        self.assertEqual(widget.add(1), 1)
        self.assertEqual(counts, [self.before + 1])
        with self.assertRaises(haft.StaleHandleError):
            widget.add(1)

    def test_a_subscriber_that_is_gone_is_forgotten(self):
        heard = []
        with self.widgets.Widget() as widget:
            widget.subscribe(heard.append)
            widget.add(1)
            widget._subscriber = None
            widget.add(1)
            self.assertEqual(heard, [1])

    def test_threads_of_cpp(self):
        heard = []
        with self.widgets.Widget() as widget:
            widget.subscribe(lambda total: heard.append((total, threading.get_ident())))
            widget.add_later(5)
            self.widgets.join()
        self.assertEqual([total for total, _ in heard], [5])
        self.assertNotEqual(heard[0][1], threading.get_ident())

    def test_threads_against_a_close(self):
        for _ in range(30):
            widget = self.widgets.Widget()
            ready = threading.Barrier(4)
            errors = []

            def use():
                ready.wait()
                try:
                    while True:
                        widget.add(1)
                except haft.HaftError as error:
                    errors.append(type(error))

            threads = [threading.Thread(target=use) for _ in range(3)]
            for thread in threads:
                thread.start()
            ready.wait()
            widget.close()
            for thread in threads:
                thread.join()
            self.assertEqual(errors, [haft.StaleHandleError] * 3)


class ProgramsTest(unittest.TestCase):
    def output_of(self, name):
        return run(f"import sys; sys.path.insert(0, {EXAMPLES!r}); import {name}; {name}.main()").stdout

    def test_listeners(self):
        self.assertEqual(self.output_of("listeners"), "heard: 1\ntoo late: ['StaleHandleError']\n")

    @unittest.skipUnless(os.environ.get("WIDGET"), "libwidget.so has not been built")
    def test_widgets(self):
        self.assertEqual(self.output_of("widgets"), "totals: [42, 50] widgets: 0\ntoo late: STALE\n")


if __name__ == "__main__":
    unittest.main()
