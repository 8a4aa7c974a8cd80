"""The report of the grounding lab: what was found on held-out claims."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vivavoce.eval.grounding.claims import ANSWERS, FALSE_FLAGS, NO_CLAIM, RESPONSES, WRITTEN
from vivavoce.eval.lab.lab import Result, scores_of
from vivavoce.eval.lab.page import Page, table
from vivavoce.eval.lab.plots import grouped_bars
from vivavoce.eval.lab.statistics import Estimate, area_under_roc, bootstrap, mean, percentile
from vivavoce.retrieval.grounding.check import SUPPORTED

METHODS = CHECK, COSINE, OVERLAP = "grounding", "cosine", "word overlap"
MEASURES = ("precision", "recall", "F1", "false flags", "AUROC")
OF_BASELINES = ("F1", "AUROC")  # measures of the other methods that the summary has
SHOWN_MISTAKES = 60
SETS = {
    WRITTEN: "Sentences about manuals, opening hours and rules, written by hand, each beside five passages.",
    ANSWERS: "HaluEval's answers to questions, as many right as hallucinated ones of each length up to eight words.",
    RESPONSES: "HaluEval's dialogues. Right responses often say what the given knowledge does not, so false flags are many.",
}
HOW = (
    "Of each answer sentence: does one of the passages support it? Precision, recall and F1 are those of the verdict "
    '"unsupported"; false flags are the supported sentences that get it. All on claims held out of the fit, with 95 % '
    "bootstrap intervals that pick claims. Every method's threshold lets the same share of the supported claims that were "
    f"written for fitting be flagged, {FALSE_FLAGS:.0%}.\n\n"
)

Flags = NDArray[np.bool_]
Table = Mapping[str, Mapping[str, Estimate]]


def grounding_page(results: Sequence[Result]) -> Page:
    """Each set by method, the written claims by kind, and what the check got wrong."""
    limits = thresholds(results)
    held_out = [one for one in results if one.facts["half"] == "held out"]
    claims = [one for one in held_out if one.facts["kind"] != NO_CLAIM]
    by_set = {
        name: estimates([one for one in claims if one.facts["set"] == name], limits)
        for name in dict.fromkeys(one.facts["set"] for one in claims)
    }
    written = [one for one in held_out if one.facts["set"] == WRITTEN]
    kinds = by_kind(written, limits)
    summary = {
        f"{name}, {method}: {measure}": found[measure]
        for name, methods in by_set.items()
        for method, found in methods.items()
        for measure in MEASURES
        if method == CHECK or measure in OF_BASELINES
    }
    checked = _of_check(results)
    body = HOW + "".join(
        f"## {name.capitalize()}\n\n{SETS.get(name, '')}\n\n{_table('method', methods, MEASURES)}"
        for name, methods in by_set.items()
    )
    body += (
        "## By kind of sentence\n\nThe share flagged; `+` are supported, `-` are not.\n\n![kinds](grounding.png)\n\n"
        f"{_table('kind', kinds, METHODS)}## Passage and time\n\n"
        f"{table(('of the check', 'value'), list(checked.items()))}## Mistakes on written sentences\n\n{_mistakes(written)}"
    )
    pictures = {"grounding.png": grouped_bars(kinds, "Held-out sentences that are flagged; + supported, - not", "share")}
    return Page("Grounding check", summary | checked, body, pictures)


def thresholds(results: Sequence[Result]) -> dict[str, float]:
    """The check's own, and for each baseline one that flags as many of the supported claims that were written to fit."""
    fitted_on = [one for one in results if one.facts["set"] == WRITTEN and one.facts["half"] != "held out"]
    right = [one for one in fitted_on if one.facts["supported"] and one.facts["kind"] != NO_CLAIM]
    limits = {name: float(np.quantile([support(one, name) for one in right], FALSE_FLAGS)) for name in METHODS}
    return limits | {CHECK: SUPPORTED}


def support(result: Result, method: str) -> float:
    """What a method finds; the worst that can be where it failed."""
    found: Mapping[str, float] = result.record.get("support", {})
    return found.get(method, float(not result.facts["supported"]))


def estimates(results: Sequence[Result], limits: Mapping[str, float]) -> dict[str, dict[str, Estimate]]:
    """By method and measure."""
    wrong = np.array([not one.facts["supported"] for one in results])
    found: dict[str, dict[str, Estimate]] = {}
    for method, limit in limits.items():
        values = np.array([support(one, method) for one in results])
        found[method] = _measures(wrong, values, values < limit)
    return found


def _measures(wrong: Flags, values: NDArray[np.float64], flagged: Flags) -> dict[str, Estimate]:
    return {
        "precision": bootstrap(len(wrong), lambda at: _ratio(wrong[at] & flagged[at], flagged[at])),
        "recall": bootstrap(len(wrong), lambda at: _ratio(wrong[at] & flagged[at], wrong[at])),
        "F1": bootstrap(len(wrong), lambda at: _f1(wrong[at], flagged[at])),
        "false flags": bootstrap(len(wrong), lambda at: _ratio(~wrong[at] & flagged[at], ~wrong[at])),
        "AUROC": area_under_roc(list(-values[wrong]), list(-values[~wrong])),
    }


def _ratio(part: Flags, whole: Flags) -> float:
    return float(part.sum() / max(whole.sum(), 1))


def _f1(wrong: Flags, flagged: Flags) -> float:
    return float(2 * (wrong & flagged).sum() / max(wrong.sum() + flagged.sum(), 1))


def by_kind(results: Sequence[Result], limits: Mapping[str, float]) -> dict[str, dict[str, Estimate]]:
    """The share that each method flags, by kind of claim."""
    groups: dict[str, list[Result]] = {}
    for one in results:
        groups.setdefault(f"{'+' if one.facts['supported'] else '-'} {one.facts['kind']}", []).append(one)
    return {
        name: {method: mean([support(one, method) < limit for one in group]) for method, limit in limits.items()}
        for name, group in sorted(groups.items())
    }


def _of_check(results: Sequence[Result]) -> dict[str, Estimate]:
    """Whether it names the right passage of held-out claims, and what it takes where passages are known, in milliseconds."""
    written = [one for one in results if one.facts["set"] == WRITTEN]
    found: dict[str, Estimate] = {}
    if named := scores_of([one for one in written if one.facts["half"] == "held out"], "right passage")[0]:
        found["supported sentences whose passage is named rightly"] = mean(named)
    if times := [float(one.record["milliseconds"]) for one in written if "milliseconds" in one.record]:
        found["a check beside known passages, ms, median"] = percentile(times, 50)
        found["a check beside known passages, ms, 95th percentile"] = percentile(times, 95)
    return found


def _table(corner: str, rows: Table, columns: Sequence[str]) -> str:
    return table((corner, *columns), [(name, *(row[column] for column in columns)) for name, row in rows.items()])


def _mistakes(results: Sequence[Result]) -> str:
    wrong = [one for one in results if not one.scores["right"]]
    rows = [
        (
            "flagged" if one.facts["supported"] else "missed",
            one.facts["kind"],
            f"{support(one, CHECK):.2f}",
            one.facts["question"],
            one.facts["text"],
            one.why,
        )
        for one in wrong[:SHOWN_MISTAKES]
    ]
    told = f"{len(wrong)} of {len(results)} sentences; the first {len(rows)}:\n\n"
    return told + table(("verdict", "kind", "support", "question", "sentence", "why"), rows) if rows else "None.\n\n"
