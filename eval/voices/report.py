"""The report of the voices lab."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.voice import MIN_FIT
from vivavoce.eval.lab.lab import Result, scores_of
from vivavoce.eval.lab.page import Page, table
from vivavoce.eval.lab.plots import grouped_bars, histograms, thresholds
from vivavoce.eval.lab.statistics import Estimate, Numbers, bootstrap, divide, equal_error_rate, mean

WORDS, CLIPS, CONDITIONS = "words", "clips", "conditions"
LEFT_OUT = "left out"
MEASURES = ("R@1", "R@5", "MRR", "before all rivals")
SHOWN_MISSES = 40


def voices_page(results: Sequence[Result]) -> Page:
    """How voices are found by words, by clip and under conditions, and when it is said that nothing fits."""
    summary: dict[str, Estimate] = {}
    pictures: dict[str, bytes] = {}
    body = "Values with 95 % bootstrap intervals.\n\n"
    of = {name: [one for one in results if one.facts["set"] == name] for name in (WORDS, CLIPS, CONDITIONS)}
    for name, write in ((WORDS, _by_words), (CLIPS, _by_clip), (CONDITIONS, _under_conditions), (WORDS, _nothing_fits)):
        if of[name]:
            body += write(of[name], summary, pictures)
    return Page("Voice search", summary, body + _missed(of[WORDS]), pictures)


def _by_words(results: Sequence[Result], summary: dict[str, Estimate], pictures: dict[str, bytes]) -> str:
    asked = [one for one in results if one.verdict != LEFT_OUT]
    answerable = [one for one in asked if one.facts["wanted"]]
    groups = {"all": answerable} | {
        f"in {language}": [one for one in answerable if one.facts["language"] == language]
        for language in sorted({one.facts["language"] for one in answerable})
    }
    groups["held out"] = [one for one in answerable if one.facts["half"]]
    found = {name: _means(group, MEASURES) for name, group in groups.items() if group}
    summary |= {f"words, {group}: {measure}": e for group, measures in found.items() for measure, e in measures.items()}
    if found:
        bars = {group: {m: e for m, e in measures.items() if m in MEASURES[:3]} for group, measures in found.items()}
        pictures["recall.png"] = grouped_bars(bars, "Text to voice, with 95 % intervals", "value")
    rows = [(group, *(measures.get(name, "") for name in MEASURES)) for group, measures in found.items()]
    return (
        f"## By words\n\n{len(asked)} queries written by hand ({len(asked) - len(answerable)} that nothing fits), "
        f"{len(results) - len(asked)} left out because their voices are not here. Those held out were written when the "
        f"search was finished; the others were used to find its faults.\n\n{table(('queries', *MEASURES), rows)}"
        + ("![recall](recall.png)\n\n" if found else "")
    )


def _means(results: Sequence[Result], measures: Sequence[str]) -> dict[str, Estimate]:
    values = {measure: scores_of(results, measure)[0] for measure in measures}
    return {measure: mean(found) for measure, found in values.items() if found}


def _by_clip(results: Sequence[Result], summary: dict[str, Estimate], pictures: dict[str, bytes]) -> str:
    """Rates over all pairs; the interval picks voices, since pairs of one voice are not independent."""
    ids, speakers = [one.facts["voice"] for one in results], np.array([one.facts["speaker"] for one in results])
    near: list[Mapping[str, float]] = [one.record.get("cosines", {}) for one in results]
    cosines: Numbers = np.array([[row.get(voice, -1.0) for voice in ids] for row in near])
    alike = speakers[:, None] == speakers[None, :]

    def rate(picked: NDArray[np.int64]) -> float:
        return equal_error_rate(cosines[picked][alike[picked]], cosines[picked][~alike[picked]])[0]

    recorded = [one for one in results if not one.facts["synthetic"]]
    first = mean(scores_of(results, "R@1")[0])
    # The voices of one synthesizer are hardly different speakers.
    first_recorded = mean(scores_of(recorded or results, "R@1")[0])
    summary["clip to speaker: R@1"] = first
    summary["clip to speaker: R@1, recorded voices"] = first_recorded
    body = (
        "## By clip\n\nThe bank holds the first half of each clip, the second half is the query.\n\n"
        f"- the same speaker comes first: {first}; of recorded voices: {first_recorded}\n"
    )
    if alike.all():
        return f"{body}\n"
    error, threshold = bootstrap(len(results), rate), equal_error_rate(cosines[alike], cosines[~alike])[1]
    summary["clip to speaker: EER"] = error
    groups = {"one speaker": cosines[alike].tolist(), "two speakers": cosines[~alike].tolist()}
    title = "Halves of clips: one speaker or two"
    pictures["clips.png"] = histograms(groups, title, "cosine of speaker embeddings", threshold)
    return f"{body}- equal error rate: {error}, at a cosine of {threshold:.3f}\n\n![pairs](clips.png)\n\n"


def _under_conditions(results: Sequence[Result], summary: dict[str, Estimate], pictures: dict[str, bytes]) -> str:
    exact = mean(scores_of(results, "exact")[0])
    summary["searches that meet conditions exactly"] = exact
    return f"## Conditions\n\nSearches that found exactly the voices which meet random conditions: {exact}\n\n"


def _nothing_fits(results: Sequence[Result], summary: dict[str, Estimate], pictures: dict[str, bytes]) -> str:
    """What a threshold on the score of the first hit accepts; "" without queries of both kinds."""
    right = [one.record["score"] for one in results if one.scores.get("R@1")]
    none = [one.record.get("score", 1.0) for one in results if "refused" in one.scores]  # 1 where the search failed
    if not (right and none):
        return ""
    answered, unanswerable = (mean([score >= MIN_FIT for score in scores]) for scores in (right, none))
    summary[f"accepted at {MIN_FIT}, of queries answered rightly"] = answered
    summary[f"accepted at {MIN_FIT}, of queries that nothing fits"] = unanswerable
    found = divide(right, none)
    pictures["calibration.png"] = thresholds(
        found.thresholds.tolist(),
        {"answered rightly": found.passed.tolist(), "nothing fits": found.leaked.tolist()},
        {"used": MIN_FIT, "best here": found.best},
        "When to say that nothing fits: queries accepted",
        "threshold on the score of the first hit",
    )
    return (
        f"## When nothing fits\n\nA first hit below {MIN_FIT} is refused. Accepted are {answered} of the queries "
        f"that were answered rightly and {unanswerable} of those that nothing fits. On these queries {found.best:.2f} "
        "would divide them best.\n\n![threshold](calibration.png)\n\n"
    )


def _missed(results: Sequence[Result]) -> str:
    missed = [one for one in results if one.scores.get("R@1") == 0]
    rows = [
        (
            one.facts["text"],
            next(iter(one.record.get("found", ())), "nothing"),
            ", ".join(one.facts["wanted"][:4]),
            one.record.get("rank") or "none",
        )
        for one in missed[:SHOWN_MISSES]
    ]
    told = f"## Missed\n\n{len(missed)} queries; the first {len(rows)}, all of them in results.jsonl:\n\n"
    return told + table(("asked", "found", "wanted", "place"), rows) if rows else ""
