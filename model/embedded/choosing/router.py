"""Chooses a tool by what was said: logistic regression over the tools' example utterances.

Two views of an utterance stand side by side: its embedding, which knows other words of the same meaning but reads English
only, and its runs of up to three words. Chinese needs no segmentation: its runs are of characters, of their syllables, for
which both scripts and homophones are one, and of syllables without what speakers and recognisers confuse.

It learns from whatever tools are registered, each user's own included; a tool without examples is left to the language
model. Fitted weights are kept on disk, keyed by the examples and the embedder.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from vivavoce.core.language.words import HAN, is_in_pairs
from vivavoce.core.messages import ToolSpec
from vivavoce.core.protocols import TextEmbedder
from vivavoce.model.embedded.choosing.classifier import Classifier
from vivavoce.model.embedded.choosing.keeping import kept
from vivavoce.model.embedded.choosing.mishearing import alike, misheard, syllables_of
from vivavoce.model.embedded.choosing.sparse import SparseRows

NO_TOOL = "none"
REGULARISATION = 30.0  # inverse strength; unit vectors want little
FORMAT = 5
MISHEARD = 2  # further copies of a Chinese example, as a recogniser might write it
RUN_LENGTH = 3
REACTIONS = 4.0  # how much likelier talk about a tool's subject is after its answer: thanks, doubts, "say that again"
HASHED = 1 << 16  # columns that runs of words share
RUNS_WEIGHT = 2.0  # length of the vector of runs; the embedding has length 1
CHINESE = re.compile(rf"[{HAN}]+")
ENGLISH = re.compile(rf"[^\W_{HAN}]+(?:'[a-z]+)?")


@dataclass(frozen=True, slots=True)
class Route:
    """A label (a tool's name or `NO_TOOL`) and its probability in [0, 1]."""

    label: str
    probability: float


class IntentRouter:
    """Fitted once by `fit`, asked by `route`. Blocking, about 10 ms."""

    def __init__(self, embedder: TextEmbedder, chat_examples: Sequence[str], cache_dir: Path) -> None:
        self._embedder = embedder
        self._chat_examples = tuple(chat_examples)
        self._cache_dir = cache_dir
        self._model: Classifier | None = None
        self._fitted_for: tuple[ToolSpec, ...] | None = None
        self._learning = Lock()

    def fit(self, tools: Sequence[ToolSpec]) -> None:
        """Learn from the tools' examples, or load what was learnt from the same ones before."""
        if self._fitted_for == tuple(tools):  # the same specs, turn after turn
            return
        pairs = [(example.utterance, tool.name) for tool in tools for example in tool.examples]
        pairs += [(utterance, NO_TOOL) for utterance in self._chat_examples]
        key = hashlib.sha256(json.dumps([FORMAT, self._embedder.id, pairs]).encode()).hexdigest()[:24]
        with self._learning:
            model, width = None, self._embedder.dimension + HASHED
            if len({label for _, label in pairs}) > 1:
                stored = self._cache_dir / f"router-{key}.npz"
                model = kept(stored, lambda: self._learn(pairs).arrays, lambda arrays: Classifier.of(arrays, width))
            self._model, self._fitted_for = model, tuple(tools)

    def _learn(self, pairs: Sequence[tuple[str, str]]) -> Classifier:
        utterances: dict[str, list[str]] = {}
        for utterance, label in pairs:
            utterances.setdefault(label, []).append(utterance)
        rows = {label: self._examples(of_label) for label, of_label in utterances.items()}
        labels = [label for label, of_label in rows.items() for _ in of_label.columns]
        return Classifier.fit(SparseRows.joined(tuple(rows.values())), labels, strength=REGULARISATION, balanced=True)

    def _examples(self, utterances: Sequence[str]) -> SparseRows:
        """Features of a label's examples, and of Chinese ones as a recogniser might write them.

        Each label's are kept by themselves: what takes long is not done again where an agent has further tools.
        """
        heard = [misheard(said, copy) for said in utterances if is_in_pairs(said) for copy in range(MISHEARD)]
        key = hashlib.sha256(json.dumps([FORMAT, self._embedder.id, utterances]).encode()).hexdigest()[:24]
        width = self._embedder.dimension + HASHED
        stored = self._cache_dir / f"examples-{key}.npz"
        return kept(
            stored,
            lambda: self._features([*utterances, *heard]).arrays,
            lambda arrays: SparseRows.of(arrays, width),
        )

    def _features(self, utterances: Sequence[str]) -> SparseRows:
        """Embedding, then runs of words: (len(utterances), dimension + HASHED). A part that says nothing is zero."""
        meanings = np.zeros((len(utterances), self._embedder.dimension), np.float32)
        readable = [row for row, utterance in enumerate(utterances) if not is_in_pairs(utterance)]
        if readable:
            meanings[readable] = self._embedder.embed([utterances[row] for row in readable])
        return hashed_runs(utterances).of_length(RUNS_WEIGHT).after(meanings)

    def route(self, utterance: str, after: str = "") -> Route:
        """The most probable label. after: tool of the turn before, whose answer this may be a reaction to."""
        if self._model is None:
            return Route(NO_TOOL, 0.0)
        labels = self._model.labels
        chances = self._model.probabilities(self._features([utterance]))[0]
        if labels[int(chances.argmax())] == after and NO_TOOL in labels:
            chances[labels.index(NO_TOOL)] *= REACTIONS
            chances /= chances.sum()
        best = int(chances.argmax())
        return Route(labels[best], float(chances[best]))


def hashed_runs(utterances: Sequence[str]) -> SparseRows:
    """Runs of words: (len(utterances), HASHED)."""
    return SparseRows.hashed([{" ".join(run) for run in _runs(utterance)} for utterance in utterances], HASHED)


def _runs(utterance: str) -> Iterator[tuple[str, ...]]:
    """Runs of up to three words in each of the ways to cut what was said, with its borders; no border by itself."""
    text = unicodedata.normalize("NFKC", utterance).lower().replace("\u2019", "'")
    chinese = CHINESE.findall(text)
    syllables = syllables_of(chinese)
    confused = [alike(syllable) for syllable in syllables]
    marked = [f"{syllable}~" for syllable in syllables]  # "you" is a word of both languages
    for words in (ENGLISH.findall(text), list("".join(chinese)), marked, confused):
        bordered = ["^", *words, "$"] if words else []
        for length in range(1, RUN_LENGTH + 1):
            for start in range(len(bordered) - length + 1):
                run = tuple(bordered[start : start + length])
                if run not in (("^",), ("$",)):
                    yield run
