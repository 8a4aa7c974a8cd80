"""Pictures of the labs. Colours are Tol's bright scheme, which the colour-blind tell apart; hatches say it again."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from vivavoce.eval.lab.statistics import Estimate

BLUE, RED, GREEN, YELLOW, CYAN, PURPLE, GREY = "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb"
COLOURS = (BLUE, RED, GREEN, YELLOW, CYAN, PURPLE, GREY)
HATCHES = ("", "//", "..", "xx", "\\\\", "++", "--")
MARKERS = "osD^vPX"


def as_png(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=120)
    return data.getvalue()


def plain_axes(width: float = 8.0, height: float = 4.5) -> tuple[Figure, Any]:
    """A figure with one pair of axes and no frame around it; sizes in inches."""
    figure = Figure((width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def grouped_bars(rows: Mapping[str, Mapping[str, Estimate]], title: str, label: str) -> bytes:
    """A group of bars for each row, a bar with its interval for each of the row's estimates; values from 0 to 1."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    figure, axes = plain_axes(max(6.0, 1.2 + 0.45 * len(rows) * len(names)))
    width = 0.8 / len(names)
    for place, name in enumerate(names):
        at = [row for row, values in enumerate(rows.values()) if name in values]
        found = [values[name] for values in rows.values() if name in values]
        errors = [[max(0.0, e.value - e.low) for e in found], [max(0.0, e.high - e.value) for e in found]]
        x = np.asarray(at) + (place - (len(names) - 1) / 2) * width
        style = {"color": COLOURS[place % 7], "hatch": HATCHES[place % 7], "edgecolor": "white"}
        axes.bar(x, [e.value for e in found], width * 0.92, yerr=errors, label=name, capsize=2, **style)
    axes.set_xticks(range(len(rows)), list(rows), rotation=20 if len(rows) > 4 else 0)
    axes.set_ylim(0, 1.02)
    axes.set_ylabel(label)
    axes.set_title(title)
    figure.legend(loc="outside lower center", ncols=min(4, len(names)), frameon=False)
    return as_png(figure)


