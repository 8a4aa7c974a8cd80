"""Pictures of `vivavoce eval retrieval`, as PNG."""

import io
from typing import Any

from vivavoce.eval.retrieval.lab import SetReport
from vivavoce.eval.retrieval.measures import Calibration
from vivavoce.tools.text_search import PASSAGES

BLUE, RED, GREY = "#4477aa", "#cc3311", "#888888"
SHADES = (BLUE, "#66aadd", GREY, "#bbbbbb")
MEASURES = ("R@1", "R@5", "R@10", "MRR")


def recall_picture(report: SetReport) -> bytes:
    """Bars of every system, with intervals."""
    figure, axes = _figure()
    systems = report.estimates["all"]
    for place, name in enumerate(MEASURES):
        found = [measures[name] for measures in systems.values()]
        x = [number + (place - 1.5) * 0.2 for number in range(len(systems))]
        errors = [[e.value - e.low for e in found], [e.high - e.value for e in found]]
        bars = axes.bar(x, [e.value for e in found], 0.19, yerr=errors, label=name, color=SHADES[place], capsize=2)
        axes.bar_label(bars, [f"{e.value:.2f}" for e in found], padding=2, fontsize=7)
    count = next(iter(systems.values()))["R@1"].count
    axes.set_xticks(range(len(systems)), list(systems))
    axes.set_ylim(0, 1.12)
    axes.set_title(f"{report.name}: question to passage, {count} questions, 95 % intervals")
    figure.legend(loc="outside lower center", ncols=len(MEASURES), frameon=False)
    return _png(figure)


def threshold_picture(found: Calibration) -> bytes:
    """What a threshold answers and refuses."""
    figure, axes = _figure()
    axes.step(found.thresholds, found.answered, where="post", color=BLUE, label="answerable: answered")
    axes.step(found.thresholds, found.refused, where="post", color=RED, label="without an answer: refused")
    axes.axvline(found.threshold, color="black", linestyle="--", label=f"used: {found.threshold}")
    axes.axvline(found.best, color=GREY, linestyle=":", label=f"best here: {found.best:.2f}")
    axes.set_xlabel("threshold on the score")
    axes.set_ylabel("share of questions")
    axes.set_title("When to say that the documents do not tell")
    axes.legend()
    return _png(figure)


def reliability_picture(found: Calibration) -> bytes:
    """Whether a score of 0.7 is right in 7 of 10 cases."""
    figure, axes = _figure(5.0, 4.5)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="as it should be")
    scores, shares, counts = zip(*found.bins, strict=True)
    axes.plot(scores, shares, color=BLUE, marker="o", label=f"some {counts[0]} questions each")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("score")
    axes.set_ylabel(f"share with the answer among the first {PASSAGES}")
    axes.set_title(f"Calibration, mean error {found.error:.3f}")
    axes.legend()
    return _png(figure)


def _figure(width: float = 7.0, height: float = 4.0) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure((width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _png(figure: Any) -> bytes:  # noqa: ANN401 - matplotlib is imported late
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=120)
    return data.getvalue()
