"""The flat tables of a study: runs, threads and latency buckets, one row each."""

import statistics
from typing import Any

import pandas

import histogram
from folder import Folder
from parameters import AXES

COUNTER = "counter_"  # begins the name of a counter's column in runs.csv
EACH = "_per_operation"  # ends it in summary.csv
# Columns of runs.csv that are measurements, with their units in the names.
MEASURED = ["throughput_per_s", "ns_per_operation", "done", "failed", "fairness_least_most", "fairness_jain", "resident_bytes",
            "peak_bytes", "minor_faults", "major_faults", "voluntary_switches", "involuntary_switches", "migrations"]

# Columns of a simulation: what an operation costs besides time.
SIMULATED = ["accesses", "transfers", "far_transfers", "invalidations", "failed_cas"]


def jain(values: list[float]) -> float | None:
    """Returns Jain's index of fairness: 1 if all are equal, 1/n if one has all; None if all are 0."""
    squares = len(values) * sum(value * value for value in values)
    return sum(values) ** 2 / squares if squares else None


# Workloads whose threads do different things, so that their shares say nothing of fairness.
UNLIKE = ["stats", "producers-consumers"]


def counted(workload: str, operations: dict[str, dict[str, int]]) -> int:
    """Returns how many operations of a thread count: those that were done.

    New on a full table is done when it fails. A call of Stats counts nothing, because it is the disturbance and not the work.
    """
    result = "failed" if workload == "full" else "done"
    return sum(one[result] for kind, one in operations.items() if kind != "stats")


def runs(folder: Folder) -> pandas.DataFrame:
    """Returns runs.csv. The measurements of a run that is not ok are empty, whatever it answered."""
    return pandas.DataFrame([_run(line) for line in folder.runs()])


def _simulated(line: dict[str, Any]) -> dict[str, Any]:
    row = line["row"]
    measured = {} if line["status"] != "ok" else {
        "hold_ns": row["hold_ns"], "seed": row["seed"], "throughput_per_s": row["throughput_per_us"] * 1e6,
        "ns_per_operation": row["ns_per_operation"], "latency_ns": row["latency_ns"], "fairness_jain": row["jain"],
        "settled": row["settled"], **{name: row["per_operation"][name] for name in SIMULATED}}
    return {"run": line["run"], **line["cell"], "simulated": line["simulated"], "status": line["status"],
            "message": line["message"], **measured}


def lines(folder: Folder) -> pandas.DataFrame:
    """Returns lines.csv: the cache lines that cost most in each row of a simulation, by name."""
    return pandas.DataFrame([
        {"run": line["run"], **line["cell"], "hold_ns": line["row"]["hold_ns"], "seed": line["row"]["seed"], **one}
        for line in folder.runs() if line["status"] == "ok" for one in line["row"]["lines"]])


def _run(line: dict[str, Any]) -> dict[str, Any]:
    if "simulated" in line:
        return _simulated(line)
    row = {"run": line["run"], "block": line["block"], **line["cell"], "status": line["status"], "message": line["message"],
           "shares_core": line["shares_core"], "nodes": line["nodes"], "oversubscribed": line["oversubscribed"],
           "started": line["started"], "seconds": line["seconds"], "load_before": line["load"][0],
           "load_after": line["load"][1], "steal_ticks": line["steal_ticks"], "energy_uj": line["energy_uj"],
           "energy_error": line["energy_error"],
           **{f"khz_{when}": _median_khz(khz) for when, khz in zip(("before", "after"), line["khz"])}}
    if line["status"] != "ok":
        return {**row, **dict.fromkeys(MEASURED)}
    answer, workload = line["answer"], line["cell"]["workload"]
    rates, done, failed, by_kind = [], 0, 0, {}
    for thread in answer["threads"]:
        rates.append(counted(workload, thread["operations"]) * 1e9 / thread["ns"])
        done += sum(one["done"] for one in thread["operations"].values())
        failed += sum(one["failed"] for one in thread["operations"].values())
        for kind, one in thread["operations"].items():
            for result in ("done", "failed"):
                by_kind[f"{kind}_{result}"] = by_kind.get(f"{kind}_{result}", 0) + one[result]
    alike = workload not in UNLIKE
    throughput = sum(rates)
    row.update({
        "throughput_per_s": throughput, "ns_per_operation": len(rates) * 1e9 / throughput if throughput else None,
        "done": done, "failed": failed,
        "fairness_least_most": min(rates) / max(rates) if alike and max(rates) else None,
        "fairness_jain": jain(rates) if alike else None,
        "resident_bytes": answer["memory"]["resident_bytes"], "peak_bytes": answer["memory"]["peak_bytes"],
        "minor_faults": answer["faults"]["minor"], "major_faults": answer["faults"]["major"],
        "voluntary_switches": answer["switches"]["voluntary"], "involuntary_switches": answer["switches"]["involuntary"],
        "migrations": answer.get("migrations"), "allocator_loaded": answer.get("allocator"),
        "huge_pages_got": answer.get("huge_pages"), "think_ns": answer.get("think_ns"),
        "clock_cost_ns": answer["clock"]["cost_ns"], "clock_granularity_ns": answer["clock"]["granularity_ns"], **by_kind,
        "counters_error": answer.get("counters_error"),
        **{f"{COUNTER}{name}": value for name, value in answer["counters"].items()},
    })
    merged = histogram.merge([one["buckets"] for one in answer["latency"]])
    if merged:
        row.update({f"p{percent:g}_ns": histogram.percentile(merged, percent) for percent in histogram.PERCENTILES})
        row["worst_ns"] = max(one["max_ns"] for one in answer["latency"])
    return row


