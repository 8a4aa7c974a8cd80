"""The report of the retrieval lab."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vivavoce.eval.lab.lab import Result
from vivavoce.eval.lab.page import Page, table
from vivavoce.eval.lab.plots import grouped_bars, reliability, thresholds
from vivavoce.eval.lab.statistics import Estimate
from vivavoce.eval.retrieval.measures import DEPTH, Asked, Calibration, Table, calibrate, compare
from vivavoce.eval.retrieval.questions import Question
from vivavoce.eval.retrieval.systems import DENSE, HYBRID, LEXICAL, RERANKED, default_of
from vivavoce.tools.text_search import ANSWERS, PASSAGES

DOCUMENTS = "documents"  # the item that tells what a set's index holds
SHOWN = ("R@1", "R@5", "R@10", "MRR")
SHOWN_MISSES = 60


@dataclass(frozen=True, slots=True)
class SetReport:
    """One corpus and its questions.

    documents: what the index holds. systems: what came of each question, by system. differences: of pairs of systems. lost:
    answerable questions whose words stand in no passage. calibration: None without questions that have no answer.
    """

    name: str
    documents: Result
    systems: Mapping[str, Sequence[Asked]]
    estimates: Table
    differences: Table
    lost: Sequence[str]
    calibration: Calibration | None


def retrieval_page(results: Sequence[Result]) -> Page:
    """What each system finds in each set, and what the score tells."""
    reports = [report_of(one, results) for one in results if one.facts["kind"] == DOCUMENTS]
    summary: dict[str, Estimate] = {}
    pictures: dict[str, bytes] = {}
    for report in reports:
        summary |= _summary(report)
        pictures |= _pictures(report)
    embedders = {str(report.documents.record.get("embedder", "unknown")) for report in reports}
    body = (
        f"Embedder: {', '.join(sorted(embedders))}. Values with 95 % bootstrap intervals; differences are paired, question "
        f"by question. Found means among the first {DEPTH} passages.\n\n{''.join(map(_section, reports))}"
    )
    return Page("Document search", summary, body, pictures)


def report_of(documents: Result, results: Sequence[Result]) -> SetReport:
    """One set. documents: its first result."""
    name, names = str(documents.facts["set"]), documents.facts["systems"]
    asked = [one for one in results if one.facts["set"] == name and one.facts["kind"] != DOCUMENTS]
    questions = [Question.of(one.facts) for one in asked]
    found = [one.record.get("systems", {}) for one in asked]
    systems = {
        name: [Asked.of(question, row.get(name)) for question, row in zip(questions, found, strict=True)] for name in names
    }
    pairs = [(HYBRID, DENSE), (HYBRID, LEXICAL), *([(RERANKED, HYBRID)] if RERANKED in names else [])]
    estimates, differences = compare(systems, pairs)
    lost = [question.text for question, one in zip(questions, asked, strict=True) if one.record.get("lost")]
    has_both = not all(question.has_answer for question in questions)
    calibration = calibrate(default_of(systems), ANSWERS) if has_both else None
    return SetReport(name, documents, systems, estimates, differences, lost, calibration)


def _summary(report: SetReport) -> dict[str, Estimate]:
    found: dict[str, Estimate] = {}
    for system, measures in report.estimates["all"].items():
        found |= {f"{report.name}, {system}: {measure}": measures[measure] for measure in ("R@1", "R@5", "MRR")}
    for pair, measures in report.differences["all"].items():
        found[f"{report.name}, {pair}: R@1"] = measures["R@1"]
    if (known := report.calibration) is not None:
        found[f"{report.name}, answerable or not: AUROC"] = known.area["all"]
        found |= {f"{report.name}, {name} at {known.threshold}": e for name, e in known.at_threshold.items()}
    return found


def _pictures(report: SetReport) -> dict[str, bytes]:
    systems = {name: {measure: found[measure] for measure in SHOWN} for name, found in report.estimates["all"].items()}
    count = next(iter(systems.values()))["R@1"].count
    title = f"{report.name}: question to passage, {count} questions, 95 % intervals"
    pictures = {f"recall-{report.name}.png": grouped_bars(systems, title, "value")}
    if (known := report.calibration) is not None:
        found = known.division
        pictures[f"threshold-{report.name}.png"] = thresholds(
            found.thresholds.tolist(),
            {"answerable: answered": found.passed.tolist(), "without an answer: refused": (1 - found.leaked).tolist()},
            {"used": known.threshold, "best here": found.best},
            "When to say that the documents do not tell",
            "threshold on the score",
        )
        title = f"Calibration, mean error {known.error:.3f}"
        pictures[f"reliability-{report.name}.png"] = reliability(known.bins, title, "score")
    return pictures


def _section(report: SetReport) -> str:
    asked, held = report.systems[HYBRID], report.documents
    without = sum(not one.question.has_answer for one in asked)
    origin = f" of {', '.join(held.facts['origin'])}" if held.facts["origin"] else ""
    parts = [
        f"## {report.name}\n\n{held.record.get('documents', 'unknown')} documents{origin} in "
        f"{held.record.get('passages', 'unknown')} passages, {len(asked)} questions, {without} of them without an answer "
        "there.\n\n",
        *(_tables(report, group) for group in report.estimates),
        f"![recall](recall-{report.name}.png)\n\n",
        _answerability(report.name, report.calibration) if report.calibration else "",
        _lost(report.lost),
        _misses([one for one in asked if one.question.has_answer and not one.is_right]),
    ]
    return "".join(parts)


def _tables(report: SetReport, group: str) -> str:
    text = f"### {group.capitalize()}\n\n"
    rows = {**report.estimates[group], **report.differences[group]}
    for by in ("", "document "):
        names = [f"{by}{name}" for name in SHOWN]
        if names[0] in rows[HYBRID]:
            text += table(("system", *names), [(row, *(found[name] for name in names)) for row, found in rows.items()])
    return text


def _answerability(name: str, found: Calibration) -> str:
    areas = ", ".join(f"{kind} {e}" for kind, e in found.area.items())
    shares = "".join(f"- {what}: {e}\n" for what, e in found.at_threshold.items())
    return (
        "### What cannot be answered\n\n"
        f"Area under the ROC curve of the score, answerable against not: {areas}. At the threshold in use, "
        f'{found.threshold}:\n\n{shares}\nOn these questions {found.division.best:.2f} would divide them best. "Rightly" '
        f"means that a passage with the answer is among the first {PASSAGES}. Expected calibration error: "
        f"{found.error:.3f}.\n\n![threshold](threshold-{name}.png)\n\n![reliability](reliability-{name}.png)\n\n"
    )


def _lost(questions: Sequence[str]) -> str:
    if not questions:
        return ""
    lines = "".join(f"- {question}\n" for question in questions)
    return (
        f"### Answers that stand in no passage\n\nThe reader or the cutting lost them; nothing can find them.\n\n{lines}\n"
    )


def _misses(missed: Sequence[Asked]) -> str:
    rows = [
        (
            one.question.text,
            _name(one.found[0]) if one.found else "nothing",
            ", ".join(dict.fromkeys(_name(place.document) for place in one.question.places)),
            one.passage or "none",
            one.document or "none",
            f"{one.score:.2f}",
        )
        for one in missed[:SHOWN_MISSES]
    ]
    told = f"### Missed: no right passage among the first {PASSAGES}\n\n{len(missed)} questions; the first {len(rows)}:\n\n"
    return told + table(("asked", "found", "wanted", "passage", "document", "score"), rows) if rows else ""


def _name(source: str) -> str:
    """The last two parts of a path: no page should say whose machine it was made on."""
    return "/".join(source.replace("\\", "/").split("/")[-2:])
