#!/usr/bin/env python3
"""Shows that the models can fail: breaks the headers, one mutant at a time, and runs what is to notice.

Usage: tools/mutants.py [--matrix] [--seconds N] [--only REGEX] [--jobs N]

tests/model/mutants/*.txt list the mutants:

    mutant S1-relaxed                   its name; the rest of the entry follows without an empty line
    label S1                            the labels it breaks, or: none
    file internal/slot/slot_array.h     in lib/haft
    killer slot_array_model             tests/model/<killer>.cc, or for a name that ends in _test
                                        tests/{unit,interleaving}/**/<killer>.cc
    - payload_[i].store(words[i], std::memory_order_release);
    + payload_[i].store(words[i], std::memory_order_relaxed);

An optional line "test NAME" names the one test of the killer that notices, and only that is compiled and run.

The lines after "- " must occur once in the file, one after the other and whole, whatever their indentation; those after
"+ " take their place. There may be more such pairs. "survives REASON" says that the killer does not notice, and why.

Without --matrix each mutant is built with its killer, which must fail (or not, where the mutant survives); the tests
that mutants name must not fail without one. With it, each mutant meets also all other models that include its file, and a
Markdown table is printed: x for those that fail in their time, bold for the one that the list names, - for a model without
the file. What is not to fail is run for so many seconds of a processor (4); 300 are enough for whole models, which the
build runs without mutants anyway. Exit 1 when something is not as listed, also when a text is no longer found or a mutant
does not compile.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

# A Bazel test starts in the root of its copy of the files.
ROOT = pathlib.Path.cwd() if "TEST_WORKSPACE" in os.environ else pathlib.Path(__file__).resolve().parent.parent
LISTS = ROOT / "tests" / "model" / "mutants"
COMPILER = os.environ.get("CXX", "g++")
# Most of the time goes to compiling: a lower level and another linker save a third of that.
FLAGS = ["-std=c++17", "-Og", "-w", "-U_FORTIFY_SOURCE", "-pthread", "-fuse-ld=gold"]
MODEL_FLAGS = ['-DHAFT_SYNC_BACKEND="tests/support/relacy_sync.h"']
PREFIX = '#include <gtest/gtest.h>\n#include "tests/support/relacy_sync.h"\n'  # of all models; no mutant changes it
SECONDS = 300
# Not Bazel's file for the results of its test: a killer would report its mutant's failure there.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "XML_OUTPUT_FILE"}


class Mutant:
    def __init__(self, name, where):
        self.name, self.where = name, where
        self.labels = self.file = self.killer = self.test = self.survives = None
        self.edits = []  # pairs of lists of lines


def fail(message):
    sys.exit(f"mutants: {message}")


def read_list(path):
    """The mutants of one file."""
    mutants = []
    for number, line in enumerate(path.read_text().split("\n"), 1):
        where = f"{path.relative_to(ROOT)}:{number}"
        line = line.rstrip()
        if not line or line.startswith("#"):
            continue
        key, _, rest = line.partition(" ")
        rest = rest.strip()
        if key == "mutant":
            mutants.append(Mutant(rest, where))
            continue
        if not mutants:
            fail(f"{where}: no mutant to belong to")
        mutant = mutants[-1]
        if key == "label":
            mutant.labels = [] if rest == "none" else rest.split()
        elif key in ("file", "killer", "test", "survives"):
            setattr(mutant, key, rest)
        elif key == "-":
            if not mutant.edits or mutant.edits[-1][1] is not None:
                mutant.edits.append([[], None])
            mutant.edits[-1][0].append(rest)
        elif key == "+":
            if not mutant.edits:
                fail(f"{where}: + without -")
            mutant.edits[-1][1] = (mutant.edits[-1][1] or []) + [rest]
        else:
            fail(f"{where}: what is {key!r}?")
    for mutant in mutants:
        if mutant.labels is None or not mutant.file or not mutant.killer or not mutant.edits:
            fail(f"{mutant.where}: {mutant.name} needs label, file, killer and text")
        for label in mutant.labels:
            if not re.fullmatch(r"[A-Z]\d+", label):
                fail(f"{mutant.where}: {label!r} is no label")
    return mutants


def read_lists():
    mutants = [m for path in sorted(LISTS.glob("*.txt")) for m in read_list(path)]
    names = collections.Counter(m.name for m in mutants)
    for name, count in names.items():
        if count > 1:
            fail(f"{count} mutants are called {name}")
    return mutants


def mutate(mutant, text):
    """The text of the header with the mutant's edits, or a message."""
    lines = text.split("\n")
    for old, new in mutant.edits:
        stripped = [line.strip() for line in lines]
        found = [i for i in range(len(lines) - len(old) + 1) if stripped[i:i + len(old)] == old]
        if len(found) != 1:
            return None, f"{mutant.where}: {mutant.name}: the text of {mutant.file} occurs {len(found)} times: {old[0]}"
        lines[found[0]:found[0] + len(old)] = new or []
    return "\n".join(lines), None


