"""The report of the latency lab."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vivavoce.eval.lab.lab import Result, scores_of
from vivavoce.eval.lab.page import Page, table
from vivavoce.eval.lab.plots import cumulative, waterfall
from vivavoce.eval.lab.statistics import Estimate, detectable_difference, paired_difference, percentile, share

AGENT, STAGES = "agent", "stage by stage"
PERCENTILES = (50, 90, 99)
FIRST = "time to first audio"
MEASURES = (
    FIRST, "whole turn", "real-time factor", "hear", "choose", "tools", "dispatch of tools", "answer", "speak"
)  # fmt: skip
HOW = (
    "Spoken questions, each in a session of its own, asked of the agent and, between its turns, of the same parts one after "
    "the other: hear, choose the tool, call it, write the whole answer, speak all of it, and only then be heard. Both use "
    "the same loaded models and the same threads. The agent's stages overlap (it speaks while it writes), so they do not "
    "add up. Hear ends when the words are known, choose at the first call; dispatch is what the controller adds to a tool. "
    "Seconds, but for the real-time factor: the whole turn over the length of what was spoken.\n\n"
    "Intervals resample questions, since turns of one question are alike. A 99th percentile of fewer than a hundred turns "
    "is hardly more than the slowest of them.\n\n"
)


def latency_page(results: Sequence[Result]) -> Page:
    """What was measured, what it gains, and which budgets it exceeds."""
    ways = {way: [one for one in results if one.facts["way"] == way] for way in (AGENT, STAGES)}
    summary: dict[str, Estimate] = {}
    for way, turns in ways.items():
        if turns:
            summary[f"answered, {way}"] = share(*scores_of(turns, "answered"))
    rows: list[tuple[object, ...]] = []
    for measure in MEASURES:
        for way, turns in ways.items():
            found = {p: percentile_of(turns, measure, p) for p in PERCENTILES}
            if found[PERCENTILES[0]] is not None:
                rows.append((measure, way, *found.values()))
            summary |= {f"{measure}, p{p}, {way}": value for p, value in found.items() if value is not None}
    gained, told = _gained(ways)
    columns = ("measure", "way", *(f"p{p} [95 % interval]" for p in PERCENTILES))
    body = f"{HOW}{_load(results)}{_budgets(ways[AGENT])}## Percentiles\n\n{table(columns, rows)}{told}{_by_question(ways)}"
    pictures = _pictures(ways)
    body += "".join(f"![{name.removesuffix('.png')}]({name})\n\n" for name in pictures)
    return Page("Latency", gained | summary, body + _failed(results), pictures)


def percentile_of(turns: Sequence[Result], measure: str, of: float) -> Estimate | None:
    """A percentile of a measure, resampled by question; None where no turn has it."""
    values, clusters = scores_of(turns, measure)
    return percentile(values, of, clusters) if values else None


def exceeded(turns: Sequence[Result]) -> list[tuple[str, float, float, Estimate | None, str]]:
    """Each budget of the run: measure, percentile, what is allowed, what was found, and in words whether it is kept."""
    rows: list[tuple[str, float, float, Estimate | None, str]] = []
    for budget in turns[0].facts["budgets"] if turns else ():
        found = percentile_of(turns, budget["measure"], budget["percentile"])
        rows.append((budget["measure"], budget["percentile"], budget["at_most"], found, _verdict(found, budget["at_most"])))
    return rows


def _verdict(found: Estimate | None, allowed: float) -> str:
    if found is None:
        return "not measured"
    if found.value > allowed:
        return "exceeded" if found.low > allowed else "exceeded, within the interval"
    return "kept" if found.high <= allowed else "kept, within the interval"


def _budgets(turns: Sequence[Result]) -> str:
    rows = [(measure, f"p{of:g}", allowed, found or "", said) for measure, of, allowed, found, said in exceeded(turns)]
    if not rows:
        return ""
    over = sum(said.startswith("exceeded") for *_, said in rows)
    columns = ("measure", "percentile", "budget", "found", "verdict")
    return f"## Budgets\n\n{over} of {len(rows)} exceeded.\n\n{table(columns, rows)}"


def _load(results: Sequence[Result]) -> str:
    loads = [float(one.record["load"]) for one in results if "load" in one.record]
    if not loads:
        return ""
    return (
        "Load of the machine during the run (processes that want a core, one minute's mean): median "
        f"{np.median(loads):.1f}, highest {max(loads):.1f}.\n\n"
    )


def _gained(ways: Mapping[str, Sequence[Result]]) -> tuple[dict[str, Estimate], str]:
    """How much sooner the agent is heard than the stages, on the same questions and rounds."""
    staged = {_turn(one): one for one in ways[STAGES] if FIRST in one.scores}
    pairs = [(one, staged[key]) for one in ways[AGENT] if FIRST in one.scores and (key := _turn(one)) in staged]
    if not pairs:
        return {}, ""
    late, soon = [other.scores[FIRST] for _, other in pairs], [one.scores[FIRST] for one, _ in pairs]
    clusters = [one.cluster for one, _ in pairs]
    saved = paired_difference(late, soon, clusters)
    detectable = detectable_difference(late, soon, clusters)
    told = (
        f"## Against the stages one after the other\n\nThe first audio comes {saved} s sooner (mean of {len(pairs)} pairs "
        f"of the same question and round; {detectable:.3f} s could be detected with 80 % power). "
        f"Medians: {np.median(soon):.2f} s and {np.median(late):.2f} s, a ratio of "
        f"{np.median(soon) / np.median(late):.2f}.\n\n"
    )
    return {"first audio sooner than stage by stage": saved}, told


def _turn(result: Result) -> tuple[object, ...]:
    return tuple(result.facts[name] for name in ("question", "round", "seed"))


def _by_question(ways: Mapping[str, Sequence[Result]]) -> str:
    rows: list[tuple[object, ...]] = []
    for question in dict.fromkeys(one.facts["question"] for one in ways[AGENT]):
        cells: list[object] = [question]
        for turns in ways.values():
            values = [one.scores[FIRST] for one in turns if one.facts["question"] == question and FIRST in one.scores]
            cells.append(f"{np.median(values):.2f}" if values else "")
        asked = [one for one in ways[AGENT] if one.facts["question"] == question]
        spoken = [float(one.record["answer_s"]) for one in asked if "answer_s" in one.record]
        called = {call["name"] for one in asked for call in _calls(one)}
        rows.append((*cells, f"{np.median(spoken):.1f}" if spoken else "", ", ".join(sorted(called)) or "none"))
    columns = ("question", f"{FIRST}, {AGENT}", STAGES, "spoken, s", "tools")
    told = "Overlap gains what the model still writes after its first phrase: little where a tool brings the sentence.\n\n"
    return f"## By question\n\n{told}{table(columns, rows)}"


def _calls(result: Result) -> Sequence[Mapping[str, Any]]:
    return result.record.get("tool_calls", ())


def _pictures(ways: Mapping[str, Sequence[Result]]) -> dict[str, bytes]:
    pictures: dict[str, bytes] = {}
    groups = {way: [one.scores[FIRST] for one in turns if FIRST in one.scores] for way, turns in ways.items()}
    if any(groups.values()):
        allowed = [limit for measure, of, limit, *_ in exceeded(ways[AGENT]) if (measure, of) == (FIRST, 50)]
        mark = allowed[0] if allowed else None
        pictures["first-audio.png"] = cumulative(groups, "Time to first audio", "seconds", mark)
    typical = _typical(ways[AGENT])
    if typical is not None:
        spans = {
            way: _median_spans([one for one in turns if one.facts["question"] == typical]) for way, turns in ways.items()
        }
        spans = {way: stages for way, stages in spans.items() if stages}
        title = f"Stages of {typical}, medians of begin and end"
        pictures["stages.png"] = waterfall(spans, title, "seconds since the question ended")
    return pictures


def _typical(turns: Sequence[Result]) -> str | None:
    """The question with a tool that takes the middle time; one without a tool where no other is there."""
    having = [one for one in turns if FIRST in one.scores]
    having = [one for one in having if _calls(one)] or having
    times = {
        question: float(np.median([one.scores[FIRST] for one in having if one.facts["question"] == question]))
        for question in dict.fromkeys(one.facts["question"] for one in having)
    }
    order = sorted(times, key=times.__getitem__)
    return order[len(order) // 2] if order else None


def _median_spans(turns: Sequence[Result]) -> dict[str, tuple[float, float]]:
    """Begin and end of each stage; of a stage that comes twice in a turn, from its first to its last."""
    found: dict[str, list[tuple[float, float]]] = {}
    for one in turns:
        of_turn: dict[str, tuple[float, float]] = {}
        for stage, begin, end in one.record.get("timings", {}).get("spans", ()):
            earlier = of_turn.get(stage, (begin, end))
            of_turn[stage] = (min(begin, earlier[0]), max(end, earlier[1]))
        for stage, span in of_turn.items():
            found.setdefault(stage, []).append(span)
    medians = {
        stage: (float(np.median([begin for begin, _ in spans])), float(np.median([end for _, end in spans])))
        for stage, spans in found.items()
    }
    return dict(sorted(medians.items(), key=lambda item: item[1]))


def _failed(results: Sequence[Result]) -> str:
    failed = [(one.id, one.error) for one in results if one.error is not None]
    return f"## Failed\n\n{table(('turn', 'why'), failed)}" if failed else ""
