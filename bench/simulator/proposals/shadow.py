#!/usr/bin/env python3
"""Writes the headers of a proposal: those that its patch changes, and the one that names the ABI, which becomes its own.

Usage: shadow.py NAME PATCH FOLDER HEADER...

The patch is one that `git apply` takes as well. Each of its hunks must fit in exactly one place of its header, wherever that is.
The namespace of the ABI is another one, so that a program may contain the library as it is and the proposal.
"""

import pathlib
import re
import sys

ABI = "lib/haft/internal/base/abi.h"


def hunks_of(patch: str) -> dict[str, list[tuple[str, str]]]:
    """Returns the hunks of each file: what they replace and by what."""
    files: dict[str, list[tuple[str, str]]] = {}
    for file in re.split(r"^(?=--- a/)", patch, flags=re.MULTILINE)[1:]:
        path = re.match(r"--- a/(\S+)\n\+\+\+ b/\1\n", file)
        if path is None:
            sys.exit(f"not a patch of one file: {file[:60]!r}")
        hunks = []
        for hunk in re.split(r"^@@.*@@.*\n", file, flags=re.MULTILINE)[1:]:
            lines = hunk.splitlines(True)
            hunks.append(tuple("".join(line[1:] for line in lines if line[0] in kinds) for kinds in (" -", " +")))
        files[path[1]] = hunks
    return files


def apply(path: str, text: str, hunks: list[tuple[str, str]]) -> str:
    for old, new in hunks:
        if text.count(old) != 1:
            sys.exit(f"{path}: the proposal's patch expects these lines once, and they are there {text.count(old)} times. If the "
                     f"library has taken the proposal over, remove it; if the lines have changed, follow:\n{old}")
        text = text.replace(old, new)
    return text


def main() -> None:
    name, patch, folder, *headers = sys.argv[1:]
    files = hunks_of(pathlib.Path(patch).read_text(encoding="utf-8"))
    for path, hunks in files.items():
        [source] = [header for header in headers if header.endswith(path)]
        write(folder, path, apply(path, pathlib.Path(source).read_text(encoding="utf-8"), hunks))
    [source] = [header for header in headers if header.endswith(ABI)]
    text, count = re.subn(r"(#define HAFT_ABI) abi\w*", rf"\1 proposal_{name}", pathlib.Path(source).read_text(encoding="utf-8"))
    if count == 0:
        sys.exit(f"{ABI} does not define HAFT_ABI")
    write(folder, ABI, text)


def write(folder: str, path: str, text: str) -> None:
    target = pathlib.Path(folder) / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
