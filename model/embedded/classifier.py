"""Softmax regression: fitted by scikit-learn, kept on disk as numbers alone."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from vivavoce.core.durable import write_atomic
from vivavoce.core.protocols import FloatMatrix

ITERATIONS, TOLERANCE = 2000, 1e-3


@dataclass(frozen=True, slots=True)
class Classifier:
    """labels: their names, sorted. weights: (labels, features + 1), the last column is the bias."""

    labels: tuple[str, ...]
    weights: FloatMatrix

    @staticmethod
    def fit(features: Any, wanted: Sequence[str], *, strength: float, balanced: bool = False) -> "Classifier":  # noqa: ANN401
        """Learn from rows of features, dense or sparse, and their labels, of which there are two or more.

        strength: inverse of the regularisation. balanced: whether rare labels count as much as common ones.
        """
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(
            C=strength, class_weight="balanced" if balanced else None, max_iter=ITERATIONS, tol=TOLERANCE
        )
        model.fit(features, wanted)
        coefficients, bias = np.asarray(model.coef_), np.asarray(model.intercept_)
        if len(model.classes_) == 2:  # scikit-learn keeps one row for two classes
            coefficients, bias = np.vstack([-coefficients, coefficients]) / 2, np.concatenate([-bias, bias]) / 2
        return Classifier(tuple(map(str, model.classes_)), np.hstack([coefficients, bias[:, None]]).astype(np.float32))

    def probabilities(self, features: Any) -> FloatMatrix:  # noqa: ANN401 - dense or sparse
        """Of each row and label: (rows, labels)."""
        scores = np.asarray(features @ self.weights[:, :-1].T) + self.weights[:, -1]
        odds = np.exp(scores - scores.max(1, keepdims=True))
        return odds / odds.sum(1, keepdims=True)

    def save(self, path: Path) -> None:
        """Write to a file, which holds the checksums of a zip archive."""
        buffer = BytesIO()
        np.savez(buffer, labels=np.array(self.labels), weights=self.weights)
        write_atomic(path, buffer.getvalue())

    @staticmethod
    def load(path: Path, labels: Sequence[str], features: int) -> "Classifier | None":
        """What `save` wrote; None where there is none for these labels and as many features, or it is damaged."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                found = Classifier(tuple(map(str, stored["labels"])), np.asarray(stored["weights"], np.float32))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        fits = found.labels == tuple(labels) and found.weights.shape == (len(labels), features + 1)
        return found if fits and bool(np.isfinite(found.weights).all()) else None
