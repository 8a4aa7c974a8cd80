"""The report of the speech lab."""

from collections.abc import Mapping, Sequence
from typing import Any

from vivavoce.eval.lab.lab import Result, scores_of
from vivavoce.eval.lab.page import Page, table
from vivavoce.eval.lab.plots import cumulative, grouped_bars
from vivavoce.eval.lab.statistics import Estimate, bootstrap, share
from vivavoce.eval.speech.scores import NORMALISERS, bleu, chrf, error_unit, errors, pooled_rate

WORST = 12
COLUMNS = ("set", "part", "measure", "value [95 % interval]", "recordings", "clusters")
HOW = (
    "Recordings are given to the agent as a user would speak; what the agent understood is what its model told, and where a "
    "model tells nothing it is asked to write down what it hears. An error rate is all errors over the length of all "
    "references; intervals resample clusters (speakers where they are known, recordings elsewhere).\n\n"
    f"Normaliser: {NORMALISERS}. Choices are judged by the words of the right choice and of the others; other answers by "
    "whether they hold a reference in a row after normalising. These rules are stricter than judge models, so figures must "
    "not be set beside judged ones.\n\n"
)


def speech_page(results: Sequence[Result]) -> Page:
    """Every set, every part of it, and the recordings that were understood worst."""
    summary: dict[str, Estimate] = {}
    rows: list[tuple[object, ...]] = []
    notes: list[str] = []
    for name, of_set in _grouped(results, "set").items():
        for measure, estimate in _measures(of_set, notes).items():
            summary[f"{name}: {measure}"] = estimate
            rows.append((name, "all", measure, estimate, len(of_set), _clusters(of_set)))
        parts = _grouped(of_set, "topic")
        for part, of_part in parts.items() if len(parts) > 1 else ():
            found = _measures(of_part, [])
            rows += [
                (name, part, measure, estimate, len(of_part), _clusters(of_part)) for measure, estimate in found.items()
            ]
    body = HOW + table(COLUMNS, rows) + "".join(note + "\n\n" for note in dict.fromkeys(notes))
    pictures = _pictures(results, summary)
    body += "".join(f"![{name.removesuffix('.png')}]({name})\n\n" for name in pictures)
    return Page("Speech", summary, body + _worst(results), pictures)


def _grouped(results: Sequence[Result], by: str) -> dict[str, list[Result]]:
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(str(result.facts[by]), []).append(result)
    return groups


def _clusters(results: Sequence[Result]) -> int:
    return len({result.cluster for result in results})


def _said(result: Result) -> str:
    return str(result.record.get("said", ""))  # nothing where the agent failed


def _measures(results: Sequence[Result], notes: list[str]) -> dict[str, Estimate]:
    """By name; notes: gathers what must be said about them."""
    found: dict[str, Estimate] = {}
    for task, group in _grouped(results, "task").items():
        match task:
            case "transcription":
                found |= _transcribed(group)
            case "translation":
                found |= _translated(group, notes)
            case _:
                values, clusters = scores_of(group, task)
                found[f"{task} accuracy"] = share(values, clusters)
    return found


def _transcribed(results: Sequence[Result]) -> dict[str, Estimate]:
    found: dict[str, Estimate] = {}
    for unit in ("wer", "cer"):
        having = [result for result in results if error_unit(result.facts["language"]) == unit]
        if having:
            counted = [errors(one.facts["references"][0], _said(one), one.facts["language"]) for one in having]
            found[unit.upper()] = pooled_rate(counted, [one.cluster for one in having])
    whole = [float(result.verdict == "right") for result in results]
    found["recordings without an error"] = share(whole, [result.cluster for result in results])
    return found


def _translated(results: Sequence[Result], notes: list[str]) -> dict[str, Estimate]:
    said = [_said(result) for result in results]
    wanted = [result.facts["references"][0] for result in results]
    score, signature = bleu(said, wanted, results[0].facts["language"], [result.cluster for result in results])
    of_corpus, chrf_signature = chrf(said, wanted)
    values, clusters = scores_of(results, "chrf")
    notes.append(
        f"BLEU: sacrebleu {signature}. chrF of the whole: {of_corpus:.2f}, sacrebleu {chrf_signature}; its interval is that "
        "of the mean over sentences."
    )
    each = bootstrap(len(values), lambda at: float(sum(values[i] for i in at) / len(at)), clusters)
    return {"BLEU": score, "chrF, mean of sentences": each}


def _pictures(results: Sequence[Result], summary: Mapping[str, Estimate]) -> dict[str, bytes]:
    shares: dict[str, dict[str, Estimate]] = {}
    for name, estimate in summary.items():
        of_set, measure = name.rsplit(": ", 1)
        if measure not in ("BLEU", "chrF, mean of sentences"):
            shares.setdefault(of_set, {})[measure] = estimate
    pictures = {"rates.png": grouped_bars(shares, "What was heard and understood", "share or rate")} if shares else {}
    rates: dict[str, list[float]] = {}
    for result in results:
        for unit in ("wer", "cer"):
            if unit in result.scores:
                rates.setdefault(f"{result.facts['set']}, {unit.upper()}", []).append(result.scores[unit])
    if rates:
        pictures["errors.png"] = cumulative(rates, "Errors of each recording", "error rate", y_label="share of recordings")
    return pictures


def _worst(results: Sequence[Result]) -> str:
    wrong: list[tuple[Any, ...]] = []
    for result in results:
        if result.verdict != "right":
            score = next(iter(result.scores.values()))
            distance = score if result.facts["task"] == "transcription" else -score
            wrong.append((distance, result.id, result.facts["references"][0], _said(result) or "(nothing)", result.why))
    wrong.sort(key=lambda row: (-row[0], row[1]))
    if not wrong:
        return ""
    shown = [row[1:] for row in wrong[:WORST]]
    return f"## Worst of {len(wrong)} that were not right\n\n" + table(("recording", "wanted", "said", "why"), shown)
