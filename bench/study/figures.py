"""The plots of a report: which there are, from which tables, and what their captions say."""

from dataclasses import dataclass
from typing import Any

import pandas

import plots
import tables
from analysis import Analysis
from arms import LAYOUT
from folder import Folder


@dataclass(frozen=True)
class Plot:
    kind: str  # the section that it belongs to
    name: str  # of its files
    svg: str
    caption: str


def draw(folder: Folder, analysis: Analysis, simulated: list[Analysis]) -> list[Plot]:
    """Writes the plots of a study, after removing those that were there."""
    folder_path = folder.path / "plots"
    for old in folder_path.glob("*.*") if folder_path.is_dir() else []:
        old.unlink()
    if analysis.summary.empty:
        return []
    x = analysis.experiment.values["plot.x"]
    arms = [arm for arm in analysis.experiment.values["arms"] if not arm.startswith(LAYOUT)]
    summary = analysis.summary.assign(simulated=analysis.simulated)
    summary = summary[~summary["arm"].str.startswith(LAYOUT)]  # they have a table; in a plot they would be one curve
    if summary.empty:
        return []
    extra = [one.summary for one in simulated if not one.summary.empty]
    look = plots.Look(list(dict.fromkeys([*arms, *(arm for one in extra for arm in one["arm"])])),
                      analysis.experiment.values["plot.columns"])
    found: list[Plot] = []

    def add(kind, figure, data, name, caption):
        name = plots.slug(name)
        svg = plots.save(figure, data, folder_path / name)
        found.append(Plot(kind, name, svg[svg.index("<svg"):], caption))

    def each_panel(table, axes):
        for key, rows in tables.groups(table, axes):
            workload = [] if "workload" in axes else [str(rows["workload"].iloc[0])]
            yield key, rows, ", ".join([*workload, *(value_of(name, value) for name, value in zip(axes, key))])

    for key, rows, title in each_panel(summary, analysis.panel):
        overlay = [_alike(one, rows, x) for one in extra]
        together = pandas.concat([rows, *(one for one in overlay if len(one))]) if any(len(one) for one in overlay) else rows
        add("Throughput", plots.curves(together, x, "median", "operations per s", title, look, ideal=x == "threads",
                                       fits=analysis.fits.get(key) if x == "threads" else None),
            _columns(together, [x, "arm", "simulated", "median", "low", "high", "n"]), f"throughput-{title}",
            f"Throughput of {title}: medians with {_band(together)}." + _fit_caption(analysis, key, x)
            + _limits([analysis, *simulated], together))
        if analysis.simulated:
            continue
        if x == "threads" and rows["efficiency"].notna().any() and rows[x].nunique() > 1:
            efficiency = rows.drop(columns=["low", "high"]).rename(columns={"efficiency_low": "low", "efficiency_high": "high"})
            add("Efficiency", plots.curves(efficiency, x, "efficiency", "speed-up / threads", title, look, logarithmic=False),
                _columns(efficiency, [x, "arm", "speed_up", "efficiency", "low", "high"]), f"efficiency-{title}",
                f"Efficiency of {title}: speed-up against the arm's own one thread, divided by the threads.")
        fair = rows[(rows["threads"] > 1) & rows["fairness_jain"].notna()].drop(columns=["low", "high"])
        if len(fair):
            add("Fairness", plots.curves(fair, x, "fairness_least_most", "least / most", title, look, logarithmic=False),
                _columns(fair, [x, "arm", "fairness_least_most", "fairness_jain"]), f"fairness-{title}",
                f"Fairness of {title}: operations of the slowest thread divided by those of the fastest.")
        memory = rows.drop(columns=["low", "high"]).assign(mib=rows["peak_bytes"] / 2**20)
        add("Memory", plots.curves(memory, x, "mib", "MiB at most", title, look),
            _columns(memory, [x, "arm", "resident_bytes", "peak_bytes"]), f"memory-{title}",
            f"Resident memory of the worker's process in {title}, at most.")
    _sweeps(analysis, summary, look, each_panel, add, x)
    _latencies(analysis, look, each_panel, add)
    return found


