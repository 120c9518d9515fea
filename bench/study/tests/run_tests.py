#!/usr/bin/python3
"""Runs the tests of the named modules, or of all. If a Debian package is missing, it says which, and skips them by name.

Usage: run_tests.py [MODULE...]
"""

import importlib.util
import os
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import packages  # noqa: E402  (needs the path above)


def main() -> int:
    modules = sys.argv[1:] or sorted(path.stem for path in HERE.glob("*_test.py"))
    missing = packages.missing() + (["python3-jsonschema"] if importlib.util.find_spec("jsonschema") is None else [])
    if missing:
        print(f"SKIPPED: {' '.join(modules)}: missing Debian packages: {' '.join(missing)}")
        return 0
    with tempfile.TemporaryDirectory() as cache:
        os.environ.update(MPLCONFIGDIR=cache, PYTHONDONTWRITEBYTECODE="1")
        result = unittest.TextTestRunner(verbosity=1).run(unittest.defaultTestLoader.loadTestsFromNames(modules))
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
