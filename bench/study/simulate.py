"""The subcommand simulate: the simulator's rows for an experiment, in a folder like that of a study."""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import time
import tomllib
from typing import Any

import arms
import environment
import experiment as experiment_module
import folder as folder_module
import parameters
import report
import run
import topology
from complaint import OK, Complaint, suggestion
from experiment import Experiment
from folder import Folder
from progress import Progress

MACHINES = pathlib.Path(__file__).resolve().parent.parent / "simulator" / "machines"
NOT_MODELLED = ("The simulator does not model: capacity of caches, TLB, overlap of loads, bandwidth of links, SMT, frequency, "
                "the operating system's scheduler.")
MOST_CORES = 256
# Axes that the simulator knows, and the name that it has for each.
PARAMETERS = {"live": "live", "burst": "burst", "bystanders": "bystanders", "lifetime": "thread_operations", "hold": "finds"}


def machines() -> dict[str, dict[str, Any]]:
    """Returns the presets by name."""
    return {path.stem: _read_machine(path) for path in sorted(MACHINES.glob("*.toml"))}


def _read_machine(path: pathlib.Path, origin: str = "--machine=") -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Complaint(f"{origin}{path}: {error.strerror}")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Complaint(f"{origin}{path}: is not TOML: {error}")


def find_machine(name: str, origin: str = "--machine=") -> dict[str, Any]:
    """Returns the machine of a preset or a file. `origin` comes before the name in messages."""
    if name.endswith(".toml"):
        return _read_machine(pathlib.Path(name), origin)
    known = machines()
    if name not in known:
        raise Complaint(f'{origin}{name}: there is no such preset{suggestion(name, known)}')
    return known[name]


def ask(program: str, request: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Returns the objects that the simulator prints for a request, one a line; for None, the one with all that it has."""
    result = subprocess.run([program] if request is not None else [program, "--list"], input=json.dumps(request),
                            capture_output=True, text=True)
    if result.returncode != 0:
        raise Complaint(f"simulator: {result.stderr.strip() or f'it ended with status {result.returncode}'}")
    return [json.loads(line) for line in result.stdout.splitlines()]


def simulate(arguments) -> int:
    """Makes the rows, one process for each arm, workload and number of cores, and the report."""
    manifest = arms.read_manifest()
    if manifest.simulator is None:
        raise Complaint("this study has no simulator; //bench:study has one")
    path = run.find_experiment(arguments.experiment or "simulation", manifest)
    experiment = experiment_module.load(path, arguments.set)
    has = ask(manifest.simulator, None)[0]
    requests = plan(experiment, arguments, has)
    # The simulator knows best what a machine may be, so it is asked for the least row before anything is written.
    ask(manifest.simulator, {**requests[0], "cores": [1], "hold_ns": [0], "seed": requests[0]["seed"][:1], "window_ns": 1})
    title = requests[0]["machine"]["name"]
    out = pathlib.Path(arguments.out or f"simulation-{title}-{time.strftime('%Y%m%d-%H%M%S')}").absolute()
    folder = folder_module.create(out, experiment_module.to_toml(experiment),
                                  _facts(requests[0]["machine"], experiment, arguments), topology.record())
    make(folder, manifest.simulator, requests)
    print(report.make([folder]))
    return OK


def plan(experiment: Experiment, arguments, has: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the requests to the simulator. `has` is its list of arms and workloads."""
    values = experiment.values
    of_file = f'{experiment.source}: key "simulate.machine": '
    machine = find_machine(arguments.machine or values["simulate.machine"], "--machine=" if arguments.machine else of_file)
    known = {one["name"]: arms.Arm(one["name"], [], {}) for one in has["arms"]}
    arms.select(experiment, known, {})
    workloads = [one["name"] for one in has["workloads"]]
    for name in values["workload"]:
        if name not in workloads:
            raise Complaint(f'{experiment.source}: key "workload" has "{name}", which the simulator has not'
                            + suggestion(name, workloads))
    cores_from = f"--cores={arguments.cores}:" if arguments.cores else f'{experiment.source}: key "simulate.cores"'
    try:
        cores = experiment_module.thread_counts(arguments.cores or values["simulate.cores"], MOST_CORES)
    except ValueError as error:
        raise Complaint(f"{cores_from} {error}")
    if max(cores) > MOST_CORES:
        raise Complaint(f"{cores_from} has {max(cores)}, and the simulator has at most {MOST_CORES}")
    first = values["seed"] if arguments.seed is None else arguments.seed
    seeds = [first + number for number in range(values["simulate.seeds"])]
    cells = experiment_module.product(experiment, {"threads": cores})
    if not cells:
        raise Complaint(f"{experiment.source}: leaves no runs: [[skip]] excludes all")
    # The product has axes that the simulator does not know, so that it would make some rows twice.
    names = ["arm", "workload", "threads", *PARAMETERS]
    distinct = list(dict.fromkeys(tuple(cell[name] for name in names) for cell in cells))
    return [{"machine": machine, "arms": [arm], "workloads": [workload], "cores": [threads],
             "hold_ns": values["simulate.hold_ns"], "seed": seeds,
             "window_ns": parameters.duration_ns(values["simulate.window"]), "parameters": dict(zip(PARAMETERS.values(), rest))}
            for arm, workload, threads, *rest in distinct]


def _facts(machine: dict[str, Any], experiment: Experiment, arguments) -> dict[str, Any]:
    """Returns environment.json of a simulation: the machine that is simulated; the one that it runs on does not matter."""
    cores = machine["sockets"] * machine["clusters_per_socket"] * machine["cores_per_cluster"]
    return {"version": environment.VERSION, "simulated": machine["name"], "simulated_machine": machine, "command": sys.argv[1:],
            "line": f"{machine['name']}: {machine['sockets']} sockets, {cores} cores", "not_modelled": NOT_MODELLED, "arms": {},
            "source": environment.commit(environment.checkout()), "gaps": [], "left_out": [], "warnings": []}


def make(folder: Folder, program: str, requests: list[dict[str, Any]]) -> None:
    """Makes all rows and writes them in the order of the requests, so that the same requests give the same bytes."""
    progress = Progress(len(requests), float(len(requests)))
    number = 0
    with folder, concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        try:
            for request, rows in zip(requests, pool.map(lambda one: ask(program, one), requests)):
                progress.before(f"{request['arms'][0]}, {request['workloads'][0]}, {request['cores'][0]} cores")
                for row in rows:
                    folder.append(_line(number, request, row))
                    number += 1
                progress.after()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        finally:
            progress.end()


def _line(number: int, request: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    sizes = {name: request["parameters"][own] for name, own in PARAMETERS.items()}
    return {"run": number, "cell": {"arm": row["arm"], "workload": row["workload"], "threads": row["cores"], **sizes},
            "simulated": row["machine"], "status": "cannot" if "cannot" in row else "ok", "message": row.get("cannot"),
            "row": row}