def _sweeps(analysis: Analysis, summary: pandas.DataFrame, look, each_panel, add, x: str) -> None:
    """Adds a plot for each further axis, and a heat map where there are two axes of numbers."""
    swept = [name for name in tables.varying(summary) if name not in ("arm", "workload", x)]
    for axis in swept:
        for _, rows, title in each_panel(summary, [name for name in tables.varying(summary) if name not in ("arm", axis)]):
            add("Sweeps", plots.curves(rows, axis, "median", "operations per s", title, look),
                _columns(rows, [axis, "arm", "simulated", "median", "low", "high", "n"]), f"sweep-{axis}-{title}",
                f"Throughput of {title} against {axis}: medians with {_band(rows)}." + _limits([analysis], rows))
    numbers = [name for name in [x, *swept] if name in tables.varying(summary)
               and pandas.api.types.is_numeric_dtype(summary[name])
               and summary[name].dtype != bool]
    if len(numbers) >= 2:
        first, second = numbers[:2]
        others = [name for name in tables.varying(summary) if name not in ("arm", first, second)]
        for _, rows, title in each_panel(summary, ["arm", *others]):
            add("Heat maps", plots.heat_map(rows, first, second, "median", "operations per s", title, look),
                _columns(rows, [first, second, "arm", "median"]), f"map-{first}-{second}-{title}",
                f"Median throughput of {title} over {first} and {second}." + _limits([analysis], rows))


def _latencies(analysis: Analysis, look, each_panel, add) -> None:
    table = analysis.percentiles
    if len(table):
        table = table[~table["arm"].str.startswith(LAYOUT)]
    if table.empty:
        return
    names = [name for name in table if name.startswith("p") and name.endswith("_ns")]
    panel = [name for name in tables.varying(table) if name != "arm"]
    long = table.melt(id_vars=[*tables.cell_columns(table), "operation"], value_vars=names, var_name="percentile",
                      value_name="ns")
    long = long.dropna(subset="ns").assign(percentile=lambda one: one["percentile"].str[1:-3].astype(float))
    cost, steps = table["clock_cost_ns"].median(), table["clock_granularity_ns"].max()
    clock = f"The clock costs {cost:.0f} ns and has steps of {steps:g} ns."
    # One CPU for each thread is where the tail is the table's own, so the plots are of the fewest threads and of the most that
    # have one. The table of percentiles has all.
    long = long.merge(analysis.summary.groupby("threads")["oversubscribed"].max().reset_index(), on="threads")
    by = [name for name in panel if name != "threads"]
    ends = [rows[rows["threads"].isin({rows["threads"].min(), rows[~rows["oversubscribed"].astype(bool)]["threads"].max()})]
            for _, rows in tables.groups(long, by)]
    if not ends:  # too few samples for any percentile
        return
    for _, rows, title in each_panel(tables.in_order(pandas.concat(ends), analysis.experiment.values), [*panel, "operation"]):
        add("Latency", plots.latencies(rows, title, look), _columns(rows, ["percentile", "arm", "ns"]), f"latency-{title}",
            f"Latency of {title}. {clock} A percentile is shown if at least ten samples lie beyond it.")


def value_of(axis: str, value: Any) -> str:
    return str(value) if axis in ("workload", "placement", "arm", "operation") else f"{axis} {value}"


def _columns(table: pandas.DataFrame, names: list[str]) -> pandas.DataFrame:
    return table[[name for name in names if name in table]].dropna(axis="columns", how="all")


def _alike(simulated: pandas.DataFrame, rows: pandas.DataFrame, x: str) -> pandas.DataFrame:
    """Returns the simulated cells that differ from the measured ones of a plot in arm and `x` at most."""
    for name in tables.cell_columns(simulated):
        if name not in ("arm", x):
            simulated = simulated[simulated[name].isin(set(rows[name]))]
    return simulated


def _band(rows: pandas.DataFrame) -> str:
    presets = sorted(set(rows["simulated"].dropna())) if "simulated" in rows else []
    simulated = f"the least and the most over all seeds and hold times (simulated: {', '.join(presets)})" if presets else ""
    measured = "95 % intervals" if not presets or rows["simulated"].isna().any() else ""
    return " and ".join(text for text in (measured, simulated) if text)


def _limits(analyses: list[Analysis], rows: pandas.DataFrame) -> str:
    """Returns the sentence that belongs below each plot with simulated curves, or nothing."""
    if "simulated" not in rows or rows["simulated"].isna().all():
        return ""
    return " " + next(one.environment["not_modelled"] for one in analyses if one.simulated)


def _fit_caption(analysis: Analysis, key: tuple, x: str) -> str:
    return " Thin lines are fits of the Universal Scalability Law." if x == "threads" and analysis.fits.get(key) else ""
