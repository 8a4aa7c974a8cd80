"""Sentences labelled as supported by passages or not: three sets.

"written": `claims.tsv`, each claim beside its passage and four others. "halueval answers": right and hallucinated
answers of HaluEval (Li et al. 2023, arXiv 2305.11747) of at most eight words, as many right as hallucinated ones of each
length, since in the whole set length alone tells them apart. "halueval responses": its dialogues, where right responses
often say what is not in the given knowledge, so that no check can be perfect there.
"""

import hashlib
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vivavoce.core.errors import ConfigError
from vivavoce.core.passage import Passage
from vivavoce.eval.lab.set_files import rows_of
from vivavoce.eval.retrieval.corpora import halueval_rows

CLAIMS = Path(__file__).with_name("claims.tsv")
NOTHING = "-"
NO_CLAIM = "no claim"  # a kind: sentences that need no support
WRITTEN, ANSWERS, RESPONSES = "written", "halueval answers", "halueval responses"
SETS = (WRITTEN, ANSWERS, RESPONSES)
BESIDE = 5  # passages that a written claim is checked against
MAX_WORDS = 8
LIMIT = 1_200  # claims taken of each HaluEval set
FALSE_FLAGS = 0.05  # of the supported claims written for fitting; every method's threshold allows as many
GLUED = re.compile(r"(?<=[a-z0-9)][.!?])(?=[A-Z])|(?<=[a-z0-9)])(?=[A-Z][a-z]+ )")
TURN = re.compile(r"\[(?:Human|Assistant)\]:")


@dataclass(frozen=True, slots=True)
class LabelledClaim:
    """A sentence and whether it is supported. right: index of the passage it is about. group: what is split as a whole."""

    set: str
    kind: str
    question: str
    text: str
    passages: tuple[Passage, ...]
    right: int
    supported: bool
    held_out: bool
    group: str


def claims_of(name: str, cache: Path) -> list[LabelledClaim]:
    """One of the three sets.

    Raises:
        ConfigError: there is no such set.
        WeightsError: HaluEval cannot be downloaded, or is not the pinned file.
    """
    if name == WRITTEN:
        return read_claims()
    if name == ANSWERS:
        return answers(halueval_rows(cache))
    if name == RESPONSES:
        return responses(halueval_rows(cache, "dialogue"))
    raise ConfigError(f"there is no set {name!r}; choose {', '.join(SETS)}")


def read_claims(path: Path = CLAIMS) -> list[LabelledClaim]:
    """The written claims; each beside its passage and the four that follow in the same part, its own in any place.

    Raises:
        ConfigError: a line has another form or names no passage.
    """
    rows = list(rows_of(path))
    places = {name: (part, Passage(text, name, title)) for _, name, part, title, text in _only(rows, "passage")}
    claims: list[LabelledClaim] = []
    for number, (_, name, label, kind, question, text) in enumerate(_only(rows, "claim")):
        if name not in places or label not in ("+", "-"):
            raise ConfigError(f"{path.name}: the claim {text!r} names no passage or has no label")
        part = places[name][0]
        names = [other for other in places if places[other][0] == part]
        start = names.index(name)
        beside = [names[(start + step) % len(names)] for step in range(min(BESIDE, len(names)))]
        right = number % len(beside)
        beside = [*beside[1 : right + 1], name, *beside[right + 1 :]]
        found = tuple(places[other][1] for other in beside)
        asked = "" if question == NOTHING else question
        claims.append(LabelledClaim(WRITTEN, kind, asked, text, found, right, label == "+", part != "fit", name))
    return claims


def _only(rows: Sequence[tuple[str, list[str]]], kind: str) -> Iterator[list[str]]:
    fields = {"passage": 5, "claim": 6}
    for where, row in rows:
        if len(row) != fields.get(row[0], 0):
            raise ConfigError(f"{where}: a line of {len(row)} fields begins with {row[0]!r}; see the first lines")
        if row[0] == kind:
            yield row


def answers(rows: Sequence[dict[str, str]], limit: int = LIMIT) -> list[LabelledClaim]:
    """Answers to HaluEval's questions, of each length as many right ones as hallucinated ones."""
    shuffled = random.Random(0).sample(rows, len(rows))
    of: dict[tuple[int, bool], list[LabelledClaim]] = {}
    for row in shuffled:
        for supported, field in ((True, "right_answer"), (False, "hallucinated_answer")):
            words = len(row[field].split())
            claim = _halueval(ANSWERS, row, row["question"], row[field], supported=supported)
            of.setdefault((words, supported), []).append(claim)
    claims: list[LabelledClaim] = []
    for words in range(1, MAX_WORDS + 1):
        both = of.get((words, True), []), of.get((words, False), [])
        count = min(map(len, both))
        claims += [claim for side in both for claim in side[:count]]
    return random.Random(0).sample(claims, min(limit, len(claims)))


def responses(rows: Sequence[dict[str, str]], limit: int = LIMIT) -> list[LabelledClaim]:
    """A right and a hallucinated response to each of HaluEval's dialogues; the question is what was said last."""
    return [
        _halueval(RESPONSES, row, TURN.split(row["dialogue_history"])[-1], row[field], supported=supported)
        for row in random.Random(0).sample(rows, min(limit // 2, len(rows)))
        for supported, field in ((True, "right_response"), (False, "hallucinated_response"))
    ]


def _halueval(set_: str, row: dict[str, str], question: str, text: str, *, supported: bool) -> LabelledClaim:
    passage = Passage(GLUED.sub(" " if set_ == ANSWERS else ". ", row["knowledge"].strip()), set_, "")
    held_out = set_ == RESPONSES or hashlib.sha256(question.encode()).digest()[0] >= 128
    return LabelledClaim(set_, "", question.strip(), text.strip(), (passage,), 0, supported, held_out, question)
