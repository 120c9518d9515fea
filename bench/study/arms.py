"""The arms that can be had: those of the manifest's workers and those of [[arm]]."""

import fnmatch
import json
import os
import pathlib
import subprocess
from dataclasses import dataclass, field
from typing import Any

import worker
from complaint import Complaint, suggestion
from experiment import Experiment

MANIFEST_VERSION = 1
RIVALS = "bench/rivals"  # below the workspace: the workers in other languages, and the script that builds them
PING_PONG = "ping-pong"  # two threads hand a line to and fro, one hand-over each for a look-up
RELAY = "relay"  # the same, and at its turn a thread takes RELAY_LINES lines over, one after the other
RELAY_LINES = 32
SYSTEM_CALL = "system-call"  # a look-up is one
MEMBARRIER = "membarrier"  # Stats is one
YIELD = "yield"  # a look-up is one
RETRIES = "retries/"  # arms whose times include that they count their compare-and-swaps
LAYOUT = "layout/"  # arms that are LAYOUT_OF with its code at another place
LAYOUT_OF = "haft/magazine"
# The last is the simulator's.
YARDSTICKS = ["loop", "hits", "array", "pointer", "cas", "fetch-add", PING_PONG, RELAY, SYSTEM_CALL, MEMBARRIER, YIELD, "machine"]


@dataclass(frozen=True)
class Manifest:
    """What `haft_study` has built."""
    workers: list[list[str]] = field(default_factory=list)  # commands
    labels: dict[str, str] = field(default_factory=dict)  # of a program
    experiments: list[pathlib.Path] = field(default_factory=list)
    simulator: str | None = None
    unavailable: dict[str, str] = field(default_factory=dict)  # an arm, and why it is not to be had
    promised: dict[str, list[str]] = field(default_factory=dict)  # the arms that a program should have, if that is known


@dataclass(frozen=True)
class Arm:
    name: str
    command: list[str]
    facts: dict[str, Any]  # what `describe` says of it

    def sizes(self) -> str:
        """Returns the sizes of values that it can have, in words; a program that does not say it is asked and may refuse."""
        return ", ".join(map(str, self.facts.get("value_words", ["any"])))

    def gap(self, cell: dict[str, Any]) -> str | None:
        """Returns what this arm lacks for a cell, such as the name of a member, or None."""
        workloads = self.facts["workloads"]
        if cell["workload"] not in workloads:
            return f"workload {cell['workload']}"
        if workloads[cell["workload"]] is not None:
            return workloads[cell["workload"]]
        if cell["value"] not in self.facts.get("value_words", [cell["value"]]):
            return f"values of {cell['value']} words; it has {self.sizes()}"
        return None


def is_yardstick(name: str) -> bool:
    """Returns whether the arm is no table whose times are compared, but a measure for tables, or one that counts."""
    return name in YARDSTICKS or name.startswith((RETRIES, LAYOUT))


def read_manifest(path: str | None = None, folder: str = ".") -> Manifest:
    """Returns a manifest whose programs are below `folder`. Without a path it is that of the environment, or empty."""
    if path is None:
        path, folder = os.environ.get("HAFT_STUDY_MANIFEST"), os.environ.get("HAFT_STUDY_RUNFILES", ".")
    if not path:
        return Manifest()
    runfiles = pathlib.Path(folder)
    try:
        data = json.loads(pathlib.Path(path).read_text())
    except (OSError, ValueError) as error:
        raise Complaint(f"manifest {path}: {error}")
    if data.get("version") != MANIFEST_VERSION:
        raise Complaint(f"manifest {path}: has version {data.get('version')!r}, not {MANIFEST_VERSION}")
    programs = {one["label"]: str(runfiles / one["program"]) for one in data["workers"]}
    unavailable = {one["arm"]: f"package {one['package']}" for one in data.get("unavailable", [])}
    promised = {}
    for language, names in _rivals(runfiles, data.get("rivals")).items():
        program = pathlib.Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY", ""), RIVALS, "out", language, "worker")
        if program.is_file():
            programs[f"{RIVALS}/out/{language}/worker"] = str(program)
            promised[str(program)] = names
        else:
            unavailable.update(dict.fromkeys(names, f"{RIVALS}/build.sh {language}"))
    simulator = data.get("simulator")
    return Manifest([[program] for program in programs.values()], {program: label for label, program in programs.items()},
                    [runfiles / one for one in data.get("experiments", [])], str(runfiles / simulator) if simulator else None,
                    unavailable, promised)