def source_of(killer):
    if not killer.endswith("_test"):
        return ROOT / "tests" / "model" / f"{killer}.cc"
    found = [path for folder in ("unit", "interleaving") for path in (ROOT / "tests" / folder).rglob(f"{killer}.cc")]
    return found[0] if found else ROOT / "tests" / "unit" / f"{killer}.cc"


def only(test, text):
    """The text of a killer without the tests that a filter, names between colons, does not name.

    Their code is most of what a compiler would have to make; it still reads what they share."""
    named = test.split(":")
    return re.sub(r"^TEST\((\w+), (\w+)\) \{\n(?:.*\n)*?\}\n",
                  lambda match: match[0] if ".".join(match.groups()) in named else "", text, flags=re.MULTILINE)


class Bench:
    """Builds and runs killers against headers."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.lock = threading.Lock()
        self.count = 0
        self.main = self.folder / "main.o"
        self.prefix = self.folder / "prefix.h"

    def build_main(self):
        self.compile(["-c", "tests/model/model.cc", "-o", self.main, "-Ilib", *MODEL_FLAGS])
        self.prefix.write_text(PREFIX)
        self.compile(["-x", "c++-header", self.prefix, "-o", f"{self.prefix}.gch", "-Ilib", *MODEL_FLAGS])

    def headers(self, killer):
        """The names of Haft's headers that a killer includes."""
        flags = [] if killer.endswith("_test") else MODEL_FLAGS
        rule = subprocess.run([COMPILER, *FLAGS, *flags, "-Ilib", "-I.", "-MM", source_of(killer)], cwd=ROOT,
                              stdout=subprocess.PIPE, text=True, check=True).stdout
        return set(re.findall(r"\bhaft/([\w/]+\.h)", rule))

    def compile(self, arguments):
        result = subprocess.run([COMPILER, *FLAGS, "-I.", *map(str, arguments)], cwd=ROOT, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, check=False)
        if result.returncode != 0:
            raise RuntimeError("does not compile:\n" + "\n".join(result.stdout.split("\n")[:20]))

    def try_out(self, killer, mutant, text, test, limit):
        """The test that fails, or "" when the killer passes or its processor time is over; and the seconds it ran.

        Raises RuntimeError when there is no answer."""
        with self.lock:
            self.count += 1
            folder = self.folder / str(self.count)
        shutil.copytree(ROOT / "lib" / "haft", folder / "haft")
        if mutant is not None:
            (folder / "haft" / mutant.file).write_text(text)
        program = folder / "program"
        model = not killer.endswith("_test")
        source = source_of(killer)
        if test is not None:
            source = folder / source.name
            source.write_text(only(test, source_of(killer).read_text()))
        self.compile(["-I", folder, "-idirafter", "lib", source, "-o", program] +
                     (MODEL_FLAGS + ["-include", self.prefix, self.main, "-lgtest"] if model else ["-lgtest", "-lgtest_main", "-lcds"]))
        start = time.monotonic()
        try:
            result = subprocess.run([program, "--gtest_brief=1", "--gtest_fail_fast", f"--gtest_filter={test or '*'}"],
                                    cwd=ROOT, env=ENVIRONMENT, timeout=SECONDS, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                    errors="replace", check=False,
                                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1)))
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"has no answer after {SECONDS} s") from None
        finally:
            shutil.rmtree(folder)
        seconds = time.monotonic() - start
        if "[==========] 0 tests" in result.stdout:
            raise RuntimeError(f"has no test {test}")
        if result.returncode == 0 or (result.returncode == -signal.SIGXCPU and limit < SECONDS):
            return "", seconds
        failed = re.search(r"^\[  FAILED  \] (\w+\.\w+)", result.stdout, re.MULTILINE)
        return failed.group(1) if failed else "a crash", seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--matrix", action="store_true", help="each mutant against all models")
    parser.add_argument("--seconds", type=int, default=4, metavar="N", help="for each program that need not fail")
    parser.add_argument("--only", default="", metavar="REGEX", help="mutants with such names only")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args()

    mutants = [m for m in read_lists() if re.search(options.only, m.name)]
    if not mutants:
        fail("no mutants")
    texts, errors = {}, []
    defined = set()
    for path in (ROOT / "lib" / "haft").rglob("*.h"):
        defined.update(re.findall(r"// \[([A-Z]\d+)\] [^.:\n]*:", path.read_text()))
    for mutant in mutants:
        errors += [f"{mutant.where}: there is no label {label}" for label in mutant.labels if label not in defined]
        header = ROOT / "lib" / "haft" / mutant.file
        if not header.exists():
            fail(f"{mutant.where}: there is no {mutant.file}")
        texts[mutant.name], error = mutate(mutant, header.read_text())
        if error:
            errors.append(error)
    models = sorted(path.stem for path in (ROOT / "tests" / "model").glob("*_model.cc"))
    killers = sorted({m.killer for m in mutants} | set(models if options.matrix else []))
    errors += [f"{m.where}: there is no {source_of(m.killer)}" for m in mutants if not source_of(m.killer).exists()]
    if errors:
        fail("\n".join(errors))

    passes, wrong = {}, []

    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(folder)
        bench.build_main()
        work = [] if options.matrix else [(killer, None) for killer in killers]
        headers = {killer: bench.headers(killer) for killer in killers} if options.matrix else {}
        for mutant in mutants:
            others = [k for k in killers if k != mutant.killer and mutant.file in headers.get(k, ())]
            work += [(killer, mutant) for killer in [mutant.killer, *others]]

        def one(item):
            killer, mutant = item
            name = mutant.name if mutant else "(none)"
            named = mutant is None or killer == mutant.killer
            must_fail = mutant is not None and named and mutant.survives is None
            try:
                test = None
                if mutant is None:
                    tests = {m.test for m in mutants if m.killer == killer}
                    test = None if None in tests else ":".join(sorted(tests))
                elif named:
                    test = mutant.test
                failed, seconds = bench.try_out(killer, mutant, mutant and texts[name], test,
                                                SECONDS if must_fail else options.seconds)
            except RuntimeError as error:
                return item, None, f"{name}: {killer} {error}"
            passed = not failed
            message = None
            if named and passed == must_fail:
                message = f"{name}: {killer} {'does not fail: the mutant lives' if passed else 'fails'}"
            print(f"{'ok   ' if message is None else 'WRONG'}  {name}: {killer} {'fails ' + failed if failed else 'does not fail'}"
                  f" ({seconds:.1f} s)", flush=True)
            return item, passed, message

        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for (killer, mutant), passed, message in pool.map(one, work):
                passes[mutant.name if mutant else None, killer] = passed
                if message:
                    wrong.append(message)

    if options.matrix:
        print_matrix(mutants, killers, passes)
    killed = sum(1 for m in mutants if passes[m.name, m.killer] is False)
    lived = sum(1 for m in mutants if passes[m.name, m.killer] is True)
    print(f"{len(mutants)} mutants: {killed} killed, {lived} survive")
    if wrong:
        fail("\n" + "\n".join(wrong))


def print_matrix(mutants, killers, passes):
    columns = [re.sub("_(model|test)$", "", k) for k in killers]
    print("| mutant | label | " + " | ".join(columns) + " |")
    print("|---|---|" + "---|" * len(killers))
    for mutant in mutants:
        cells = []
        for killer in killers:
            passed = passes.get((mutant.name, killer), "none")
            mark = {None: "?", True: "", False: "x", "none": "-"}[passed]
            cells.append(f"**{mark}**" if killer == mutant.killer and mark == "x" else mark)
        print(f"| {mutant.name} | {' '.join(mutant.labels) or '-'} | " + " | ".join(cells) + " |")


main()
