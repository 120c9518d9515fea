"""The report of a study: tables, plots and report.html, made from the raw data alone. The same data give the same bytes."""

import html
import json
import pathlib
import shlex
from dataclasses import dataclass
from typing import Any

import pandas

import analysis as analysis_module
import comparison
import folder as folder_module
import plots
import tables
from analysis import THROUGHPUT, Analysis
from folder import Folder

STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:75em;margin:2em auto;padding:0 1em;color:#222}
h1{font-size:1.6em;margin-bottom:0}h2{margin-top:2em;border-bottom:1px solid #ccc}table{border-collapse:collapse;font-size:13px}
td,th{padding:.15em .6em;text-align:right;border-bottom:1px solid #eee}td:first-child,th:first-child{text-align:left}
.machine{color:#555;margin-top:0}.warning{color:#8a4b00}svg{max-width:100%;height:auto}figure{margin:1em 0}
figcaption{font-size:13px;color:#555}pre{white-space:pre-wrap;background:#f6f6f6;padding:.6em}.wide{overflow-x:auto}"""


MOST_OPEN = 8  # sentences of a list that is not folded


@dataclass(frozen=True)
class Plot:
    kind: str  # the section that it belongs to
    name: str  # of its files
    svg: str
    caption: str


def make(folders: list[Folder]) -> str:
    """Makes the report of each folder again, and returns the paths, one a line.

    If some folders are measured and some simulated, the simulated ones are drawn into the plots of the measured ones.
    """
    analyses = [(folder, analysis_module.analyse(folder)) for folder in folders]
    simulated = [analysis for _, analysis in analyses if analysis.simulated]
    paths = []
    for folder, analysis in analyses:
        analysis_module.write_tables(folder, analysis)
        drawn = draw(folder, analysis, [] if analysis.simulated else simulated)
        path = folder.path / "report.html"
        folder_module.write(path, page(folder, analysis, drawn).encode())
        paths.append(str(path))
    return "\n".join(paths)


def draw(folder: Folder, analysis: Analysis, simulated: list[Analysis]) -> list[Plot]:
    """Writes the plots of a study, after removing those that were there."""
    folder_path = folder.path / "plots"
    for old in folder_path.glob("*.*") if folder_path.is_dir() else []:
        old.unlink()
    if analysis.summary.empty:
        return []
    x = analysis.experiment.values["plot.x"]
    arms = analysis.experiment.values["arms"]
    summary = analysis.summary.assign(simulated=analysis.simulated)
    extra = [one.summary for one in simulated if not one.summary.empty]
    look = plots.Look(list(dict.fromkeys([*arms, *(arm for one in extra for arm in one["arm"])])))
    found: list[Plot] = []

    def add(kind, figure, data, name, caption):
        name = plots.slug(name)
        svg = plots.save(figure, data, folder_path / name)
        found.append(Plot(kind, name, svg[svg.index("<svg"):], caption))

    def each_panel(table, axes):
        for key, rows in tables.groups(table, axes):
            workload = [] if "workload" in axes else [str(rows["workload"].iloc[0])]
            yield key, rows, ", ".join([*workload, *(_value(name, value) for name, value in zip(axes, key))])

    for key, rows, title in each_panel(summary, analysis.panel):
        overlay = [_same_panel(one, analysis.panel, key) for one in extra]
        together = pandas.concat([rows, *(one for one in overlay if len(one))]) if any(len(one) for one in overlay) else rows
        add("Throughput", plots.curves(together, x, "median", "operations per s", title, look, ideal=x == "threads",
                                       fits=analysis.fits.get(key) if x == "threads" else None),
            _columns(together, [x, "arm", "simulated", "median", "low", "high", "n"]), f"throughput-{title}",
            f"Throughput of {title}: medians with {_band(together)}." + _fit_caption(analysis, key, x))
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
                f"Throughput of {title} against {axis}: medians with {_band(rows)}.")
    numbers = [name for name in [x, *swept] if name in tables.varying(summary) and pandas.api.types.is_numeric_dtype(summary[name])
               and summary[name].dtype != bool]
    if len(numbers) >= 2:
        first, second = numbers[:2]
        for _, rows, title in each_panel(summary, ["arm", *(n for n in tables.varying(summary) if n not in ("arm", first, second))]):
            add("Heat maps", plots.heat_map(rows, first, second, "median", "operations per s", title),
                _columns(rows, [first, second, "arm", "median"]), f"map-{first}-{second}-{title}",
                f"Median throughput of {title} over {first} and {second}.")


def _latencies(analysis: Analysis, look, each_panel, add) -> None:
    table = analysis.percentiles
    if table.empty:
        return
    names = [name for name in table if name.startswith("p") and name.endswith("_ns")]
    panel = [name for name in tables.varying(table) if name != "arm"]
    long = table.melt(id_vars=[*tables.cell_columns(table), "operation"], value_vars=names, var_name="percentile", value_name="ns")
    long = long.dropna(subset="ns").assign(percentile=lambda one: one["percentile"].str[1:-3].astype(float))
    clock = f"The clock costs {table['clock_cost_ns'].median():.0f} ns and has steps of {table['clock_granularity_ns'].max():g} ns."
    # One CPU for each thread is where the tail is the table's own, so the plots are of the fewest threads and of the most that have
    # one. The table of percentiles has all.
    long = long.merge(analysis.summary.groupby("threads")["oversubscribed"].max().reset_index(), on="threads")
    by = [name for name in panel if name != "threads"]
    ends = [rows[rows["threads"].isin({rows["threads"].min(), rows[~rows["oversubscribed"].astype(bool)]["threads"].max()})]
            for _, rows in tables.groups(long, by)]
    for _, rows, title in each_panel(tables.in_order(pandas.concat(ends), analysis.experiment.values), [*panel, "operation"]):
        add("Latency", plots.latencies(rows, title, look), _columns(rows, ["percentile", "arm", "ns"]), f"latency-{title}",
            f"Latency of {title}. {clock} A percentile is shown if at least ten samples lie beyond it.")


def _value(axis: str, value: Any) -> str:
    return str(value) if axis in ("workload", "placement", "arm", "operation") else f"{axis} {value}"


def _columns(table: pandas.DataFrame, names: list[str]) -> pandas.DataFrame:
    return table[[name for name in names if name in table]].dropna(axis="columns", how="all")


def _same_panel(simulated: pandas.DataFrame, panel: list[str], key: tuple) -> pandas.DataFrame:
    """Returns the rows of a simulation that belong to a panel. The simulator knows neither placement nor allocator nor pages."""
    for name, value in zip(panel, key):
        if name in simulated and name not in ("placement", "allocator", "pages"):
            simulated = simulated[simulated[name] == value]
    return simulated


def _band(rows: pandas.DataFrame) -> str:
    presets = sorted(set(rows["simulated"].dropna())) if "simulated" in rows else []
    simulated = f"the least and the most over all seeds and hold times (simulated: {', '.join(presets)})" if presets else ""
    measured = "95 % intervals" if not presets or rows["simulated"].isna().any() else ""
    return " and ".join(text for text in (measured, simulated) if text)


def _fit_caption(analysis: Analysis, key: tuple, x: str) -> str:
    return " Thin lines are fits of the Universal Scalability Law." if x == "threads" and analysis.fits.get(key) else ""


# The page.


def page(folder: Folder, analysis: Analysis, drawn: list[Plot]) -> str:
    """Returns report.html."""
    escape = html.escape
    environment = analysis.environment
    shown, not_shown = sentences(analysis)
    warnings = [*environment.get("warnings", []), *([] if analysis.simulated else analysis_module.run_warnings(analysis))]
    marked = f"Simulated: {analysis.simulated}. " if analysis.simulated else ""
    parts = [f"<h1>{escape(analysis.experiment.title)}</h1>", f'<p class="machine">{escape(marked + environment["line"])}</p>']
    if analysis.gaps:
        parts.append(f'<p class="warning">{len(analysis.gaps)} arms or cells are not or not wholly in the result; '
                     '<a href="#missing">the list</a> says why.</p>')
    if warnings:
        parts.append(f'<p class="warning">{len(warnings)} <a href="#warnings">warnings</a>.</p>')
    parts += [_list("Shown", shown), _list("Not shown", not_shown)]
    order = ["Throughput", "Efficiency", "Fairness", "Latency", "Memory", "Sweeps", "Heat maps"]
    for kind in order:
        own = [plot for plot in drawn if plot.kind == kind]
        if own:
            parts.append(f'<h2 id="{plots.slug(kind)}">{kind}</h2>')
            parts += [_figure(plot) for plot in own]
    if analysis.simulated:
        parts.append(f"<h2>What is not modelled</h2><p>{escape(environment['not_modelled'])}</p>")
        parts += ["<h2>Lines that cost most</h2>", _table(_costly(folder))]
    parts += ["<h2>Scaling</h2>", _scaling(analysis)] if analysis.fits or analysis.no_fit else []
    parts += ["<h2>Cells</h2>", _table(_summary_columns(analysis))]
    if len(analysis.percentiles):
        parts += ["<h2>Percentiles</h2>", _table(analysis.percentiles[_shown_columns(analysis.percentiles, ["operation", "samples"])])]
    if len(analysis.comparisons):
        parts += ["<h2>Comparisons</h2>", _table(analysis.comparisons[_shown_columns(analysis.comparisons, ["value", "baseline"])])]
    if analysis.gaps:
        parts += ['<h2 id="missing">Missing</h2>', _table(pandas.DataFrame(analysis.gaps, columns=["arm", "what", "result", "reason"]))]
    left_out = environment.get("left_out", [])
    if left_out:
        parts += ["<p>Left out:</p>", _list("", left_out)]
    parts += ['<h2 id="warnings">Warnings</h2>', _list("", warnings) if warnings else "<p>There are none.</p>"]
    parts += ["<h2>Environment</h2>", f"<details><summary>{escape(environment['line'])}</summary>"
              f"<pre>{escape(json.dumps(environment, indent=1, sort_keys=True))}</pre></details>"]
    experiment = (folder.path / folder_module.EXPERIMENT).read_text()
    parts += ["<h2>To make it again</h2>", f"<pre>{escape(_commands(environment))}</pre>",
              f"<details><summary>experiment.toml, with every default</summary><pre>{escape(experiment)}</pre></details>"]
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(analysis.experiment.title)}</title>'
            f"<style>{STYLE}</style></head><body>\n" + "\n".join(part for part in parts if part) + "\n</body></html>\n")


def sentences(analysis: Analysis) -> tuple[list[str], list[str]]:
    """Returns a sentence for each comparison that was shown, and for each that was not."""
    table = analysis.comparisons
    if table.empty:
        return [], []
    name = tables.unit_of(analysis.experiment.values["compare.metric"])
    varying = [axis for axis in tables.varying(analysis.runs) if axis in table and axis != analysis.experiment.values["compare.axis"]]
    shown, not_shown = [], []
    for _, row in table.iterrows():
        where = ", ".join(_value(axis, row[axis]) for axis in varying) or str(analysis.runs["workload"].iloc[0])
        text = comparison.sentence(row, where, name == THROUGHPUT)
        (shown if row["verdict"] in (comparison.FASTER, comparison.SLOWER) else not_shown).append(text)
    return shown, not_shown


def _list(title: str, items: list[str]) -> str:
    if not items:
        return ""
    listed = "<ul>" + "".join(f"<li>{html.escape(item)}</li>" for item in items) + "</ul>"
    if not title:
        return listed
    opened = " open" if len(items) <= MOST_OPEN else ""
    return f"<details{opened}><summary>{title}: {len(items)}</summary>{listed}</details>"


def _costly(folder: Folder) -> pandas.DataFrame:
    """Returns the lines that cost most with the most cores, as the medians over all seeds and hold times."""
    table = tables.lines(folder)
    if table.empty:
        return table
    table = table[table["threads"] == table["threads"].max()]
    keys = ["arm", "workload", *(name for name in tables.varying(table) if name not in ("arm", "workload", "threads")), "threads", "name"]
    found = table.groupby(keys, sort=False)[["stall_ns_per_operation", "share"]].median().reset_index()
    return found.sort_values([*keys[:-1], "share"], ascending=[True] * (len(keys) - 1) + [False], kind="stable")


def _figure(plot: Plot) -> str:
    files = ", ".join(f'<a href="plots/{plot.name}.{kind}">{kind}</a>' for kind in ("svg", "pdf", "png", "csv"))
    return f"<figure>{plot.svg}<figcaption>{html.escape(plot.caption)} ({files})</figcaption></figure>"


def _shown_columns(table: pandas.DataFrame, after: list[str]) -> list[str]:
    """Returns the columns without the axes that have one value."""
    varying = tables.varying(table)
    hidden = {name for name in tables.cell_columns(table) if name not in varying}
    return [*varying, *(name for name in after if name in table),
            *(name for name in table if name not in hidden and name not in varying and name not in after)]


def _summary_columns(analysis: Analysis) -> pandas.DataFrame:
    wanted = ["n", "median", "low", "high", "spread", "ns_per_operation", "in_ping_pongs", "speed_up", "efficiency", "fairness_jain",
              "failed", "peak_bytes", *tables.SIMULATED, "warnings"]
    table = analysis.summary
    if table.empty:
        return table
    return table[["arm", *(name for name in tables.varying(table) if name != "arm"), *(name for name in wanted if name in table)]]


def _number(value: Any) -> str:
    if value is None or isinstance(value, float) and value != value:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e6 else f"{value:.3e}"
    return str(value)


def _table(table: pandas.DataFrame) -> str:
    head = "".join(f"<th>{html.escape(str(name)).replace('_', ' ')}</th>" for name in table.columns)
    rows = "".join("<tr>" + "".join(f"<td>{html.escape(_number(value))}</td>" for value in row) + "</tr>\n"
                   for row in table.itertuples(index=False))
    return f'<div class="wide"><table><tr>{head}</tr>\n{rows}</table></div>'


def _scaling(analysis: Analysis) -> str:
    rows = [{"cell": ", ".join(_value(name, value) for name, value in zip(analysis.panel, key)), "arm": arm,
             "contention": fit.contention, "from": fit.contention_interval[0], "to": fit.contention_interval[1],
             "coherence": fit.coherence, "from ": fit.coherence_interval[0], "to ": fit.coherence_interval[1],
             "peak at threads": fit.peak()}
            for key, fits in analysis.fits.items() for arm, fit in fits.items()]
    table = _table(pandas.DataFrame(rows)) if rows else ""
    return table + "".join(f"<p>{html.escape(sentence)}</p>" for sentence in analysis.no_fit)


def _commands(environment: dict[str, Any]) -> str:
    source = environment.get("source") or {}
    dirty = " (with changes that are not committed)" if source.get("dirty") else ""
    return (f"# commit {source.get('commit')}{dirty}\n" + shlex.join(["./bazelw", "run", "-c", "opt", "//bench:study", "--"])
            + " " + shlex.join(environment["command"]))


def report(arguments) -> int:
    """The subcommand report."""
    print(make([Folder(pathlib.Path(name)) for name in arguments.folders]))
    return 0
