"""The report of a study: tables, plots and report.html, made from the raw data alone. The same data give the same bytes."""

import html
import json
import pathlib
import shlex
from typing import Any

import pandas

import analysis as analysis_module
import comparison
import figures
import folder as folder_module
import plots
import tables
from analysis import THROUGHPUT, Analysis
from figures import Plot, value_of
from folder import Folder

STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:75em;margin:2em auto;padding:0 1em;color:#222}
h1{font-size:1.6em;margin-bottom:0}h2{margin-top:2em;border-bottom:1px solid #ccc}table{border-collapse:collapse;font-size:13px}
td,th{padding:.15em .6em;text-align:right;border-bottom:1px solid #eee}td:first-child,th:first-child{text-align:left}
.machine{color:#555;margin-top:0}.warning{color:#8a4b00}svg{max-width:100%;height:auto}figure{margin:1em 0}
figcaption{font-size:13px;color:#555}pre{white-space:pre-wrap;background:#f6f6f6;padding:.6em}.wide{overflow-x:auto}"""


OLD_INVOCATION = ["./bazelw", "run", "-c", "opt", "//bench:study", "--"]  # of studies that have not recorded theirs
LAYOUT_SENTENCE = ("The arms layout/* and haft/magazine have the same instructions at different places. A difference between two "
                   "arms is called one only if its whole interval lies beyond the ratio of the most and the least of them, and one between "
                   "two revisions of an arm is marked unless it does.")
MOST_OPEN = 8  # sentences of a list that is not folded


def make(folders: list[Folder]) -> str:
    """Makes the report of each folder again, and returns the paths, one a line.

    If some folders are measured and some simulated, the simulated ones are drawn into the plots of the measured ones.
    """
    analyses = [(folder, analysis_module.analyse(folder)) for folder in folders]
    simulated = [analysis for _, analysis in analyses if analysis.simulated]
    paths = []
    for folder, analysis in analyses:
        analysis_module.write_tables(folder, analysis)
        drawn = figures.draw(folder, analysis, [] if analysis.simulated else simulated)
        path = folder.path / "report.html"
        folder_module.write(path, page(folder, analysis, drawn).encode())
        paths.append(str(path))
    return "\n".join(paths)


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
    if len(analysis.layouts):
        parts += ["<h2>Layout</h2>", f"<p>{escape(LAYOUT_SENTENCE)}</p>", _table(analysis.layouts[
            _shown_columns(analysis.layouts, ["arms", "least", "most", "ratio"])])]
    for title, table, first in (("Percentiles", analysis.percentiles, ["operation", "samples"]),
                                ("Comparisons", analysis.comparisons, ["compared", "baseline"])):
        if len(table):
            parts += [f"<h2>{title}</h2>", _table(table[_shown_columns(table, first)])]
    if analysis.gaps:
        missing = pandas.DataFrame(analysis.gaps, columns=["arm", "what", "result", "reason"])
        parts += ['<h2 id="missing">Missing</h2>', _table(missing)]
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
    varying = [axis for axis in tables.varying(analysis.runs) if axis in table
               and axis != analysis.experiment.values["compare.axis"]]
    shown, not_shown = [], []
    for _, row in table.iterrows():
        where = ", ".join(value_of(axis, row[axis]) for axis in varying) or str(analysis.runs["workload"].iloc[0])
        text = comparison.sentence(row, where, name == THROUGHPUT)
        (shown if row["verdict"] in comparison.SHOWN else not_shown).append(text)
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
    """Returns the ten lines that cost most with the most cores, as the medians over all seeds and hold times."""
    table = tables.lines(folder)
    if table.empty:
        return table
    table = table[table["threads"] == table["threads"].max()]
    keys = ["arm", "workload", *(name for name in tables.varying(table) if name not in ("arm", "workload", "threads")),
            "threads", "name"]
    found = table.groupby(keys, sort=False)[["stall_ns_per_operation", "share"]].median().reset_index()
    found = found.sort_values([*keys[:-1], "share"], ascending=[True] * (len(keys) - 1) + [False], kind="stable")
    return found.groupby(keys[:-1], sort=False).head(10)


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
    wanted = ["n", "median", "low", "high", "spread", "ns_per_operation", "in_ping_pongs", "speed_up", "efficiency",
              "fairness_jain", "failed", "peak_bytes", *tables.SIMULATED, "warnings"]
    table = analysis.summary
    if table.empty:
        return table
    wanted += [name for name in table if name.endswith(tables.EACH) and name not in wanted]
    return table[["arm", *(name for name in tables.varying(table) if name != "arm"),
                  *(name for name in wanted if name in table)]]


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
    rows = [{"cell": ", ".join(value_of(name, value) for name, value in zip(analysis.panel, key)), "arm": arm,
             "contention": fit.contention, "from": fit.contention_interval[0], "to": fit.contention_interval[1],
             "coherence": fit.coherence, "from ": fit.coherence_interval[0], "to ": fit.coherence_interval[1],
             "peak at threads": fit.peak()}
            for key, fits in analysis.fits.items() for arm, fit in fits.items()]
    table = _table(pandas.DataFrame(rows)) if rows else ""
    return table + "".join(f"<p>{html.escape(sentence)}</p>" for sentence in analysis.no_fit)


def _commands(environment: dict[str, Any]) -> str:
    source = environment.get("source") or {}
    dirty = " (with changes that are not committed)" if source.get("dirty") else ""
    commit = f"# commit {source['commit']}{dirty}\n" if source.get("commit") else ""  # another workspace may have none
    return commit + shlex.join([*environment.get("invocation", OLD_INVOCATION), *environment["command"]])


def report(arguments) -> int:
    """The subcommand report."""
    print(make([Folder(pathlib.Path(name)) for name in arguments.folders]))
    return 0
