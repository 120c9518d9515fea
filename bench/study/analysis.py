"""The analysis of a study's raw data: its tables and sentences."""

import collections
from dataclasses import dataclass
from typing import Any

import numpy
import pandas

import cells
import comparison
import environment as environment_module
import experiment as experiment_module
import folder as folder_module
import histogram
import layout
import scaling
import tables
from arms import PING_PONG, is_yardstick
from complaint import Complaint
from experiment import Experiment
from folder import Folder

THROUGHPUT = "throughput_per_s"
# The first word of each warning that a cell can have, as a part of a sentence about all cells: of one, and of several.
CELL_WARNINGS = {"spread": ("has", "have", "a spread over 10 %"), "bimodal": ("has", "have", "two modes"),
                 "drifts": ("drifts", "drift", "with time"), "differs": ("depends", "depend", "on the arm that ran before")}


@dataclass
class Analysis:
    experiment: Experiment
    environment: dict[str, Any]
    runs: pandas.DataFrame
    summary: pandas.DataFrame  # of throughput
    comparisons: pandas.DataFrame
    percentiles: pandas.DataFrame
    fits: dict[tuple, dict[str, scaling.Fit]]  # by the values of `panel`, then by arm
    no_fit: list[str]  # sentences
    layouts: pandas.DataFrame  # what the place of the code makes, by cell
    panel: list[str]  # the axes that vary, less arm and plot.x
    gaps: list[tuple[str, str, str, str]]  # arm, what, what became of it, reason

    @property
    def simulated(self) -> str | None:
        return self.environment.get("simulated")


def analyse(folder: Folder) -> Analysis:
    """Returns the analysis of the runs that a folder has."""
    experiment = experiment_module.load(folder.path / folder_module.EXPERIMENT)
    environment = folder.environment()
    if environment.get("version") != environment_module.VERSION:
        raise Complaint(f"{folder.path / folder_module.ENVIRONMENT}: has version {environment.get('version')!r}; "
                        f"this program reads version {environment_module.VERSION}")
    runs = tables.runs(folder)
    seed, values = experiment.values["seed"], experiment.values
    if runs.empty:
        raise Complaint(f"{folder.path}: has no runs yet")
    wrong = sorted(set(runs[runs["status"] == "wrong"]["arm"]))
    good = tables.in_order(runs[~runs["arm"].isin(wrong)], values)  # the times of an arm that answers wrongly are shown nowhere
    simulated = environment.get("simulated")
    summary = bands(good) if simulated else cells.summarize(good, THROUGHPUT, seed)
    if not simulated and not summary.empty:
        summary = _beside_summary(summary, good, seed)
    panel = [name for name in tables.varying(good) if name not in ("arm", values["plot.x"])]
    floors = layout.Floors(good, tables.unit_of(values["compare.metric"]))
    compared = pandas.DataFrame() if simulated else _comparisons(good, experiment, floors, environment["arms"])
    fits, no_fit = ({}, []) if simulated or summary.empty else _fits(good, panel)
    return Analysis(experiment, environment, runs, summary, compared, _percentiles(folder, good), fits, no_fit, floors.table, panel,
                    _gaps(runs, environment, wrong, experiment))


def bands(runs: pandas.DataFrame) -> pandas.DataFrame:
    """Returns the summary of simulated cells: the least and the most over all seeds and all values of `hold_ns`.

    The simulator has no noise that an interval could be computed from.
    """
    axes = tables.cell_columns(runs)
    rows = []
    for cell, group in runs[runs["status"] == "ok"].groupby(axes, sort=False, dropna=False):
        values = group[THROUGHPUT]
        rows.append({**dict(zip(axes, cell)), "simulated": group["simulated"].iloc[0], "n": len(values),
                     "median": values.median(), "low": values.min(), "high": values.max(),
                     "warnings": "" if group["settled"].all() else "not settled",
                     **{name: group[name].median() for name in tables.SIMULATED}, "shares_core": False, "nodes": 1,
                     "oversubscribed": False})
    return pandas.DataFrame(rows)


