"""The check of the simulator: what it predicts for one core and two of this machine, beside what they do."""

import itertools
import statistics
import sys
from dataclasses import dataclass
from typing import Any, Callable

import pandas

import machine_costs
import simulate
import tables
import worker
from arms import PING_PONG, Arm
from complaint import Complaint
from progress import Progress
from topology import Cpu

REPETITIONS = 5
WARM_UP, MEASURE, LIVE = "20ms", "60ms", 1000  # as many live handles as the simulator has
SEEDS = [1, 2, 3]
SHARE = 20000  # operations of each simulated core before its window, in place of the warm-up: they use each bucket of a map
ATTEMPTS, STEADY = 5, 1.25
NEAR, FAR = 1.5, 3.0  # a prediction is good within the one factor, and needs an explanation beyond the other

# Arms of the simulator, and the study's of the same code.
ARMS = {**{name: name for name in ("haft/magazine", "haft/magazine-8", "haft/magazine-16", "haft/magazine-32", "haft/magazine-64",
                                   "haft/magazine-255", "haft/striped", "haft/global", "mutex", "mutex-64")},
        "haft/hazard": "haft/objects", "haft/counted": "haft/objects-counted", "ticket": "ticket-lock", "mcs": "mcs-lock"}


@dataclass(frozen=True)
class Match:
    """A workload of the study that does what one of the simulator does."""
    workload: str
    count: Callable[[dict[str, Any]], int]  # the simulator's operations, from a thread's
    keys: dict[str, Any] | None = None  # of the experiment
    thread: int | None = None  # the only one whose operations count
    least_threads: int = 1


def _done(kind: str) -> Callable[[dict[str, Any]], int]:
    return lambda operations: operations.get(kind, {"done": 0})["done"]


# The others differ from the study's of the same name in what they do (stats, scope), take place before a table is in its steady
# state (first-calls, first-use), or begin threads, which the simulator gets for nothing (thread-churn).
WORKLOADS = {
    "churn": Match("churn", _done("new")), "burst": Match("burst", _done("new")),
    "find-hot": Match("find", _done("find"), {"skew": "hot:1:100"}), "find-uniform": Match("find", _done("find")),
    "mixed": Match("mixed", lambda operations: sum(one["done"] for one in operations.values())),
    "hand-off-near": Match("hand-off", _done("delete"), thread=1, least_threads=2),
    "full": Match("full", lambda operations: operations["new"]["failed"]),
    "delete-pinned": Match("delete-pinned", _done("delete_pinned")),
}


def validate(found: dict[str, Arm], cpus: list[Cpu], simulator: str, machine: dict[str, Any]) -> pandas.DataFrame:
    """Returns a row for each arm, workload and number of threads: ns per operation and thread, and their ratio."""
    cells = [(arm, workload, threads) for arm in ARMS for workload, match in WORKLOADS.items()
             for threads in (1, 2) if threads >= match.least_threads]
    progress = Progress(len(cells), len(cells) * 0.6)
    rows = []
    for arm, workload, threads in cells:
        progress.before(f"{arm}, {workload}, {threads} threads")
        row = {"arm": arm, "workload": workload, "threads": threads, "measured_ns": None, "predicted_ns": None, "ratio": None,
               "ping_pong_ns": None}
        row["cannot"] = _measure_steadily(row, found, cpus) or _predict(row, simulator, machine)
        if row["cannot"] is None:
            row["ratio"] = row["predicted_ns"] / row["measured_ns"]
        rows.append(row)
        progress.after()
    progress.end()
    return pandas.DataFrame(rows)


def _measure_steadily(row: dict[str, Any], found: dict[str, Arm], cpus: list[Cpu]) -> str | None:
    """Measures a cell between two looks at the time of a hand-over, which must be alike.

    A virtual machine's CPUs may be two neighbours now and far from each other a second later.
    """
    if row["threads"] == 1:
        return _measure(row, found, cpus)
    for _ in range(ATTEMPTS):
        before = _hand_over(found, cpus)
        problem = _measure(row, found, cpus)
        if problem is not None:
            return problem
        after = _hand_over(found, cpus)
        if max(before, after) <= STEADY * min(before, after):
            row["ping_pong_ns"] = (before + after) / 2
            return None
    row["measured_ns"] = None
    return f"a hand-over between the CPUs took {before:.0f} ns before the runs and {after:.0f} after them"


