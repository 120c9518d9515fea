#!/usr/bin/env python3
"""Tests shadow.py: a patch is applied wherever its lines are, and one that fits nowhere, or twice, is refused.

Usage: shadow_test.py shadow.py
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

SHADOW = pathlib.Path(sys.argv.pop(1)).absolute()
ABI = "lib/haft/internal/base/abi.h"
PATCH = "--- a/lib/haft/a.h\n+++ b/lib/haft/a.h\n@@ -9,2 +9,2 @@\n one\n-two\n+three\n"


class ShadowTest(unittest.TestCase):
    def shadow(self, text: str, patch: str = PATCH, abi: str = "#define HAFT_ABI abi7\n") -> tuple[int, str, dict[str, str]]:
        """Returns the status, the complaint and the headers written."""
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            for path, content in {"in/lib/haft/a.h": text, f"in/{ABI}": abi, "patch": patch}.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(content)
            run = subprocess.run([sys.executable, SHADOW, "mine", "patch", "out", "in/lib/haft/a.h", f"in/{ABI}"], cwd=folder,
                                 capture_output=True, text=True)
            return run.returncode, run.stderr, {str(path.relative_to(folder / "out")): path.read_text()
                                                for path in (folder / "out").rglob("*.h")}

    def test_lines_are_found_wherever_they_are(self):
        status, complaint, headers = self.shadow("zero\none\ntwo\nfour\n")
        self.assertEqual((status, complaint), (0, ""))
        self.assertEqual(headers, {"lib/haft/a.h": "zero\none\nthree\nfour\n", ABI: "#define HAFT_ABI proposal_mine\n"})

    def test_lines_that_are_not_there_are_a_fault(self):
        status, complaint, _ = self.shadow("one\n2\n")
        self.assertEqual(status, 1)
        self.assertIn("lib/haft/a.h: the proposal's patch expects these lines once, and they are there 0 times", complaint)

    def test_lines_that_are_there_twice_are_a_fault(self):
        self.assertIn("2 times", self.shadow("one\ntwo\none\ntwo\n")[1])

    def test_file_without_the_abi_is_a_fault(self):
        self.assertIn("does not define HAFT_ABI", self.shadow("one\ntwo\n", abi="")[1])

    def test_patch_of_two_names_is_a_fault(self):
        self.assertIn("not a patch of one file", self.shadow("one\ntwo\n", PATCH.replace("b/lib/haft/a.h", "b/lib/haft/b.h"))[1])


if __name__ == "__main__":
    unittest.main()