def _beside_summary(summary: pandas.DataFrame, runs: pandas.DataFrame, seed: int) -> pandas.DataFrame:
    """Returns the summary with medians of what else was measured, speed-up, and times in hand-overs between two cores."""
    axes = tables.cell_columns(runs)
    good = runs[runs["status"] == "ok"]
    # Without this, pandas leaves out columns that are empty in every row.
    columns = [name for name in tables.MEASURED if name != THROUGHPUT]
    medians = good[axes + columns].astype({name: float for name in columns}).groupby(axes, sort=False, dropna=False).median()
    summary = summary.merge(medians.reset_index(), on=axes, how="left")
    for name in [one for one in good if one.startswith(tables.COUNTER) and good[one].notna().any()]:
        each = good[axes].assign(count=good[name] / good["done"]).groupby(axes, sort=False, dropna=False)["count"].median()
        summary = summary.merge(each.rename(name.removeprefix(tables.COUNTER) + tables.EACH).reset_index(), on=axes, how="left")
    one_thread = summary[summary["threads"] == 1].drop(columns="threads").rename(columns={"median": "alone"})
    others = [name for name in axes if name != "threads"]
    summary = summary.merge(one_thread[others + ["alone"]], on=others, how="left")
    summary["speed_up"] = summary["median"] / summary["alone"]
    summary["efficiency"] = summary["speed_up"] / summary["threads"]
    summary = _efficiency_intervals(summary.drop(columns="alone"), good, axes, seed)
    ping_pong = summary[(summary["arm"] == PING_PONG) & (summary["workload"] == "find") & (summary["threads"] == 2)]
    if len(ping_pong):
        ns = ping_pong.groupby("placement")["ns_per_operation"].median()
        summary["in_ping_pongs"] = summary["ns_per_operation"] / summary["placement"].map(ns)
    return summary


def _efficiency_intervals(summary: pandas.DataFrame, good: pandas.DataFrame, axes: list[str], seed: int) -> pandas.DataFrame:
    """Returns the summary with the 95 % interval of the efficiency, for which both medians are resampled."""
    values = {cell: rows[THROUGHPUT].to_numpy(dtype=float) for cell, rows in tables.groups(good, axes)}
    at = axes.index("threads")
    ends = []
    for cell in summary[axes].itertuples(index=False, name=None):
        alone = values.get((*cell[:at], 1, *cell[at + 1:]))
        if alone is None:
            ends.append((None, None))
        elif cell[at] == 1:
            ends.append((1.0, 1.0))
        else:
            random = cells.generator(seed, f"efficiency {cell!r}")
            low, high = cells.interval((values[cell], alone), comparison.ratio_of_medians, random)
            ends.append((low / cell[at], high / cell[at]))
    return summary.assign(efficiency_low=[low for low, _ in ends], efficiency_high=[high for _, high in ends])


def _comparisons(runs: pandas.DataFrame, experiment: Experiment, floors: layout.Floors,
                 arms: dict[str, dict]) -> pandas.DataFrame:
    values = experiment.values
    metric, axis = tables.unit_of(values["compare.metric"]), values["compare.axis"]
    baseline = values["compare.baseline"]
    if baseline == "":
        there = [one for one in dict.fromkeys(runs[axis]) if axis != "arm" or not is_yardstick(one)]
        ordered = [one for one in values["arms" if axis == "arm" else axis] if one in there]
        baseline = (ordered or sorted(there, key=str) or [None])[0]
    programs: layout.Floors | layout.FloorsOfOneArm | None = floors if axis == "arm" else None
    if axis == "revision":
        both = (layout.of_revision(arms, revision) for revision in values["revision"])
        programs = layout.FloorsOfOneArm([floors], layout.unchanged(*both))
    return comparison.compare(comparison.pairs_of(runs, axis, baseline, metric), values["compare.smallest_effect"] / 100,
                              values["seed"], more_is_faster=metric == THROUGHPUT, floors=programs)


def _fits(runs: pandas.DataFrame, panel: list[str]) -> tuple[dict, list[str]]:
    """Returns the scalability laws and the sentences about those that are not fitted."""
    good = runs[(runs["status"] == "ok") & ~runs["arm"].map(is_yardstick)]
    real = good[~good["shares_core"].astype(bool) & ~good["oversubscribed"].astype(bool)]
    fits, sentences = {}, []
    if good["threads"].nunique() < 2:
        return {}, []
    for key, rows in tables.groups(real, panel):
        for arm, own in rows.groupby("arm", sort=False):
            sentence = scaling.why_not(list(own["threads"]))
            if sentence is None:
                try:
                    fits.setdefault(key, {})[arm] = scaling.fit(list(own["threads"]), list(own[THROUGHPUT]))
                except RuntimeError:
                    sentence = f"No scalability law is fitted for {arm}: the search does not converge."
            if sentence is not None:
                sentences.append(sentence)
    return fits, list(dict.fromkeys(sentences))


