"""The subcommand calibrate: the simulator's constants of this machine, from yardsticks."""

import pathlib
import statistics
import sys
from typing import Any

import arms as arms_module
import core_latency
import environment
import folder
import simulate
import topology
import worker
from arms import PING_PONG, Arm
from complaint import OK, Complaint
from topology import Cpu

REPETITIONS = 9
MEASURE = "50ms"
PATTERN = "milan"  # the preset whose constants are kept where nothing here measures them
NEEDED = ["loop", "array", "cas", "fetch-add", PING_PONG]


def calibrate(arguments) -> int:
    """Writes the file of this machine, whose name is `here`."""
    out = pathlib.Path(arguments.out)
    if out.suffix != ".toml" or not out.absolute().parent.is_dir():
        raise Complaint(f"--out={out}: must be a .toml file in a folder that is there")
    found, _ = arms_module.find(arms_module.read_manifest())
    absent = [name for name in NEEDED if name not in found]
    if absent:
        raise Complaint(f"the study has no arm {', '.join(absent)}, which calibrate needs; //bench:study has them")
    cpus = topology.here(topology.record())
    if len({cpu.core for cpu in cpus}) < 2:
        raise Complaint("two cores are needed, and this process may use one only")
    busy = environment.busy_part()
    if busy > environment.BUSY:
        print(f"study calibrate: warning: other programs use {busy:.0%} of the CPUs, so that the constants are theirs as well",
              file=sys.stderr)
    measured = measure(found, cpus)
    constants = derive(measured)
    folder.write(out, to_toml(constants, measured, cpus, busy).encode())
    print(out)
    return OK


def measure(found: dict[str, Arm], cpus: list[Cpu]) -> dict[str, float]:
    """Returns the medians of what the yardsticks take, in ns for an operation and thread, less the loop's own time."""
    first = cpus[0]
    near = next(cpu for cpu in cpus if cpu.core != first.core)  # in hwloc's order, so one of those that are nearest
    alone, both = [[first.number]], [[first.number], [near.number]]

    def ns(arm: str, workload: str, places: list[list[int]]) -> float:
        values = []
        for _ in range(REPETITIONS):
            outcome = worker.call(found[arm].command, core_latency.request(arm, workload, places, MEASURE), core_latency.LIMIT)
            if outcome.status != "ok":
                raise Complaint(f"arm {arm}, {workload}: {outcome.status}: {outcome.message}")
            done = sum(one["done"] for thread in outcome.answer["threads"] for one in thread["operations"].values())
            values.append(sum(thread["ns"] for thread in outcome.answer["threads"]) / done)
        return statistics.median(values)

    loop_find, loop_churn = ns("loop", "find", alone), ns("loop", "churn", alone)
    return {
        "hit_ns": ns("array", "find", alone) - loop_find, "own_cas_ns": ns("cas", "churn", alone) - loop_churn,
        "ping_pong_ns": ns(PING_PONG, "find", both) / 2, "contended_add_ns": ns("fetch-add", "churn", both) / 2,
        "own_add_ns": ns("fetch-add", "churn", alone) - loop_churn, "shared_read_ns": ns("array", "find", both) - loop_find,
        "loop_ns": loop_find,
    }


def derive(measured: dict[str, float]) -> dict[str, float]:
    """Returns the simulator's constants.

    Two cores that add to one word get several additions out of the line each time, and an addition then costs
    own * r / (2 r - 1), if r is the request's part of a transfer; so r = c / (2 c - own) for a contended addition of c. A
    hand-over takes r of a transfer.
    """
    own, contended = measured["own_add_ns"], measured["contended_add_ns"]
    if contended <= own:
        raise Complaint(f"an addition that two cores contend for took {contended:.2f} ns and an own one {own:.2f} ns; "
                        "the machine is too busy, or the two CPUs are not two cores")
    share = contended / (2 * contended - own)
    return {"hit_ns": max(0.1, measured["hit_ns"]), "read_modify_write_ns": measured["own_cas_ns"], "request_share": share,
            "transfer_cluster_ns": measured["ping_pong_ns"] / share, "copy_cluster_ns": measured["ping_pong_ns"],
            "loop_ns": max(0.1, measured["loop_ns"])}


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
