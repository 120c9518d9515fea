#!/usr/bin/env python3
"""Breaks the library in a systematic way, one mutant at a time, and runs the unit tests of the file that is broken.

Usage: tools/mutate.py [--only REGEX] [--id REGEX] [--sample N [--seed S]] [--list] [--jobs N] [--state FILE] [--report FILE]

The mutants of each header and source of lib/haft, by the name that their ids end in:

    lt-le, eq-ne, ...    a comparison: its border moved, or its opposite
    add-sub, and-or, ... an arithmetic, bit or logical operator exchanged; of && and || also one operand left out,
                         of + the right one
    inc-dec, drop-not    ++ for --; a !, ~ or - left out
    const+1, const-1     an integer one off; true-false
    remove               an expression statement, break, continue or return; a condition whose statement jumps is then false
    negate               a condition that is no single comparison
    swap                 two neighbouring arguments of a call, except std::swap
    status               another haft::Status, haft_status or Exhaustion
    min-max              std::min for std::max, fetch_add for fetch_sub

Comments, strings, preprocessor lines, static_assert, attributes, template headers, noexcept, decltype, __builtin_expect's
hints and memory orders (tools/mutants.py breaks those) are left alone. An id is FILE#HASH.NAME.N: the hash is that of the
line's text, and N tells equal ones apart, so that an id lasts as long as the line does.

Mutants do not meet in the same run, and yet in the same program: all of them are compiled into each test, and an
environment variable selects one (mutant schemata; Untch, Offutt and Harrold, ISSTA 1993). The program without a mutant
records which ones it reaches, so that no test runs for a mutant that it does not reach. What a compiler must know
(constants, types, if constexpr), what is evaluated at compile time, and what the schema cannot express is compiled alone.

The tests of FOLDER/x.h and x.cc are tests/unit/FOLDER/x_test.cc and those of TESTS below, one after the other until one
fails, aborts or does not end (killed). A mutant that does not compile is counted by itself. tests/mutation/equivalent.txt
lists those that no test can notice, or that only cost time, each with its reason; they are not run:

    file internal/base/growing_array.h
    line const std::size_t capacity = capacity_ == 0 ? 16 : 2 * capacity_;
    mutants const+1 const-1.0 mul-div     names, with .N for one of several; * for all
    reason how much is reserved ahead is a matter of speed

--list prints the ids; --id runs those that match. --sample N draws files by the seed, and of each at most 15 mutants, until
it has N; the seed is that of the day unless given, so all are visited in time. --state FILE keeps verdicts: what is killed
there is not tried again while its file is unchanged. --report writes the Markdown table of docs/mutation.md. Exit 1 if a
mutant survives that is not explained, or an explanation fits none.
"""

import argparse
import ast
import bisect
import collections
import concurrent.futures
import datetime
import hashlib
import json
import mmap
import os
import pathlib
import platform
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(os.environ.get("HAFT_MUTATE_ROOT") or pathlib.Path(__file__).resolve().parent.parent)
LIBRARY = ROOT / "lib" / "haft"
UNIT = ROOT / "tests" / "unit"
EQUIVALENT = ROOT / "tests" / "mutation" / "equivalent.txt"
COMPILER = os.environ.get("CXX", "g++")
FLAGS = ["-std=c++17", "-w", "-U_FORTIFY_SOURCE", "-pthread", "-fuse-ld=gold", "-DHAFT_NO_PROBES", "-ftemplate-backtrace-limit=0"]
# Of the library's sources, as in lib/haft/BUILD.bazel: else a callback that ends its thread meets a noexcept.
LIBRARY_FLAGS = ["-fno-exceptions", "-fno-rtti"]
EXPENSIVE = 600  # seconds that no build takes

# Further tests of a file, under tests/unit, the cheapest first; the first pattern that fits the file counts.
OBJECTS = ["object_table_test", "pinned_test", "read_scope_test", "prepare_test"]
TESTS = [
    ("internal/base/(bit_field|power_of_two)", ["handle_layout_test", "internal/slot/slot_state_test"]),
    ("internal/base/(system_sync|sync)", ["internal/base/reserved_array_test", "internal/base/event_count_test",
                                          "internal/thread/thread_registry_test", "documented_numbers_test",
                                          "internal/table/table_registry_test"]),
    ("internal/base/event_count", ["object_table_test"]),
    ("handle_layout", ["handle_test", "internal/slot/slot_state_test", "internal/slot/slot_array_test", "handle_table_test"]),
    ("internal/slot/object_slot", ["counted_reclamation_test", "hazard_reclamation_test",
                                   "internal/table/conditional_delete_test", "internal/table/object_store_test", *OBJECTS]),
    ("internal/slot/(slot_array|slot_state)", ["internal/table/bad_handle_report_test", "handle_table_test", *OBJECTS,
                                               "view_test"]),
    ("internal/slot/(compact|word)_slot", ["internal/slot/slot_array_test", "handle_table_test"]),
    ("internal/free_list/(striped_stack|handle_stack)", ["internal/free_list/handle_stack_test",
                                                         "internal/free_list/magazine_depot_test"]),
    ("internal/free_list|(magazine|striped|global)_free_list", ["magazine_free_list_test", "striped_free_list_test",
                                                                "global_free_list_test", "handle_table_test"]),
    ("internal/table/slot_allocator", ["internal/table/object_store_test", "prepare_test", "pinned_test",
                                       "internal/table/table_registry_test", "object_table_test", "handle_table_test",
                                       "table_stats_test", "property_test", "internal/process/loan_test"]),
    ("internal/reclamation/hazard_cells", ["documented_numbers_test", "hazard_reclamation_test", "read_scope_test", *OBJECTS]),
    ("internal/table/deferred_destruction", ["documented_numbers_test", "internal/table/object_store_test", "haft_test", *OBJECTS]),
    ("internal/table/object_store", ["internal/process/any_table_test", "internal/table/conditional_delete_test",
                                     "internal/table/deferred_destruction_test", *OBJECTS, "internal/process/c_api_test",
                                     "internal/process/loan_test"]),
    ("hazard_reclamation", ["internal/table/object_store_test", *OBJECTS, "haft_test"]),
    ("internal/table|counted_reclamation|internal/reclamation",
     ["internal/table/object_store_test", "internal/table/conditional_delete_test", "internal/table/deferred_destruction_test",
      *OBJECTS]),
    ("handle_table", ["table_stats_test", "property_test"]),
    ("object_table|pinned|read_scope", [*OBJECTS, "internal/table/object_store_test"]),
    ("process_table.h", ["internal/process/process_table_test"]),
    ("view.h", ["internal/process/loan_test"]),
    ("internal/process/(c_loan|loan)", ["internal/process/loan_test", "view_test"]),
    ("internal/process/c_table", ["internal/process/c_api_test", "view_test", "internal/process/loan_test", "haft_test",
                                  "process_table_test", "internal/diagnostics/diagnostics_test",
                                  "internal/process/c_intern_test"]),
    ("internal/process/c_", ["internal/process/c_call_test", "internal/process/c_api_test", "haft_test", "process_table_test",
                             "internal/diagnostics/diagnostics_test", "internal/process/c_intern_test"]),
    ("internal/process", ["internal/process/any_table_test", "internal/process/c_api_test", "haft_test",
                          "internal/diagnostics/diagnostics_test", "internal/process/loan_test", "view_test"]),
    ("internal/diagnostics", ["internal/diagnostics/diagnostics_test", "internal/process/c_api_test",
                              "internal/process/process_table_test", "internal/diagnostics/other_copies_test"]),
    ("internal/thread", ["internal/thread/cache_access_test", "handle_table_test"]),
]
# Tests that come before a file's own. Statuses meet static_assert there.
FIRST = {"haft.h": ["internal/process/c_call_test"]}
# A test that takes long without optimisation.
OPTIMIZED = {"handle_table_test": "-O1", "internal/process/intern_table_test": "-O1", "property_test": "-O1",
             "magazine_free_list_test": "-O1"}
# Tests that need a file which Bazel makes.
NEEDS_BAZEL = {"internal/base/probes_test"}
# Tests that load ./libhaft.so. Theirs has no mutant.
NEEDS_LIBRARY = {"internal/diagnostics/other_copies_test"}

