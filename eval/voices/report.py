"""What `vivavoce eval voices` found, as a page, as data and as pictures."""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vivavoce.core.durable import write_atomic
from vivavoce.core.voice import MIN_FIT, VoiceEntry
from vivavoce.eval.lab.statistics import Estimate
from vivavoce.eval.voices.lab import Asked, Calibration, ClipsReport, WordsReport

MEASURES = ("R@1", "R@5", "MRR", "before all rivals")
SHOWN_MISSES = 40
BLUE, RED, GREY = "#4477aa", "#cc3311", "#888888"


@dataclass(frozen=True, slots=True)
class VoicesReport:
    """All of it. left_out: queries whose voices are not in this bank."""

    entries: tuple[VoiceEntry, ...]
    words: WordsReport
    calibration: Calibration
    clips: ClipsReport
    filters: Estimate
    left_out: int


def write_report(report: VoicesReport, folder: Path) -> None:
    """Write report.md, report.json and the pictures.

    Raises:
        StoreError: the folder cannot be written.
    """
    write_atomic(folder / "recall.png", _recall_picture(report.words))
    write_atomic(folder / "calibration.png", _calibration_picture(report.calibration))
    write_atomic(folder / "clips.png", _clips_picture(report.clips))
    write_atomic(folder / "report.json", json.dumps(as_json(report), ensure_ascii=False, indent=2).encode())
    write_atomic(folder / "report.md", _page(report).encode())


def as_json(report: VoicesReport) -> dict[str, Any]:
    """Every number, and every query with what was found."""
    words, now = report.words, report.calibration
    return {
        "voices": len(report.entries),
        "languages": sorted({entry.facts.language.split("-")[0] for entry in report.entries}),
        "queries": len(words.asked),
        "left_out": report.left_out,
        "words": {group: {name: asdict(e) for name, e in found.items()} for group, found in words.estimates.items()},
        "clips": {
            "R@1": asdict(report.clips.first),
            "R@1 recorded": asdict(report.clips.first_recorded),
            "EER": asdict(report.clips.error),
            "threshold": report.clips.threshold,
        },
        "filters": asdict(report.filters),
        "threshold": {
            "used": MIN_FIT,
            "best": now.best,
            "accepted of answered": asdict(now.answered_now),
            "accepted of unanswerable": asdict(now.unanswerable_now),
        },
        "asked": [_asked_json(one) for one in words.asked],
    }


def _asked_json(one: Asked) -> dict[str, Any]:
    query = one.query
    return {
        "query": query.text,
        "language": query.language,
        "wanted": sorted(query.wanted),
        "found": list(one.found[:5]),
        "rank": one.rank,
        "score": one.score,
        "before all rivals": one.beats_rivals if query.rivals else None,
    }


def summary(report: VoicesReport) -> list[tuple[str, str]]:
    """The main numbers, for a table."""
    now = report.calibration
    groups = report.words.estimates.items()
    return [
        *((f"words, {group}: {name}", str(e)) for group, found in groups for name, e in found.items()),
        ("clip to speaker: R@1", str(report.clips.first)),
        ("clip to speaker: R@1, recorded voices", str(report.clips.first_recorded)),
        ("clip to speaker: EER", str(report.clips.error)),
        ("searches that meet conditions exactly", str(report.filters)),
        (f"accepted at {MIN_FIT}, of queries answered rightly", str(now.answered_now)),
        (f"accepted at {MIN_FIT}, of queries that nothing fits", str(now.unanswerable_now)),
    ]


