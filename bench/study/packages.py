"""The Debian packages that the study needs. This module imports nothing of them."""

import importlib.util
import os
import shutil
import sys

DEBIANS_PYTHON = "/usr/bin/python3"
# What is imported or run, and the package that has it.
MODULES = {"numpy": "python3-numpy", "scipy": "python3-scipy", "pandas": "python3-pandas", "matplotlib": "python3-matplotlib"}
PROGRAMS = {"lstopo-no-graphics": "hwloc-nox"}


def missing() -> list[str]:
    """Returns the names of the packages that are not installed."""
    modules = [package for module, package in MODULES.items() if importlib.util.find_spec(module) is None]
    return modules + [package for program, package in PROGRAMS.items() if shutil.which(program) is None]


def use_debians_python() -> None:
    """Starts the program again with Debian's interpreter if another one, which does not see Debian's packages, runs it."""
    if missing() and os.path.realpath(sys.executable) != os.path.realpath(DEBIANS_PYTHON) and os.path.exists(DEBIANS_PYTHON):
        os.execv(DEBIANS_PYTHON, [DEBIANS_PYTHON, *sys.argv])


def complaint() -> str | None:
    """Returns a sentence about the missing packages, or None."""
    packages = missing()
    if not packages:
        return None
    names = " ".join(packages)
    return f"missing Debian packages: {names}; as root: apt-get install --no-install-recommends {names}"
