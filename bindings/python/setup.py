"""Builds the extension and the copy of libhaft.so.0 that a wheel brings. The rest is in pyproject.toml.

Variables of the environment:

HAFT_LINK=system    brings no copy: the wheel uses the system's libhaft.so.0
HAFT_LIBRARY_DIR    a folder with a built libhaft.so.0, which is then not compiled
HAFT_PURE=1         leaves the extension out, so that every call goes through ctypes
"""

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:  # before setuptools 70.1
    from wheel.bdist_wheel import bdist_wheel

HERE = Path(__file__).resolve().parent
# The C++ sources: in an sdist they are beside this file, in a checkout two folders up.
LIB = next((folder for folder in (HERE / "lib", HERE.parent.parent / "lib") if (folder / "haft").is_dir()), HERE / "lib")
BUNDLED = os.environ.get("HAFT_LINK", "bundled") != "system"
PURE = bool(os.environ.get("HAFT_PURE"))
# Free-threaded builds before 3.15 have no limited API.
LIMITED = not sysconfig.get_config_var("Py_GIL_DISABLED")
OLDEST = (3, 9)


def run(*command):
    print(*command)
    subprocess.run([str(word) for word in command], check=True)


def make_library(folder):
    """Puts libhaft.so.0, and libhaft.so for the linker, into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / "libhaft.so.0"
    built = os.environ.get("HAFT_LIBRARY_DIR")
    if built:
        shutil.copy(Path(built) / "libhaft.so.0", library)
    else:
        run(
            *os.environ.get("CXX", "g++").split(),
            *"-std=c++17 -O2 -fPIC -fvisibility=hidden -fno-exceptions -fno-rtti -DHAFT_BUILDING_SHARED_LIBRARY".split(),  # noqa: SIM905
            f"-I{LIB}",
            *["-shared", "-Wl,-soname,libhaft.so.0", "-Wl,-z,nodelete", "-Wl,--as-needed"],
            f"-Wl,--version-script={LIB / 'haft/internal/process/haft.lds'}",
            *("-o", library),
            *sorted(LIB.glob("haft/internal/*/*.cc")),
            "-pthread",
        )
    link = folder / "libhaft.so"
    link.unlink(missing_ok=True)
    link.symlink_to(library.name)
    return library


class BuildExt(build_ext):
    """Builds libhaft.so.0 first. The extension finds it beside itself, unless the process has one already."""

    def run(self):
        self.library = make_library(Path(self.build_temp).resolve() / "libhaft")
        for extension in self.extensions:
            extension.library_dirs.append(str(self.library.parent))
        super().run()
        if BUNDLED:
            beside = Path(self.get_ext_fullpath("haft._extension")).parent
            beside.mkdir(parents=True, exist_ok=True)
            run("strip", "--strip-unneeded", "-o", beside / "libhaft.so.0", self.library)


def needed_glibc(folder):
    """Returns the minor version of the glibc that the files in the folder need, as their symbols say."""
    versions = [17]
    for file in folder.rglob("*.so*"):
        symbols = subprocess.run(["readelf", "-W", "--version-info", str(file)], check=True, capture_output=True, text=True).stdout
        versions += [int(minor) for minor in re.findall(r"\bGLIBC_2\.(\d+)", symbols)]
    return max(versions)


class BdistWheel(bdist_wheel):
    """Names the wheel after the least glibc and the least Python that it runs with."""

    def finalize_options(self):
        super().finalize_options()
        self.root_is_pure = PURE
        if LIMITED and not PURE:
            self.py_limited_api = f"cp{OLDEST[0]}{OLDEST[1]}"

    def get_tag(self):
        python, abi, platform = super().get_tag()
        if PURE:
            return "py3", "none", "any"
        if platform.startswith("linux_"):
            if self.bdist_dir and Path(self.bdist_dir).is_dir():
                self.minor = needed_glibc(Path(self.bdist_dir))
            minor = getattr(self, "minor", None)
            if minor is not None:
                platform = f"manylinux_2_{minor}_{platform[len('linux_') :]}"
        return python, abi, platform


class Sdist(sdist):
    """Adds the C++ sources of the library."""

    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        shutil.copytree(LIB, Path(base_dir) / "lib", dirs_exist_ok=True)


macros = [("Py_LIMITED_API", f"0x{OLDEST[0]:02x}{OLDEST[1]:02x}0000")] if LIMITED else []
extension = Extension(
    "haft._extension",
    ["src/haft/_extension.c"],
    include_dirs=[str(LIB)],
    define_macros=macros,
    libraries=["haft"],
    py_limited_api=LIMITED,
    extra_compile_args=["-std=c11", "-O2", "-Wall", "-Wextra", "-fvisibility=hidden"],
    extra_link_args=["-Wl,-z,now", *(["-Wl,-rpath,$ORIGIN"] if BUNDLED else [])],
)

setup(
    ext_modules=[] if PURE else [extension],
    cmdclass={"build_ext": BuildExt, "bdist_wheel": BdistWheel, "sdist": Sdist},
)