def stacked_bars(rows: Mapping[str, Mapping[str, float]], title: str, label: str, colours: Sequence[str] = COLOURS) -> bytes:
    """One bar of shares for each row, with the share written where there is room."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    figure, axes = plain_axes(8.0, 1.6 + 0.5 * len(rows))
    left = np.zeros(len(rows))
    for place, name in enumerate(names):
        values = np.asarray([row.get(name, 0.0) for row in rows.values()])
        style = {"color": colours[place % len(colours)], "hatch": HATCHES[place % 7], "edgecolor": "white"}
        bars = axes.barh(range(len(rows)), values, 0.7, left=left, label=name, **style)
        texts = [f"{value:.0%}" if value >= 0.05 else "" for value in values]
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85}
        for text, drawn in zip(texts, axes.bar_label(bars, texts, label_type="center", fontsize=9), strict=True):
            drawn.set_bbox(box if text else None)
        left += values
    axes.set_yticks(range(len(rows)), list(rows))
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel(label)
    axes.set_title(title)
    figure.legend(loc="outside lower center", ncols=min(4, len(names)), frameon=False)
    return as_png(figure)


def forest(rows: Mapping[str, Estimate], title: str, label: str) -> bytes:
    """Differences with their intervals, one under the other, around a line at zero."""
    figure, axes = plain_axes(8.0, 1.4 + 0.4 * len(rows))
    for place, estimate in enumerate(rows.values()):
        errors = [[max(0.0, estimate.value - estimate.low)], [max(0.0, estimate.high - estimate.value)]]
        axes.errorbar(estimate.value, place, xerr=errors, fmt="o", color=BLUE, capsize=3)
    axes.axvline(0, color="#888888", linewidth=1, linestyle="--")
    axes.set_yticks(range(len(rows)), list(rows))
    axes.invert_yaxis()
    axes.set_xlabel(label)
    axes.set_title(title)
    return as_png(figure)


def confusion(rows: Sequence[str], columns: Sequence[str], counts: Sequence[Sequence[int]], title: str) -> bytes:
    """How often what was wanted (rows) became what was done (columns); shaded by the share of the row."""
    table = np.asarray(counts, np.float64)
    figure, axes = plain_axes(2.5 + 0.95 * len(columns), 1.9 + 0.5 * len(rows))
    shares = table / np.maximum(table.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(table.shape):
        colour = "white" if shares[row, column] > 0.55 else "#222222"
        axes.text(column, row, f"{int(table[row, column])}", ha="center", va="center", color=colour)
    axes.set_xticks(range(len(columns)), columns, rotation=25, ha="right")
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xlabel("what was done")
    axes.set_ylabel("what was wanted")
    axes.set_title(title)
    return as_png(figure)


def histograms(groups: Mapping[str, Sequence[float]], title: str, label: str, mark: float | None = None) -> bytes:
    """Distributions over the same bins, each as shares. mark: a threshold to draw."""
    figure, axes = plain_axes()
    everything = np.concatenate([np.asarray(values, np.float64) for values in groups.values() if len(values)])
    bins = np.linspace(everything.min(), everything.max() + 1e-9, 31)
    for place, (name, values) in enumerate(groups.items()):
        if not len(values):
            continue
        weights = np.full(len(values), 1 / len(values))
        style = {"color": COLOURS[place % 7], "hatch": HATCHES[place % 7], "alpha": 0.55, "edgecolor": COLOURS[place % 7]}
        axes.hist(values, bins, weights=weights, label=f"{name} ({len(values)})", **style)
    if mark is not None:
        axes.axvline(mark, color="#222222", linestyle="--", label=f"threshold {mark:.2f}")
    axes.set_xlabel(label)
    axes.set_ylabel("share")
    axes.set_title(title)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return as_png(figure)


def cumulative(
    groups: Mapping[str, Sequence[float]], title: str, label: str, mark: float | None = None, y_label: str = "share of turns"
) -> bytes:
    """The share of values up to each value. mark: a budget to draw."""
    figure, axes = plain_axes()
    for place, (name, values) in enumerate(groups.items()):
        x = np.sort(np.asarray(values, np.float64))
        if x.size:
            y = np.arange(1, x.size + 1) / x.size
            axes.step(x, y, where="post", color=COLOURS[place % 7], label=f"{name} ({x.size})", linewidth=2)
            axes.plot(x[x.size // 2], y[x.size // 2], MARKERS[place % 7], color=COLOURS[place % 7])
    if mark is not None:
        axes.axvline(mark, color="#222222", linestyle="--", label="budget")
    axes.set_ylim(0, 1.02)
    axes.set_xlabel(label)
    axes.set_ylabel(y_label)
    axes.set_title(title)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return as_png(figure)


def thresholds(
    at: Sequence[float], shares: Mapping[str, Sequence[float]], marks: Mapping[str, float], title: str, label: str
) -> bytes:
    """Shares that each threshold (``at``) leaves, by name. marks: thresholds to point out, by name."""
    figure, axes = plain_axes()
    for place, (name, values) in enumerate(shares.items()):
        axes.step(at, values, where="post", color=COLOURS[place % 7], label=name, linewidth=2)
    for (name, mark), style in zip(marks.items(), ("--", ":"), strict=False):
        axes.axvline(mark, color="#222222", linestyle=style, label=f"{name}: {mark:.2f}")
    axes.set_ylim(0, 1.02)
    axes.set_xlabel(label)
    axes.set_ylabel("share")
    axes.set_title(title)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return as_png(figure)


def reliability(points: Sequence[tuple[float, float, int]], title: str, label: str) -> bytes:
    """What was promised (x) beside what was found (y), a point for each bin, larger where it holds more."""
    figure, axes = plain_axes(5.5, 5.5)
    axes.plot([0, 1], [0, 1], color="#888888", linestyle="--", linewidth=1)
    x, y, count = zip(*points, strict=True) if points else ((), (), ())
    axes.scatter(x, y, s=[20 + 4 * number for number in count], color=BLUE, alpha=0.8)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel(label)
    axes.set_ylabel("share that was right")
    axes.set_title(title)
    return as_png(figure)


def waterfall(spans: Mapping[str, Mapping[str, tuple[float, float]]], title: str, label: str) -> bytes:
    """When stages begin and end, (begin, end) by stage, a group of bars for each way of running them."""
    figure, axes = plain_axes(8.0, 1.6 + 0.35 * sum(map(len, spans.values())))
    names, place = [], 0
    for number, (way, stages) in enumerate(spans.items()):
        for stage, (begin, end) in stages.items():
            axes.barh(
                place, end - begin, left=begin, color=COLOURS[number % 7], hatch=HATCHES[number % 7], edgecolor="white"
            )
            axes.text(end, place, f" {end - begin:.2f}", va="center", fontsize=9)
            names.append(f"{stage}, {way}")
            place += 1
    axes.set_yticks(range(place), names)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel(label)
    axes.set_title(title)
    return as_png(figure)