def _percentiles(folder: Folder, runs: pandas.DataFrame) -> pandas.DataFrame:
    """Returns one row for each cell and kind of operation, from all samples of all its repetitions."""
    axes = tables.cell_columns(runs)
    good = set(runs[runs["status"] == "ok"]["run"])
    merged: dict[tuple, dict[str, Any]] = {}
    for line in folder.runs():
        if line["run"] not in good:
            continue
        for one in (line.get("answer") or {}).get("latency") or []:
            key = (*(line["cell"].get(name) for name in axes), one["operation"])
            own = merged.setdefault(key, {"histograms": [], "worst": 0, "clock": line["answer"]["clock"]})
            own["histograms"].append(one["buckets"])
            own["worst"] = max(own["worst"], one["max_ns"])
    rows = []
    for key, own in merged.items():
        whole = histogram.merge(own["histograms"])
        rows.append({**dict(zip([*axes, "operation"], key)), "samples": histogram.samples(whole),
                     **{f"p{percent:g}_ns": histogram.percentile(whole, percent) for percent in histogram.PERCENTILES},
                     "worst_ns": own["worst"], "clock_cost_ns": own["clock"]["cost_ns"],
                     "clock_granularity_ns": own["clock"]["granularity_ns"]})
    table = pandas.DataFrame(rows)
    return table.sort_values([*axes, "operation"], kind="stable", ignore_index=True) if rows else table


def _gaps(runs: pandas.DataFrame, environment: dict, wrong: list[str],
          experiment: Experiment) -> list[tuple[str, str, str, str]]:
    """Returns what is not or not wholly in the result, and why."""
    axes = tables.cell_columns(runs)
    found: dict[tuple[str, str, str, str], int] = {}
    for gap in environment.get("gaps", []):
        what = "all" if gap["kind"] == "not to be had" else gap["cell"]["workload"]
        found[gap["cell"]["arm"], what, gap["kind"], gap["reason"]] = 0
    for arm in wrong:
        message = runs[(runs["arm"] == arm) & (runs["status"] == "wrong")]["message"].iloc[0]
        found[arm, "all", "wrong", f"{message}; its times are shown nowhere"] = 0
    for cell, group in tables.groups(runs[(runs["status"] != "ok") & ~runs["arm"].isin(wrong)], axes):
        for (status, message), part in group.groupby(["status", "message"], sort=True, dropna=False):
            shown = ("workload", "threads", "placement")
            name = ", ".join(f"{axis} {value}" for axis, value in zip(axes, cell) if axis in shown)
            found[dict(zip(axes, cell))["arm"], name, status,
                  f"{message} ({len(part)} of {experiment.values['repetitions']} repetitions)"] = 0
    missing = environment.get("planned", 0) - len(runs)
    if missing > 0:
        found["", "all", "unfinished", f"{missing} runs have not been made yet"] = 0
    return list(found)


def run_warnings(analysis: Analysis) -> list[str]:
    """Returns the warnings that the runs themselves give."""
    found, runs = [], analysis.runs
    if "clock_granularity_ns" in runs and runs["clock_granularity_ns"].max() > environment_module.COARSEST_CLOCK_NS:
        found.append(f"The clock is coarse: {runs['clock_granularity_ns'].max():.0f} ns.")
    stolen = runs["steal_ticks"].gt(0).mean() if "steal_ticks" in runs else 0
    if stolen > 0.1:
        found.append(f"The host of this virtual machine took CPUs away in {stolen:.0%} of the runs.")
    for column, name in (("counters_error", "Hardware counters"), ("energy_error", "The energy")):
        errors = runs[column].dropna() if column in runs else []
        if len(errors):
            found.append(f"{name} cannot be read: {errors.iloc[0]}.")
    loads = runs["load_before"].dropna() if "load_before" in runs else pandas.Series(dtype=float)
    if len(loads) and numpy.isfinite(loads).all():
        found.append(f"The load average before a run was {loads.min():.2f} to {loads.max():.2f}.")
    told = "; ".join(analysis.summary.get("warnings", []))
    kinds = collections.Counter(text.split()[0] for text in told.split("; ") if text)
    for kind, count in sorted(kinds.items()):
        one, several, rest = CELL_WARNINGS[kind]
        found.append(f"{count} of {len(analysis.summary)} cells {one if count == 1 else several} {rest}.")
    pairs = len(analysis.comparisons)
    if pairs:
        needed = comparison.fewest_repetitions(pairs)
        if analysis.experiment.values["repetitions"] < needed:
            found.append(f"No difference can be shown: with {pairs} comparisons, each side needs {needed} repetitions or more.")
    found += layout.advice(analysis.comparisons)
    return found


def write_tables(folder: Folder, analysis: Analysis) -> None:
    """Writes the tables of the folder, each as a whole."""
    written = {"runs": analysis.runs, "threads": tables.threads(folder), "latency": tables.latency(folder),
               "summary": analysis.summary, "comparisons": analysis.comparisons, "percentiles": analysis.percentiles}
    if analysis.simulated:
        written["lines"] = tables.lines(folder)
    for name, table in written.items():
        folder_module.write(folder.path / f"{name}.csv", tables.to_csv(table) if len(table.columns) else b"\n")
