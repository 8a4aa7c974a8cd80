"""Softmax regression: fitted by scikit-learn, kept on disk as numbers alone."""

import logging
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from vivavoce.core.durable import discard, write_atomic
from vivavoce.core.errors import StoreError, reason
from vivavoce.core.protocols import FloatMatrix

logger = logging.getLogger(__name__)
ITERATIONS, TOLERANCE = 2000, 1e-3
KEPT = 16  # files that begin alike


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

    @staticmethod
    def kept(path: Path, labels: Sequence[str], features: int, learn: Callable[[], "Classifier"]) -> "Classifier":
        """What is stored for these labels and as many features; else what is learnt, and stored for the next time.

        Of files whose names begin alike only the newest are kept. A disk that refuses costs no more than the time to learn.
        """
        if (found := _load(path, labels, features)) is not None:
            return found
        logger.info("learning from examples, once: %s", path.name.split("-")[0])
        learnt = learn()
        buffer = BytesIO()
        np.savez(buffer, labels=np.array(learnt.labels), weights=learnt.weights)
        try:
            write_atomic(path, buffer.getvalue())
            alike = path.parent.glob(f"{path.name.split('-')[0]}-*{path.suffix}")
            for old in sorted(alike, key=lambda file: file.stat().st_mtime, reverse=True)[KEPT:]:
                discard(old)
        except (StoreError, OSError) as error:
            logger.warning("what was learnt cannot be kept, so it will be learnt again: %s", reason(error))
        return learnt


def _load(path: Path, labels: Sequence[str], features: int) -> Classifier | None:
    """None where there is no such file, or it is damaged or another's."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = Classifier(tuple(map(str, stored["labels"])), np.asarray(stored["weights"], np.float32))
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return None  # RuntimeError: of compression that the package does not know
    fits = found.labels == tuple(labels) and found.weights.shape == (len(labels), features + 1)
    return found if fits and bool(np.isfinite(found.weights).all()) else None
