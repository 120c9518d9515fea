"""How Haft's headers are built: one rule, one target for each header."""

load("@rules_cc//cc:defs.bzl", "cc_library")

def haft_library(name, hdrs = None, **kwargs):
    """The header <name>.h, included as "haft/..." from the folder lib.

    Args:
      name: the target's and the header's name
      hdrs: instead of [<name>.h]
      **kwargs: as for cc_library
    """
    cc_library(
        name = name,
        hdrs = hdrs or [name + ".h"],
        strip_include_prefix = "/lib",
        **kwargs
    )
