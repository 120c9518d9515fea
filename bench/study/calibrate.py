"""The subcommand calibrate: the simulator's constants of this machine, from yardsticks."""

import pathlib
import statistics
import sys
from typing import Any

import arms as arms_module
import environment
import folder
import machine_costs
import simulate
import topology
import validation
import worker
from arms import MEMBARRIER, PING_PONG, RELAY, RELAY_LINES, YIELD, Arm
from complaint import OK, Complaint
from topology import Cpu

REPETITIONS = 9
TURNS = 3
MEASURE = "50ms"
PATTERN = "milan"  # the preset whose constants are kept where nothing here measures them
NEEDED = ["loop", "hits", "array", "pointer", "cas", "fetch-add", PING_PONG, RELAY, MEMBARRIER, YIELD]
READS = 16  # of a look-up of the arm `hits`


def calibrate(arguments) -> int:
    """Writes the file of this machine, whose name is `here`."""
    out = pathlib.Path(arguments.out)
    if out.suffix != ".toml" or not out.absolute().parent.is_dir():
        raise Complaint(f"--out={out}: must be a .toml file in a folder that is there")
    manifest = arms_module.read_manifest()
    if arguments.validate and manifest.simulator is None:
        raise Complaint("--validate: this study has no simulator; //bench:study has one")
    found, _ = arms_module.find(manifest)
    absent = [name for name in NEEDED if name not in found]
    if absent:
        raise Complaint(f"the study has no arm {', '.join(absent)}, which calibrate needs; //bench:study has them")
    cpus = topology.here(topology.record())
    if len({cpu.core for cpu in cpus}) < 2:
        raise Complaint("this machine: two cores are needed, and this process may use one only")
    busy = environment.busy_part()
    if busy > environment.BUSY:
        print(f"study calibrate: warning: other programs use {busy:.0%} of the CPUs, so that the constants are theirs as well",
              file=sys.stderr)
    measured = measure(found, cpus)
    constants = derive(measured)
    folder.write(out, to_toml(constants, measured, cpus, busy).encode())
    print(out)
    if arguments.validate:
        rows = validation.validate(found, cpus, manifest.simulator, simulate.find_machine(str(out)))
        validation.write(out.with_suffix(".csv"), rows)
        print(validation.report(rows))
    return OK


def measure(found: dict[str, Arm], cpus: list[Cpu]) -> dict[str, float]:
    """Returns the medians of what the yardsticks take, in ns for an operation and thread, less the loop's own time."""
    first = cpus[0]
    near = next(cpu for cpu in cpus if cpu.core != first.core)  # in hwloc's order, so one of those that are nearest
    alone, both = [[first.number]], [[first.number], [near.number]]

    def by_thread(arm: str, workload: str, places: list[list[int]]) -> list[float]:
        runs = []
        for _ in range(REPETITIONS):
            outcome = worker.call(found[arm].command, machine_costs.request(arm, workload, places, measure=MEASURE),
                                  machine_costs.LIMIT)
            if outcome.status != "ok":
                raise Complaint(f"arm {arm}, {workload}: {outcome.status}: {outcome.message}")
            runs.append(machine_costs.ns_by_thread(outcome.answer))
        return [statistics.median(thread) for thread in zip(*runs)]

    def ns(arm: str, workload: str, places: list[list[int]]) -> float:
        return statistics.fmean(by_thread(arm, workload, places))

    loop_find, loop_churn = ns("loop", "find", alone), ns("loop", "churn", alone)
    barrier, (barrier_beside, beside_barrier) = ns(MEMBARRIER, "stats", alone), by_thread(MEMBARRIER, "stats", both)
    _, beside_none = by_thread("loop", "stats", both)
    # In turns, because the CPUs of a virtual machine may be moved meanwhile, so that the one may be quicker than the other.
    passes = [(ns(PING_PONG, "find", both) / 2, ns(RELAY, "find", both) / 2) for _ in range(TURNS)]
    ping_pong = statistics.median(alone for alone, _ in passes)
    return {
        "hit_ns": (ns("hits", "find", alone) - loop_find) / READS, "own_cas_ns": ns("cas", "churn", alone) - loop_churn,
        "ping_pong_ns": ping_pong,
        "transfer_per_ping_pong": statistics.median((relay / alone - 1) / RELAY_LINES for alone, relay in passes),
        "contended_add_ns": ns("fetch-add", "churn", both) / 2, "own_add_ns": ns("fetch-add", "churn", alone) - loop_churn,
        "shared_read_ns": ns("array", "find", both) - loop_find,
        "allocation_ns": 2 * (ns("pointer", "churn", alone) - loop_churn),  # New and Delete together
        "yield_ns": ns(YIELD, "find", alone) - loop_find,
        "loop_ns": loop_find, "membarrier_ns": barrier, "membarrier_beside_ns": barrier_beside,
        # The part of its time that the other core has for its own work shows how long each barrier keeps it.
        "interrupt_ns": barrier_beside * max(0.0, 1 - beside_none / beside_barrier),
    }


def derive(measured: dict[str, float]) -> dict[str, float]:
    """Returns the simulator's constants.

    Two cores that add to one word get several additions out of the line each time, and an addition then costs
    own * r / (2 r - 1), if r is the request's part of a transfer; so r = c / (2 c - own) for a contended addition of c.
    """
    own, contended = measured["own_add_ns"], measured["contended_add_ns"]
    if contended <= own:
        raise Complaint(f"arm fetch-add: an addition that two cores contend for took {contended:.2f} ns and an own one {own:.2f} ns; "
                        "the machine is too busy, or the two CPUs are not two cores")
    share = contended / (2 * contended - own)
    return {"hit_ns": max(0.1, measured["hit_ns"]), "read_modify_write_ns": measured["own_cas_ns"], "request_share": share,
            "transfer_cluster_ns": measured["ping_pong_ns"] * measured["transfer_per_ping_pong"],
            "copy_cluster_ns": measured["ping_pong_ns"], "loop_ns": max(0.1, measured["loop_ns"]),
            "allocation_ns": max(0.0, measured["allocation_ns"]),
            "yield_ns": max(1.0, measured["yield_ns"]), "membarrier_ns": measured["membarrier_ns"],
            "membarrier_per_core_ns": max(0.0, measured["membarrier_beside_ns"] - measured["membarrier_ns"]),
            "interrupt_ns": measured["interrupt_ns"]}


def to_toml(constants: dict[str, float], measured: dict[str, float], cpus: list[Cpu], busy: float) -> str:
    """Returns the machine file. A constant that is not measured is the pattern's, and a comment says so."""
    pattern = simulate.find_machine(PATTERN)
    facts: dict[str, Any] = {"name": "here", "sockets": len({cpu.package for cpu in cpus}), "clusters_per_socket": 1}
    facts["cores_per_cluster"] = max(1, len({cpu.core for cpu in cpus}) // facts["sockets"])
    model = environment.machine(cpus)["cpu"]
    lines = [f"# {model}. Measured: "
             + ", ".join(f"{name} {value:.2f}" for name, value in measured.items()),
             f'source = "calibrate on {len(cpus)} CPUs, {busy:.0%} busy; {REPETITIONS} repetitions of {MEASURE} each"']
    for name, value in pattern.items():
        if name == "source":
            continue
        if name in facts:
            lines.append(f"{name} = {facts[name]!r}".replace("'", '"'))
        elif name in constants:
            lines.append(f"{name} = {constants[name]:.3f}  # measured, or derived from what is")
        else:
            lines.append(f"{name} = {value!r}  # not measured: that of {PATTERN}")
    return "\n".join(lines) + "\n"