def _hand_over(found: dict[str, Arm], cpus: list[Cpu]) -> float:
    pair = machine_costs.measure(found[PING_PONG], cpus[:2], 1)[0]
    if "problem" in pair:
        raise Complaint(f"arm {PING_PONG}: {pair['problem']}")
    return pair["ns"]


def _measure(row: dict[str, Any], found: dict[str, Arm], cpus: list[Cpu]) -> str | None:
    arm, match = ARMS[row["arm"]], WORKLOADS[row["workload"]]
    if arm not in found:
        return f"the arm {arm} is not to be had"
    request = machine_costs.request(arm, match.workload, [[cpu.number] for cpu in cpus[:row["threads"]]], WARM_UP, MEASURE,
                                   **{"live": LIVE, **(match.keys or {})})
    values = []
    for _ in range(REPETITIONS):
        outcome = worker.call(found[arm].command, request, machine_costs.LIMIT)
        if outcome.status != "ok":
            return outcome.message or outcome.status
        threads = outcome.answer["threads"]
        threads = threads if match.thread is None else [threads[match.thread]]
        values.append(sum(one["ns"] for one in threads) / sum(match.count(one["operations"]) for one in threads))
    row["measured_ns"] = statistics.median(values)
    return None


def _predict(row: dict[str, Any], simulator: str, machine: dict[str, Any]) -> str | None:
    if row["ping_pong_ns"] is not None:
        # calibrate has measured the other in parts of the one.
        machine = {**machine, "copy_cluster_ns": row["ping_pong_ns"],
                   "transfer_cluster_ns": row["ping_pong_ns"] * machine["transfer_cluster_ns"] / machine["copy_cluster_ns"]}
    rows = simulate.ask(simulator, {"machine": machine, "arms": [row["arm"]], "workloads": [row["workload"]],
                                    "cores": [row["threads"]], "hold_ns": [0], "seed": SEEDS,
                                    "parameters": {"live": LIVE, "share": SHARE}})
    if "cannot" in rows[0]:
        return f"the simulator's arm has no {rows[0]['cannot']}"
    row["predicted_ns"] = statistics.median(one["ns_per_operation"] for one in rows)
    return None


@dataclass(frozen=True)
class Verdict:
    cells: int
    near: float  # the part of the cells whose prediction is within NEAR
    far: list[str]  # those beyond FAR
    pairs: int  # of arms that differ by more than NEAR in a workload
    in_order: float  # the part of them that the simulator has in the right order


def judge(rows: pandas.DataFrame) -> Verdict:
    good = rows[rows["ratio"].notna()]
    factor = good["ratio"].where(good["ratio"] >= 1, 1 / good["ratio"])
    far = good[factor > FAR]
    right = pairs = 0
    for _, group in good.groupby(["workload", "threads"]):
        for one, other in itertools.combinations(group.itertuples(), 2):
            fast, slow = sorted((one, other), key=lambda row: row.measured_ns)
            if slow.measured_ns <= NEAR * fast.measured_ns:
                continue
            pairs += 1
            right += slow.predicted_ns > fast.predicted_ns
    return Verdict(len(good), float((factor <= NEAR).mean()) if len(good) else 0.0,
                   [f"{row.arm}, {row.workload}, {row.threads}: {row.ratio:.2f}" for row in far.itertuples()], pairs,
                   right / pairs if pairs else 0.0)


def report(rows: pandas.DataFrame) -> str:
    """Returns a table in Markdown of predicted by measured time, with one thread and with two, and what it shows."""
    verdict = judge(rows)
    lines = ["| arm: with 1 thread / with 2 | " + " | ".join(WORKLOADS) + " |", "|---|" + "---|" * len(WORKLOADS)]
    for arm in ARMS:
        ratios = rows[rows["arm"] == arm].groupby("workload", sort=False)["ratio"]
        cells = [" / ".join("-" if pandas.isna(ratio) else f"{ratio:.2f}" for ratio in ratios.get_group(workload))
                 for workload in WORKLOADS]
        lines.append(f"| {arm} | " + " | ".join(cells) + " |")
    lines += ["", f"{verdict.near:.0%} of {verdict.cells} cells are within a factor of {NEAR:g}, and {len(verdict.far)} are beyond "
              f"{FAR:g}. {verdict.in_order:.0%} of {verdict.pairs} pairs of arms that differ by more than {NEAR:g} are in the "
              "right order."]
    return "\n".join(lines)


def write(path, rows: pandas.DataFrame) -> None:
    path.write_bytes(tables.to_csv(rows))
    print(f"study calibrate: the rows are in {path}", file=sys.stderr)
