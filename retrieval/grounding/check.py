"""Whether a sentence of an answer is supported by one of the passages it was made from.

A logistic regression over features that speak against support (`features`): the sentence means something else than
every sentence of the passage, has words, numbers, days or names the passage has not, says yes where the passage says no, or
puts things together that stand apart there. No weight is positive, so likeness alone never makes up for a wrong number. The
idea is that of feature-based textual entailment (MacCartney et al. 2006, "Learning to recognize features of valid textual
entailments"), with sentence embeddings (Reimers and Gurevych 2019) in place of a parser.

What it finds and misses is measured by `vivavoce eval grounding`; it reads English.
"""

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.passage import Grounding, Passage
from vivavoce.core.protocols import TextEmbedder
from vivavoce.retrieval.grounding.features import FEATURES, Claim, Compared, Evidence, Row, compare
from vivavoce.retrieval.grounding.words import MAX_CHARS, PERIODS, Sentence, sentence, sentences

# Fitted by `python -m vivavoce.eval.grounding.fit`.
BIAS = 2.733
WEIGHTS = {
    "unlike": -5.987,
    "very unlike": -2.774,
    "unknown words": -1.511,
    "unknown answer": -4.907,
    "absent values": -4.472,
    "absent periods": -0.925,
    "values elsewhere": -1.302,
    "another value": -4.936,
    "absent names": -2.339,
    "contradiction": -5.393,
    "substitution": -5.057,
    "separated": -3.492,
}
SUPPORTED = 0.27  # below it stand 5 % of the supported sentences of passages left out of the fit

MAX_CLAIM_CHARS = 1_000
REMEMBERED = 4_096  # sentences of passages whose vectors are kept, 1.5 KB each
ALONE = 4  # content words and values that a sentence needs to be a claim without its question
WHY = {
    "unlike": "no passage says anything like it",
    "very unlike": "no passage says anything like it",
    "unknown words": "no passage says all of it",
    "unknown answer": "no passage says all of it",
    "absent values": "{value} is not in the passage",
    "absent periods": "{value} is not in the passage",
    "values elsewhere": "{value} is said of something else",
    "another value": "{value} is not what the passage says",
    "absent names": "{name} is not in the passage",
    "contradiction": "the passage says the opposite",
    "separated": "the passage says it of something else",
    "substitution": "the passage says it of something else",
}
LEAD_IN = re.compile(
    r"^(?:(?:well|so|sorry|okay|sure|i am not sure|i'm not sure),?\s+(?:but\s+)?)?"
    r"(?:(?:according to|as stated in)\s+(?:the|my|your)\s+[^,:]{1,80}(?:,\s+pages?\s+[\d-]+)?[,:]\s+"
    r"|(?:the|my|your)\s+(?:[\w-]+\s+){1,4}(?:says?|states?)\s+(?:that\s+)?)?",
    re.IGNORECASE,
)
YES_OR_NO = re.compile(r"^(yes|no)(?:\s*[,.;!-]\s*|$)", re.IGNORECASE)
QUESTION_VERB = re.compile(
    r"^(?:is|are|was|were|do|does|did|can|could|may|must|will|would|should|has|have)\s+", re.IGNORECASE
)
FOUND_NOTHING = re.compile(
    r"\b(?:could|can|did|was|were|am)(?:n['’]t|not| not)(?: been)?(?: able to)? (?:find|answer|tell|help)\b"
    r"|\b(?:documents?|passages?|sources?|manual|guide|text) (?:do|does|did)(?:n['’]t| not) (?:say|mention|contain|tell)\b"
    r"|\bthere(?:['’]s| is| was) (?:nothing|no (?:information|passage|mention|answer)) (?:about|on|of)\b",
    re.IGNORECASE,
)
FILLER = frozenset(  # stems of what is said around an answer
    [
        "hello", "hi", "hey", "good", "morn", "afternoon", "even", "day", "night", "thank", "thanks", "welcom",
        "pleas", "moment", "wait", "second", "sorri", "unfortun", "glad", "happi", "help", "hope", "let", "look",
        "check", "search", "find", "found", "answer", "know", "sure", "tell", "see", "great", "okay", "ok",
        "cours", "bye", "goodby", "question", "not", "don", "t",
    ]
)  # fmt: skip


