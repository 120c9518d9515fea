"""The subcommand ab: two revisions of the library, whose processes alternate, so that a drift hits both."""

import os
import pathlib
import subprocess
import sys
import time

import analysis
import arms
import compare
import environment
import experiment as experiment_module
import report
import run
import topology
from arms import LAYOUT
from complaint import Complaint
from experiment import Experiment
from study import Builds, Study

TARGET = "//bench:study"
BUILT = pathlib.Path("bazel-bin/bench")
# Workloads whose threads wait for each other. Their times have two modes on a virtual machine, which would be taken for the
# places of the code.
WITHOUT_LAYOUTS = ["hand-off", "producers-consumers"]


def ab(arguments) -> int:
    """Builds both revisions, makes the runs, prints one table and makes the report."""
    root = environment.checkout()
    trees = _trees(root, arguments)
    builds, facts = {}, {}
    for revision, (tree, commit) in trees.items():
        print(f"study ab: building {revision}, {commit}", file=sys.stderr)
        _build(tree, revision)
        manifest, runfiles = (str(tree / BUILT / name) for name in ("study.manifest.json", "study.command.runfiles"))
        builds[revision] = arms.read_manifest(manifest, runfiles)
        facts[revision] = {"commit": commit, "manifest": manifest, "runfiles": runfiles}
    path = run.find_experiment(arguments.experiment or "ab", builds["head"])
    experiment = experiment_module.load(path, arguments.set)
    experiment.values.update({"revision": list(builds), "compare.axis": "revision", "compare.baseline": "base"})
    if not arguments.no_layout:
        add_layouts(experiment, builds)
    xml = topology.record()
    study = Study(experiment, builds, xml)
    folder = run.begin(study, xml, arguments.out or f"study-ab-{time.strftime('%Y%m%d-%H%M%S')}", {"revisions": facts})
    status = run.make(study, folder)
    found = analysis.analyse(folder).comparisons
    print(compare.table(found))
    print(report.make([folder]))
    return compare.status(found, arguments.fail_above) or status


def add_layouts(experiment: Experiment, builds: Builds) -> None:
    """Adds the arms layout/* to an experiment that has none, because the two revisions have their code at different places.

    One revision is enough, for the instructions of these arms are the same at each place. A build that is older than these arms
    has none.
    """
    if any(name.startswith(LAYOUT) for name in experiment.values["arms"]):
        return
    for revision in ("head", "base"):
        there, _ = arms.find(builds[revision])
        layouts = {name: arm for name, arm in there.items() if name.startswith(LAYOUT)}
        if layouts:
            break
    else:
        return
    able = set.intersection(*({name for name, lacks in arm.facts["workloads"].items() if lacks is None}
                              for arm in layouts.values()))
    left_out = [name for name in experiment.values["workload"] if name not in able or name in WITHOUT_LAYOUTS]
    if len(left_out) == len(experiment.values["workload"]):
        return
    experiment.values["arms"] += layouts
    others = [name for name in builds if name != revision]
    experiment.skip += [{"arm": list(layouts), "revision": others},
                        *([{"arm": list(layouts), "workload": left_out}] if left_out else [])]


def _git(root: pathlib.Path, *arguments: str) -> str:
    result = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True)
    if result.returncode != 0:
        raise Complaint(f"{root}: git {' '.join(arguments)}: {result.stderr.strip()}")
    return result.stdout.strip()


def _trees(root: pathlib.Path, arguments) -> dict[str, tuple[pathlib.Path, str]]:
    """Returns the working tree and the name of each revision."""
    dirty = bool(_git(root, "status", "--porcelain", "--untracked-files=no"))
    if dirty and not arguments.dirty:
        raise Complaint(f"{root}: has changes that are not committed; --dirty compares them as they are, or commit them")
    trees = {"base": _tree(root, "--base", arguments.base)}
    if dirty and arguments.head is None:
        trees["head"] = (root, _git(root, "rev-parse", "HEAD") + " with changes")
    else:
        trees["head"] = _tree(root, "--head", arguments.head or "HEAD")
    return trees


def _tree(root: pathlib.Path, option: str, revision: str) -> tuple[pathlib.Path, str]:
    """Returns a git worktree of the revision. It stays, so that the next build of the same revision takes no time."""
    try:
        commit = _git(root, "rev-parse", "--verify", "--end-of-options", revision + "^{commit}")
    except Complaint:
        raise Complaint(f"{option}={revision}: {root} has no such revision")
    tree = root / ".cache" / "ab" / commit
    if not tree.is_dir():
        _git(root, "worktree", "prune")
        _git(root, "worktree", "add", "--detach", str(tree), commit)
    return tree, commit


def _build(tree: pathlib.Path, revision: str) -> None:
    # Bazel's own variables of the run that we are in would tell the other workspace where it is.
    own = ("BUILD_W", "RUNFILES", "HAFT_STUDY_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    for command in (["build", "-c", "opt", TARGET], ["shutdown"]):  # no server disturbs the runs
        result = subprocess.run(["./bazelw", *command], cwd=tree, env=inherited, stdout=2)  # stdout is for results
        if result.returncode != 0:
            raise Complaint(f"--{revision}: `./bazelw {' '.join(command)}` fails in {tree}")
