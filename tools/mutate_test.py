#!/usr/bin/env python3
"""Shows that tools/mutate.py finds mutants of each kind, leaves alone what it says, and reports a hole. Usage: tools/mutate_test.py"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import unittest

TOOL = pathlib.Path(__file__).resolve().parent / "mutate.py"

HEADER = """\
#ifndef HAFT_X_H_
#define HAFT_X_H_
inline int Least(int a, int b) noexcept {
  return a < b ? a : b;
}
#endif  // HAFT_X_H_
"""
TEST = """\
#include "haft/x.h"

#include <gtest/gtest.h>

TEST(X, LeastIsTheFirst) { EXPECT_EQ(Least(1, 2), 1); }
"""


class MutateTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for part in ("lib/haft", "tests/unit", "tests/mutation"):
            (self.root / part).mkdir(parents=True)
        self.build = self.root / "tests/unit/BUILD.bazel"
        self.build.write_text("")

    def run_tool(self, *options, header=HEADER, test=TEST, equivalent=""):
        (self.root / "lib/haft/x.h").write_text(header)
        (self.root / "tests/unit/x_test.cc").write_text(test)
        (self.root / "tests/mutation/equivalent.txt").write_text(equivalent)
        result = subprocess.run([sys.executable, TOOL, "--jobs", "1", *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, check=False, env={**os.environ, "HAFT_MUTATE_ROOT": str(self.root)})
        return result.returncode, result.stdout

    def mutants(self, code, in_function=True):
        """The mutants of a piece of code, as pairs of their name and the new text."""
        if in_function:
            code = "int F() {\n" + textwrap.indent(code, "  ") + "\n}"
        status, output = self.run_tool("--list", header=code + "\n")
        self.assertEqual(status, 0, output)
        lines = output.splitlines()
        self.assertEqual(lines[-1], f"{len(lines) - 1} mutants")
        return [(line.split("#")[1].split(".")[1], line.rsplit("  ->  ", 1)[1]) for line in lines[:-1]]

    def test_tests_are_linked_as_their_build_file_says(self):
        test = TEST.replace("TEST(", 'extern "C" int Two();\nextern "C" int __wrap_Two() { return 2; }\nTEST(').replace("(1, 2)", "(1, Two())")
        self.assertIn("undefined reference to 'Two'", self.run_tool(test=test)[1])
        self.build.write_text('load(":a.bzl", "FAST", "haft_test")\n'
                              'haft_test(name = "x_test", copts = FAST + ["-g"], linkopts = ["-Wl,--wrap=Two"])\n')
        self.assertEqual(self.run_tool(test=test)[1].splitlines()[-1], "1 passed, 1 failed")

    def test_comparisons(self):
        found = self.mutants("return a < b;")
        self.assertEqual(found, [("lt-le", "a <= b"), ("lt-ge", "a >= b")])
        self.assertEqual(self.mutants("return a.b() == c[d];"), [("eq-ne", "a.b() != c[d]")])

    def test_arithmetic_takes_its_operands_and_no_more(self):
        self.assertEqual(self.mutants("return a + b * c;"), [
            ("add-sub", "a - b * c"), ("add-left", "(a)"), ("mul-div", "b / c")])
        self.assertEqual(self.mutants("return a - b + c;"), [("sub-add", "a + b"), ("add-sub", "a - b - c"),
                                                             ("add-left", "(a - b)")])
        self.assertEqual(self.mutants("return a & b;"), [("bitand-bitor", "((a) | (b))")])
        self.assertEqual(self.mutants("return ~a << b;"), [("drop-complement", "(a)"), ("shl-shr", "~a >> b")])
        self.assertIn(("add-sub", "a -= b"), self.mutants("a += b;"))

    def test_logic(self):
        self.assertEqual(self.mutants("return a && !b;"), [
            ("and-or", "((a) || (!b))"), ("and-left", "(a)"), ("and-right", "(!b)"), ("drop-not", "!!b")])

    def test_constants(self):
        self.assertEqual(self.mutants("return 0x10u;"), [("const+1", "17u"), ("const-1", "15u")])
        self.assertEqual(self.mutants("return 0;"), [("const+1", "1")])
        self.assertEqual(self.mutants("return true;"), [("true-false", "false")])

    def test_statements(self):
        self.assertEqual(self.mutants("a.Call();"), [("remove", "{}")])
        self.assertEqual(self.mutants("*a = b;"), [("remove", "{}")])
        self.assertEqual(self.mutants("while (a) break;"), [("negate", "!(a)"), ("remove", "{}")])
        self.assertEqual(self.mutants("if (a) return b;"), [("negate", "!(a)"), ("remove", "false")])
        self.assertEqual(self.mutants("const int a = b;\nint* c;\nT<U> d(e);\nvoid (*f)(void*);\nreturn a;"), [])

    def test_arguments(self):
        self.assertEqual([m for m in self.mutants("a.Call(b, c, d);") if m[0] == "swap"],
                         [("swap", "a.Call(c, b, d)"), ("swap", "a.Call(b, d, c)")])
        self.assertEqual(self.mutants("int Declared(int a, T* b);", in_function=False), [])

    def test_status(self):
        self.assertEqual(self.mutants("return Status::kNull;"), [("status", "Status::kStale")])
        self.assertEqual(self.mutants("return haft::Status::kStale;"), [("status", "haft::Status::kMalformed")])
        self.assertEqual(self.mutants("return HAFT_NULL;"), [("status", "HAFT_STALE")])

    def test_an_assignment_assigns_a_conditional_expression(self):
        self.assertIn(("sub-add", "a += b < c ? d : e"), self.mutants("a -= b < c ? d : e;"))
        self.assertIn(("sub-add", "a += b ? c : d ? e : f"), self.mutants("a -= b ? c : d ? e : f;"))

    def test_steps_and_named_functions(self):
        self.assertEqual(self.mutants("++a;"), [("inc-dec", "--a"), ("remove", "{}")])
        self.assertIn(("min-max", "std::max(a, b)"), self.mutants("return std::min(a, b);"))
        self.assertIn(("min-max", "x.fetch_sub(a, std::memory_order_relaxed)"),
                      self.mutants("x.fetch_add(a, std::memory_order_relaxed);"))

    def test_what_is_left_alone(self):
        for code in ("// a < b", "/* 1 + 2 */", '#define A(b) ((b) + 1)', 'static_assert(1 + 1 == 2, "two");',
                     "template <int kN = 1 + 1>\nclass A;", "A(A&& b) noexcept(sizeof(A) == 1);", "bool operator<(A a, A b);",
                     'const char* const a = "1 < 2";', "std::vector<std::vector<int>> a;", "alignas(64) char a;",
                     "virtual void A() const = 0;"):
            self.assertEqual(self.mutants(code, in_function=False), [], code)
        self.assertEqual(self.mutants("return __builtin_expect(a != b, 1);"), [("ne-eq", "a == b")])
        self.assertNotIn("swap", [m[0] for m in self.mutants("x.store(a, std::memory_order_relaxed);")])
        self.assertNotIn("swap", [m[0] for m in self.mutants("std::swap(a, b);")])
        self.assertEqual(self.mutants("[[maybe_unused]] const int a = b;"), [])

    def test_ids_outlast_other_lines(self):
        first = self.run_tool("--list")[1]
        second = self.run_tool("--list", header=HEADER.replace("inline int", "int g;\n\ninline int"))[1]
        self.assertEqual([line.split(":")[0] for line in first.splitlines()], [line.split(":")[0] for line in second.splitlines()])
        self.assertNotEqual(first, second)

    def test_a_hole_is_reported_and_a_test_closes_it(self):
        state = str(self.root / "state")
        status, output = self.run_tool("--state", state)
        self.assertEqual(status, 1)
        self.assertRegex(output, r"survives +x\.h#\w+\.lt-le\.0:4")  # equal numbers are never compared, and make no difference
        self.assertEqual(output.splitlines()[-1], "1 passed, 1 failed")
        verdicts = {name.split(".")[2]: entry["verdict"] for name, entry in json.loads((self.root / "state").read_text()).items()}
        self.assertEqual(verdicts, {"lt-le": "survives", "lt-ge": "killed"})
        explained = "file x.h\nline return a < b ? a : b;\nmutants lt-le\nreason equal numbers are the same\n"
        status, output = self.run_tool("--report", str(self.root / "report.md"), equivalent=explained)
        self.assertEqual((status, output.splitlines()[-1]), (0, "1 passed, 0 failed"), output)
        self.assertIn("| `x.h` | 2 | 1 | 0 | 1 | 0 | 0 |", (self.root / "report.md").read_text())

    def test_test_that_does_not_look_is_a_hole(self):
        status, output = self.run_tool(test=TEST.replace("EXPECT_EQ(Least(1, 2), 1)", "Least(1, 2)"))
        self.assertEqual((status, output.splitlines()[-1]), (1, "0 passed, 2 failed"), output)

    def test_mutant_that_hangs_is_killed_and_one_that_does_not_compile_counts_apart(self):
        header = "inline int F(int a) {\n  while (a != 0) --a;\n  return a;\n}\ninline int G(char* b, int c) { return b[c]; }\n" \
                 "inline int H(char* b) {\n  return G(b, 0);\n}\n"
        test = TEST.replace("Least(1, 2), 1", 'F(2), 0); char b[] = "x"; EXPECT_EQ(H(b), \'x\'').replace("LeastIsTheFirst", "Ends")
        status, output = self.run_tool("--verbose", "--id", r"\.(inc-dec|dec-inc|ne-eq|swap)\.", header=header, test=test)
        self.assertEqual((status, output.splitlines()[-1]), (0, "2 passed, 0 failed"), output)
        self.assertIn("1 not compiled", output)

    def test_explanation_that_fits_nothing_is_refused(self):
        status, output = self.run_tool(equivalent="file x.h\nline return a < b;\nmutants *\nreason none\n")
        self.assertEqual(status, 1)
        self.assertIn("tests/mutation/equivalent.txt:2: no mutant of x.h fits: *", output)
        status, output = self.run_tool("--list", equivalent="file x.h\nline return a < b;\nmutants *\n")
        self.assertIn("needs file, line, mutants and reason", output)

    def test_sample_prints_its_seed_and_keeps_to_it(self):
        header = "inline int F(int a) {\n  return a + 1 < 2 * a;\n}\n"
        test = TEST.replace("Least(1, 2), 1", "F(1), 0); EXPECT_EQ(F(3), 1")
        one = self.run_tool("--sample", "2", "--seed", "s", "--verbose", header=header, test=test)[1]
        self.assertIn("--seed s", one)
        two = self.run_tool("--sample", "2", "--seed", "s", "--verbose", header=header, test=test)[1]

        def ids(output):
            return sorted(word for word in output.split() if word.startswith("x.h#"))
        self.assertEqual(len(ids(one)), 2)
        self.assertEqual(ids(one), ids(two))


if __name__ == "__main__":
    unittest.main()
