"""A proposal: one arm, or several, over headers of the library that a patch has changed."""

load("@rules_cc//cc:defs.bzl", "cc_library")

def proposal(name, changes, deps, copts, tags):
    """The arms of NAME.cc over the library with NAME.patch.

    The changed headers stand in a folder of their own that is searched before the library.

    Args:
      name: of the source file and the patch
      changes: the headers that the patch changes, as paths from the folder lib
      deps: as for cc_library
      copts: as for cc_library
      tags: as for cc_library
    """
    folder = name + "_headers"
    outs = [folder + "/lib/" + header for header in changes + ["haft/internal/base/abi.h"]]
    native.genrule(
        name = folder,
        srcs = [
            name + ".patch",
            "//lib/haft:headers",
        ],
        outs = outs,
        cmd = " ".join([
            "python3 $(location shadow.py)",
            name,
            "$(location %s.patch)" % name,
            "$(RULEDIR)/" + folder,
            "$(locations //lib/haft:headers)",
        ]),
        tools = ["shadow.py"],
    )
    cc_library(
        name = name,
        srcs = [name + ".cc"] + outs,
        hdrs = [
            "depot_names.h",
            "proposals.h",
        ],
        copts = copts + ["-iquote $(GENDIR)/" + native.package_name() + "/" + folder + "/lib"],
        tags = tags,
        deps = deps,
    )
