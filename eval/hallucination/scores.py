"""A turn as scores: what the answer is, and what it rests on."""

from collections.abc import Mapping, Sequence
from typing import Any

from vivavoce.agent import Turn
from vivavoce.core.passage import Passage, Provenance
from vivavoce.eval.hallucination.matcher import Verdict, judge
from vivavoce.eval.hallucination.sets import Question
from vivavoce.eval.lab.lab import Item, Result

# The score of CRAG (Yang et al. 2024, arXiv 2406.04744, section 4): to be wrong is worse than not to answer.
CRAG = {"correct": 1.0, "abstained": 0.0, "incorrect": -1.0}
OUTCOMES = ("correct", "abstained", "incorrect")
AT_WORST: Mapping[str, float] = {"correct": 0.0, "abstained": 0.0, "incorrect": 1.0, "CRAG score": -1.0}


def result_of(
    item: Item, question: Question, turn: Turn, record: Mapping[str, Any], found: Sequence[Passage], holds_all: bool
) -> Result:
    """One answer. found: what a search finds for the question as it was heard. holds_all: whether the index has rivals."""
    verdict = judge(question.text, turn.answer_text, question.right, question.wrong)
    read = [passage for call in turn.tool_calls for passage in call.output.passages]
    scores = scores_of_answer(verdict) | scores_of_passages(question.passages, turn.provenance)
    if holds_all:
        scores |= scores_of_search(question.passages, read, found)
    return Result(item.id, item.cluster, item.facts, scores, verdict.outcome, verdict.why, record)


def scores_of_answer(verdict: Verdict) -> dict[str, float]:
    """What the answer is worth."""
    scores = {outcome: float(verdict.outcome == outcome) for outcome in OUTCOMES}
    scores |= {"CRAG score": CRAG[verdict.outcome]}
    if verdict.outcome != "abstained":
        scores |= {"correct given attempted": scores["correct"], "overlap": verdict.overlap}
    return scores


def scores_of_passages(right: Sequence[str], provenance: Sequence[Provenance]) -> dict[str, float]:
    """faithful: the share of sentences that a passage supports. citations: of those, whose passage is a right one."""
    if not provenance:
        return {}
    cited = [known.passage.source in right for known in provenance if known.passage is not None]
    scores = {"faithful": sum(known.supported for known in provenance) / len(provenance)}
    return scores | ({"citation precision": sum(cited) / len(cited)} if cited else {})


def scores_of_search(right: Sequence[str], read: Sequence[Passage], found: Sequence[Passage]) -> dict[str, float]:
    """Whether the right passage was found first, among the first five, and handed to the model."""
    sources = [passage.source for passage in found]
    return {
        "R@1": float(any(source in right for source in sources[:1])),
        "R@5": float(any(source in right for source in sources[:5])),
        "right passage read": float(any(passage.source in right for passage in read)),
    }