# Selects the mutant. With HAFT_REACHED it notes for each test case, in milliseconds and numbers, how long it took and which
# mutants it reached; * is what was reached outside of one.
RUNTIME = r"""
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <fstream>
#include <string>
constexpr int kMutants = 1 << 16;
extern "C" {
int haft_selected_mutant;
static unsigned char none[kMutants];
unsigned char* haft_reached = none;
__attribute__((constructor(101))) static void Select() {
  if (const char* const text = getenv("HAFT_MUTANT")) haft_selected_mutant = atoi(text);
  if (const char* const path = getenv("HAFT_REACHED")) {
    const int file = open(path, O_RDWR | O_CLOEXEC);
    void* const map = mmap(nullptr, kMutants, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (map != MAP_FAILED) haft_reached = static_cast<unsigned char*>(map);
  }
}
}
class Recorder : public ::testing::EmptyTestEventListener {
 public:
  void OnTestStart(const ::testing::TestInfo&) override { Note("*", 0); }
  void OnTestEnd(const ::testing::TestInfo& info) override {
    if (!info.result()->Skipped())
      Note(std::string(info.test_suite_name()) + "." + info.name(), info.result()->elapsed_time());
  }
  void OnTestProgramEnd(const ::testing::UnitTest&) override { Note("*", 0); }

 private:
  void Note(const std::string& name, long milliseconds) {
    file_ << name << ' ' << milliseconds;
    for (int i = 0; i < kMutants; ++i)
      if (haft_reached[i]) file_ << ' ' << i;
    file_ << std::endl;
    memset(haft_reached, 0, kMutants);
  }
  std::ofstream file_{std::string(getenv("HAFT_REACHED")) + ".cases", std::ios::app};
};
__attribute__((constructor)) static void Record() {
  std::string command;  // not in the second process of a death test
  std::getline(std::ifstream("/proc/self/cmdline"), command);
  if (getenv("HAFT_REACHED") != nullptr && command.find("internal_run_death_test") == std::string::npos)
    ::testing::UnitTest::GetInstance()->listeners().Append(new Recorder);
}
"""
# Read by everything that is compiled with the schema. While a compiler evaluates, no mutant is selected.
SELECTION = r"""
extern "C" int haft_selected_mutant;
extern "C" unsigned char* haft_reached;
constexpr bool haft_mutant(int number) {
  if (__builtin_is_constant_evaluated()) return false;
  haft_reached[number] = 1;
  return haft_selected_mutant == number;
}
"""
# Read by the tests as well, because it can be precompiled.
PRELUDE = SELECTION + r"""
#include <gtest/gtest.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>
"""


def fail(message):
    sys.exit(f"mutate: {message}")


# --- Reading C++ ------------------------------------------------------------------------------------------------------

TOKEN = re.compile(r"""
    (?P<space>\s+)
  | (?P<comment>//[^\n]*|/\*.*?\*/)
  | (?P<directive>(?<![^\n])[ \t]*\#(?:[^\n]*\\\n)*[^\n]*)
  | (?P<string>R"(?P<delimiter>[^(\s]*)\(.*?\)(?P=delimiter)"|(?:u8|[uUL])?"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)+')
  | (?P<number>\.?\d(?:[\w.]|'\w|[eEpP][+-])*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<op><<=|>>=|\.\.\.|->\*|::|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[-+*/%&|^~!<>=?:;,.(){}\[\]\#\\@$])
""", re.VERBOSE | re.DOTALL)

BINARY = {"*": 12, "/": 12, "%": 12, "+": 11, "-": 11, "<<": 10, ">>": 10, "<": 9, ">": 9, "<=": 9, ">=": 9, "==": 8, "!=": 8,
          "&": 7, "^": 6, "|": 5, "&&": 4, "||": 3}
ASSIGN = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
EXCHANGED = {"<": ["<=", ">="], ">": [">=", "<="], "<=": ["<", ">"], ">=": [">", "<"], "==": ["!="], "!=": ["=="],
             "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["/"], "<<": [">>"], ">>": ["<<"], "&": ["|"], "|": ["&"],
             "^": ["|"], "&&": ["||"], "||": ["&&"], "+=": ["-="], "-=": ["+="], "*=": ["/="], "/=": ["*="], "&=": ["|="],
             "|=": ["&="], "^=": ["|="], "<<=": [">>="], ">>=": ["<<="]}
NAMES = {"<": "lt", ">": "gt", "<=": "le", ">=": "ge", "==": "eq", "!=": "ne", "+": "add", "-": "sub", "*": "mul", "/": "div",
         "%": "mod", "<<": "shl", ">>": "shr", "&": "bitand", "|": "bitor", "^": "xor", "&&": "and", "||": "or"}
EXCHANGED_WORDS = {"min": "max", "max": "min", "fetch_add": "fetch_sub", "fetch_sub": "fetch_add", "fetch_or": "fetch_and",
                   "fetch_and": "fetch_or"}
STATEMENT_WORDS = {"return", "case", "else", "do", "throw", "goto", "delete", "new", "co_return"}
TYPE_WORDS = {"void", "const", "auto", "static", "constexpr", "typename", "using", "friend", "template", "inline", "struct", "class",
              "union", "enum", "namespace", "extern", "explicit", "virtual", "static_assert", "public", "private", "protected",
              "if", "for", "while", "switch", "return", "case", "default", "else", "do", "try", "catch", "goto", "break",
              "continue", "throw", "thread_local", "mutable", "operator", "register", "asm", "unsigned", "int", "bool", "char"}
OPEN, CLOSE = {"(": ")", "[": "]", "{": "}", "<": "a list"}, {")", "]", "}", ">"}


class Token:
    __slots__ = ("kind", "text", "start", "end", "pair", "angle", "binary", "brace", "outer", "skip", "fixed", "frozen")

    def __init__(self, kind, text, start, end):
        self.kind, self.text, self.start, self.end = kind, text, start, end
        self.pair = None     # index of the other bracket
        self.angle = False   # a bracket of template arguments
        self.binary = False
        self.brace = None    # of a {: code, scope or list
        self.outer = None    # index of the innermost bracket around it
        self.skip = False    # not to be mutated
        self.fixed = False   # evaluated by the compiler only
        self.frozen = False  # in a constexpr function


