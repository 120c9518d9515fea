"""The extension that `bazel mod` looks for in buildozer. Its repository is empty: only `bazel mod tidy` would run what is in it."""

def _empty_impl(context):
    context.file("BUILD.bazel", "# Nothing: see tools/registry/README.md.\n")

_empty = repository_rule(implementation = _empty_impl)

def _buildozer_binary_impl(_context):
    _empty(name = "buildozer_binary")

buildozer_binary = module_extension(implementation = _buildozer_binary_impl)
