"""The report of questions that bring their own tools."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivavoce.eval.lab.lab import Result, scores_of
from vivavoce.eval.lab.page import Page, table
from vivavoce.eval.lab.plots import confusion
from vivavoce.eval.lab.statistics import Estimate, bootstrap, mean, paired_difference, share
from vivavoce.eval.toolcall.brought.answers import OUTCOMES
from vivavoce.eval.toolcall.brought.deeds_report import deeds_section
from vivavoce.eval.toolcall.brought.questions import CLASSES, DENIED, FALSE_DEEDS, REST_REFUSED, SPOKEN
from vivavoce.eval.toolcall.brought.scoring import KINDS
from vivavoce.eval.toolcall.report import SHOWN, was_heard

Groups = Mapping[str, Sequence[Result]]
SHARES = (*FALSE_DEEDS, "right", "tools", *CLASSES, REST_REFUSED, DENIED)
FAILED = "failed"  # what was done where the agent failed
SECONDS = {"decided_s": "seconds to the decision", "opened_s": "seconds to open the agent"}
METHOD = (
    "Each question is asked to an agent with its tools and no others; with `+own`, the product's beside them. Right: the "
    "calls of the first round are those that are wanted, by the rule of the Berkeley Function Calling Leaderboard (right "
    "function, every required argument, each value among the allowed ones, no other argument; several in any order). Tools: "
    "the right ones, whatever the arguments. Call, ask, cannot: of the questions that want it, how many turns called any "
    "tool, asked back, or refused and claimed nothing; an answer that does none of these is an answer. Macro: the mean of "
    "the classes. Intervals are Wilson's; those of means resample questions."
)
PUBLISHED = {  # percent of single and parallel calls, arXiv 2512.20156
    "Step-Audio2-Mini": (77.51, 49.73),
    "GPT-Audio": (88.58, 83.60),
    "the best that it reports": (92.73, 87.63),
}


def brought_report(results: Sequence[Result], facts: Mapping[str, Any]) -> Page:
    """All estimates, tables, pictures and mistakes."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(str(result.facts["set"]), []).append(result)
    found = {name: measures(group) for name, group in groups.items()}
    summary = {f"{name}: {metric}": value for name, of_group in found.items() for metric, value in of_group.items()}
    differences = _spoken_less_typed(groups)
    matrices = {name: matrix(group, name) for name, group in groups.items() if len(_classes(group)) > 1}
    pictures = {f"classes-{name.replace('+', '-')}.png": picture for name, picture in matrices.items()}
    body = [f"## Tools of the question's own\n\n{len(results)} questions, model {facts.get('model')}. {METHOD}\n\n"]
    body += [_values(found), deeds_section(groups)]
    body += [f"![Wanted and done]({name})\n\n" for name in pictures]
    body += [_differences(differences), _kinds(groups), _published(), _mistakes(results)]
    return Page("Tool calling", {**summary, **differences}, "".join(body), pictures)


def measures(results: Sequence[Result]) -> dict[str, Estimate]:
    """Every estimate of a set that has something to stand on, by name."""
    found = {metric: share(*scores) for metric in SHARES if (scores := scores_of(results, metric))[0]}
    heard = [result for result in results if "right" in result.scores and was_heard(result)]
    if heard:
        found["right, where every word was heard"] = share(*scores_of(heard, "right"))
    if len(_classes(results)) > 1:
        found["macro"] = macro(results)
    for key, name in SECONDS.items():
        timed = [result for result in results if key in result.record]
        if timed:
            found[name] = mean([float(result.record[key]) for result in timed], [result.cluster for result in timed])
    return found


def _classes(results: Sequence[Result]) -> list[str]:
    wanted = {result.facts["wanted"] for result in results}
    return [name for name in CLASSES if name in wanted]