class Source:
    """The tokens of a file and what they are."""

    def __init__(self, name, text):
        self.name, self.text = name, text
        self.tokens = []
        position = 0
        while position < len(text):
            match = TOKEN.match(text, position)
            if match is None:
                fail(f"{name}: what is {text[position:position + 20]!r}?")
            kind = match.lastgroup if match.lastgroup != "delimiter" else "string"
            if kind not in ("space", "comment", "directive"):
                self.tokens.append(Token(kind, match.group(), match.start(), match.end()))
            position = match.end()
        self.line_starts = [0] + [m.end() for m in re.finditer("\n", text)]
        self._split_shifts()
        self._match()
        self._classify_braces()
        self._mark()

    def line_of(self, offset):
        return bisect.bisect_right(self.line_starts, offset)

    def text_of(self, first, last):
        """Tokens first..last as one line without comments."""
        parts = []
        for i in range(first, last + 1):
            if parts and self.tokens[i - 1].end != self.tokens[i].start:
                parts.append(" ")
            parts.append(self.tokens[i].text)
        return "".join(parts)

    def spaced(self, i):
        """Whether there is white space on both sides: clang-format writes binary operators so, and nothing else."""
        token = self.tokens[i]
        return self.text[token.start - 1].isspace() and self.text[token.end:token.end + 1].isspace()

    def _split_shifts(self):
        """Makes two brackets of each >> that closes two lists of template arguments."""
        result = []
        for i, token in enumerate(self.tokens):
            if token.text == ">>" and not self.spaced(i):
                middle = token.start + 1
                result += [Token("op", ">", token.start, middle), Token("op", ">", middle, token.end)]
            elif token.text == ">=" and not self.spaced(i):
                middle = token.start + 1
                result += [Token("op", ">", token.start, middle), Token("op", "=", middle, token.end)]
            else:
                result.append(token)
        self.tokens = result

    def _match(self):
        tokens, stack = self.tokens, []
        for i, token in enumerate(tokens):
            token.outer = stack[-1] if stack else None
            text = token.text
            if token.kind != "op":
                continue
            before = tokens[i - 1] if i else None
            if before is not None and before.text == "operator" and text not in ("(", ")", "[", "]"):
                token.skip = True
                continue
            if text in ("(", "[", "{"):
                stack.append(i)
            elif text == "<" and before is not None and (before.text == "template" or
                                                        (before.kind == "word" and not self.spaced(i))):
                token.angle = True
                stack.append(i)
            elif text == ">" and stack and tokens[stack[-1]].text == "<":
                token.angle = True
                token.pair, tokens[stack[-1]].pair = stack[-1], i
                stack.pop()
                token.outer = stack[-1] if stack else None
            elif text in (")", "]", "}"):
                while stack and OPEN[tokens[stack[-1]].text] != text:
                    tokens[stack[-1]].angle = False  # no list of arguments after all
                    stack.pop()
                if not stack:
                    fail(f"{self.name}:{self.line_of(token.start)}: a bracket too many")
                token.pair, tokens[stack[-1]].pair = stack[-1], i
                stack.pop()
                token.outer = stack[-1] if stack else None
            elif text in BINARY and self.spaced(i) and before is not None and (
                    before.kind in ("word", "number", "string") or before.text in (")", "]", "}") or before.angle):
                token.binary = before.text not in ("return", "case", "else")

    def statement_start(self, i):
        """The first token of the declaration or statement that token i is in, within its bracket."""
        outer = self.tokens[i].outer
        j = i
        while j > 0:
            before = self.tokens[j - 1]
            if before.pair is not None and before.text in CLOSE:
                if before.text == "}" and self.tokens[before.pair].brace != "list":
                    break
                j = before.pair
                continue
            if j - 1 == outer or before.text in (";", "{", "}"):
                break
            if before.text == ":" and self.tokens[j - 2].text in ("public", "private", "protected"):
                break
            j -= 1
        return j

    def _classify_braces(self):
        tokens = self.tokens
        for i, token in enumerate(tokens):
            if token.text != "{":
                continue
            before = tokens[i - 1].text if i else ";"
            parent = tokens[token.outer] if token.outer is not None else None
            parent_kind = parent.brace if parent is not None and parent.text == "{" else "list" if parent is not None else "scope"
            j = self.statement_start(i)
            while True:  # over what may precede the keyword
                if tokens[j].text == "template" and tokens[j + 1].pair:
                    j = tokens[j + 1].pair + 1
                elif tokens[j].text in ("inline", "typedef", "static"):
                    j += 1
                else:
                    break
            head = tokens[j].text
            if head in ("class", "struct", "union", "enum", "namespace") and before not in (")", "=") and parent_kind != "list" or (
                    head == "extern" and tokens[j + 1].kind == "string" and j + 2 == i):
                token.brace = "scope"
            elif before in (")", "]", "else", "do", "try", "mutable", "noexcept", "const", "override", "final"):
                token.brace = "code"
            elif before in (";", "}", ":"):
                token.brace = "code" if parent_kind != "list" else "list"
            elif before == "{":
                token.brace = "code" if parent_kind == "code" else "list"
            else:
                k = i - 1  # -> Type {
                while k > 0 and (tokens[k].kind == "word" or tokens[k].text in ("::", "*", "&", ">")):
                    k = tokens[k].pair if tokens[k].angle and tokens[k].pair is not None else k
                    k -= 1
                token.brace = "code" if tokens[k].text == "->" and tokens[k - 1].text in (")", "noexcept", "const", "mutable") else "list"

    def _skip(self, first, last, attribute="skip"):
        for i in range(first, last + 1):
            setattr(self.tokens[i], attribute, True)

    def _mark(self):
        tokens = self.tokens
        for i, token in enumerate(tokens):
            following = tokens[i + 1] if i + 1 < len(tokens) else None
            opens = following is not None and following.pair is not None and following.text == "("
            if token.text in ("static_assert", "noexcept", "decltype", "alignas", "asm") and opens:
                self._skip(i, following.pair)
            elif token.text == "template" and following is not None and following.pair is not None:
                self._skip(i, following.pair)
            elif token.text == "[" and following is not None and following.text == "[" and token.pair is not None:
                self._skip(i, token.pair)
            elif token.text == "__builtin_expect" and opens:
                comma = max(j for j in range(i + 2, following.pair) if tokens[j].text == "," and tokens[j].outer == i + 1)
                self._skip(comma, following.pair)
            elif token.text == "__builtin_unreachable":
                self._skip(self.statement_start(i), i)
            elif token.text in ("requires", "case"):
                j = i
                while tokens[j].text not in (":", ";", "{"):
                    j += 1
                self._skip(i, j)
            if token.angle and token.text == "<" and token.pair is not None:
                self._skip(i, token.pair, "fixed")
            if token.text == "constexpr":
                if tokens[i - 1].text == "if" and opens:
                    self._skip(i, following.pair, "fixed")
                    continue
                j = i  # a constant, or a function
                while j < len(tokens) and tokens[j].text not in (";", "}"):
                    if tokens[j].text == "{" and tokens[j].brace == "code":
                        self._skip(i, tokens[j].pair, "frozen")
                        break
                    j = tokens[j].pair if tokens[j].pair is not None and tokens[j].pair > j else j
                    j += 1
                else:
                    self._skip(i, min(j, len(tokens) - 1), "fixed")
            if token.text in ("using", "enum"):
                j = i
                while tokens[j].text != ";":
                    j += 1
                self._skip(i, j, "fixed")

    # --- Extents of expressions

    def left_end(self, i, precedence):
        """The first token of the left operand of an operator at i, of expressions that bind no looser than `precedence`."""
        tokens, j = self.tokens, i
        while j > 0:
            before = tokens[j - 1]
            if before.pair is not None and before.text in CLOSE:
                if j < i and (tokens[j].kind in ("word", "number", "string") or tokens[j].text in ("!", "~", "++", "--")
                              or (tokens[j].text in ("*", "&", "-", "+", "::") and not tokens[j].binary and before.text != ">")):
                    if not (before.text == ">" or tokens[j].text == "."):
                        return j
                j = before.pair
                continue
            if before.pair is not None or before.text in (";", ",", "?", ":") or before.text in ASSIGN or (
                    before.text in STATEMENT_WORDS):
                return j
            if before.binary and BINARY[before.text] < precedence:
                return j
            j -= 1
        return j

    def right_end(self, i, precedence):
        """The last token of the right operand: of expressions that bind tighter than `precedence`."""
        tokens, j = self.tokens, i + 1
        while j < len(tokens):
            token = tokens[j]
            if token.pair is not None and token.pair > j:
                j = token.pair + 1
                continue
            if token.pair is not None or token.text in (";", ",", "?", ":") or token.text in ASSIGN:
                return j - 1
            if token.binary and BINARY[token.text] <= precedence:
                return j - 1
            j += 1
        return j - 1

    def assigned_end(self, i):
        """The last token of what an assignment at i assigns, which may be a conditional expression."""
        last = self.right_end(i, 2)
        while self.tokens[last + 1].text == "?":
            last = self.right_end(self.right_end(last + 1, 2) + 1, 2)
        return last

    def unary_end(self, i):
        """The last token of the operand of a prefix operator at i."""
        tokens, j = self.tokens, i + 1
        while tokens[j].text in ("!", "~", "-", "*", "&", "++", "--"):
            j += 1
        return self.postfix_end(j)

    def postfix_end(self, j):
        """The last token of the postfix expression that begins at j."""
        tokens = self.tokens
        if tokens[j].text == "::":
            j += 1
        if tokens[j].pair is not None:
            if tokens[j].text == "[":  # a lambda
                k = tokens[j].pair + 1
                while tokens[k].text != "{":
                    k = tokens[k].pair + 1 if tokens[k].pair else k + 1
                j = k
            j = tokens[j].pair
        while True:
            following = tokens[j + 1] if j + 1 < len(tokens) else None
            if following is None:
                return j
            if following.text in ("::", ".", "->"):
                j += 2
                if tokens[j].text == "template":
                    j += 1
            elif following.pair is not None and following.pair > j and (
                    following.text in ("(", "[") or following.angle or (following.text == "{" and following.brace == "list")):
                j = following.pair
            else:
                return j

    def callee_start(self, i):
        """The first token of the postfix expression that ends before the ( at i, or None."""
        tokens, j = self.tokens, i
        while True:
            before = tokens[j - 1]
            if before.pair is not None and before.text in (")", "]", ">") and before.pair < j:
                j = before.pair
                if before.text == ">":
                    continue
                if tokens[j - 1].kind != "word" and tokens[j - 1].text not in (")", "]", ">"):
                    return j if before.text == ")" else None
            elif before.kind == "word" and before.text not in STATEMENT_WORDS and before.text not in TYPE_WORDS:
                j -= 1
                if tokens[j - 1].text not in ("::", ".", "->"):
                    return j
                j -= 1
                if tokens[j].text == "::" and tokens[j - 1].kind != "word" and not tokens[j - 1].angle:
                    return j
            else:
                return None


# --- Mutants ----------------------------------------------------------------------------------------------------------

