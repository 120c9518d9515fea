"""An experiment with the arms and the CPUs that it runs on: what can be run, and in which order."""

import functools
import subprocess
from typing import Any

import arms as arms_module
import experiment as experiment_module
import parameters
import placement
import schedule
import topology
from arms import Arm, Manifest
from complaint import Complaint, suggestion
from experiment import Experiment

Builds = dict[str, Manifest]  # by revision; "" where there is one build only


class Study:
    def __init__(self, experiment: Experiment, builds: Builds, topology_xml: str):
        self.experiment = experiment
        self.cpus = topology.here(topology_xml)
        self._arms: dict[str, Arm] = {}
        self._unavailable: dict[str, str] = {}
        self._find(builds)
        self.cells, self.left_out = experiment_module.cells(experiment, len(self.cpus))
        self.runs = schedule.plan(self.cells, experiment.values["repetitions"], experiment.values["seed"])
        self._check()
        self.runnable = [run for run in self.runs if self.gap(run.cell) is None]

    def _find(self, builds: Builds) -> None:
        """Finds the arms of all builds, and replaces the experiment's patterns by their names."""
        if self.experiment.values["revision"] != list(builds):
            raise Complaint(f'{self.experiment.source}: key "revision" is set by `ab` only')
        everywhere, nowhere = {}, {}
        for revision, manifest in builds.items():
            arms, unavailable = arms_module.find(manifest, self.experiment.arms)
            everywhere.update(arms)
            nowhere.update(unavailable)
            self._arms.update({_key(name, revision): arm for name, arm in arms.items()})
            self._unavailable.update({_key(name, revision): reason for name, reason in unavailable.items()})
        self.all_arms = everywhere  # also those that are no arms of the experiment
        arms_module.select(self.experiment, everywhere, nowhere)

    def _check(self) -> None:
        source, values = self.experiment.source, self.experiment.values
        for name in values["workload"]:
            if name not in parameters.WORKLOADS:
                raise Complaint(f'{source}: key "workload" has "{name}", which only the simulator has')
        for cell in self.cells:
            try:
                placement.place(cell["placement"], cell["threads"], self.cpus)
            except ValueError as error:
                raise Complaint(f'{source}: key "placement" {error}')
            kind, _, rest = cell["skew"].partition(":")
            if kind == "hot" and float(rest.split(":")[0]) > cell["live"]:
                raise Complaint(f'{source}: key "skew" has "{cell["skew"]}", and there are {cell["live"]} live handles')
            arm = self.arm(cell)
            for key, amount, unit in (("max_threads", cell["threads"], "threads"),
                                      ("max_capacity", schedule.capacity(cell), "slots")):
                most = arm.facts.get(key) if arm is not None else None
                if most is not None and amount > most:
                    raise Complaint(f'{source}: arm "{arm.name}" can have {most} {unit}, and {amount} are asked for')
        axis, baseline = values["compare.axis"], values["compare.baseline"]
        there = list(dict.fromkeys(cell[axis] for cell in self.cells)) if axis in self.cells[0] else []
        if baseline != "" and baseline not in there:
            raise Complaint(f'{source}: key "compare.baseline" has no "{baseline}" of {axis}{suggestion(str(baseline), there)}')
        if schedule.estimate_ns(self.runs, self.experiment) > schedule.WEEK_NS:
            raise Complaint(f"{source}: {len(self.runs)} runs would take more than a week")

    def arm(self, cell: dict[str, Any]) -> Arm | None:
        """Returns the arm of a cell, or None if it is not to be had."""
        return self._arms.get(_key(cell["arm"], cell.get("revision", "")))

    def gap(self, cell: dict[str, Any]) -> tuple[str, str] | None:
        """Returns why a cell cannot be run, as ("cannot" or "not to be had", reason), or None."""
        arm = self.arm(cell)
        if arm is None:
            absent = f"revision {cell.get('revision')} has no arm of this name"
            return "not to be had", self._unavailable.get(_key(cell["arm"], cell.get("revision", "")), absent)
        lacks = arm.gap(cell)
        if lacks is not None:
            return "cannot", lacks
        library, package = parameters.ALLOCATORS[cell["allocator"]]
        if library is not None and find_library(library) is None:
            return "not to be had", f"package {package}"
        return None

    def gaps(self) -> list[dict[str, Any]]:
        """Returns the cells that cannot be run, for environment.json."""
        found = ((cell, self.gap(cell)) for cell in self.cells)
        return [{"cell": cell, "kind": gap[0], "reason": gap[1]} for cell, gap in found if gap is not None]

    def require_runs(self) -> None:
        """Refuses a study of which no cell can be run, with the first reason of each arm."""
        if self.runnable:
            return
        reasons = {gap["cell"]["arm"]: f'{gap["cell"]["arm"]}: {gap["kind"]}: {gap["reason"]}' for gap in reversed(self.gaps())}
        raise Complaint(f"{self.experiment.source}: leaves no runs: {'; '.join(reversed(reasons.values()))}")

    def used_arms(self) -> dict[str, Arm]:
        """Returns the arms of the experiment; those of a revision have its name after an @."""
        keys = [_key(name, revision) for name in self.experiment.values["arms"]
                for revision in self.experiment.values["revision"]]
        return {key: self._arms[key] for key in keys if key in self._arms}


def _key(arm: str, revision: str) -> str:
    return f"{arm}@{revision}" if revision else arm


@functools.cache
def find_library(name: str) -> str | None:
    """Returns the path of a shared library that the dynamic linker finds."""
    listing = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout
    return next((text.rpartition(" => ")[2] for text in listing.splitlines() if text.strip().startswith(name + " ")), None)
