"""Softmax regression: fitted by scikit-learn, used without it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vivavoce.core.protocols import FloatMatrix
from vivavoce.model.embedded.routing.keeping import Arrays
from vivavoce.model.embedded.routing.sparse import SparseRows

ITERATIONS, TOLERANCE = 2000, 1e-3


@dataclass(frozen=True, slots=True)
class Classifier:
    """labels: their names, sorted. weights: (labels, features + 1), the last column is the bias."""

    labels: tuple[str, ...]
    weights: FloatMatrix

    @staticmethod
    def fit(features: SparseRows, wanted: Sequence[str], *, strength: float, balanced: bool = False) -> "Classifier":
        """Learn from rows of features and their labels, of which there are two or more.

        strength: inverse of the regularisation. balanced: whether rare labels count as much as common ones.
        """
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(
            C=strength, class_weight="balanced" if balanced else None, max_iter=ITERATIONS, tol=TOLERANCE
        )
        model.fit(features.matrix(), wanted)
        coefficients, bias = np.asarray(model.coef_), np.asarray(model.intercept_)
        if len(model.classes_) == 2:  # scikit-learn keeps one row for two classes
            coefficients, bias = np.vstack([-coefficients, coefficients]) / 2, np.concatenate([-bias, bias]) / 2
        return Classifier(tuple(map(str, model.classes_)), np.hstack([coefficients, bias[:, None]]).astype(np.float32))

    def probabilities(self, features: SparseRows) -> FloatMatrix:
        """Of each row and label: (rows, labels)."""
        scores = features.times(self.weights[:, :-1]) + self.weights[:, -1]
        odds = np.exp(scores - scores.max(1, keepdims=True))
        return odds / odds.sum(1, keepdims=True)

    @property
    def arrays(self) -> Arrays:
        """What `of` reads."""
        return {"labels": np.array(self.labels), "weights": self.weights}

    @staticmethod
    def of(arrays: Arrays, features: int) -> "Classifier":
        """What was stored of a classifier of so many features.

        Raises:
            KeyError, ValueError: it is not that.
        """
        labels, weights = tuple(map(str, arrays["labels"])), np.asarray(arrays["weights"], np.float32)
        if weights.shape != (len(labels), features + 1) or not np.isfinite(weights).all():
            raise ValueError("these are no weights of such a classifier")
        return Classifier(labels, weights)