class Mutant:
    __slots__ = ("id", "name", "file", "line", "text", "start", "end", "new", "kind", "fixed", "frozen", "in_code", "in_macro",
                 "number", "verdict", "detail", "seconds")

    def __init__(self, name, start, end, new, kind):
        self.name, self.start, self.end, self.new, self.kind = name, start, end, new, kind
        self.fixed = False     # needs a compilation of its own
        self.frozen = False    # in a constexpr function: may need one
        self.in_code = False   # in a function's body
        self.in_macro = False  # among the arguments of a macro
        self.number, self.verdict, self.detail, self.seconds = 0, None, "", 0

    def apply(self, text):
        return text[:self.start] + self.new + text[self.end:]


class Finder:
    """Finds the mutants of a file. A kind says how the schema selects one: `value` and `condition` as an expression,
    `statement` around a statement, `alone` not at all."""

    def __init__(self, source):
        self.source, self.tokens = source, source.tokens
        self.found = []

    def add(self, name, first, last, new, kind, at=None):
        tokens = self.tokens
        token = tokens[at if at is not None else first]
        if token.skip:
            return
        mutant = Mutant(name, tokens[first].start, tokens[last].end, new, kind)
        mutant.fixed, mutant.frozen = token.fixed or kind == "alone", token.frozen
        where = token.outer
        while where is not None:
            mutant.in_code |= tokens[where].brace == "code"
            mutant.in_macro |= where > 0 and tokens[where].text == "(" and tokens[where - 1].text.startswith("HAFT_")
            where = tokens[where].outer
        self.found.append((token.start, mutant))

    def run(self):
        for i, token in enumerate(self.tokens):
            if token.skip:
                continue
            if token.kind == "number":
                self.number(i)
            elif token.kind == "word":
                self.word(i)
            elif token.binary:
                self.operator(i)
            elif token.text in ASSIGN and token.text in EXCHANGED:
                first, last = self.source.left_end(i, 2), self.source.assigned_end(i)
                for new in EXCHANGED[token.text]:
                    self.exchange(i, first, last, new, f"{NAMES[token.text[:-1]]}-{NAMES[new[:-1]]}")
            elif token.text in ("++", "--"):
                self.step(i)
            elif token.text in ("!", "~") or (token.text == "-" and not token.binary):
                self.drop(i)
            elif token.text == "?":
                first = self.source.left_end(i, 2)
                self.condition(first, i - 1, remove=False)
            elif token.text == "(" and token.pair is not None:
                self.call(i)
        self.statements()
        seen, result = set(), []
        counts = collections.Counter()
        lines = self.source.text.split("\n")
        for position, mutant in sorted(self.found, key=lambda pair: pair[0]):
            changed = mutant.apply(self.source.text)
            digest = hashlib.sha256(changed.encode()).digest()
            if digest in seen:
                continue
            seen.add(digest)
            mutant.file = self.source.name
            mutant.line = self.source.line_of(position)
            mutant.text = lines[mutant.line - 1].strip()
            key = (hashlib.sha256(mutant.text.encode()).hexdigest()[:8], mutant.name)
            mutant.id = f"{mutant.file}#{key[0]}.{mutant.name}.{counts[key]}"
            counts[key] += 1
            result.append(mutant)
        return result

    def exchange(self, at, first, last, new, name):
        source = self.source
        text = f"{source.text_of(first, at - 1)} {new} {source.text_of(at + 1, last)}"
        self.add(name, first, last, text, "value", at)

    def operator(self, i):
        source, text = self.source, self.tokens[i].text
        precedence = BINARY[text]
        first, last = source.left_end(i, precedence), source.right_end(i, precedence)
        if first >= i or last <= i:
            return
        for new in EXCHANGED[text]:
            # Another precedence must not change what the operands are.
            left, right = source.text_of(first, i - 1), source.text_of(i + 1, last)
            if BINARY[new] != precedence:
                left, right = f"({left})", f"({right})"
                self.add(f"{NAMES[text]}-{NAMES[new]}", first, last, f"({left} {new} {right})", "value", i)
            else:
                self.add(f"{NAMES[text]}-{NAMES[new]}", first, last, f"{left} {new} {right}", "value", i)
        if text == "+":
            self.add("add-left", first, last, f"({source.text_of(first, i - 1)})", "value", i)
        if text in ("&&", "||"):
            self.add(f"{NAMES[text]}-left", first, last, f"({source.text_of(first, i - 1)})", "condition", i)
            self.add(f"{NAMES[text]}-right", first, last, f"({source.text_of(i + 1, last)})", "condition", i)

    def number(self, i):
        match = re.fullmatch(r"(0[xX][\da-fA-F']+|0[bB][01']+|\d[\d']*)([uUlLzZ]*)", self.tokens[i].text)
        if match is None:
            return
        tokens = self.tokens
        if tokens[i - 1].text == "=" and tokens[i - 2].text in (")", "const", "noexcept", "override"):
            return  # a pure virtual function
        digits = match.group(1).replace("'", "")
        value = int(digits, 0) if not re.fullmatch("0[0-7]+", digits) else int(digits, 8)
        self.add("const+1", i, i, f"{value + 1}{match.group(2)}", "value")
        if value > 0:
            self.add("const-1", i, i, f"{value - 1}{match.group(2)}", "value")

    def word(self, i):
        tokens, text = self.tokens, self.tokens[i].text
        if text in ("true", "false"):
            self.add("true-false", i, i, "false" if text == "true" else "true", "value")
        elif text in EXCHANGED_WORDS and tokens[i + 1].text == "(" and i and tokens[i - 1].text in ("::", ".", "->"):
            if tokens[i - 1].text == "::" and tokens[i - 2].text != "std":
                return
            if text in ("min", "max") and tokens[i + 1].pair == i + 2:
                return  # numeric_limits
            first = self.source.callee_start(i + 1)
            if first is None:
                return
            last = tokens[i + 1].pair
            new = EXCHANGED_WORDS[text]
            renamed = self.source.text_of(first, i - 1) + new + self.source.text_of(i + 1, last)
            self.add("min-max", first, last, renamed, "value", i)
        elif text.startswith("k") and i >= 2 and tokens[i - 1].text == "::" and tokens[i - 2].text == "Status":
            new = "kStale" if text != "kStale" else "kMalformed"
            first = i - 2
            while tokens[first - 1].text == "::" and tokens[first - 2].kind == "word":
                first -= 2
            if tokens[first - 1].text == "::":
                first -= 1
            self.add("status", first, i, self.source.text_of(first, i - 1) + new, "value", i)
        elif tokens[i + 1].text != "=" and re.fullmatch("HAFT_(OK|NULL|MALFORMED|STALE|NEVER_ISSUED|PINNED|FULL|TIMED_OUT|DEFERRED|OUT_OF_MEMORY|"
                          "WRONG_TYPE|NO_MEMORY|NO_THREAD|INVALID)", text):
            self.add("status", i, i, "HAFT_STALE" if text != "HAFT_STALE" else "HAFT_MALFORMED", "value")
        elif text in ("if", "while") and tokens[i + 1].text == "(" and tokens[i + 1].pair is not None:
            first, last = i + 2, tokens[i + 1].pair - 1
            inner = range(first, last + 1)
            if any(tokens[j].text in (";", "=") and tokens[j].outer == i + 1 for j in inner):
                return  # it declares something
            jumps = tokens[last + 2].text in ("return", "break", "continue") and text == "if"
            self.condition(first, last, remove=jumps)

    def condition(self, first, last, remove):
        tokens = self.tokens
        text = self.source.text_of(first, last)
        operators = [tokens[j] for j in range(first, last + 1) if tokens[j].binary and tokens[j].outer == tokens[first].outer]
        single = len(operators) == 1 and BINARY[operators[0].text] in (8, 9)
        if not single and text not in ("true", "false"):
            self.add("negate", first, last, f"!({text})", "condition")
        if remove:
            self.add("remove", first, last, "false", "condition")

    def step(self, i):
        tokens, source = self.tokens, self.source
        new = "--" if tokens[i].text == "++" else "++"
        name = "inc-dec" if tokens[i].text == "++" else "dec-inc"
        after = tokens[i + 1]
        if after.kind == "word" or after.text in ("*", "("):
            last = source.unary_end(i)
            self.add(name, i, last, new + source.text_of(i + 1, last), "value")
        else:
            first = source.callee_start(i)
            if first is not None:
                self.add(name, first, i, source.text_of(first, i - 1) + new, "value", i)

    def drop(self, i):
        tokens, source = self.tokens, self.source
        before = tokens[i - 1]
        if before.text in (".", "->", "::") or before.kind in ("word", "number") and before.text not in STATEMENT_WORDS:
            return  # ~Class, or no prefix
        if tokens[i].text == "~" and (before.text in (";", "{", "}", ":") or tokens[i + 1].kind == "word" and
                                      tokens[i + 2].text == "(" and tokens[i].outer is not None and
                                      tokens[tokens[i].outer].text == "{" and tokens[tokens[i].outer].brace == "scope"):
            return
        last = source.unary_end(i)
        operand = source.text_of(i + 1, last)
        name = {"!": "drop-not", "~": "drop-complement", "-": "drop-minus"}[tokens[i].text]
        self.add(name, i, last, f"!!{operand}" if tokens[i].text == "!" else f"({operand})",
                 "condition" if tokens[i].text == "!" else "value")

    def call(self, i):
        """Swaps neighbouring arguments."""
        tokens, source = self.tokens, self.source
        before = tokens[i - 1]
        if before.kind != "word" and not (before.text in (")", "]") or before.angle):
            return
        if before.text in TYPE_WORDS or before.text in STATEMENT_WORDS or before.text.startswith("HAFT_") or before.text in (
                "__builtin_expect", "sizeof", "offsetof", "swap"):
            return
        arguments, first = [], i + 1
        for j in range(i + 1, tokens[i].pair + 1):
            if j == tokens[i].pair or (tokens[j].text == "," and tokens[j].outer == i):
                if j > first:
                    arguments.append((first, j - 1))
                first = j + 1
        if len(arguments) < 2 or any(self.declares(*argument) for argument in arguments):
            return
        callee = source.callee_start(i)
        in_code, where = False, tokens[i].outer
        while where is not None and not in_code:
            in_code, where = tokens[where].brace == "code", tokens[where].outer
        kind = "value"
        if callee is None or not in_code or (callee > 0 and (
                tokens[callee - 1].kind == "word" and tokens[callee - 1].text not in STATEMENT_WORDS - {"new", "delete"} or
                tokens[callee - 1].angle or
                (tokens[callee - 1].text in ("*", "&") and not tokens[callee - 1].binary and tokens[callee - 2].kind == "word"))):
            kind = "alone"
        for left, right in zip(arguments, arguments[1:]):
            a, b = source.text_of(*left), source.text_of(*right)
            if a == b or any("memory_order" in text or re.match(r'["\[{]', text) for text in (a, b)):
                continue
            if (a[0] == "&") != (b[0] == "&") or "nullptr" in (a, b) or re.match(r"sizeof", a) and not re.match(r"sizeof|\d", b):
                continue
            swapped = f"{b}, {a}"
            if kind == "alone":
                self.add("swap", left[0], right[1], swapped, kind)
            else:
                end = tokens[i].pair
                gap = "" if tokens[left[0] - 1].text == "(" else " "
                whole = source.text_of(callee, left[0] - 1) + gap + swapped + source.text_of(right[1] + 1, end)
                self.add("swap", callee, end, whole, kind, left[0])

    def declares(self, first, last):
        """Whether these tokens look like a parameter."""
        tokens = self.tokens
        if tokens[first].text in TYPE_WORDS:
            return True
        for j in range(first, last):
            if tokens[j].kind == "word" and tokens[j + 1].kind == "word" and tokens[j].text not in ("new", "template"):
                return True
            if tokens[j].text in ("*", "&", "&&") and not tokens[j].binary and j > first and (
                    tokens[j - 1].kind == "word" or tokens[j - 1].angle):
                return True
        return tokens[last].text in ("*", "&", "&&", "...") and tokens[last - 1].kind == "word"

    def statements(self):
        """Removes expression statements and jumps."""
        tokens, source = self.tokens, self.source
        for i, token in enumerate(tokens):
            outer = tokens[token.outer] if token.outer is not None else None
            if outer is None or outer.text != "{" or outer.brace != "code" or i == 0:
                continue
            before = tokens[i - 1]
            starts = before.text in (";", "{", "}", "else", "do") or (before.text == ":" and not token.binary and
                                                                     self.after_label(i - 1))
            if before.text == ")" and tokens[before.pair - 1].text in ("if", "for", "while", "switch", "constexpr"):
                starts = True
            if before.text == "}" and tokens[before.pair].brace == "list":
                starts = False
            if not starts or token.skip:
                continue
            if token.text in ("break", "continue", "return") and tokens[i + 1].text == ";":
                self.add("remove", i, i + 1, "{}", "statement")
                continue
            j = i
            if token.text in ("new", "delete"):
                while tokens[j].text != ";":
                    j = tokens[j].pair + 1 if tokens[j].pair is not None and tokens[j].pair > j else j + 1
                self.add("remove", i, j, "{}", "statement")
                continue
            if token.text in TYPE_WORDS or token.text.startswith("HAFT_DCHECK") or token.text == "}":
                continue
            while tokens[j].text in ("*", "++", "--", "&"):
                j += 1
            if tokens[j].kind != "word" and tokens[j].text not in ("(", "::"):
                continue
            end = source.postfix_end(j)
            following = tokens[end + 1].text
            if following in ASSIGN:
                end = end + 1
                while tokens[end].text != ";":
                    end = tokens[end].pair + 1 if tokens[end].pair is not None and tokens[end].pair > end else end + 1
            elif following in ("++", "--"):
                end += 2
            elif following == ";" and (tokens[end].text == ")" or j > i):
                end += 1
            else:
                continue
            self.add("remove", i, end, "{}", "statement")

    def after_label(self, i):
        """Whether the colon at i ends a case label."""
        j = i
        while j > 0 and self.tokens[j - 1].text not in (";", "{", "}", ":", "?"):
            j -= 1
        return self.tokens[j].text in ("case", "default")


