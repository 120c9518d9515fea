"""The repositories that Haft needs, from this folder and Debian's packages: no network.

A WORKSPACE that uses Haft (Bazel 4 to 6) calls `haft_dependencies()`; one with its own `rules_cc` keeps it.
Bazel 7 and later read MODULE.bazel, and of this file only what extensions.bzl loads.
"""

def _in_tree_repository_impl(ctx):
    folder = ctx.path(Label("//:WORKSPACE")).dirname.get_child("tools").get_child("repos").get_child(ctx.attr.folder)
    for entry in folder.readdir():
        ctx.symlink(entry, entry.basename)
    for system_folder, name in ctx.attr.links.items():
        ctx.symlink(system_folder, name)

# A repository whose files lie in tools/repos.
in_tree_repository = repository_rule(
    implementation = _in_tree_repository_impl,
    attrs = {
        "folder": attr.string(mandatory = True),
        # Folders of the system that appear in it: { path: name }.
        "links": attr.string_dict(),
    },
    local = True,
)

# Those that Bazel 7 and later too take from the system: no registry has the first two.
SYSTEM_LIBRARIES = ["libcds", "relacy", "tbb"]

# What a compiler for another machine needs, which finds neither Debian's headers nor its libraries.
SYSTEM_LINKS = {
    "googletest": {"/usr/src/googletest/googletest": "source"},
    "libcds": {"/usr/include/cds": "headers/cds"},
}

def _declare(names):
    for name in names:
        if not native.existing_rule(name):
            in_tree_repository(name = name, folder = name, links = SYSTEM_LINKS.get(name, {}))

def haft_dependencies():
    """What any C++ build on Bazel 4 to 6 asks for; missing, it would be looked for on the network."""
    _declare(["rules_cc", "rules_java", "remote_coverage_tools"])

def haft_dev_dependencies():
    """What Haft's own tests and benchmarks use, from Debian's packages."""
    _declare(["google_benchmark", "googletest"] + SYSTEM_LIBRARIES)
