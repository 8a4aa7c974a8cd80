"""What a run of the hallucination lab says: shares by arm, differences between arms, and what answers rest on."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vivavoce.eval.hallucination.scores import OUTCOMES
from vivavoce.eval.lab.compare import COLUMNS, Difference, as_rows
from vivavoce.eval.lab.judge import agreement
from vivavoce.eval.lab.lab import Result, scores_of
from vivavoce.eval.lab.page import Page, table
from vivavoce.eval.lab.plots import BLUE, GREY, RED, forest, stacked_bars
from vivavoce.eval.lab.statistics import (
    Estimate,
    detectable_difference,
    holm,
    mcnemar,
    mean,
    paired_difference,
    share,
)

BASE = "closed-book"
PAIRS = (("rag", "oracle"), ("rag+web", "rag"), ("rag+web", "web"), ("rag", "rag-asked"), ("rag", "rag-first"))
COMPARED = ("correct", "incorrect")
ANSWERS = (*OUTCOMES, "CRAG score", "correct given attempted", "overlap")
RESTS_ON = ("faithful", "citation precision", "right passage read", "R@1", "R@5")
BINARY = (*OUTCOMES, "correct given attempted", "right passage read", "R@1", "R@5")
OUTCOME_COLOURS = (BLUE, GREY, RED)
EXAMPLES = 3  # of each outcome in each arm
SHOWN_CHARS = 240
METHOD = """Every question is asked once in every arm, with the same recording, and the arms are compared question by
question. Answers are judged by the rules of `eval/hallucination/matcher.py`: an answer is **correct**
if it contains a right answer and chooses it where the question names it; it has **abstained** if it says
that it does not know and claims nothing else; else it is **incorrect**, which is what is called a
hallucination here. What contains the right answer may say more: *overlap* is the F1 of words with it, and
low where a whole passage is read out. CRAG score: 1 for correct, 0 for abstained, -1 for incorrect,
averaged. *faithful*: the share of sentences that a retrieved passage supports, by the product's own check.
*citation precision*: of these, the share whose passage is a right one. *right passage read*: whether the
tool handed it to the model. R@k: whether it is among the first k of a search for the question as it was
heard. Intervals are of 95 % and resample the passages that questions are about; shares of which all are
alike have Wilson's. p is of the exact McNemar test, corrected by Holm over all differences of a set. An
interval without width means that no question differed, not that none could."""


@dataclass(frozen=True, slots=True)
class Compared:
    """How much higher an arm is than another. The difference's metric names what is compared."""

    arm: str
    other: str
    difference: Difference


def hallucination_page(results: Sequence[Result], about: Mapping[str, str]) -> Page:
    """The report. about: what each arm is."""
    sets = list(dict.fromkeys(str(result.facts["set"]) for result in results))
    summary: dict[str, Estimate] = {}
    pictures: dict[str, bytes] = {}
    parts = [METHOD + "\n\n"]
    for number, name in enumerate(sets):
        arms = _by_arm([result for result in results if result.facts["set"] == name])
        compared = differences(arms)
        summary |= {f"{name}: {one.difference.metric}": one.difference.difference for one in compared}
        summary |= {
            f"{name}, {arm}: {metric}": estimate
            for arm, found in arms.items()
            for metric, estimate in estimates(found, ANSWERS + RESTS_ON).items()
        }
        pictures |= _pictures(number, name, arms, compared)
        parts.append(_section(number, name, arms, compared, about))
    judged = agreement([(result.verdict, result.record) for result in results], OUTCOMES, "answers")
    return Page("Hallucination", summary, "".join(parts) + judged, pictures)


def _by_arm(results: Sequence[Result]) -> dict[str, list[Result]]:
    arms: dict[str, list[Result]] = {}
    for result in results:
        arms.setdefault(str(result.facts["arm"]), []).append(result)
    return arms


def estimates(results: Sequence[Result], metrics: Sequence[str]) -> dict[str, Estimate]:
    """Means with their intervals, of the metrics that apply."""
    found: dict[str, Estimate] = {}
    for metric in metrics:
        values, clusters = scores_of(results, metric)
        if values:
            found[metric] = share(values, clusters) if metric in BINARY else mean(values, clusters)
    return found


