"""The runs of an experiment in their order: each block is one repetition of every cell, shuffled by the seed."""

import hashlib
import math
import random
from dataclasses import dataclass
from typing import Any

import parameters
from experiment import Experiment

START_NS = 100 * 10**6  # a process starts, fills its table and ends
WEEK_NS = 7 * 24 * 3600 * 10**9
# Handles that a thread of a workload has in hand, besides the live ones; 0 for all others.
IN_HAND = {"churn": 1, "churn-find": 1, "mixed": 1, "shared-mix": 1, "delete-pinned": 1, "thread-churn": 1, "idle": 1,
           "stats": 1, "grow": 1, "delete-unless-pinned": 1, "hand-off": 1024, "producers-consumers": 1024, "ownership": 1024}


@dataclass(frozen=True)
class Run:
    number: int
    block: int
    cell: dict[str, Any]
    seed: int


def plan(cells: list[dict[str, Any]], repetitions: int, seed: int) -> list[Run]:
    """Returns all runs. The same arguments give the same runs in the same order with the same seeds."""
    runs = []
    for block in range(repetitions):
        shuffled = list(cells)
        random.Random(f"{seed}/{block}").shuffle(shuffled)
        for cell in shuffled:
            runs.append(Run(len(runs), block, cell, seed_of(cell, block, seed)))
    return runs


def seed_of(cell: dict[str, Any], block: int, seed: int) -> int:
    """Returns the seed of a run. All arms and revisions of a block get the same, so that they do the same operations."""
    text = f"{seed}/{block}/" + "/".join(f"{name}={value}" for name, value in cell.items() if name not in ("arm", "revision"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def capacity(cell: dict[str, Any]) -> int:
    """Returns the slots of the table."""
    if cell["workload"] == "full":
        return cell["live"]
    own = {"burst": cell["burst"], "batch": cell["batch"], "mixed-scope": cell["hold"]}
    in_hand = own.get(cell["workload"], IN_HAND.get(cell["workload"], 0))
    threads = cell["threads"] + cell["bystanders"]
    return math.ceil((cell["live"] + in_hand * threads) * 100 / cell["occupancy"])


def request(run: Run, experiment: Experiment, cpus: list[list[int]] | None) -> dict[str, Any]:
    """Returns what a worker is asked for."""
    cell, values = run.cell, experiment.values
    skew, think, arrival = (cell[name].split(":") for name in ("skew", "think", "arrival"))
    skews = {"uniform": lambda: {}, "zipf": lambda: {"s": float(skew[1])},
             "hot": lambda: {"keys": int(skew[1]), "percent": float(skew[2])}}
    is_open = arrival[0] == "open"
    return {
        "protocol": 1, "mode": "run", "arm": cell["arm"], "workload": cell["workload"], "threads": cell["threads"],
        "cpus": cpus, "seed": run.seed, "warm_up_ns": parameters.duration_ns(values["time.warm_up"]),
        "measure_ns": parameters.duration_ns(values["time.measure"]), "live": cell["live"], "capacity": capacity(cell),
        "skew": {"kind": skew[0], **skews[skew[0]]()}, "mix": parameters.mix_shares(cell["mix"]),
        "think": {"kind": think[0], **({"ns": int(think[1])} if think[1:] else {})},
        "value_words": cell["value"], "touch": cell["touch"], "batch": cell["batch"], "burst": cell["burst"],
        "hold": cell["hold"], "arrival": {"kind": arrival[0], **({"rate": int(arrival[1])} if is_open else {})},
        "latency": 1 if is_open else values["latency"], "counters": values["counters"], "huge_pages": cell["pages"] == "huge",
        "lifetime": cell["lifetime"], "bystanders": cell["bystanders"], "producers": cell["producers"],
    }


def estimate_ns(runs: list[Run], experiment: Experiment) -> int:
    """Returns about how long the runs take."""
    values = experiment.values
    each = START_NS + sum(parameters.duration_ns(values[key]) for key in ("time.warm_up", "time.measure"))
    return each * len(runs)
