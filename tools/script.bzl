"""Scripts as targets, on every Bazel from 4.2.3 to 9.

Bazel 9 has no sh_binary and no sh_test, and Bazel 4 has no rules_shell to load them from. These two rules need neither.
"""

def _script_impl(ctx):
    executable = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(output = executable, target_file = ctx.file.src, is_executable = True)
    runfiles = ctx.runfiles(files = [ctx.file.src] + ctx.files.data)
    for target in ctx.attr.data:
        runfiles = runfiles.merge(target[DefaultInfo].default_runfiles)
    return [DefaultInfo(executable = executable, runfiles = runfiles)]

_ATTRS = {
    # Files and targets that the script uses; `args` may name them by $(rootpath ...).
    "data": attr.label_list(allow_files = True),
    # The script: an executable file that names its interpreter in its first line.
    "src": attr.label(allow_single_file = True, mandatory = True),
}

script_binary = rule(
    implementation = _script_impl,
    attrs = _ATTRS,
    doc = "A script for `bazel run`.",
    executable = True,
)

script_test = rule(
    implementation = _script_impl,
    attrs = _ATTRS,
    doc = "A script for `bazel test`.",
    test = True,
)