def differences(arms: Mapping[str, Sequence[Result]]) -> list[Compared]:
    """Every arm against the closed book, and the pairs that say what a part adds; p corrected over all of them."""
    pairs = [(arm, BASE) for arm in arms if arm != BASE and BASE in arms]
    pairs += [(arm, other) for arm, other in PAIRS if arm in arms and other in arms]
    found: list[Compared] = []
    for metric in COMPARED:
        for arm, other in pairs:
            high, low, clusters = _paired(arms[arm], arms[other], metric)
            if high:
                difference = paired_difference(high, low, clusters)
                name = f"{metric}, {arm} - {other}"
                detectable = detectable_difference(high, low, clusters)
                found.append(Compared(arm, other, Difference(name, difference, mcnemar(high, low, clusters), detectable)))
    corrected = holm([one.difference.p or 0.0 for one in found])
    return [
        Compared(one.arm, one.other, Difference(d.metric, d.difference, p, d.detectable))
        for one, p in zip(found, corrected, strict=True)
        for d in [one.difference]
    ]


def _paired(one: Sequence[Result], other: Sequence[Result], metric: str) -> tuple[list[float], list[float], list[str]]:
    """A metric on both sides of the questions that both have, and their clusters."""
    before = {_question(result): result for result in other}
    pairs = [(result, before[_question(result)]) for result in one if _question(result) in before]
    return [a.scores[metric] for a, _ in pairs], [b.scores[metric] for _, b in pairs], [a.cluster for a, _ in pairs]


def _question(result: Result) -> tuple[str, object]:
    return str(result.facts["question_id"]), result.facts["seed"]


def _pictures(
    number: int, name: str, arms: Mapping[str, Sequence[Result]], compared: Sequence[Compared]
) -> dict[str, bytes]:
    shares = {
        arm: {outcome: sum(result.scores[outcome] for result in found) / len(found) for outcome in OUTCOMES}
        for arm, found in arms.items()
    }
    pictures = {f"arms-{number}.png": stacked_bars(shares, f"Answers to {name}", "share of questions", OUTCOME_COLOURS)}
    if compared:
        rows = {one.difference.metric: one.difference.difference for one in compared}
        pictures[f"differences-{number}.png"] = forest(rows, f"Differences between arms, {name}", "difference of shares")
    return pictures


def _section(
    number: int,
    name: str,
    arms: Mapping[str, Sequence[Result]],
    compared: Sequence[Compared],
    about: Mapping[str, str],
) -> str:
    asked = Counter(str(result.record.get("asked", "not asked")) for found in arms.values() for result in found)
    parts = [f"## {name}\n\n", f"Questions: {', '.join(f'{count} {how}' for how, count in asked.most_common())}.\n\n"]
    parts.append(table(("arm", "what it knows"), [(arm, about.get(arm, "")) for arm in arms]))
    webs = {str(result.record["web"]) for found in arms.values() for result in found if "web" in result.record}
    parts += [f"The web: {web}.\n\n" for web in sorted(webs)]
    if headline := next((one for one in compared if (one.arm, one.other) == ("rag", BASE)), None):
        parts.append(f"**{headline.difference.metric}: {headline.difference.difference}.**\n\n")
    parts += [f"![answers by arm](arms-{number}.png)\n\n", _table(arms, ANSWERS)]
    if compared:
        parts.append(f"### Differences between arms\n\n![differences between arms](differences-{number}.png)\n\n")
        parts.append(table(("arms", *COLUMNS[1:]), as_rows([one.difference for one in compared])))
    if any("faithful" in result.scores or "R@1" in result.scores for found in arms.values() for result in found):
        parts.append("### What answers rest on\n\n" + _table(arms, RESTS_ON))
    columns = ("arm", "outcome", "question", "heard", "answer", "why")
    parts.append("### Examples\n\n" + table(columns, [row for arm in arms.items() for row in _examples(*arm)]))
    return "".join(parts)


def _table(arms: Mapping[str, Sequence[Result]], metrics: Sequence[str]) -> str:
    rows = {arm: estimates(found, metrics) for arm, found in arms.items()}
    shown = [metric for metric in metrics if any(metric in row for row in rows.values())]
    return table(("arm", *shown), [(arm, *(row.get(metric, "") for metric in shown)) for arm, row in rows.items() if row])


def _examples(arm: str, results: Sequence[Result]) -> Iterator[tuple[str, ...]]:
    for outcome in (*OUTCOMES, "failed"):
        for result in [result for result in results if result.verdict == outcome][:EXAMPLES]:
            heard, answer = str(result.record.get("heard", "")), str(result.record.get("answer_text", ""))
            yield arm, outcome, str(result.facts["question"]), heard, answer[:SHOWN_CHARS], result.why
