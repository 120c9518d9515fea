"""For MODULE.bazel (Bazel 7 and later); Bazel 4 has no `module_extension`, so this is not in deps.bzl."""

load("//tools:deps.bzl", "SYSTEM_LIBRARIES", "SYSTEM_LINKS", "in_tree_repository")

def _system_libraries_impl(_ctx):
    for name in SYSTEM_LIBRARIES:
        in_tree_repository(name = name, folder = name, links = SYSTEM_LINKS.get(name, {}))

system_libraries = module_extension(implementation = _system_libraries_impl)
