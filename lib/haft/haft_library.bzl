"""How Haft's headers are built: one rule, one target for each header."""

load("@rules_cc//cc:defs.bzl", "cc_library")

_ABI = "//lib/haft/internal/base:abi"

def haft_library(name, hdrs = None, deps = [], **kwargs):
    """The header <name>.h, included as "haft/..." from the folder lib.

    Every header stands in the namespace that internal/base/abi.h names, and so depends on it.

    Args:
      name: the target's and the header's name
      hdrs: instead of [<name>.h]
      deps: besides internal/base/abi.h
      **kwargs: as for cc_library
    """
    cc_library(
        name = name,
        hdrs = hdrs or [name + ".h"],
        strip_include_prefix = "/lib",
        deps = deps + ([] if name == "abi" else [_ABI]),
        **kwargs
    )