def _rivals(runfiles: pathlib.Path, path: str | None) -> dict[str, list[str]]:
    """Returns the arms of the workers in other languages, by language. Bazel does not build these workers."""
    return json.loads((runfiles / path).read_text()) if path else {}


def describe(command: list[str]) -> tuple[list[dict[str, Any]], str | None]:
    """Returns what a worker says of its arms, or why it does not."""
    outcome = worker.call(command, {"protocol": worker.PROTOCOL, "mode": "describe"}, worker.DESCRIBE_SECONDS)
    if outcome.answer is None:
        return [], f"{outcome.status}: {outcome.message}"
    return outcome.answer["arms"], None


def find(manifest: Manifest, extra: list[dict[str, Any]] = ()) -> tuple[dict[str, Arm], dict[str, str]]:
    """Returns the arms by name, and the names of those that are not to be had with the reason. `extra` has those of [[arm]]."""
    arms: dict[str, Arm] = {}
    unavailable = dict(manifest.unavailable)
    for command in manifest.workers:
        described, problem = describe(command)
        label = manifest.labels.get(command[0], command[0])
        if problem is not None:
            unavailable[label.rpartition(":")[2]] = f"worker {label} {problem}"
        for name in set(manifest.promised.get(command[0], [])) - {facts["name"] for facts in described}:
            unavailable[name] = f"worker {label} {problem or 'is older than this arm'}"
        for facts in described:
            if "unavailable" in facts:
                unavailable[facts["name"]] = facts["unavailable"]
                continue
            if facts["name"] in arms:
                raise Complaint(f'arm "{facts["name"]}" is in two workers: {arms[facts["name"]].command[0]} and {command[0]}')
            arms[facts["name"]] = Arm(facts["name"], command, facts)
    for table in extra:
        name, command = table["name"], table["command"]
        if name in arms:
            raise Complaint(f'[[arm]] name = "{name}": a worker of the manifest has an arm of this name')
        described, problem = describe(command)
        facts = {one["name"]: one for one in described}.get(name)
        if facts is None or "unavailable" in facts:
            reason = problem or (facts or {}).get("unavailable") or "knows no arm of this name"
            unavailable[name] = f"command {command[0]}: {reason}"
        else:
            arms[name] = Arm(name, command, {**facts, **_version(table)})
    return arms, unavailable


def _version(table: dict[str, Any]) -> dict[str, str]:
    command = table.get("version_command")
    if not command:
        return {}
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=worker.DESCRIBE_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        raise Complaint(f'[[arm]] name = "{table["name"]}": version_command: {error}')
    lines = (result.stdout or result.stderr).strip().splitlines()
    return {"version": lines[0] if lines else "unknown"}


def select(experiment: Experiment, arms: dict[str, Arm], unavailable: dict[str, str]) -> None:
    """Replaces the patterns of `arms` and of [[skip]] by the names that they stand for, and adds the arms of [[arm]]."""
    known = [*arms, *(name for name in unavailable if name not in arms)]
    names = []
    for pattern in experiment.values["arms"]:
        found = [name for name in known if fnmatch.fnmatchcase(name, pattern)]
        if not found:
            raise Complaint(f'{experiment.source}: key "arms" has no "{pattern}"{suggestion(pattern, known)}')
        names += found
    for table in experiment.skip:  # a pattern of none skips nothing, so that an arm may be left out by --set
        if "arm" in table:
            table["arm"] = [name for pattern in table["arm"]
                            for name in fnmatch.filter(known, pattern) or [pattern]]
    experiment.values["arms"] = list(dict.fromkeys([*names, *(table["name"] for table in experiment.arms)]))
