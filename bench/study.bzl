"""The contention study: programs that measure a table, and the command that runs them.

    load("@haft//bench:study.bzl", "haft_study", "haft_study_arm")

    haft_study_arm(name = "mine", srcs = ["mine.cc"], deps = [":my_table"])
    haft_study(name = "study", arms = [":mine", "@haft//bench/arms:haft_magazine"], experiments = ["mine.toml"])

`bazel run -c opt //:study -- --help` says more. docs/study_protocol.md has the protocol between the two.
"""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library")

def haft_study_arm(name, srcs, deps = [], copts = [], tags = [], all_values = False, **kwargs):
    """A program that measures the tables that `srcs` declare by HAFT_STUDY_ARM.

    It is built for a study only, not by `//...`.

    Args:
      name: the target's name
      srcs: they include "haft_study/arm.h"
      deps: besides the study's own
      copts: compiler options, after -std=c++17
      tags: as for cc_binary
      all_values: whether what HAFT_STUDY_ARM_OF declares gets values of 3, 5, 6 and 7 words too, which takes twice as long
      **kwargs: as for cc_binary
    """

    # Bazel before 7 asks for C++0x. The worker reports the options that the compiler records, wherever they come from.
    options = ["-std=c++17", "-frecord-gcc-switches"] + copts
    needs = deps + [Label("//bench/worker:arm")]
    more = []
    if all_values:
        # In an object file of their own, so that they change no loop of the others.
        more = [":" + name + "_rest_of_values"]
        cc_library(
            name = name + "_rest_of_values",
            srcs = srcs,
            copts = options + ["-DHAFT_STUDY_REST_OF_VALUES"],
            tags = tags + ["manual"],
            visibility = ["//visibility:private"],
            deps = needs,
            alwayslink = True,
        )
    cc_binary(
        name = name,
        srcs = srcs,
        copts = options,
        tags = tags + ["manual"],
        deps = needs + more,
        **kwargs
    )

_LAUNCHER = """#!/usr/bin/env bash
# Made by bench/study.bzl.
set -euo pipefail
self=$(cd "${{BASH_SOURCE[0]%/*}}" && pwd)/${{BASH_SOURCE[0]##*/}}
if [[ -d $self.runfiles ]]; then
  runfiles=$self.runfiles
elif [[ $self == *.runfiles/* ]]; then
  runfiles=${{self%.runfiles/*}}.runfiles
else
  runfiles=${{RUNFILES_DIR:?"$self: the folder $self.runfiles is missing"}}
fi
export HAFT_STUDY_RUNFILES=$runfiles HAFT_STUDY_MANIFEST=$runfiles/{manifest} HAFT_STUDY_TARGET={target}
cd "${{BUILD_WORKING_DIRECTORY:-$PWD}}"
exec python3 "$runfiles/{main}" "$@"
"""

def _runfiles_path(ctx, file):
    """The path of a file below the root of the runfiles."""
    if file.short_path.startswith("../"):
        return file.short_path[len("../"):]
    return ctx.workspace_name + "/" + file.short_path

def _label_of(target):
    """A target's label as the user writes it: of the main workspace without a name."""
    text = str(target.label)
    for prefix in ["@@//", "@//"]:
        if text.startswith(prefix):
            return text[len(prefix) - len("//"):]
    return text

def _haft_study_impl(ctx):
    workers = [
        {
            "label": _label_of(arm),
            "program": _runfiles_path(ctx, arm[DefaultInfo].files_to_run.executable),
        }
        for arm in ctx.attr.arms
    ]
    simulator = ctx.executable.simulator
    manifest = ctx.actions.declare_file(ctx.label.name + ".manifest.json")
    ctx.actions.write(manifest, json.encode({
        "version": 1,
        "workers": workers,
        "experiments": [_runfiles_path(ctx, file) for file in ctx.files.experiments],
        "simulator": _runfiles_path(ctx, simulator) if simulator else None,
        "rivals": _runfiles_path(ctx, ctx.file.rivals) if ctx.file.rivals else None,
        "workspace": ctx.workspace_name,
    }))

    main = [file for file in ctx.files._front_end if file.basename == "main.py"][0]

    # Not of the target's name, which may be that of a folder with sources.
    launcher = ctx.actions.declare_file(ctx.label.name + ".command")
    ctx.actions.write(launcher, _LAUNCHER.format(
        main = _runfiles_path(ctx, main),
        manifest = _runfiles_path(ctx, manifest),
        target = _label_of(ctx),
    ), is_executable = True)

    runfiles = ctx.runfiles(files = [manifest] + ctx.files.experiments + ctx.files.rivals + ctx.files._front_end)
    for target in ctx.attr.arms + ([ctx.attr.simulator] if simulator else []):
        runfiles = runfiles.merge(target[DefaultInfo].default_runfiles)
    return [DefaultInfo(executable = launcher, runfiles = runfiles)]

haft_study = rule(
    implementation = _haft_study_impl,
    attrs = {
        # Programs that speak the worker's protocol.
        "arms": attr.label_list(mandatory = True),
        # TOML files, which the command knows by their names.
        "experiments": attr.label_list(allow_files = [".toml"]),
        "simulator": attr.label(
            cfg = "target",
            executable = True,
        ),
        # A JSON file of the arms that workers in other languages have, which the workspace's bench/rivals/build.sh builds.
        "rivals": attr.label(allow_single_file = [".json"]),
        "_front_end": attr.label(default = Label("//bench/study:front_end")),
    },
    doc = "The command of a study: `bazel run -c opt //:NAME -- --help`.",
    executable = True,
)