def macro(results: Sequence[Result]) -> Estimate:
    """The mean over classes of the share that was done."""
    wanted = np.array([str(result.facts["wanted"]) for result in results])
    done = np.array([result.scores[result.facts["wanted"]] for result in results])

    def statistic(picked: NDArray[np.int64]) -> float:
        classes = np.unique(wanted[picked])
        return float(np.mean([done[picked][wanted[picked] == name].mean() for name in classes]))

    return bootstrap(len(results), statistic, [result.cluster for result in results])


def matrix(results: Sequence[Result], title: str) -> bytes:
    """What was wanted and what was done."""
    counts = Counter((str(result.facts["wanted"]), str(result.record.get("did", FAILED))) for result in results)
    done = [*OUTCOMES, *([FAILED] if any(did == FAILED for _, did in counts) else [])]
    rows = _classes(results)
    return confusion(rows, done, [[counts[row, column] for column in done] for row in rows], f"Classes: {title}")


def _values(found: Mapping[str, Mapping[str, Estimate]]) -> str:
    metrics = list(dict.fromkeys(metric for of_group in found.values() for metric in of_group))
    rows = [[metric, *(str(of_group.get(metric, "")) for of_group in found.values())] for metric in metrics]
    return table(("value [95 %]", *found), rows)


def _spoken_less_typed(groups: Groups) -> dict[str, Estimate]:
    """Of sets that were asked both ways, over the questions that both have."""
    found: dict[str, Estimate] = {}
    for name in groups:
        typed, spoken = (_right(groups.get(each, ())) for each in (name.replace(f"-{SPOKEN}", ""), name))
        both = typed.keys() & spoken.keys() if f"-{SPOKEN}" in name else ()
        if both:
            order = sorted(both)
            difference = paired_difference(
                [spoken[key] for key in order], [typed[key] for key in order], [question for question, _ in order]
            )
            found[f"{name}: right, spoken less typed"] = difference
    return found


def _right(results: Sequence[Result]) -> dict[tuple[str, int], float]:
    """By question and seed."""
    return {(one.cluster, int(one.facts["seed"])): one.scores["right"] for one in results if "right" in one.scores}


def _differences(found: Mapping[str, Estimate]) -> str:
    rows = [(name, str(value)) for name, value in found.items()]
    return table(("the same questions", "difference [95 %]"), rows) if rows else ""


def _kinds(groups: Groups) -> str:
    counts = {name: Counter(kind for one in group for kind in _kinds_of(one)) for name, group in groups.items()}
    listed = [*KINDS, *sorted({kind for of_group in counts.values() for kind in of_group} - set(KINDS))]
    rows = [(kind, *(of_group[kind] for of_group in counts.values())) for kind in listed]
    note = "How many questions have a mistake of the kind; one may have several.\n\n"
    return f"### Mistakes by kind\n\n{note}{table(('mistake', *counts), rows)}"


def _kinds_of(result: Result) -> list[str]:
    if result.verdict == "right":
        return []
    return list(dict.fromkeys([*result.record.get("mistakes", ()), result.verdict]))


def _published() -> str:
    note = (
        "Published for spoken questions of the same leaderboard, longer ones among them (arXiv 2512.20156). They were not "
        "measured here, and are of other items: no comparison.\n\n"
    )
    rows = [(name, f"{single:.2f} %", f"{parallel:.2f} %") for name, (single, parallel) in PUBLISHED.items()]
    return f"### Beside published results\n\n{note}{table(('model', 'single', 'parallel'), rows)}"


def _mistakes(results: Sequence[Result]) -> str:
    """By kind, each with its questions."""
    wrong = sorted((result for result in results if result.verdict != "right"), key=lambda result: result.verdict)
    rows = [
        (one.verdict, one.id, one.facts["text"], one.record.get("heard", ""), one.why or one.record.get("said", ""))
        for one in wrong[:SHOWN]
    ]
    columns = ("mistake", "item", "said", "heard", "why, or the answer")
    return f"### Mistakes\n\n{len(wrong)} of {len(results)} questions; {len(rows)} of them:\n\n{table(columns, rows)}"
