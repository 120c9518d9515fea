"""How Haft's tests are built: one rule, so that every test has the same checks on."""

load("@rules_cc//cc:defs.bzl", "cc_test")

# As shipped; sanitized runs as their configurations say.
OPTIMIZED = select({
    "//tests:sanitized": [],
    "//conditions:default": ["-O2"],
})

def haft_test(name, deps, srcs = None, copts = [], tags = [], size = "small", **kwargs):
    """A GoogleTest in <name>.cc. Warnings are errors, and the library is built as it promises to build.

    Args:
      name: the target's and the file's name, <header>_test for the test of <header>.h
      deps: besides GoogleTest
      srcs: instead of [<name>.cc]
      copts: more compiler options
      tags: Bazel's; "stress" is for what runs many threads for long
      size: Bazel's
      **kwargs: as for cc_test
    """
    cc_test(
        name = name,
        srcs = srcs or [name + ".cc"],
        copts = ["-Wall", "-Wextra", "-Werror"] + copts,
        size = size,
        tags = tags,
        deps = deps + ["@googletest//:gtest_main"],
        **kwargs
    )

def sync_backend(header):
    """The compiler option that puts a backend of tests/support under the library."""
    return '-DHAFT_SYNC_BACKEND=\\"tests/support/%s\\"' % header