def _median_khz(khz: dict[str, int] | None) -> float | None:
    return statistics.median(khz.values()) if khz else None


def threads(folder: Folder) -> pandas.DataFrame:
    """Returns threads.csv: one row for each thread of each run that is ok, with its operations by kind."""
    rows = []
    for line in folder.runs():
        if line["status"] != "ok" or "simulated" in line:
            continue
        for number, thread in enumerate(line["answer"]["threads"]):
            kinds = {f"{kind}_{result}": one[result] for kind, one in thread["operations"].items()
                     for result in ("done", "failed")}
            rows.append({"run": line["run"], "thread": number, "ns": thread["ns"],
                         "cpus": " ".join(map(str, thread.get("cpus") or [])), "moves": thread.get("moves"),
                         "moves_are_exact": thread.get("moves_are_exact"), **kinds})
    return pandas.DataFrame(rows)


def latency(folder: Folder) -> pandas.DataFrame:
    """Returns latency.csv: one row for each bucket of each thread and kind of operation of each run that is ok."""
    rows = [(line["run"], one["thread"], one["operation"], *bucket) for line in folder.runs() if line["status"] == "ok"
            for one in line.get("answer", {}).get("latency", []) for bucket in one["buckets"]]
    return pandas.DataFrame(rows, columns=["run", "thread", "operation", "lower_ns", "upper_ns", "count"])


def cell_columns(table: pandas.DataFrame) -> list[str]:
    """Returns the columns that name a cell."""
    return [name for name in AXES if name in table.columns]


def groups(table: pandas.DataFrame, axes: list[str]):
    """Yields the values of the axes, as a tuple, and the rows that have them, in the order of the rows."""
    if not axes:
        yield (), table
        return
    for key, rows in table.groupby(axes[0] if len(axes) == 1 else axes, sort=False, dropna=False):
        yield (key if isinstance(key, tuple) else (key,)), rows


def varying(table: pandas.DataFrame) -> list[str]:
    """Returns the axes that have more than one value in this table."""
    return [name for name in cell_columns(table) if table[name].nunique() > 1]


def in_order(table: pandas.DataFrame, values: dict[str, Any]) -> pandas.DataFrame:
    """Returns the rows in the order in which the experiment has the values of its axes, numbers of threads ascending."""
    axes = cell_columns(table)
    places = {name: {value: place for place, value in enumerate(values[AXES[name].key])} for name in axes}

    def key(column):
        return column if column.name == "threads" else column.map(places[column.name])

    return table.sort_values(axes, key=key, kind="stable", ignore_index=True)


def to_csv(table: pandas.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode()


def unit_of(metric: str) -> str:
    """Returns the column of runs.csv that a metric of `compare.metric` stands for."""
    return {"throughput": "throughput_per_s"}.get(metric, f"{metric}_ns")
