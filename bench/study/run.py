"""The subcommands run and resume: the runs of an experiment, one process each."""

import os
import pathlib
import shlex
import subprocess
import sys
import time
import tomllib
from typing import Any

import arms as arms_module
import environment as environment_module
import experiment as experiment_module
import folder as folder_module
import parameters
import placement
import schedule
import topology
import worker
from arms import Arm, Manifest
from complaint import MISSING, OK, WRONG, Complaint, suggestion
from experiment import Experiment
from folder import Folder
from progress import Progress, duration
from schedule import Run
from topology import Cpu

HERE = pathlib.Path(__file__).resolve().parent


def experiments(manifest: Manifest) -> dict[str, pathlib.Path]:
    """Returns the files of the experiments that have a name."""
    return {path.stem: path for path in [*sorted((HERE / "experiments").glob("*.toml")), *manifest.experiments]}


def find_experiment(name: str, manifest: Manifest) -> pathlib.Path:
    """Returns the file of an experiment, which is given by its path or by its name."""
    path = pathlib.Path(name)
    if path.suffix == ".toml":
        if path.is_file():
            return path
        name = path.stem if path.name == name else name
    known = experiments(manifest)
    if name not in known:
        raise Complaint(f'there is no experiment "{name}"{suggestion(name, known)}')
    return known[name]


class Study:
    """An experiment with the arms and CPUs that it runs on."""

    def __init__(self, experiment: Experiment, manifest: Manifest, topology_xml: str):
        self.experiment = experiment
        self.cpus = topology.here(topology_xml)
        self.arms, self.unavailable = arms_module.find(manifest, experiment.arms)
        arms_module.select(experiment, self.arms, self.unavailable)
        self.cells, self.left_out = experiment_module.cells(experiment, len(self.cpus))
        self.runs = schedule.plan(self.cells, experiment.values["repetitions"], experiment.values["seed"])
        self._check()
        self.runnable = [run for run in self.runs if gap(run.cell, self.arms, self.unavailable) is None]

    def _check(self) -> None:
        source = self.experiment.source
        for cell in self.cells:
            placement.place(cell["placement"], cell["threads"], self.cpus)
            arm = self.arms.get(cell["arm"])
            if arm is None:
                continue
            for key, amount, least in (("max_threads", cell["threads"], "threads"), ("max_capacity", schedule.capacity(cell), "slots")):
                most = arm.facts.get(key)
                if most is not None and amount > most:
                    raise Complaint(f'{source}: arm "{arm.name}" can have {most} {least}, and {amount} are asked for')
        axis, baseline = self.experiment.values["compare.axis"], self.experiment.values["compare.baseline"]
        there = list(dict.fromkeys(cell[axis] for cell in self.cells))
        if baseline != "" and baseline not in there:
            raise Complaint(f'{source}: key "compare.baseline" has no "{baseline}" of {axis}{suggestion(str(baseline), there)}')
        if schedule.estimate_ns(self.runs, self.experiment) > schedule.WEEK_NS:
            raise Complaint(f"{source}: {len(self.runs)} runs would take more than a week")

    def used_arms(self) -> dict[str, Arm]:
        return {name: self.arms[name] for name in self.experiment.values["arms"] if name in self.arms}

    def used_unavailable(self) -> dict[str, str]:
        return {name: self.unavailable[name] for name in self.experiment.values["arms"] if name not in self.arms}


def gap(cell: dict[str, Any], arms: dict[str, Arm], unavailable: dict[str, str]) -> tuple[str, str] | None:
    """Returns why a cell cannot be run, as ("cannot" or "not to be had", reason), or None."""
    arm = arms.get(cell["arm"])
    if arm is None:
        return "not to be had", unavailable[cell["arm"]]
    lacks = arm.gap(cell)
    if lacks is not None:
        return "cannot", lacks
    library, package = parameters.ALLOCATORS[cell["allocator"]]
    if library is not None and find_library(library) is None:
        return "not to be had", f"package {package}"
    return None


def find_library(name: str) -> str | None:
    """Returns the path of a shared library that the dynamic linker finds."""
    listing = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout
    return next((text.rpartition(" => ")[2] for text in listing.splitlines() if text.strip().startswith(name + " ")), None)


def make(study: Study, folder: Folder, done: set[int]) -> int:
    """Makes the runs that are not done, and returns the exit status of the whole study."""
    left = [run for run in study.runnable if run.number not in done]
    estimate = schedule.estimate_ns(left, study.experiment) / 1e9
    progress = Progress(len(left), estimate)
    progress.say(f"study: {len(left)} runs, about {duration(estimate)}, into {folder.path}")
    failures: set[tuple[str, str]] = set()
    try:
        for run in left:
            progress.before(short_name(run.cell))
            line = make_one(run, study)
            folder.append(line)
            progress.after()
            problem = (run.cell["arm"], line["status"])
            if line["status"] != "ok" and problem not in failures:
                failures.add(problem)
                progress.say(f"study: arm {problem[0]}, {short_name(run.cell)}: {line['status']}: {line['message']}")
    finally:
        progress.end()
    return status_of(folder.runs(), bool(study.used_unavailable()) or any(
        (gap(cell, study.arms, study.unavailable) or ("",))[0] == "not to be had" for cell in study.cells))


def status_of(lines: list[dict[str, Any]], missing: bool) -> int:
    """Returns the exit status that the lines of runs.jsonl ask for."""
    statuses = {line["status"] for line in lines}
    if "wrong" in statuses:
        return WRONG
    return MISSING if missing or statuses - {"ok", "cannot"} else OK


