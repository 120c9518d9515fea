"""The plots of a study. A plot is drawn from one table, which is saved beside it."""

import io
import math
import pathlib
import re
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.figure
import numpy
import pandas
from matplotlib import ticker

import folder as folder_module
import scaling
import tables
from arms import is_yardstick

# Okabe and Ito's colours for all kinds of colour vision, less yellow, which is too pale for lines on white.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
GREY = "#888888"
STYLES: list[Any] = ["-", "-.", ":", (0, (3, 1, 1, 1, 1, 1))]
SIMULATED_STYLE = "--"  # of nothing else
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
MOST_IN_COLUMN = 16  # of a legend
WIDTHS = {1: 3.5, 2: 7.16}  # inches of one and two columns of a paper
SETTINGS = {"svg.fonttype": "none", "svg.hashsalt": "haft", "pdf.fonttype": 42, "font.size": 8, "font.family": "DejaVu Sans",
            "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#dddddd",
            "grid.linewidth": 0.5, "legend.frameon": False, "lines.linewidth": 1.3, "lines.markersize": 3.5}
# No dates: the same data give the same bytes.
METADATA = {"svg": {"Date": None}, "pdf": {"CreationDate": None, "ModDate": None}, "png": {"Software": None}}


class Look:
    """The colour, line style and marker of each arm, the same in all plots of a report, and the plots' width in columns."""

    def __init__(self, arms: list[str], columns: int):
        self.columns = columns
        tables_first = [arm for arm in arms if not is_yardstick(arm)]
        self._index = {arm: index for index, arm in enumerate(tables_first)}
        self._yardsticks = {arm: index for index, arm in enumerate(arm for arm in arms if is_yardstick(arm))}

    def of(self, arm: str, simulated: str | None) -> dict[str, Any]:
        if arm in self._yardsticks:
            index, colour = self._yardsticks[arm], GREY
        else:
            index = self._index[arm]
            colour = COLOURS[index % len(COLOURS)]
        style = SIMULATED_STYLE if simulated else STYLES[(index // len(COLOURS)) % len(STYLES)]
        if arm in self._yardsticks and not simulated:
            style = STYLES[index % len(STYLES)]
        return {"color": colour, "linestyle": style, "marker": MARKERS[(index + index // len(COLOURS)) % len(MARKERS)]}


def label(arm: str, simulated: str | None) -> str:
    return f"{arm} (simulated: {simulated})" if simulated else arm


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")


def save(figure: matplotlib.figure.Figure, data: pandas.DataFrame, path: pathlib.Path) -> str:
    """Writes PATH.svg, .pdf, .png and .csv, and returns the SVG."""
    path.parent.mkdir(exist_ok=True)
    svg = ""
    with matplotlib.rc_context(SETTINGS):
        for kind, metadata in METADATA.items():
            content = io.BytesIO()
            figure.savefig(content, format=kind, metadata=metadata, dpi=150, bbox_inches="tight")
            folder_module.write(path.with_name(f"{path.name}.{kind}"), content.getvalue())
            if kind == "svg":
                svg = content.getvalue().decode()
    folder_module.write(path.with_name(f"{path.name}.csv"), tables.to_csv(data))
    return svg


def _figure(look: Look, height: float = 2.9):
    figure = matplotlib.figure.Figure(figsize=(WIDTHS[look.columns], height))
    return figure, figure.add_subplot()


def _curves(data: pandas.DataFrame):
    """Yields arm, preset or None, and the rows of each curve."""
    simulated = data["simulated"] if "simulated" in data else pandas.Series("", index=data.index)
    for (arm, preset), rows in data.groupby(["arm", simulated.fillna("")], sort=False):
        yield arm, preset or None, rows


def _positions(data: pandas.DataFrame, x: str) -> tuple[dict[Any, float], bool]:
    """Returns where each value of an axis is drawn, and whether the axis is one of numbers."""
    values = list(dict.fromkeys(data[x]))
    if all(isinstance(value, (int, float, numpy.integer)) and not isinstance(value, bool) and value > 0 for value in values):
        return {value: float(value) for value in values}, True
    return {value: float(index) for index, value in enumerate(values)}, False


def _x_axis(axes, positions: dict[Any, float], numbers: bool, x: str) -> None:
    if numbers and len(positions) > 1:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.set_xticks(list(positions.values()), [str(value) for value in positions])
    if not numbers:
        axes.tick_params(axis="x", labelrotation=20)
    axes.set_xlabel(x)


def _legend(axes) -> None:
    """Puts the legend beside a wide plot, and below a narrow one."""
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return
    if axes.figure.get_figwidth() < WIDTHS[2]:
        axes.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncol=2)
    else:
        columns = math.ceil(len(handles) / MOST_IN_COLUMN)
        axes.legend(handles, labels, loc="center left", bbox_to_anchor=(1.01, 0.5), ncol=columns)


def _marks(axes, data: pandas.DataFrame) -> None:
    """Marks the first thread counts that use SMT siblings, a second node, and more threads than CPUs."""
    measured = data[data["simulated"].isna()] if "simulated" in data else data
    marks = {"SMT": measured["shares_core"] & ~measured["oversubscribed"], "second node": measured["nodes"] > 1,
             "oversubscribed": measured["oversubscribed"]}
    for name, is_beyond in marks.items():
        rows = measured[is_beyond]
        if len(rows):
            least = rows["threads"].min()
            axes.axvline(least / math.sqrt(2), color=GREY, linewidth=0.7, linestyle=(0, (1, 2)))
            axes.text(least / math.sqrt(2), 0.98, f" {name}", transform=axes.get_xaxis_transform(), rotation=90, va="top",
                      ha="left", fontsize=6, color="#555555")


def curves(data: pandas.DataFrame, x: str, y: str, y_label: str, title: str, look: Look,
           fits: dict[str, scaling.Fit] | None = None, ideal: bool = False, logarithmic: bool = True):
    """Returns medians `y` with their bands (`low`, `high`, where the table has them) against an axis."""
    with matplotlib.rc_context(SETTINGS):
        figure, axes = _figure(look)
        positions, numbers = _positions(data, x)
        for arm, preset, rows in _curves(data):
            rows = rows.assign(position=rows[x].map(positions)).sort_values("position")
            style = look.of(arm, preset)
            if not numbers:
                style["linestyle"] = "none"
            axes.plot(rows["position"], rows[y], label=label(arm, preset), **style)
            if {"low", "high"} <= set(rows):
                if numbers:
                    axes.fill_between(rows["position"], rows["low"], rows["high"], color=style["color"], alpha=0.2, linewidth=0)
                else:
                    axes.vlines(rows["position"], rows["low"], rows["high"], color=style["color"], linewidth=1)
            if fits and not preset and arm in fits:
                counts = numpy.geomspace(rows["position"].min(), rows["position"].max(), 50)
                axes.plot(counts, fits[arm].throughput(counts), color=style["color"], linewidth=0.6)
        _x_axis(axes, positions, numbers, x)
        if ideal and numbers:
            _ideal(axes, data, y)
        if x == "threads":
            _marks(axes, data)
        if logarithmic and (data[y] > 0).any():
            axes.set_yscale("log")
            # Figures between the powers of ten, if there are less than two of these.
            axes.yaxis.set_minor_formatter(ticker.LogFormatterSciNotation(minor_thresholds=(2, 0.7)))
        else:
            axes.set_ylim(bottom=0)  # a cut axis makes small differences look large
        axes.set_ylabel(y_label)
        axes.set_title(title, loc="left", fontsize=8)
        _legend(axes)
    return figure


def _ideal(axes, data: pandas.DataFrame, y: str) -> None:
    """Draws throughput that grows with the threads, from the best table, measured if one is, with the fewest threads."""
    real = data[~data["arm"].map(is_yardstick)]
    if "simulated" in real and real["simulated"].isna().any():
        real = real[real["simulated"].isna()]
    if real.empty:
        return
    least = real["threads"].min()
    best = real[real["threads"] == least][y].max()
    ends = numpy.array([least, data["threads"].max()])
    axes.plot(ends, best * ends / least, color=GREY, linewidth=0.7, label="ideal", zorder=0)


def latencies(data: pandas.DataFrame, title: str, look: Look):
    """Returns percentiles on logarithmic axes: to the right each step of the same length leaves a tenth of the samples."""
    with matplotlib.rc_context(SETTINGS):
        figure, axes = _figure(look)
        for arm, preset, rows in _curves(data):
            axes.plot(-numpy.log10(1 - rows["percentile"] / 100), rows["ns"], label=label(arm, preset), **look.of(arm, preset))
        shown = sorted(set(data["percentile"]))
        axes.set_xticks([-math.log10(1 - one / 100) for one in shown], [f"{one:g}" for one in shown])
        axes.set_xlabel("percentile")
        axes.set_yscale("log")
        axes.set_ylabel("latency, ns")
        axes.set_title(title, loc="left", fontsize=8)
        _legend(axes)
    return figure


def heat_map(data: pandas.DataFrame, x: str, y: str, value: str, value_label: str, title: str, look: Look):
    """Returns a map of `value` over two axes."""
    with matplotlib.rc_context(SETTINGS):
        figure, axes = _figure(look)
        grid = data.pivot_table(index=y, columns=x, values=value, aggfunc="median", sort=False)
        image = axes.imshow(grid, cmap="cividis", aspect="auto", origin="lower")
        axes.set_xticks(range(len(grid.columns)), [str(one) for one in grid.columns])
        axes.set_yticks(range(len(grid.index)), [str(one) for one in grid.index])
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        axes.grid(False)
        figure.colorbar(image, label=value_label)
        axes.set_title(title, loc="left", fontsize=8)
    return figure
