"""Fits the grounding check (`retrieval.grounding.check`) on the claims that are not held out.

    python -m vivavoce.eval.grounding.fit

Prints the constants that stand in `retrieval/grounding/check.py`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from vivavoce.core.errors import ConfigError
from vivavoce.core.protocols import TextEmbedder
from vivavoce.eval.grounding.claims import ANSWERS, FALSE_FLAGS, NO_CLAIM, SETS, WRITTEN, LabelledClaim, claims_of
from vivavoce.eval.lab.statistics import Estimate, Numbers, area_under_roc
from vivavoce.retrieval.grounding.check import SentenceGrounding
from vivavoce.retrieval.grounding.features import FEATURES

SHARES = {WRITTEN: 1.0, ANSWERS: 0.05}  # weight of one claim in the fit: ours are few, but like what is checked
RIDGE = 1.0


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights as they stand in the check. threshold: from scores of passages that were left out of the fit."""

    bias: float
    weights: dict[str, float]
    threshold: float
    left_out: Estimate


def fit(embedder: TextEmbedder, claims: Sequence[LabelledClaim]) -> Fitted:
    """Fit on the claims that are not held out; threshold and AUROC by leaving out one written passage after the other.

    Raises:
        ConfigError: there is nothing to fit on.
    """
    check = SentenceGrounding(embedder)
    used = [one for one in claims if not one.held_out and one.kind != NO_CLAIM and one.set in SHARES]
    written = [number for number, one in enumerate(used) if one.set == WRITTEN]
    if not written:
        raise ConfigError("fitting needs written claims; see claims.tsv")
    rows = [np.array([one.row for one in check.compare(claim.text, claim.passages, claim.question)]) for claim in used]
    own = np.array([beside[claim.right] for beside, claim in zip(rows, used, strict=True)])
    right = np.array([claim.supported for claim in used])
    shares = np.array([SHARES[claim.set] for claim in used])
    groups = np.array([claim.group for claim in used])
    scores = np.zeros(len(used))
    for group in sorted({used[number].group for number in written}):
        kept = groups != group
        weights, bias = _logistic(own[kept], right[kept], shares[kept])
        for number in np.flatnonzero(~kept):
            scores[number] = 1 / (1 + np.exp(-(rows[number] @ weights + bias).max()))
    weights, bias = _logistic(own, right, shares)
    good, bad = ([scores[number] for number in written if right[number] == side] for side in (True, False))
    named: dict[str, float] = dict(zip(FEATURES, (round(float(weight), 3) for weight in weights), strict=True))
    return Fitted(round(bias, 3), named, float(np.quantile(good, FALSE_FLAGS)), area_under_roc(good, bad))


def _logistic(rows: Numbers, right: NDArray[np.bool_], shares: Numbers) -> tuple[Numbers, float]:
    """Logistic regression with a ridge on the scaled weights, none of which may be positive: (weights, bias)."""
    scale = rows.std(axis=0) + 1e-9
    scaled, sign = rows / scale, np.where(right, 1.0, -1.0)

    def loss(at: Numbers) -> tuple[float, Numbers]:
        margin = sign * (scaled @ at[:-1] + at[-1])
        slope = -sign * shares / (1 + np.exp(margin))
        value = shares @ np.logaddexp(0, -margin) + RIDGE * at[:-1] @ at[:-1] / 2
        return float(value), np.append(scaled.T @ slope + RIDGE * at[:-1], slope.sum())

    bounds = [(None, 0.0)] * rows.shape[1] + [(None, None)]
    found = minimize(loss, np.zeros(rows.shape[1] + 1), jac=True, bounds=bounds, method="L-BFGS-B")
    return found.x[:-1] / scale, float(found.x[-1])


def main() -> None:
    """Entry point."""
    from vivavoce.app.console import print_json
    from vivavoce.app.parts import open_embedder
    from vivavoce.core.settings import load_settings

    settings = load_settings()
    claims = [claim for name in SETS for claim in claims_of(name, settings.home / "cache" / "eval")]
    print_json(asdict(fit(open_embedder(settings), claims)))


if __name__ == "__main__":
    main()
