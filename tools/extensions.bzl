"""For MODULE.bazel (Bazel 7 and later); Bazel 4 has no `module_extension`, so this is not in deps.bzl."""

load("//tools:deps.bzl", "OPTIONAL_LIBRARIES", "SYSTEM_LIBRARIES", "SYSTEM_LINKS", "in_tree_repository", "optional_library")

def _system_libraries_impl(_ctx):
    for name in SYSTEM_LIBRARIES:
        in_tree_repository(name = name, folder = name, links = SYSTEM_LINKS.get(name, {}))
    for name, header in OPTIONAL_LIBRARIES.items():
        optional_library(name = name, library = name, header = header)

system_libraries = module_extension(implementation = _system_libraries_impl)
