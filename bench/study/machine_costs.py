"""What a study measures of its machine before it begins: the time of a hand-over of a line between two CPUs, for a sample of pairs
by distance, and what a system call and a barrier of all threads cost."""

import random
from typing import Any

import experiment
import schedule
import worker
from arms import MEMBARRIER, PING_PONG, SYSTEM_CALL, Arm
from topology import Cpu

MOST_CPUS_FOR_ALL = 8  # with more CPUs, PAIRS of each distance are drawn
PAIRS = 12
LIMIT = 30.0  # seconds for one pair


def distance(one: Cpu, other: Cpu) -> str:
    if one.core == other.core:
        return "siblings"
    if one.node == other.node:
        return "node"
    return "package" if one.package == other.package else "far"


def pairs(cpus: list[Cpu], seed: int) -> list[tuple[Cpu, Cpu]]:
    """Returns all pairs of CPUs, or so many of each distance that all can be measured within seconds."""
    every = [(one, other) for index, one in enumerate(cpus) for other in cpus[index + 1:]]
    if len(cpus) <= MOST_CPUS_FOR_ALL:
        return every
    groups: dict[str, list[tuple[Cpu, Cpu]]] = {}
    for pair in every:
        groups.setdefault(distance(*pair), []).append(pair)
    draw = random.Random(seed)
    return [pair for group in groups.values() for pair in sorted(draw.sample(group, min(PAIRS, len(group))), key=every.index)]


def request(arm: str, workload: str, cpus: list[list[int]], warm_up: str = "5ms", measure: str = "20ms",
            **keys: Any) -> dict[str, Any]:
    """Returns the request for a short run on these CPUs. `keys` are of an experiment; there are 2 live handles without them."""
    plan = experiment.resolve({"title": "short run", "arms": [arm], "workload": workload, "threads": len(cpus), "live": 2,
                               "time": {"warm_up": warm_up, "measure": measure}, **keys}, "short run")
    return schedule.request(schedule.plan(experiment.product(plan, {"threads": [len(cpus)]}), 1, 1)[0], plan, cpus)


def record(found: dict[str, Arm], cpus: list[Cpu], seed: int) -> dict[str, Any]:
    """Returns the entries of environment.json, as far as the study has the yardsticks."""
    facts: dict[str, Any] = {}
    if PING_PONG in found:
        facts["core_latency"] = measure(found[PING_PONG], cpus, seed)
    if SYSTEM_CALL in found and MEMBARRIER in found:
        facts["system_costs"] = system_costs(found, cpus)
    return facts


def system_costs(found: dict[str, Arm], cpus: list[Cpu]) -> dict[str, float | None]:
    """Returns the nanoseconds of a system call that does nothing, and of membarrier: alone, and beside a thread that runs."""
    def first_thread(arm: str, workload: str, count: int) -> float | None:
        if count > len(cpus):
            return None
        outcome = worker.call(found[arm].command, request(arm, workload, [[cpu.number] for cpu in cpus[:count]]), LIMIT)
        if outcome.status != "ok":
            return None
        ns = ns_by_thread(outcome.answer)[0]
        return None if ns is None else round(ns, 1)

    return {"system_call_ns": first_thread(SYSTEM_CALL, "find", 1), "membarrier_ns": first_thread(MEMBARRIER, "stats", 1),
            "membarrier_beside_ns": first_thread(MEMBARRIER, "stats", 2)}


def measure(arm: Arm, cpus: list[Cpu], seed: int) -> list[dict[str, Any]]:
    """Returns for each pair its distance and the nanoseconds of one way."""
    found = []
    for one, other in pairs(cpus, seed):
        outcome = worker.call(arm.command, request(PING_PONG, "find", [[one.number], [other.number]]), LIMIT)
        row = {"cpus": [one.number, other.number], "distance": distance(one, other)}
        if outcome.status == "ok":
            row["ns"] = one_way_ns(outcome.answer)
        else:
            row["problem"] = f"{outcome.status}: {outcome.message}"
        found.append(row)
    return found


def ns_by_thread(answer: dict[str, Any]) -> list[float | None]:
    """Returns for each thread the time of an operation of any kind; None if it has done none."""
    done = [sum(one["done"] for one in thread["operations"].values()) for thread in answer["threads"]]
    return [thread["ns"] / count if count else None for thread, count in zip(answer["threads"], done)]


def one_way_ns(answer: dict[str, Any]) -> float | None:
    """Returns the time of a hand-over. A thread does a look-up when it has the line, so two look-ups are a round trip."""
    looked_up = sum(thread["operations"].get("find", {"done": 0})["done"] for thread in answer["threads"])
    return round(max(thread["ns"] for thread in answer["threads"]) / looked_up, 2) if looked_up else None
