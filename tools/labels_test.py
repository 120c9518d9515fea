#!/usr/bin/env python3
"""Shows that tools/labels.py refuses what it says it refuses, and nothing else. Usage: tools/labels_test.py"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parent / "labels.py"
GOOD = """// [S1] release: publishes the payload; partner of [S2].
word.store(1, std::memory_order_release);
// [S2] acquire: sees [S1]. relaxed on failure: looked at again.
if (word.compare_exchange_strong(a, b, std::memory_order_acquire, std::memory_order_relaxed)) return;
// As [S1].
other.store(1, std::memory_order_release);
"""


class LabelsTest(unittest.TestCase):
    def run_tool(self, source, *options, page=None):
        """Status and output of the tool over a checkout whose one header is `source`; then the page."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "lib" / "haft").mkdir(parents=True)
            (root / "docs" / "design").mkdir(parents=True)
            (root / "lib" / "haft" / "x.h").write_text(source)
            output = root / "docs" / "design" / "memory_orders.md"
            if page is not None:
                output.write_text(page)
            result = subprocess.run([sys.executable, TOOL, *options, root], stdout=subprocess.PIPE, text=True, check=False)
            return result.returncode, result.stdout, output.read_text() if output.exists() else None

    def expect_refusal(self, source, message):
        status, output, _ = self.run_tool(source)
        self.assertEqual(status, 1)
        self.assertEqual(len(output.splitlines()), 1, output)
        self.assertIn(message, output)

    def test_good_comments_pass_and_are_written(self):
        status, output, page = self.run_tool(GOOD)
        self.assertEqual((status, output), (0, ""))
        self.assertIn("| S1 | `x.h` | `word.store` | release | release | S2 | publishes the payload; partner of [S2]. | `x.h` |",
                      page)
        self.assertIn("| S2 | `x.h` | `word.compare_exchange_strong` | acquire | acquire / relaxed | S1 |", page)

    def test_page_that_is_up_to_date_passes_the_check(self):
        page = self.run_tool(GOOD)[2]
        self.assertEqual(self.run_tool(GOOD, "--check", page=page)[:2], (0, ""))

    def test_page_that_is_out_of_date_or_missing_fails_the_check(self):
        page = self.run_tool(GOOD)[2]
        changed = GOOD.replace("publishes the payload", "publishes it")
        status, output, after = self.run_tool(changed, "--check", page=page)
        self.assertEqual(status, 1)
        self.assertIn("out of date", output)
        self.assertEqual(after, page)  # the check writes nothing
        self.assertEqual(self.run_tool(GOOD, "--check")[0], 1)

    def test_comment_that_names_another_order_than_the_code(self):
        self.expect_refusal(GOOD.replace("word.store(1, std::memory_order_release)", "word.store(1, std::memory_order_seq_cst)"),
                            "lib/haft/x.h:1: labels: [S1] says release, and the code seq_cst")
        self.expect_refusal(GOOD.replace("[S2] acquire:", "[S2] acq_rel:"), "[S2] says acq_rel, and the code acquire")

    def test_order_on_success_counts_and_not_that_on_failure(self):
        self.expect_refusal(GOOD.replace("[S2] acquire:", "[S2] relaxed:"), "[S2] says relaxed, and the code acquire")

    def test_comment_that_names_a_second_order_which_the_code_does_not_have(self):
        self.expect_refusal(GOOD.replace("[S1] release:", "[S1] release and seq_cst:"), "says seq_cst, which the code does not use")

    def test_comment_without_an_order_or_without_code(self):
        self.expect_refusal(GOOD.replace("[S1] release:", "[S1] stores:"), "[S1] names no order")
        self.expect_refusal("// [S1] release: of [S1].\nint x;\n", "[S1] is followed by no statement")

    def test_order_of_a_further_operation(self):
        self.expect_refusal(GOOD.replace("other.store(1, std::memory_order_release)", "other.store(1, std::memory_order_relaxed)"),
                            "as [S1], which is release, but the code says relaxed")
        behind = GOOD + "x.load(std::memory_order_relaxed);  // as [S2]\n"
        self.expect_refusal(behind, "lib/haft/x.h:7: labels: as [S2], which is acquire, but the code says relaxed")
        named = GOOD + "// As [S1], and seq_cst: it comes first.\nx.store(1, std::memory_order_seq_cst);\n"
        self.assertEqual(self.run_tool(named)[0], 0)

    def test_further_operation_of_a_label_that_is_not_defined(self):
        self.expect_refusal(GOOD + "// As [S9].\nx.load(std::memory_order_acquire);\n", "[S9] is not defined")

    def test_order_on_failure(self):
        self.expect_refusal(GOOD.replace("std::memory_order_relaxed)) return", "std::memory_order_acquire)) return"),
                            "the comment says relaxed on failure, and the code acquire / acquire")


if __name__ == "__main__":
    unittest.main()