def schema(source, mutants):
    """The text of the file with all these mutants in it. Each has a line of its own, so that an error tells whose it is."""
    groups = collections.defaultdict(list)
    for mutant in mutants:
        groups[mutant.start, mutant.end, mutant.kind == "statement"].append(mutant)
    ordered = sorted(groups.items(), key=lambda item: (item[0][0], -item[0][1], not item[0][2]))
    text = source.text

    def choice(mutant, is_condition):
        new = f"static_cast<bool>({mutant.new})" if is_condition else f"({mutant.new})"
        new = f"::haft_mutant({mutant.number}) ? {new} : "
        if mutant.in_macro:
            return new
        return f'\n#line 1 "mutant/{mutant.number}"\n{new}\n#line {source.line_of(mutant.start)} "{source.name}"\n'

    def render(start, end, items):
        """The text from start to end, in which lie items, the outer ones first."""
        result, position, index = [], start, 0
        while index < len(items):
            (first, last, is_statement), group = items[index]
            index += 1
            inner = []
            while index < len(items) and items[index][0][0] < last:
                if items[index][0][1] <= last:
                    inner.append(items[index])
                else:
                    for mutant in items[index][1]:
                        mutant.fixed = True  # overlaps: alone
                index += 1
            result.append(text[position:first])
            body = render(first, last, inner)
            if is_statement:
                result.append(f"{{ if (!::haft_mutant({group[0].number})) {body} }}")
            else:
                is_condition = any(mutant.kind == "condition" for mutant in group)
                chain = "".join(choice(mutant, is_condition) for mutant in group)
                end_of_line = "\n" if "//" in body else ""
                result.append(f"({chain}{'static_cast<bool>' if is_condition else ''}({body}{end_of_line}))")
            position = last
        result.append(text[position:end])
        return "".join(result)

    return render(0, len(text), ordered)


def find_mutants(names):
    sources = {name: Source(name, (LIBRARY / name).read_text()) for name in names}
    return sources, {name: Finder(source).run() for name, source in sources.items()}


def library_files():
    return sorted(str(path.relative_to(LIBRARY)) for path in LIBRARY.rglob("*") if path.suffix in (".h", ".cc"))


class Anything:
    """A name of a BUILD file whose meaning does not matter here."""

    def __call__(self, *_, **__):
        return self

    __add__ = __radd__ = __mod__ = __call__


def link_options():
    """The options that tests/unit/BUILD.bazel links tests with; the file is a program of Python, too."""
    options = {}

    def haft_test(name, srcs=None, linkopts=(), **_):
        source = srcs[0] if srcs else name + ".cc"
        options[source.removesuffix(".cc")] = list(linkopts)

    tree = ast.parse((UNIT / "BUILD.bazel").read_text())
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    exec(compile(tree, "BUILD.bazel", "exec"), {**dict.fromkeys(names, Anything()), "haft_test": haft_test})
    return options


# --- What no test can notice ------------------------------------------------------------------------------------------

class Explanation:
    def __init__(self, where, file):
        self.where, self.file, self.line, self.names, self.reason, self.used = where, file, None, None, None, set()

    def fits(self, mutant):
        number = mutant.id.rsplit(".", 1)[1]
        return mutant.file == self.file and self.line in ("*", mutant.text) and any(
            name in ("*", mutant.name, f"{mutant.name}.{number}") for name in self.names)