class SentenceGrounding:
    """Implements `GroundingCheck`. May be called from several threads."""

    def __init__(self, embedder: TextEmbedder, threshold: float = SUPPORTED) -> None:
        self._embedder = embedder
        self._threshold = threshold
        self._lock = Lock()
        self._vectors: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    def check(self, sentence: str, passages: Sequence[Passage], question: str = "") -> Grounding:
        """See `GroundingCheck.check`. A sentence that claims nothing is supported, by no passage.

        Raises:
            ModelError: the embedder failed.
        """
        if claims_nothing(sentence, question):
            return Grounding(1.0, -1, True, "")
        if not passages:
            return Grounding(0.0, -1, False, "there is no passage")
        found = self.compare(sentence, passages, question)
        support = [support_of(one.row) for one in found]
        best = int(np.argmax(support))
        supported = support[best] >= self._threshold
        return Grounding(support[best], best, supported, "" if supported else _why(found[best]))

    def compare(self, sentence: str, passages: Sequence[Passage], question: str = "") -> list[Compared]:
        """The features of a sentence beside each passage; what the weights are fitted on."""
        said, asked = read(sentence, question)
        text = f"{asked.text} {said.text}" if asked else said.text
        claim = Claim(said, asked, self._embedder.embed([text])[0])
        return [compare(claim, one) for one in self._evidence(passages)]

    def _evidence(self, passages: Sequence[Passage]) -> list[Evidence]:
        cut = [sentences(passage.text) for passage in passages]
        with self._lock:
            new = list(dict.fromkeys(one.text for all_ in cut for one in all_ if one.text not in self._vectors))
            self._vectors.update(zip(new, self._embedder.embed(new) if new else (), strict=True))
            for one in (one for all_ in cut for one in all_):
                self._vectors.move_to_end(one.text)
            vectors = [np.array([self._vectors[one.text] for one in all_], np.float32) for all_ in cut]
            while len(self._vectors) > REMEMBERED:
                self._vectors.popitem(last=False)
        context = (sentence(f"{passage.title}. {passage.heading}"[:MAX_CHARS]).whole.words for passage in passages)
        return [Evidence(*one) for one in zip(cut, context, vectors, strict=True)]


def support_of(row: Row) -> float:
    """How likely a sentence with these features (len(FEATURES),) is supported, in [0, 1]."""
    against = BIAS + float(row @ np.array([WEIGHTS[name] for name in FEATURES]))
    return float(1 / (1 + np.exp(-against)))


def claims_nothing(text: str, question: str = "") -> bool:
    """Whether a sentence needs no support: a greeting, a question back, "I could not find that", "The manual says:"."""
    text = text.strip()
    if text.endswith(("?", ":", "？", "：")):
        return True
    if question and YES_OR_NO.match(text):
        return False
    whole = sentence(text[:MAX_CLAIM_CHARS]).whole
    return whole.values <= PERIODS and (bool(FOUND_NOTHING.search(text)) or set(whole.stems) <= FILLER)


def read(text: str, question: str) -> tuple[Sentence, Sentence | None]:
    """A sentence of an answer as the claim it makes, with the question where the sentence cannot be understood alone.

    "Yes, you may." claims what was asked, "No." denies it.
    """
    text = LEAD_IN.sub("", text.strip()[:MAX_CLAIM_CHARS])
    question = question.strip()[:MAX_CLAIM_CHARS]
    answer = YES_OR_NO.match(text)
    said = sentence(text[answer.end() :] if answer else text)
    if answer and question and len(said.whole.stems) < 2 and not said.whole.values:
        asked = sentence(QUESTION_VERB.sub("", question))
        return (_refused(asked) if answer.group(1).lower() == "no" else asked), None
    alone = not question or len(said.whole.stems) + len(said.whole.values) >= ALONE
    return said, None if alone else sentence(question)


def _refused(one: Sentence) -> Sentence:
    clauses = tuple(replace(clause, denied=clause.words - clause.denied, refused=True) for clause in one.clauses)
    return replace(one, clauses=clauses, whole=replace(one.whole, denied=one.whole.words - one.whole.denied, refused=True))


def _why(found: Compared) -> str:
    """What weighs most against the sentence."""
    worst = FEATURES[int(np.argmin(found.row * np.array([WEIGHTS[name] for name in FEATURES])))]
    value = f"the number {found.value}" if found.value[:1].isdigit() else found.value.capitalize()
    return WHY[worst].format(value=value, name=found.name)
