"""The subcommands run and resume: the runs of an experiment, one process each."""

import os
import pathlib
import shlex
import sys
import time
from typing import Any

import arms
import environment as environment_module
import experiment as experiment_module
import folder as folder_module
import machine_costs
import parameters
import placement
import report
import schedule
import topology
import worker
from arms import Manifest
from complaint import MISSING, OK, WRONG, Complaint, said, suggestion
from experiment import Experiment
from folder import Folder
from progress import Progress, duration
from schedule import Run
from study import Builds, Study, find_library

HERE = pathlib.Path(__file__).resolve().parent


def experiments(manifest: Manifest) -> dict[str, pathlib.Path]:
    """Returns the files of the experiments that have a name."""
    return {path.stem: path for path in [*sorted((HERE / "experiments").glob("*.toml")), *manifest.experiments]}


def find_experiment(name: str, manifest: Manifest) -> pathlib.Path:
    """Returns the file of an experiment, which is given by its path or by its name."""
    path = pathlib.Path(name)
    if path.is_file():
        return path
    known = experiments(manifest)
    if path.name != name or path.stem not in known:
        raise Complaint(f'there is no experiment "{name}"{suggestion(name, known)}')
    return known[path.stem]


def run(arguments) -> int:
    """The subcommand run."""
    manifest = arms.read_manifest()
    if arguments.experiment and arguments.size:
        raise Complaint(f"--{arguments.size} is an experiment of its own, and {arguments.experiment} is another")
    path = find_experiment(arguments.experiment or arguments.size or "default", manifest)
    experiment = experiment_module.load(path, arguments.set)
    xml = topology.record()
    study = Study(experiment, {"": manifest}, xml)
    if arguments.dry_run:
        return dry_run(study)
    folder = begin(study, xml, arguments.out or f"study-{path.stem}-{time.strftime('%Y%m%d-%H%M%S')}", {})
    status = make(study, folder)
    print(report.make([folder]))
    return status


def resume(arguments) -> int:
    """The subcommand resume."""
    folder = Folder(pathlib.Path(arguments.folder))
    before = folder.environment()
    if before.get("simulated"):
        raise Complaint(f"{folder.path}: is a simulation, which is not resumed but made again")
    experiment = experiment_module.load(folder.path / folder_module.EXPERIMENT)
    xml = topology.record()
    study = Study(experiment, builds_of(before), xml)
    now = environment_module.collect(xml, study.used_arms(), experiment.values["repetitions"])
    differences = environment_module.differences(before, now)
    planned = {run.number: run.cell for run in study.runs}
    if any(planned.get(line["run"]) != line["cell"] for line in folder.runs()):
        differences.append(f"{folder_module.EXPERIMENT} is not the one of the runs")
    if differences:
        raise Complaint(f"{folder.path}: further runs would not belong to the others: {'; '.join(differences)}")
    status = make(study, folder)
    print(report.make([folder]))
    return status


def builds_of(environment: dict[str, Any]) -> Builds:
    """Returns the builds that a study was begun with."""
    revisions = environment.get("revisions")
    if not revisions:
        return {"": arms.read_manifest()}
    return {name: arms.read_manifest(one["manifest"], one["runfiles"]) for name, one in revisions.items()}


def begin(study: Study, topology_xml: str, out: str, facts: dict[str, Any]) -> Folder:
    """Returns a new folder for a study. `facts` go to environment.json as well."""
    study.require_runs()
    environment = environment_module.collect(topology_xml, study.used_arms(), study.experiment.values["repetitions"])
    environment.update(machine_costs.record(study.all_arms, study.cpus, study.experiment.values["seed"]))
    environment.update(facts, left_out=study.left_out, planned=len(study.runnable), gaps=study.gaps())
    folder = folder_module.create(pathlib.Path(out).absolute(), experiment_module.to_toml(study.experiment), environment,
                                  topology_xml)
    for sentence in environment["warnings"]:
        print(said(f"warning: {sentence}"), file=sys.stderr)
    return folder


def make(study: Study, folder: Folder) -> int:
    """Makes the runs that a folder lacks, and returns the exit status of the whole study."""
    with folder:
        done = {line["run"] for line in folder.runs()}
        left = [run for run in study.runnable if run.number not in done]
        progress = Progress(len(left), schedule.estimate_ns(left, study.experiment) / 1e9)
        progress.say(said(f"{len(left)} runs, about {duration(progress.estimate)}, into {folder.path}"))
        try:
            _make(left, study, folder, progress)
        except KeyboardInterrupt:
            again = shlex.join([*environment_module.invocation(), "resume", str(folder.path)])
            progress.say(said(f"interrupted; this goes on with it: {again}"))
            raise
        finally:
            progress.end()
    return status_of(folder.runs(), study)