def read_equivalent():
    found = []
    if not EQUIVALENT.exists():
        return found
    for number, line in enumerate(EQUIVALENT.read_text().split("\n"), 1):
        where = f"{EQUIVALENT.relative_to(ROOT)}:{number}"
        if not line.strip() or line.startswith("#"):
            continue
        key, _, rest = line.strip().partition(" ")
        if key == "file":
            found.append(Explanation(where, rest))
        elif not found:
            fail(f"{where}: no file to belong to")
        elif key == "line":
            if found[-1].line is not None:
                found.append(Explanation(where, found[-1].file))
            found[-1].line, found[-1].where = rest, where
        elif key == "mutants":
            found[-1].names = rest.split()
        elif key == "reason":
            found[-1].reason = rest
        else:
            fail(f"{where}: what is {key!r}?")
    for entry in found:
        if not (entry.line and entry.names and entry.reason):
            fail(f"{entry.where}: an explanation needs file, line, mutants and reason")
    return found


# --- Building and running ---------------------------------------------------------------------------------------------

class NotCompiled(Exception):
    pass


def tests_of(name):
    """The tests of a file of the library, under tests/unit and without their suffix."""
    own = re.sub(r"\.(h|cc)$", "_test", name)
    further = next((tests for pattern, tests in TESTS if re.match(pattern, name)), [])
    return [test for test in dict.fromkeys([*FIRST.get(name, []), own, *further])
            if (UNIT / f"{test}.cc").exists() and test not in NEEDS_BAZEL]


class Bench:
    def __init__(self, folder, jobs):
        self.folder = pathlib.Path(folder)
        self.jobs = jobs
        self.lock = threading.Lock()
        self.count = 0
        self.includes = {}  # of a source: the files of the library that it reads
        self.plain_objects = {}
        self.object_locks = collections.defaultdict(threading.Lock)
        self.homes = {}  # of a program: the folder to run it in
        self.link_options = link_options()
        self.prelude = self.folder / "prelude.h"
        self.runtime = self.folder / "runtime.o"
        self.prelude.write_text(PRELUDE)
        self.selection = self.folder / "selection.h"
        self.selection.write_text(SELECTION)
        (self.folder / "runtime.cc").write_text(RUNTIME)
        self.compile(["-O1", "-c", self.folder / "runtime.cc", "-o", self.runtime])

    def precompile(self, levels):
        """Saves each build of a test a second or two."""
        (self.folder / "prelude.h.gch").mkdir()
        for level in levels:
            self.compile([level, "-x", "c++-header", self.prelude, "-o", self.folder / "prelude.h.gch" / level])

    def compile(self, arguments):
        result = subprocess.run([COMPILER, *FLAGS, *map(str, arguments)], cwd=ROOT, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, check=False, errors="replace")
        if result.returncode != 0:
            raise NotCompiled(result.stdout)

    def includes_of(self, source):
        with self.object_locks["includes", source]:
            if source not in self.includes:
                rule = subprocess.run([COMPILER, *FLAGS, "-Ilib", "-I.", "-MM", source], cwd=ROOT, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True, check=False).stdout
                self.includes[source] = set(re.findall(r"\blib/haft/([\w/]+\.(?:h|cc))", rule))
            return self.includes[source]

    def sources_needed(self, test):
        """The sources of the library that a test needs: all, if it includes a header that belongs to one."""
        read = self.includes_of(UNIT / f"{test}.cc")
        sources = [name for name in library_files() if name.endswith(".cc")]
        own = {re.sub(r"\.cc$", ".h", name) for name in sources} | {"haft.h"}
        return sources if read & own or "extern \"C\"" in (UNIT / f"{test}.cc").read_text() else []

    def objects(self, needed, changed, overlay, cache):
        """Objects of the library's sources, with the files of `changed` (None: all) read from the overlay."""
        result = []
        for source in needed:
            affected = changed is None or self.includes_of(LIBRARY / source) & changed
            store, base = (cache, overlay) if affected else (self.plain_objects, ROOT / "lib")
            with self.object_locks[id(store), source]:
                if source not in store:
                    output = (overlay if affected else self.folder / "plain") / (source.replace("/", "_") + ".o")
                    output.parent.mkdir(exist_ok=True)
                    self.compile(["-O0", *LIBRARY_FLAGS, "-I", base, "-I.", "-include", self.selection,
                                  "-c", base / "haft" / source, "-o", output])
                    store[source] = output
            result.append(store[source])
        return result

    def library(self):
        """A folder with libhaft.so."""
        with self.object_locks["library"]:
            folder = self.folder / "library"
            if not folder.exists():
                folder.mkdir()
                self.compile(["-O0", *LIBRARY_FLAGS, "-fPIC", "-fvisibility=hidden", "-DHAFT_BUILDING_SHARED_LIBRARY", "-shared",
                              "-Ilib", *(LIBRARY / name for name in library_files() if name.endswith(".cc")),
                              "-o", folder / "libhaft.so"])
        return folder

    def build(self, test, overlay, changed, cache):
        source = UNIT / f"{test}.cc"
        if changed is not None:  # the test first: if the mutant does not compile, that is known soon
            affected = bool(self.includes_of(source) & changed)
            store, base = (cache, overlay) if affected else (self.plain_objects, ROOT / "lib")
            with self.object_locks[id(store), test]:
                if test not in store:
                    output = (overlay if affected else self.folder) / (test.replace("/", "_") + ".test.o")
                    self.compile([OPTIMIZED.get(test, "-O0"), "-I", base, "-I.", "-include", self.prelude, "-c", source, "-o", output])
                    store[test] = output
            source = store[test]
        objects = self.objects(self.sources_needed(test), changed, overlay, cache)
        program = overlay / (test.replace("/", "_") + ".program")
        if test in NEEDS_LIBRARY:
            self.homes[program.name] = self.library()
        # The objects come before the test: of what the test has compiled as well, theirs is taken.
        self.compile([OPTIMIZED.get(test, "-O0"), "-I", overlay, "-I.", "-include", self.prelude, *objects, source,
                      self.runtime, "-o", program, *self.link_options.get(test, []), "-lgtest", "-lgtest_main", "-lcds"])
        return program

    def overlay(self, name):
        with self.lock:
            self.count += 1
            folder = self.folder / f"{self.count}_{name}"
        shutil.copytree(LIBRARY, folder / "haft")
        return folder

    def run(self, program, cpu, wall, environment, cases="*"):
        """How the program ends: "" if it passes, else what fails; and the seconds."""
        variables = {name: value for name, value in os.environ.items() if name not in ("XML_OUTPUT_FILE", "TESTBRIDGE_TEST_ONLY")}
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            variables.update(environment, TEST_TMPDIR=scratch)
            output = pathlib.Path(scratch) / "output"

            def limit():
                resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 2))
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
                resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 28, 1 << 28))
            start = time.monotonic()
            with open(output, "wb") as file, subprocess.Popen(
                    [program, "--gtest_brief=1", "--gtest_fail_fast", f"--gtest_filter={cases}"],
                    cwd=self.homes.get(pathlib.Path(program).name, ROOT), env=variables, stdin=subprocess.DEVNULL, stdout=file,
                    stderr=file, start_new_session=True, preexec_fn=limit) as process:
                wanted, pause, verdict = start + wall, 0.002, None
                while process.poll() is None:
                    time.sleep(pause)
                    pause = min(pause * 1.5, 0.1)
                    if time.monotonic() > wanted:
                        verdict = "does not end"
                    elif resident(process.pid) > 4 << 30:
                        verdict = "takes all memory"
                    if verdict:
                        break
                try:
                    os.killpg(process.pid, signal.SIGKILL)  # also what it has started
                except ProcessLookupError:
                    pass
                process.wait()
            seconds = time.monotonic() - start
            if verdict:
                return verdict, seconds
            text = output.read_text(errors="replace")
            if process.returncode == 0 and not re.search(r"^\[==========\] 0 tests", text, re.MULTILINE):
                return "", seconds
            if process.returncode == -signal.SIGXCPU:
                return "does not end", seconds
            failed = re.search(r"^\[  FAILED  \] ([\w/]+\.\w+(?:/\d+)?)", text, re.MULTILINE)
            return failed.group(1) if failed else f"ends with {process.returncode}: {text.strip()[-200:]}", seconds


def resident(pid):
    try:
        return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * mmap.PAGESIZE
    except (OSError, IndexError):
        return 0


class Stopped(Exception):
    pass


