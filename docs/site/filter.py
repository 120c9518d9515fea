#!/usr/bin/env python3
"""Doxygen's INPUT_FILTER: what Doxygen should see of a header. Lines keep their numbers.

The inline ABI namespace and the attributes are removed, because neither belongs into a name or a signature. The
comments are removed too, because api.py reads them from the header itself.
"""

import re
import sys

ATTRIBUTE = re.compile(r"\[\[[^\]]*\]\]\s?|__attribute__\(\((?:[^()]|\([^()]*\))*\)\)")


def filtered(text):
    # Specialisations of templates in std are no part of the reference, and Doxygen cannot place them.
    text = re.sub(r"^template <>\nstruct std::.*?^\};$", lambda match: "\n" * match.group(0).count("\n"), text,
                  flags=re.M | re.S)
    text = re.sub(r"^[ \t]*inline namespace HAFT_ABI \{.*$", "", text, flags=re.M)
    text = re.sub(r"^\}\s*// (?:inline )?namespace HAFT_ABI\s*$", "", text, flags=re.M)
    # The reference describes machines with 64 bits.
    text = re.sub(r"^#if UINTPTR_MAX > 0xffffffffu$", "#if 1", text, flags=re.M)
    # A string may contain what looks like a comment: it is matched first.
    text = re.sub(r'("(?:\\.|[^"\\\n])*")|//[^\n]*|/\*.*?\*/',
                  lambda match: match.group(1) or "\n" * match.group(0).count("\n"), text, flags=re.S)
    return ATTRIBUTE.sub(lambda match: "\n" * match.group(0).count("\n"), text)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as header:
        sys.stdout.write(filtered(header.read()))