def _make(left: list[Run], study: Study, folder: Folder, progress: Progress) -> None:
    told: set[tuple[str, str]] = set()
    for run in left:
        progress.before(short_name(run.cell))
        line = make_one(run, study)
        folder.append(line)
        progress.after()
        problem = (run.cell["arm"], line["status"])
        if line["status"] != "ok" and problem not in told:  # once, for an arm that crashes does so in each repetition
            told.add(problem)
            progress.say(said(f"{short_name(run.cell)}: {line['status']}: {line['message']}"))


def status_of(lines: list[dict[str, Any]], study: Study) -> int:
    """Returns the exit status that the runs ask for."""
    statuses = {line["status"] for line in lines}
    if "wrong" in statuses:
        return WRONG
    absent = any(gap["kind"] == "not to be had" for gap in study.gaps())
    return MISSING if absent or statuses - {"ok", "cannot"} else OK


def make_one(run: Run, study: Study) -> dict[str, Any]:
    """Returns the line of runs.jsonl of one run."""
    experiment, cell = study.experiment, run.cell
    placed = placement.place(cell["placement"], cell["threads"], study.cpus)
    request = schedule.request(run, experiment, placed.cpus)
    used = sorted({cpu for cpus in placed.cpus for cpu in cpus}) if placed.cpus else [cpu.number for cpu in study.cpus]
    limit_ns = parameters.duration_ns(experiment.values["time.limit"]) + request["warm_up_ns"] + request["measure_ns"]
    before, started = _sample(experiment, used), time.time()
    outcome = worker.call(study.arm(cell).command, request, limit_ns / 1e9, _environment(cell["allocator"]))
    after = _sample(experiment, used)
    spent = after["energy"] - before["energy"] if before["energy"] is not None and after["energy"] is not None else None
    return {
        "run": run.number, "block": run.block, "cell": cell, "request": request, "status": outcome.status,
        "message": outcome.message, "answer": outcome.answer, "complaints": outcome.complaints, "started": round(started, 3),
        "seconds": round(outcome.seconds, 3), "shares_core": placed.shares_core, "nodes": placed.nodes,
        "oversubscribed": placed.oversubscribed, "load": [before["load"], after["load"]], "khz": [before["khz"], after["khz"]],
        "steal_ticks": after["steal"] - before["steal"],
        "energy_uj": spent if spent is not None and spent >= 0 else None,  # negative: the counter has wrapped around
        "energy_error": before["energy_error"],
    }


def _environment(allocator: str) -> dict[str, str]:
    library = parameters.ALLOCATORS[allocator][0]
    return {**os.environ, **({"LD_PRELOAD": find_library(library)} if library else {})}


def _sample(experiment: Experiment, cpus: list[int]) -> dict[str, Any]:
    """Returns the state of the machine that is recorded before and after each run."""
    energy, error = environment_module.energy_uj() if experiment.values["energy"] else (None, None)
    return {"load": os.getloadavg()[0], "khz": environment_module.frequencies_khz(cpus),
            "steal": environment_module.ticks().get("steal", 0), "energy": energy, "energy_error": error}


def short_name(cell: dict[str, Any]) -> str:
    revision = f" of {cell['revision']}" if "revision" in cell else ""
    return f"{cell['arm']}{revision}, {cell['workload']}, {cell['threads']} thread{'s' * (cell['threads'] != 1)}"


def dry_run(study: Study) -> int:
    """Prints the runs that an experiment would make, and makes none."""
    counts: dict[str, int] = {}
    for one in study.runnable:
        counts[short_name(one.cell)] = counts.get(short_name(one.cell), 0) + 1
    for name, count in counts.items():
        print(f"{count:6} times {name}")
    for gap in study.gaps():
        print(f"       not   {short_name(gap['cell'])}: {gap['kind']}: {gap['reason']}")
    for sentence in study.left_out:
        print(f"       not   {sentence}")
    print(f"{len(study.runnable)} runs, about {duration(schedule.estimate_ns(study.runnable, study.experiment) / 1e9)}")
    return OK