class Hunt:
    """Gives each mutant its verdict: killed, not compiled or survives."""

    def __init__(self, bench, sources, mutants, options, save):
        self.bench, self.sources, self.mutants, self.verbose = bench, sources, mutants, options.verbose
        self.quick, self.save = options.quick, save
        self.end = time.monotonic() + options.seconds if options.seconds else None
        self.unfinished = set()  # numbers of the mutants that the time did not suffice for
        self.seconds = {}  # of a test without a mutant
        self.tests = {name: tests_of(name) for name in {m.file for m in mutants}}
        self.print_lock = threading.Lock()

    def say(self, text):
        with self.print_lock:
            print(text, flush=True)

    def settle(self, mutant, verdict, detail, seconds=0):
        mutant.verdict, mutant.detail, mutant.seconds = verdict, detail, seconds
        if self.verbose or verdict == "survives":
            self.say(f"{verdict:12} {mutant.id}:{mutant.line}  {detail}\n"
                     f"             {mutant.text}" + (f"\n             -> {mutant.new[:160]}" if verdict == "survives" else ""))

    def is_over(self):
        return self.end is not None and time.monotonic() > self.end

    def each(self, function, items):
        if self.bench.jobs == 1:
            for item in items:
                function(item)
        else:
            with concurrent.futures.ThreadPoolExecutor(self.bench.jobs) as pool:
                list(pool.map(function, items))

    def run(self):
        for number, mutant in enumerate(self.mutants, 1):
            mutant.number = number
        if len(self.mutants) >= 1 << 16:
            fail("more mutants than the run-time part has room for")
        self.overlay = self.bench.overlay("schema")
        self.cache = {}
        self.usable = {m.number for m in self.mutants if not m.fixed and m.kind != "alone"}
        self.write_schema({m.file for m in self.mutants})
        users = collections.defaultdict(list)
        for mutant in self.mutants:
            for test in self.tests[mutant.file]:
                users[test].append(mutant)
        if len(users) > 2:
            self.bench.precompile({"-O0", *(OPTIMIZED.get(test, "-O0") for test in users)})
        self.reached = collections.defaultdict(set)
        cost = {test: (UNIT / f"{test}.cc").stat().st_size for test in users}
        # Each mutant meets its tests in the order of their list; tests are built as they are wanted.
        order = sorted(users, key=lambda test: (max(self.tests[m.file].index(test) for m in users[test]), cost[test]))
        for test in order:
            waiting = [m for m in users[test] if m.verdict is None and m.number in self.usable]
            if waiting and self.is_over():
                self.unfinished.update(m.number for m in waiting)
            elif waiting:
                self.with_schema(test, waiting)
                self.save()
        alone = []
        for mutant in self.mutants:
            if mutant.verdict is not None or mutant.number in self.unfinished:
                continue
            # A number that nothing reaches may be the size of an array, which the schema cannot change.
            may_run = self.reached[mutant.number] or mutant.in_code and not mutant.name.startswith("const")
            if mutant.number not in self.usable or mutant.frozen or not may_run:
                alone.append(mutant)
            else:
                self.settle(mutant, "survives", self.reached_by(mutant))
        shutil.rmtree(self.overlay)
        self.say(f"-- {len(alone)} mutants are to be compiled alone")
        if not self.quick:
            self.each(self.by_itself, alone)

    def reached_by(self, mutant):
        return "reached by " + ", ".join(sorted(self.reached[mutant.number])) if self.reached[mutant.number] else "not reached"

    def write_schema(self, names):
        for name in names:
            chosen = [m for m in self.mutants if m.file == name and m.number in self.usable]
            (self.overlay / "haft" / name).write_text(schema(self.sources[name], chosen))
            for mutant in chosen:
                if mutant.fixed:
                    self.usable.discard(mutant.number)

    def build_schema(self, test):
        """The test's program; what keeps it from compiling is left out, to be compiled alone."""
        while True:
            try:
                return self.bench.build(test, self.overlay, None, self.cache)
            except NotCompiled as error:
                text = str(error)
                by_number = {m.number: m for m in self.mutants if m.number in self.usable}
                blamed = []
                for number, message in re.findall(r"^mutant/(\d+):\d+:\d+: error: (.*)", text, re.MULTILINE):
                    mutant = by_number.get(int(number))
                    if mutant is not None and mutant not in blamed:
                        blamed.append(mutant)
                        if "?:" not in message:  # else it is the schema that does not compile
                            self.settle(mutant, "not compiled", message[:150])
                if not blamed:  # what follows from a mutant
                    named = {int(number) for number in re.findall(r"\bmutant/(\d+):", text)}
                    blamed = [m for m in by_number.values() if m.number in named]
                if not blamed:  # or those near the error
                    for name, line in set(re.findall(r"^(?:.*/haft/)?([\w/]+\.(?:h|cc)):(\d+):\d+: error: ", text, re.MULTILINE)):
                        blamed += [m for m in by_number.values() if m.file == name and
                                   self.sources[name].line_of(m.start) <= int(line) <= self.sources[name].line_of(m.end)]
                if not blamed:
                    fail(f"{test} does not compile with the mutants:\n" + text[:4000])
                self.say(f"-- {test} does not compile with {len(blamed)} mutants: " +
                         next((l for l in text.split("\n") if " error: " in l), "")[:200])
                self.usable -= {m.number for m in blamed}
                for mutant in blamed:
                    mutant.fixed = True
                self.write_schema({m.file for m in blamed})
                self.cache.clear()

    def limit(self, seconds):
        return int(3 * seconds + 2), int(10 * seconds + 15)

    def with_schema(self, test, waiting):
        start = time.monotonic()
        program = self.build_schema(test)
        built = time.monotonic() - start
        record, cases = self.overlay / "reached", self.overlay / "reached.cases"
        record.write_bytes(bytes(1 << 16))
        cases.unlink(missing_ok=True)
        failed, seconds = self.bench.run(program, EXPENSIVE, EXPENSIVE, {"HAFT_REACHED": str(record)})
        if failed:
            fail(f"{test} fails without a mutant: {failed}")
        taken, reaching = {"*": seconds}, collections.defaultdict(list)
        for line in cases.read_text().splitlines():
            name, milliseconds, *numbers = line.split()
            taken.setdefault(name, int(milliseconds) / 1000)
            for number in numbers:
                reaching[int(number)].append(name)
        reached = [m for m in waiting if reaching[m.number] and m.number in self.usable]
        self.say(f"-- {test}: {len(waiting)} mutants wait, {len(reached)} are reached "
                 f"(built in {built:.0f} s, runs {seconds:.1f} s)")
        self.seconds[test] = seconds

        def one(mutant):
            """Runs the test cases that reach the mutant, the quick ones first."""
            if self.is_over():
                self.unfinished.add(mutant.number)
                return
            self.reached[mutant.number].add(test)
            names = sorted(set(reaching[mutant.number]), key=taken.get)
            quick = names if "*" in names else [name for i, name in enumerate(names) if i < 3 or taken[name] < 0.02]
            for chosen in (quick, names[len(quick):]):
                if chosen:
                    cpu, wall = self.limit(sum(map(taken.get, chosen)))
                    failed, lasted = self.bench.run(program, cpu, wall, {"HAFT_MUTANT": str(mutant.number)},
                                                    "*" if "*" in chosen else ":".join(chosen))
                    if failed:
                        self.settle(mutant, "killed", f"{test}: {failed}", lasted)
                        return
        self.each(one, reached)
        program.unlink()

    def by_itself(self, mutant):
        if self.is_over():
            return
        overlay = self.bench.overlay("alone")
        (overlay / "haft" / mutant.file).write_text(mutant.apply(self.sources[mutant.file].text))
        cache = {}
        try:
            for test in self.tests[mutant.file]:
                if mutant.file not in self.bench.includes_of(UNIT / f"{test}.cc") and (
                        not any(mutant.file in self.bench.includes_of(LIBRARY / source)
                                for source in self.bench.sources_needed(test))):
                    continue
                try:
                    program = self.bench.build(test, overlay, {mutant.file}, cache)
                except NotCompiled as error:
                    first = next((l for l in str(error).split("\n") if " error: " in l), str(error)[-200:])
                    if "static assertion failed" in str(error):
                        self.settle(mutant, "killed", f"{test}: {first[-150:]}")
                    else:
                        self.settle(mutant, "not compiled", first[-150:])
                    return
                cpu, wall = self.limit(self.seconds.get(test, 10))
                failed, taken = self.bench.run(program, cpu, wall, {})
                if failed:
                    self.settle(mutant, "killed", f"{test}: {failed}", taken)
                    return
            self.settle(mutant, "survives", "compiled alone")
        finally:
            shutil.rmtree(overlay)


