"""Chooses a tool by what was said: logistic regression over the tools' example utterances.

Two views of an utterance stand side by side: its embedding, which knows other words of the same meaning but reads English
only, and its runs of up to three words. Chinese needs no segmentation: its runs are of characters, of their syllables, for
which both scripts and homophones are one, and of syllables without what speakers and recognisers confuse.

It learns from whatever tools are registered, each user's own included; a tool without examples is left to `described`.
What needs a tool that the agent lacks is a label as well. Fitted weights are kept on disk, keyed by the examples and the
embedder.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from vivavoce.core.language.words import HAN, is_in_pairs
from vivavoce.core.messages import ToolSpec
from vivavoce.core.protocols import TextEmbedder
from vivavoce.model.embedded.routing.classifier import Classifier
from vivavoce.model.embedded.routing.keeping import kept
from vivavoce.model.embedded.routing.sparse import SparseRows
from vivavoce.model.embedded.wording.mishearing import alike, misheard, syllables_of
from vivavoce.model.embedded.wording.plain import as_sentence, plain

NO_TOOL = "none"
BEYOND = "beyond"  # what needs a tool that is not there
REGULARISATION = 10.0  # inverse strength; unit vectors want little
FORMAT = 9
MISHEARD = 2  # further copies of a Chinese example, as a recogniser might write it
RUN_LENGTH = 3
REACTIONS = 4.0  # how much likelier talk about a tool's subject is after its answer: thanks, doubts, "say that again"
HASHED = 1 << 16  # columns that runs of words share
RUNS_WEIGHT = 2.0  # length of the vector of runs; the embedding has length 1
CHINESE = re.compile(rf"[{HAN}]+")
ENGLISH = re.compile(rf"[^\W_{HAN}]+(?:'[a-z]+)?")


@dataclass(frozen=True, slots=True)
class Route:
    """A label (a tool's name, `NO_TOOL` or `BEYOND`) and its probability in [0, 1]."""

    label: str
    probability: float


class IntentRouter:
    """Fitted once by `fit`, asked by `route`. Blocking, about 10 ms.

    chat: utterances that need no tool. beyond: those that need one that no agent has of its own. lacking: by the name of a
    tool, those that are such where an agent lacks it.
    """

    def __init__(
        self,
        embedder: TextEmbedder,
        chat: Sequence[str],
        cache_dir: Path,
        beyond: Sequence[str] = (),
        lacking: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._embedder = embedder
        self._chat, self._beyond, self._lacking = chat, beyond, lacking or {}
        self._cache_dir = cache_dir
        self._model: Classifier | None = None
        self._fitted_for: tuple[ToolSpec, ...] | None = None
        self._learning = Lock()

    def fit(self, tools: Sequence[ToolSpec]) -> None:
        """Learn from the tools' examples, or load what was learnt from the same ones before."""
        if self._fitted_for == tuple(tools):  # the same specs, turn after turn
            return
        groups = self._groups(tools)
        key = hashlib.sha256(json.dumps([FORMAT, self._embedder.id, groups]).encode()).hexdigest()[:24]
        with self._learning:
            model, width = None, self._embedder.dimension + HASHED
            if len({label for label, _ in groups}) > 1:
                stored = self._cache_dir / f"router-{key}.npz"
                model = kept(stored, lambda: self._learn(groups).arrays, lambda arrays: Classifier.of(arrays, width))
            self._model, self._fitted_for = model, tuple(tools)

    def _groups(self, tools: Sequence[ToolSpec]) -> list[tuple[str, Sequence[str]]]:
        """Labels with utterances; what is learnt of each group is kept by itself."""
        groups = [(tool.name, [example.utterance for example in tool.examples]) for tool in tools]
        groups += [(NO_TOOL, self._chat), (BEYOND, self._beyond)]
        names = {tool.name for tool in tools}
        groups += [(BEYOND, utterances) for name, utterances in self._lacking.items() if name not in names]
        return [(label, utterances) for label, utterances in groups if utterances]

    def _learn(self, groups: Sequence[tuple[str, Sequence[str]]]) -> Classifier:
        rows = [self._examples(utterances) for _, utterances in groups]
        labels = [label for (label, _), of_group in zip(groups, rows, strict=True) for _ in of_group.columns]
        return Classifier.fit(SparseRows.joined(rows), labels, strength=REGULARISATION, balanced=True)

    def _examples(self, utterances: Sequence[str]) -> SparseRows:
        """Features of a group's examples, and of Chinese ones as a recogniser might write them.

        Each group's are kept by themselves: what takes long is not done again where an agent has further tools.
        """
        key = hashlib.sha256(json.dumps([FORMAT, self._embedder.id, utterances]).encode()).hexdigest()[:24]
        width = self._embedder.dimension + HASHED
        stored = self._cache_dir / f"examples-{key}.npz"
        return kept(
            stored,
            lambda: self._features([*_variants(utterances)]).arrays,
            lambda arrays: SparseRows.of(arrays, width),
        )

    def _features(self, utterances: Sequence[str]) -> SparseRows:
        """Embedding, then runs of words: (len(utterances), dimension + HASHED). A part that says nothing is zero."""
        meanings = np.zeros((len(utterances), self._embedder.dimension), np.float32)
        readable = [row for row, utterance in enumerate(utterances) if not is_in_pairs(utterance)]
        if readable:
            meanings[readable] = self._embedder.embed([as_sentence(utterances[row]) for row in readable])
        return hashed_runs(utterances).of_length(RUNS_WEIGHT).after(meanings)

    def route(self, utterance: str, after: str = "") -> Route:
        """The most probable label. after: tool of the turn before, whose answer this may be a reaction to."""
        if self._model is None:
            return Route(NO_TOOL, 0.0)
        labels = self._model.labels
        chances = self._model.probabilities(self._features([plain(utterance)]))[0]
        if labels[int(chances.argmax())] == after and NO_TOOL in labels:
            chances[labels.index(NO_TOOL)] *= REACTIONS
            chances /= chances.sum()
        best = int(chances.argmax())
        return Route(labels[best], float(chances[best]))


def _variants(utterances: Sequence[str]) -> Iterator[str]:
    """What is learnt of examples: each once, and Chinese ones as a recogniser might write them too."""
    for said in dict.fromkeys(map(plain, utterances)):
        yield said
        if is_in_pairs(said):
            yield from (misheard(said, copy) for copy in range(MISHEARD))


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
