"""Chooses a tool by what was said: logistic regression over the tools' example utterances.

Two views of an utterance stand side by side: its embedding, which knows other words of the same meaning but reads English
only, and its runs of up to three words. Chinese counts as syllables of its pinyin: no segmentation, one spelling for both
scripts, and what a recogniser confuses sounds the same.

It learns from whatever tools are registered, each user's own included; a tool without examples is left to the language
model. Fitted weights are kept on disk, keyed by the examples and the embedder.
"""

import hashlib
import json
import re
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.durable import write_atomic
from vivavoce.core.lexemes import is_in_pairs
from vivavoce.core.messages import ToolSpec
from vivavoce.core.protocols import FloatMatrix, TextEmbedder

NO_TOOL = "none"
REGULARISATION = 100.0  # inverse strength; unit vectors want little
FORMAT = 2
RUN_LENGTH = 3
HASHED = 1 << 14  # columns that runs of words share
CHINESE = re.compile(r"[\u3400-\u9fff]+")
ENGLISH = re.compile(r"[^\W_\u3400-\u9fff]+(?:'[a-z]+)?")


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
        self._labels: list[str] = []
        self._weights: FloatMatrix = np.zeros((0, 0), np.float32)  # (labels, dimension + HASHED + 1), the last is the bias
        self._fitted_on = ""

    def fit(self, tools: Sequence[ToolSpec]) -> None:
        """Learn from the tools' examples, or load what was learnt from the same ones before."""
        pairs = [(example.utterance, tool.name) for tool in tools for example in tool.examples]
        pairs += [(utterance, NO_TOOL) for utterance in self._chat_examples]
        key = hashlib.sha256(json.dumps([FORMAT, self._embedder.id, pairs]).encode()).hexdigest()[:24]
        if key == self._fitted_on:
            return
        self._labels = sorted({label for _, label in pairs})
        stored = self._cache_dir / f"router-{key}.npy"
        if len(self._labels) > 1 and not self._load(stored):
            self._weights = self._train(pairs)
            buffer = BytesIO()
            np.save(buffer, self._weights, allow_pickle=False)
            write_atomic(stored, buffer.getvalue())
        self._fitted_on = key

    def _load(self, path: Path) -> bool:
        try:
            weights = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return False
        if weights.shape != (len(self._labels), self._embedder.dimension + HASHED + 1) or not np.isfinite(weights).all():
            return False
        self._weights = weights
        return True

    def _train(self, pairs: Sequence[tuple[str, str]]) -> FloatMatrix:
        from scipy.sparse import csr_matrix
        from sklearn.linear_model import LogisticRegression

        features = csr_matrix(self._features([utterance for utterance, _ in pairs]))
        model = LogisticRegression(C=REGULARISATION, class_weight="balanced", max_iter=2000)
        model.fit(features, [label for _, label in pairs])
        coefficients, bias = np.asarray(model.coef_), np.asarray(model.intercept_)
        if len(self._labels) == 2:  # sklearn keeps one row for two classes
            coefficients, bias = np.vstack([-coefficients, coefficients]) / 2, np.concatenate([-bias, bias]) / 2
        return np.hstack([coefficients, bias[:, None]]).astype(np.float32)

    def _features(self, utterances: Sequence[str]) -> FloatMatrix:
        """Embedding, then runs of words: float32 (len(utterances), dimension + HASHED). A part that says nothing is zero."""
        dimension = self._embedder.dimension
        features = np.zeros((len(utterances), dimension + HASHED), np.float32)
        readable = [row for row, utterance in enumerate(utterances) if not is_in_pairs(utterance)]
        if readable:
            features[readable, :dimension] = self._embedder.embed([utterances[row] for row in readable])
        for row, utterance in enumerate(utterances):
            features[row, dimension:] = hashed_runs(utterance)
        return features

    def route(self, utterance: str) -> Route:
        """The most probable label."""
        if len(self._labels) < 2:
            return Route(NO_TOOL, 0.0)
        scores = self._weights @ np.append(self._features([utterance])[0], np.float32(1.0))
        odds = np.exp(scores - scores.max())
        best = int(odds.argmax())
        return Route(self._labels[best], float(odds[best] / odds.sum()))


def hashed_runs(utterance: str) -> NDArray[np.float32]:
    """A unit vector (HASHED,) of the runs of words in an utterance, by signed hashing (Weinberger et al. 2009)."""
    vector = np.zeros(HASHED, np.float32)
    for run in sorted(set(_runs(utterance))):
        number = zlib.crc32(" ".join(run).encode())
        vector[number % HASHED] += 1.0 if number >> 31 else -1.0
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector


def _runs(utterance: str) -> Iterator[tuple[str, ...]]:
    """Runs of up to three words or syllables, with the borders of what was said; no border by itself."""
    text = unicodedata.normalize("NFKC", utterance).lower().replace("\u2019", "'")
    for words in (ENGLISH.findall(text), _syllables(text)):
        bordered = ["^", *words, "$"] if words else []
        for length in range(1, RUN_LENGTH + 1):
            for start in range(len(bordered) - length + 1):
                run = tuple(bordered[start : start + length])
                if run not in (("^",), ("$",)):
                    yield run


def _syllables(text: str) -> list[str]:
    from pypinyin import lazy_pinyin

    # "you" is a word of both languages
    return [f"{syllable}~" for run in CHINESE.findall(text) for syllable in lazy_pinyin(run)]