# --- The commands -----------------------------------------------------------------------------------------------------

def draw(mutants, count, seed):
    generator = random.Random(seed)
    by_file = collections.defaultdict(list)
    for mutant in mutants:
        by_file[mutant.file].append(mutant)
    names = sorted(by_file)
    generator.shuffle(names)
    chosen = []
    for name in names:
        if len(chosen) >= count:
            break
        chosen += generator.sample(by_file[name], min(15, len(by_file[name]), count - len(chosen)))
    return chosen


def output_of(*command):
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout.strip()


def write_report(path, mutants, explained, command):
    rows, totals = [], collections.Counter()
    by_file = collections.defaultdict(list)
    for mutant in mutants:
        by_file[mutant.file].append(mutant)
    for name in sorted(by_file):
        counts = collections.Counter(m.verdict for m in by_file[name])
        totals.update(counts)
        rows.append(f"| `{name}` | {len(by_file[name])} | {counts['killed']} | {counts['not compiled']} | {counts['equivalent']} "
                    f"| {counts['survives']} | {counts[None]} |")
    finished = [name for name in by_file if all(m.verdict is not None for m in by_file[name])]
    done = collections.Counter(m.verdict for name in finished for m in by_file[name])
    run = done["killed"] + done["survives"]
    summary = [f"**{len(finished)} of {len(by_file)} files are finished: {done['killed']} of {run} mutants are killed "
               f"({100 * done['killed'] / run if run else 100:.1f} %)**, {done['not compiled']} do not compile,",
               f"and {done['equivalent']} change nothing that a test could notice: "
               "[equivalent.txt](../tests/mutation/equivalent.txt) explains each of them."]
    if totals[None]:
        summary += ["", f"In the other files {totals['killed'] - done['killed']} are killed so far, and {totals[None]} have no "
                    "verdict: they have not been tried, or those of their", "tests that have run did not notice. There will be survivors "
                    "among them."]
    processor = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    lines = [
        "# Mutants of the library",
        "",
        "`tools/mutate.py` breaks each line of the library in a systematic way and runs the unit tests of the file; the head of",
        "the tool lists the kinds of mutants. This page is its latest result. Mutants of memory orders are another tool's",
        "([verification.md](verification.md), section 2).",
        "",
        *summary,
        "",
        "| | |",
        "|---|---|",
        f"| date | {datetime.date.today().isoformat()} |",
        f"| commit | {output_of('git', 'rev-parse', '--short=10', 'HEAD')} |",
        f"| command | `{command}` |",
        "| verdicts | [verdicts.json.gz](../tests/mutation/verdicts.json.gz); unpacked, a FILE to go on from |",
        f"| machine | {processor.group(1) if processor else platform.machine()}, {os.cpu_count()} CPUs, "
        f"{output_of(COMPILER, '--version').splitlines()[0]} |",
        "",
        "*Killed* counts a test that fails, aborts or does not end, and a `static_assert` that fails. *Equivalent* mutants are",
        "not run.",
        "",
        "| file | mutants | killed | not compiled | equivalent | survive | no verdict |",
        "|---|---|---|---|---|---|---|",
        *rows,
        f"| all | {len(mutants)} | {totals['killed']} | {totals['not compiled']} | {totals['equivalent']} | {totals['survives']} "
        f"| {totals[None]} |",
        "",
    ]
    survivors = [m for m in mutants if m.verdict == "survives"]
    if survivors:
        lines += ["## Survivors", "", "Each of them is a hole in the tests, or wants an explanation.", ""]
        lines += [f"- `{m.id}`, line {m.line}: `{m.text}`" for m in survivors]
        lines.append("")
    del explained
    pathlib.Path(path).write_text("\n".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="REGEX", help="files of lib/haft whose names have a match only")
    parser.add_argument("--id", default="", metavar="REGEX", help="mutants whose ids have a match only")
    parser.add_argument("--sample", type=int, metavar="N", help="so many mutants only, drawn by the seed")
    parser.add_argument("--seed", default=datetime.date.today().isoformat(), metavar="S", help="of the sample (today's date)")
    parser.add_argument("--list", action="store_true", help="print the mutants and run none")
    parser.add_argument("--seconds", type=float, metavar="N", help="begin nothing after so long: what is left has no verdict")
    parser.add_argument("--quick", action="store_true", help="compile no mutant alone: those have no verdict")
    parser.add_argument("--verbose", action="store_true", help="print each verdict")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), metavar="N")
    parser.add_argument("--state", metavar="FILE", help="keep verdicts in a file, and do not kill again what was killed")
    parser.add_argument("--report", metavar="FILE", help="write the table of docs/mutation.md")
    options = parser.parse_args()

    names = [name for name in library_files() if re.search(options.only, name)]
    sources, found = find_mutants(names)
    mutants = [m for name in names for m in found[name] if re.search(options.id, m.id)]
    explanations = read_equivalent()
    for mutant in mutants:
        for entry in explanations:
            if entry.fits(mutant):
                mutant.verdict = "equivalent"
                entry.used.update(name for name in entry.names if name == "*" or name == mutant.name or
                                  mutant.id.endswith("." + name))
    unused = [] if options.id else [
        f"{e.where}: no mutant of {e.file} fits: {name}" for e in explanations if e.file in names for name in e.names if name not in e.used]
    unused += [f"{e.where}: there is no {e.file}" for e in explanations if not (LIBRARY / e.file).exists()]

    if options.list:
        for mutant in mutants:
            print(f"{mutant.id}:{mutant.line}  {mutant.text}  ->  {mutant.new}" +
                  ("  (equivalent)" if mutant.verdict else ""))
        print(f"{len(mutants)} mutants")
        return
    if not mutants:
        fail("no mutants")

    state, stamp = {}, {name: hashlib.sha256((LIBRARY / name).read_bytes()).hexdigest()[:16] for name in names}
    if options.state and pathlib.Path(options.state).exists():
        state = json.loads(pathlib.Path(options.state).read_text())
        for mutant in mutants:
            kept = state.get(mutant.id)
            if kept is None or mutant.verdict is not None or kept["file"] != stamp[mutant.file]:
                continue
            if kept["verdict"] == "alone":
                mutant.fixed = True  # the schema did not compile with it
            elif kept["verdict"] != "survives":
                mutant.verdict, mutant.detail = kept["verdict"], kept["detail"]
    chosen = [m for m in mutants if m.verdict is None]
    if options.sample is not None:
        print(f"sample of {options.sample}, --seed {options.seed}", flush=True)
        chosen = draw(chosen, options.sample, options.seed)
        mutants = [m for m in mutants if m.verdict == "equivalent"] + chosen

    def save():
        if options.state is None:
            return
        for mutant in chosen:
            if mutant.verdict is not None or mutant.fixed:
                state[mutant.id] = {"file": stamp[mutant.file], "verdict": mutant.verdict or "alone", "detail": mutant.detail,
                                    "seconds": round(mutant.seconds, 2)}
        pathlib.Path(options.state).write_text(json.dumps(state, indent=0, sort_keys=True))

    def stop(*_):
        raise Stopped
    signal.signal(signal.SIGTERM, stop)
    start = time.monotonic()
    try:
        if chosen:
            with tempfile.TemporaryDirectory(prefix="mutate") as folder:
                Hunt(Bench(folder, options.jobs), sources, chosen, options, save).run()
    finally:
        save()

    for mutant in mutants:  # what the time did not suffice for
        kept = state.get(mutant.id)
        if mutant.verdict is None and kept and kept["file"] == stamp[mutant.file] and kept["verdict"] == "survives":
            mutant.verdict, mutant.detail = kept["verdict"], kept["detail"]
    counts = collections.Counter(m.verdict for m in mutants)
    if options.report:
        arguments = [a for i, a in enumerate(sys.argv[1:], 1) if "--state" not in (a, sys.argv[i - 1]) and not a.startswith("--state=")]
        write_report(options.report, mutants, explanations, " ".join(["tools/mutate.py", *arguments]))
    for message in unused:
        print(message)
    run = counts["killed"] + counts["survives"]
    print(f"{len(mutants)} mutants in {time.monotonic() - start:.0f} s: {counts['killed']} killed of {run} "
          f"({100 * counts['killed'] / run if run else 100:.1f} %), {counts['not compiled']} not compiled, "
          f"{counts['equivalent']} equivalent, {counts['survives']} survive" +
          (f", {counts[None]} without a verdict" if counts[None] else ""))
    failures = counts["survives"] + len(unused)
    print(f"{counts['killed']} passed, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