def make_one(run: Run, study: Study) -> dict[str, Any]:
    """Returns the line of runs.jsonl of one run."""
    experiment, cell = study.experiment, run.cell
    placed = placement.place(cell["placement"], cell["threads"], study.cpus)
    request = schedule.request(run, experiment, placed.cpus)
    limit = parameters.duration_ns(experiment.values["time.limit"]) + request["warm_up_ns"] + request["measure_ns"]
    library = parameters.ALLOCATORS[cell["allocator"]][0]
    environment = {**os.environ, **({"LD_PRELOAD": find_library(library)} if library else {})}
    used = sorted({cpu for cpus in placed.cpus for cpu in cpus}) if placed.cpus else [cpu.number for cpu in study.cpus]
    energy = environment_module.energy_uj() if experiment.values["energy"] else (None, None)
    before = {"load": os.getloadavg()[0], "khz": environment_module.frequencies_khz(used), "ticks": environment_module.ticks()}
    started = time.time()
    outcome = worker.call(study.arms[cell["arm"]].command, request, limit / 1e9, environment)
    after = {"load": os.getloadavg()[0], "khz": environment_module.frequencies_khz(used), "ticks": environment_module.ticks()}
    spent = environment_module.energy_uj()[0] if energy[0] is not None else None
    return {
        "run": run.number, "block": run.block, "cell": cell, "request": request, "status": outcome.status, "message": outcome.message,
        "answer": outcome.answer, "complaints": outcome.complaints, "started": round(started, 3), "seconds": round(outcome.seconds, 3),
        "shares_core": placed.shares_core, "nodes": placed.nodes, "oversubscribed": placed.oversubscribed,
        "load": [before["load"], after["load"]], "khz": [before["khz"], after["khz"]],
        "steal_ticks": after["ticks"]["steal"] - before["ticks"]["steal"],
        "energy_uj": None if spent is None or spent < energy[0] else spent - energy[0], "energy_error": energy[1],
    }


def short_name(cell: dict[str, Any]) -> str:
    return f"{cell['arm']} {cell['workload']} with {cell['threads']} thread{'s' * (cell['threads'] != 1)}"


def run(arguments) -> int:
    """The subcommand run."""
    manifest = arms_module.read_manifest()
    if arguments.experiment and arguments.size:
        raise Complaint(f"--{arguments.size} is an experiment of its own, and {arguments.experiment} is another")
    path = find_experiment(arguments.experiment or arguments.size or "default", manifest)
    experiment = experiment_module.load(path, arguments.set)
    xml = topology.record()
    study = Study(experiment, manifest, xml)
    if arguments.dry_run:
        return dry_run(study)
    out = pathlib.Path(arguments.out or f"study-{path.stem}-{time.strftime('%Y%m%d-%H%M%S')}").absolute()
    environment = environment_module.collect(xml, study.used_arms(), study.used_unavailable(), experiment.values["repetitions"])
    environment.update(left_out=study.left_out, planned=len(study.runnable), gaps=[
        {"cell": cell, "kind": found[0], "reason": found[1]} for cell in study.cells
        if (found := gap(cell, study.arms, study.unavailable)) is not None])
    folder = folder_module.create(out, experiment_module.to_toml(experiment), environment, xml)
    for sentence in environment["warnings"]:
        print(f"study run: warning: {sentence}", file=sys.stderr)
    return _finish(study, folder, set())


def resume(arguments) -> int:
    """The subcommand resume."""
    folder = Folder(pathlib.Path(arguments.folder))
    source = folder.path / folder_module.EXPERIMENT
    experiment = experiment_module.load(source)
    xml = topology.record()
    study = Study(experiment, arms_module.read_manifest(), xml)
    before = folder.environment()
    now = environment_module.collect(xml, study.used_arms(), study.used_unavailable(), experiment.values["repetitions"])
    differences = environment_module.differences(before, now)
    lines = {line["run"]: line for line in folder.runs()}
    for planned in study.runs:
        if planned.number in lines and lines[planned.number]["cell"] != planned.cell:
            differences.append(f"run {planned.number} is of another experiment than {folder_module.EXPERIMENT}")
            break
    if differences:
        raise Complaint(f"{folder.path}: not as it was, so further runs would not belong to the others: {'; '.join(differences)}")
    return _finish(study, folder, set(lines))


def _finish(study: Study, folder: Folder, done: set[int]) -> int:
    import report
    try:
        with folder:
            status = make(study, folder, done)
    except KeyboardInterrupt:
        print(f"study: interrupted; go on with: resume {shlex.quote(str(folder.path))}", file=sys.stderr)
        raise
    print(report.make([folder]))
    return status


def dry_run(study: Study) -> int:
    """Prints the runs that an experiment would make, and makes none."""
    counts: dict[str, int] = {}
    for one in study.runnable:
        counts[short_name(one.cell)] = counts.get(short_name(one.cell), 0) + 1
    for name, count in counts.items():
        print(f"{count:6} times {name}")
    for cell in study.cells:
        reason = gap(cell, study.arms, study.unavailable)
        if reason is not None:
            print(f"       not   {short_name(cell)}: {reason[0]}: {reason[1]}")
    for sentence in study.left_out:
        print(f"       not   {sentence}")
    print(f"{len(study.runnable)} runs, about {duration(schedule.estimate_ns(study.runnable, study.experiment) / 1e9)}")
    return OK
