"""Chooses a tool by the embedding of what was said: logistic regression over the tools' example utterances.

It learns from whatever tools are registered, each user's own included; a tool without examples is left to the language
model. Fitted weights are kept on disk, keyed by the examples and the embedder.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from vivavoce.core.durable import write_atomic
from vivavoce.core.messages import ToolSpec
from vivavoce.core.protocols import FloatMatrix, TextEmbedder

NO_TOOL = "none"
REGULARISATION = 20.0  # inverse strength; unit vectors want little
FORMAT = 1


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
        self._weights: FloatMatrix = np.zeros((0, 0), np.float32)  # (labels, dimension + 1), the last column is the bias
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
        if weights.shape != (len(self._labels), self._embedder.dimension + 1) or not np.isfinite(weights).all():
            return False
        self._weights = weights
        return True

    def _train(self, pairs: Sequence[tuple[str, str]]) -> FloatMatrix:
        from sklearn.linear_model import LogisticRegression

        vectors = self._embedder.embed([utterance for utterance, _ in pairs])
        model = LogisticRegression(C=REGULARISATION, class_weight="balanced", max_iter=2000)
        model.fit(vectors, [label for _, label in pairs])
        coefficients, bias = np.asarray(model.coef_), np.asarray(model.intercept_)
        if len(self._labels) == 2:  # sklearn keeps one row for two classes
            coefficients, bias = np.vstack([-coefficients, coefficients]) / 2, np.concatenate([-bias, bias]) / 2
        return np.hstack([coefficients, bias[:, None]]).astype(np.float32)

    def route(self, utterance: str) -> Route:
        """The most probable label."""
        if len(self._labels) < 2:
            return Route(NO_TOOL, 0.0)
        vector = np.append(self._embedder.embed([utterance])[0], np.float32(1.0))
        scores = self._weights @ vector
        odds = np.exp(scores - scores.max())
        best = int(odds.argmax())
        return Route(self._labels[best], float(odds[best] / odds.sum()))
