"""What `vivavoce eval retrieval` found, as a page, as data and as pictures."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vivavoce.core.durable import write_atomic
from vivavoce.eval.retrieval.lab import HYBRID, RetrievalReport, SetReport
from vivavoce.eval.retrieval.measures import DEPTH, Asked, Calibration, Table
from vivavoce.eval.retrieval_pictures import recall_picture, reliability_picture, threshold_picture
from vivavoce.tools.text_search import PASSAGES

SHOWN = ("R@1", "R@5", "R@10", "MRR")
SHOWN_MISSES = 60


def write_report(report: RetrievalReport, folder: Path) -> None:
    """Write report.md, report.json and the pictures.

    Raises:
        StoreError: the folder cannot be written.
    """
    for one in report.sets:
        write_atomic(folder / f"recall-{one.name}.png", recall_picture(one))
        if one.calibration is not None:
            write_atomic(folder / f"threshold-{one.name}.png", threshold_picture(one.calibration))
            write_atomic(folder / f"reliability-{one.name}.png", reliability_picture(one.calibration))
    write_atomic(folder / "report.json", json.dumps(as_json(report), ensure_ascii=False, indent=2).encode())
    write_atomic(folder / "report.md", _page(report).encode())


def as_json(report: RetrievalReport) -> dict[str, Any]:
    """Every number, and what came of every question in the default search."""
    return {"facts": report.facts, "sets": {one.name: _set_json(one) for one in report.sets}}


def _set_json(one: SetReport) -> dict[str, Any]:
    return {
        "origin": list(one.origin),
        "documents": one.documents,
        "passages": one.passages,
        "questions": len(one.systems[HYBRID]),
        "estimates": _table_json(one.estimates),
        "differences": _table_json(one.differences),
        "lost": [question.text for question in one.lost],
        "answerability": _calibration_json(one.calibration) if one.calibration else None,
        "asked": [_asked_json(asked) for asked in one.systems[HYBRID]],
    }


def _table_json(table: Table) -> dict[str, Any]:
    return {
        group: {system: {name: asdict(e) for name, e in measures.items()} for system, measures in systems.items()}
        for group, systems in table.items()
    }


def _calibration_json(found: Calibration) -> dict[str, Any]:
    return {
        "threshold": found.threshold,
        "best": found.best,
        "AUROC": {kind: asdict(e) for kind, e in found.area.items()},
        "at threshold": {name: asdict(e) for name, e in found.at_threshold.items()},
        "expected calibration error": found.error,
        "bins": [{"score": score, "right": share, "count": count} for score, share, count in found.bins],
    }


def _asked_json(one: Asked) -> dict[str, Any]:
    return {
        "question": one.question.text,
        "kind": one.question.kind,
        "held_out": one.question.held_out,
        "place": one.passage,
        "place of document": one.document,
        "score": one.score,
        "found": [_name(source) for source in one.found],
    }


def summary(report: RetrievalReport) -> list[tuple[str, str]]:
    """The main numbers, for a table."""
    rows: list[tuple[str, str]] = []
    for one in report.sets:
        for system, measures in one.estimates["all"].items():
            rows += [(f"{one.name}, {system}: {name}", str(measures[name])) for name in ("R@1", "R@5", "MRR")]
        for pair, measures in one.differences["all"].items():
            rows.append((f"{one.name}, {pair}: R@1", str(measures["R@1"])))
        if one.calibration is not None:
            rows.append((f"{one.name}, answerable or not: AUROC", str(one.calibration.area["all"])))
            threshold = one.calibration.threshold
            rows += [(f"{one.name}, {name} at {threshold}", str(e)) for name, e in one.calibration.at_threshold.items()]
    return rows


def _page(report: RetrievalReport) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in report.facts.items())
    return (
        f"# Document search\n\n{facts}. Values with 95 % bootstrap intervals; differences are paired, question by "
        f"question. Found means among the first {DEPTH} passages.\n\n" + "\n".join(_section(one) for one in report.sets)
    )


def _section(one: SetReport) -> str:
    asked = one.systems[HYBRID]
    without = sum(not answer.question.has_answer for answer in asked)
    origin = f" of {', '.join(one.origin)}" if one.origin else ""
    parts = [
        f"## {one.name}\n\n{one.documents} documents{origin} in {one.passages} passages, {len(asked)} questions, {without} "
        "of them without an answer there.\n",
        *(_tables(one, group) for group in one.estimates),
        f"![recall](recall-{one.name}.png)\n",
        _answerability(one.name, one.calibration) if one.calibration else "",
        _lost(one),
        _misses([answer for answer in asked if answer.question.has_answer and not answer.is_right]),
    ]
    return "\n".join(part for part in parts if part)


def _tables(one: SetReport, group: str) -> str:
    text = f"### {group.capitalize()}\n\n"
    for by in ("", "document "):
        names = [f"{by}{name}" for name in SHOWN]
        if names[0] in one.estimates[group][HYBRID]:
            rows = {**one.estimates[group], **one.differences[group]}
            text += f"| system | {' | '.join(names)} |\n|---|{'---|' * len(names)}\n"
            text += "".join(f"| {row} | {' | '.join(str(found[name]) for name in names)} |\n" for row, found in rows.items())
            text += "\n"
    return text


def _answerability(name: str, found: Calibration) -> str:
    areas = ", ".join(f"{kind} {e}" for kind, e in found.area.items())
    shares = "".join(f"- {what}: {e}\n" for what, e in found.at_threshold.items())
    return (
        "### What cannot be answered\n\n"
        f"Area under the ROC curve of the score, answerable against not: {areas}. At the threshold in use, "
        f'{found.threshold}:\n\n{shares}\nOn these questions {found.best:.2f} would divide them best. "Rightly" means that '
        f"a passage with the answer is among the first {PASSAGES}. Expected calibration error: {found.error:.3f}.\n\n"
        f"![threshold](threshold-{name}.png)\n\n![reliability](reliability-{name}.png)\n"
    )


def _lost(one: SetReport) -> str:
    if not one.lost:
        return ""
    lines = "".join(f"- {question.text}\n" for question in one.lost)
    return f"### Answers that stand in no passage\n\nThe reader or the cutting lost them; nothing can find them.\n\n{lines}"


def _misses(missed: Sequence[Asked]) -> str:
    lines = [
        f"- {one.question.text}: found {_name(one.found[0]) if one.found else 'nothing'}, wanted "
        f"{', '.join(dict.fromkeys(_name(place.document) for place in one.question.places))} "
        f"(passage {one.passage or 'none'}, document {one.document or 'none'}, score {one.score:.2f})\n"
        for one in missed[:SHOWN_MISSES]
    ]
    more = f"- and {len(missed) - len(lines)} more, see report.json\n" if len(missed) > len(lines) else ""
    return f"### Missed: no right passage among the first {PASSAGES}\n\n{''.join(lines)}{more}" if lines else ""


def _name(source: str) -> str:
    """The last two parts of a path: no page should say whose machine it was made on."""
    return "/".join(source.replace("\\", "/").split("/")[-2:])
