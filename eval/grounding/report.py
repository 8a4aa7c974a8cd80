"""What `vivavoce eval grounding` found, as a page, as data and as a picture."""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from vivavoce.core.durable import write_atomic
from vivavoce.eval.grounding.claims import ANSWERS, RESPONSES, WRITTEN
from vivavoce.eval.grounding.lab import FALSE_FLAGS, METHODS, GroundingReport, Scored

MEASURES = ("precision", "recall", "F1", "false flags", "AUROC")
SHOWN_MISTAKES = 60
COLOURS = ("#4477aa", "#cc3311", "#888888")  # of the methods
SETS = {
    WRITTEN: "Sentences about manuals, opening hours and rules, written by hand, each beside five passages.",
    ANSWERS: "HaluEval's answers to questions, as many right as hallucinated ones of each length up to eight words.",
    RESPONSES: "HaluEval's dialogues. Right responses often say what the given knowledge does not, so false flags are many.",
}


def write_report(report: GroundingReport, folder: Path) -> None:
    """Write report.md, report.json and the picture.

    Raises:
        StoreError: the folder cannot be written.
    """
    write_atomic(folder / "grounding.png", _picture(report))
    write_atomic(folder / "report.json", json.dumps(as_json(report), ensure_ascii=False, indent=2).encode())
    write_atomic(folder / "report.md", _page(report).encode())


def as_json(report: GroundingReport) -> dict[str, Any]:
    """Every number, and every claim with what came of it."""
    return {
        "thresholds": report.thresholds,
        "sets": {
            name: {method: {m: asdict(e) for m, e in found.items()} for method, found in methods.items()}
            for name, methods in report.estimates.items()
        },
        "flagged by kind": {
            kind: {method: asdict(e) for method, e in found.items()} for kind, found in report.kinds.items()
        },
        "right passage": asdict(report.passage),
        "milliseconds": {"median": report.milliseconds[0], "95th percentile": report.milliseconds[1]},
        "claims": [_claim_json(one) for one in report.scored],
    }


def _claim_json(one: Scored) -> dict[str, Any]:
    claim = one.claim
    return {
        "set": claim.set,
        "kind": claim.kind,
        "held out": claim.held_out,
        "question": claim.question,
        "text": claim.text,
        "supported": claim.supported,
        "support": one.support,
        "why": one.why,
    }


def summary(report: GroundingReport) -> list[tuple[str, str]]:
    """The lines of the table on the terminal."""
    rows = [
        (f"{name}, {method}: {measure}", str(found[measure]))
        for name, methods in report.estimates.items()
        for method, found in methods.items()
        for measure in MEASURES
        if method == METHODS[0] or measure in ("F1", "AUROC")
    ]
    median, high = report.milliseconds
    return [
        *rows,
        ("supported sentences whose passage is named rightly", str(report.passage)),
        ("a check beside known passages, median and 95th percentile", f"{median:.1f} ms, {high:.1f} ms"),
    ]


def _page(report: GroundingReport) -> str:
    median, high = report.milliseconds
    return (
        "# Grounding check\n\nOf each answer sentence: does one of the passages support it? Precision, recall and F1 are "
        'those of the verdict "unsupported"; false flags are the supported sentences that get it. All on claims held out of '
        "the fit, with 95 % bootstrap intervals that pick claims. Every method's threshold lets the same share of the "
        f"supported claims that were written for fitting be flagged, {FALSE_FLAGS:.0%}.\n\n"
        + "".join(_set_table(report, name) for name in report.estimates)
        + "## By kind of sentence\n\nThe share flagged; `+` are supported, `-` are not.\n\n![kinds](grounding.png)\n\n"
        + _table("kind", {kind: {m: str(e) for m, e in found.items()} for kind, found in report.kinds.items()}, METHODS)
        + f"## Passage and time\n\nThe right one of five passages is named for {report.passage} of the supported sentences. "
        f"A check whose passages are known takes {median:.1f} ms (95th percentile {high:.1f} ms).\n\n"
        f"## Mistakes on written sentences\n\n{_mistakes(report)}"
    )


def _set_table(report: GroundingReport, name: str) -> str:
    rows = {method: {m: str(e) for m, e in found.items()} for method, found in report.estimates[name].items()}
    return f"## {name.capitalize()}\n\n{SETS.get(name, '')}\n\n{_table('method', rows, MEASURES)}"


def _table(corner: str, rows: dict[str, dict[str, str]], columns: Sequence[str]) -> str:
    lines = [f"| {row} | {' | '.join(cells[column] for column in columns)} |\n" for row, cells in rows.items()]
    return f"| {corner} | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}\n{''.join(lines)}\n"


def _mistakes(report: GroundingReport) -> str:
    threshold = report.thresholds[METHODS[0]]
    wrong = [
        one
        for one in report.scored
        if one.claim.held_out and one.claim.set == WRITTEN and (one.support[METHODS[0]] < threshold) == one.claim.supported
    ]
    return "".join(
        f"- {'flagged' if one.claim.supported else 'missed'} ({one.claim.kind}, {one.support[METHODS[0]]:.2f}): "
        f"{one.claim.question} {one.claim.text}{f' -- {one.why}' if one.why else ''}\n".replace(":  ", ": ")
        for one in wrong[:SHOWN_MISTAKES]
    )


def _picture(report: GroundingReport) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure((8.0, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    for place, (method, colour) in enumerate(zip(METHODS, COLOURS, strict=True)):
        found = [kind[method] for kind in report.kinds.values()]
        errors = [[e.value - e.low for e in found], [e.high - e.value for e in found]]
        x = np.arange(len(found)) + (place - 1) * 0.27
        axes.bar(x, [e.value for e in found], 0.25, yerr=errors, label=method, color=colour, capsize=2)
    axes.set_xticks(range(len(report.kinds)), list(report.kinds), rotation=40, ha="right")
    axes.set_ylabel("share flagged")
    axes.set_title("Held-out sentences that are flagged; + supported, - not")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=120)
    return data.getvalue()