def _page(report: VoicesReport) -> str:
    words, clips, now = report.words, report.clips, report.calibration
    unanswerable = [one for one in words.asked if not one.query.has_answer]
    rows = "".join(
        f"| {group} | {' | '.join(str(found[name]) if name in found else '' for name in MEASURES)} |\n"
        for group, found in words.estimates.items()
    )
    missed = [one for one in words.asked if one.query.has_answer and one.rank != 1]
    return (
        f"# Voice search\n\n{len(report.entries)} voices, {len(words.asked)} queries written by hand "
        f"({len(unanswerable)} that nothing fits), {report.left_out} left out because their voices are not here. Those "
        "held out were written when the search was finished; the others were used to find its faults. "
        "Values with 95 % bootstrap intervals.\n\n"
        f"## By words\n\n| queries | {' | '.join(MEASURES)} |\n|---|{'---|' * len(MEASURES)}\n{rows}\n"
        "![recall](recall.png)\n\n"
        f"## By clip\n\nThe bank holds the first half of each clip, the second half is the query.\n\n"
        f"- the same speaker comes first: {clips.first}; of recorded voices: {clips.first_recorded}\n"
        f"- equal error rate: {clips.error}, at a cosine of {clips.threshold:.3f}\n\n![pairs](clips.png)\n\n"
        f"## Conditions\n\nSearches that found exactly the voices which meet random conditions: {report.filters}\n\n"
        f"## When nothing fits\n\nA first hit below {MIN_FIT} is refused. Accepted are {now.answered_now} of the queries "
        f"that were answered rightly and {now.unanswerable_now} of those that nothing fits. On these queries {now.best:.2f} "
        f"would divide them best.\n\n![threshold](calibration.png)\n\n"
        f"## Missed\n\n{_misses(missed)}"
    )


def _misses(missed: Sequence[Asked]) -> str:
    lines = [
        f"- {one.query.text}: found {one.found[0] if one.found else 'nothing'}, "
        f"wanted {', '.join(sorted(one.query.wanted)[:4])} (place {one.rank or 'none'})\n"
        for one in missed[:SHOWN_MISSES]
    ]
    more = len(missed) - len(lines)
    return "".join(lines) + (f"- and {more} more, see report.json\n" if more > 0 else "")


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


def _recall_picture(words: WordsReport) -> bytes:
    figure, axes = _figure()
    groups = list(words.estimates)
    for place, name in enumerate(("R@1", "R@5", "MRR")):
        found = [words.estimates[group][name] for group in groups]
        x = [number + (place - 1) * 0.25 for number in range(len(groups))]
        errors = [[e.value - e.low for e in found], [e.high - e.value for e in found]]
        bars = axes.bar(
            x, [e.value for e in found], 0.23, yerr=errors, label=name, color=(BLUE, GREY, "#88ccee")[place], capsize=2
        )
        axes.bar_label(bars, [f"{e.value:.2f}" for e in found], padding=2, fontsize=8)
    axes.set_xticks(range(len(groups)), [f"{g}\n(n={words.estimates[g]['R@1'].count})" for g in groups])
    axes.set_ylim(0, 1.12)
    axes.set_title("Text to voice, with 95 % intervals")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return _png(figure)


def _calibration_picture(found: Calibration) -> bytes:
    figure, axes = _figure()
    axes.step(found.thresholds, found.answered, where="post", color=BLUE, label="answered rightly")
    axes.step(found.thresholds, found.unanswerable, where="post", color=RED, label="nothing fits")
    axes.axvline(MIN_FIT, color="black", linestyle="--", label=f"used: {MIN_FIT}")
    axes.axvline(found.best, color=GREY, linestyle=":", label=f"best here: {found.best:.2f}")
    axes.set_xlabel("threshold on the score of the first hit")
    axes.set_ylabel("share of queries accepted")
    axes.set_title("When to say that nothing fits")
    axes.legend()
    return _png(figure)


def _clips_picture(found: ClipsReport) -> bytes:
    figure, axes = _figure()
    bins = [i / 40 for i in range(0, 41)]
    axes.hist(found.other, bins, density=True, alpha=0.6, color=GREY, label=f"two speakers ({found.other.size} pairs)")
    axes.hist(found.same, bins, density=True, alpha=0.6, color=BLUE, label=f"one speaker ({found.same.size} pairs)")
    axes.axvline(found.threshold, color="black", linestyle="--", label=f"equal error {found.error.value:.1%}")
    axes.set_xlabel("cosine of speaker embeddings")
    axes.set_ylabel("density")
    axes.set_title("Halves of clips: one speaker or two")
    axes.legend()
    return _png(figure)
