"""How well the grounding check tells supported sentences from unsupported ones, beside two baselines; and its fitting."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from vivavoce.core.errors import ConfigError
from vivavoce.core.protocols import TextEmbedder
from vivavoce.eval.grounding.claims import ANSWERS, NO_CLAIM, WRITTEN, LabelledClaim
from vivavoce.eval.lab.statistics import Estimate, area_under_roc, bootstrap, mean
from vivavoce.retrieval.grounding.check import SUPPORTED, SentenceGrounding, read
from vivavoce.retrieval.grounding.features import FEATURES
from vivavoce.retrieval.grounding.words import sentences

METHODS = ("grounding", "cosine", "word overlap")
FALSE_FLAGS = 0.05  # of the supported claims written for fitting; every method's threshold allows as many
SHARES = {WRITTEN: 1.0, ANSWERS: 0.05}  # weight of one claim in the fit: ours are few, but like what is checked
RIDGE = 1.0

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Scored:
    """A claim with the support that each method finds, the passage that the check names and its reason."""

    claim: LabelledClaim
    support: dict[str, float]
    passage: int
    why: str
    milliseconds: float


@dataclass(frozen=True, slots=True)
class GroundingReport:
    """What was found on held-out claims.

    estimates: by set, method and measure; precision, recall and F1 are those of "unsupported". kinds: by kind of written
    claim and method, the share that is flagged. passage: how often the check names the right passage of a supported
    claim. milliseconds: of a check whose passages are known, median and 95th percentile.
    """

    scored: tuple[Scored, ...]
    thresholds: dict[str, float]
    estimates: dict[str, dict[str, dict[str, Estimate]]]
    kinds: dict[str, dict[str, Estimate]]
    passage: Estimate
    milliseconds: tuple[float, float]


def measure(
    embedder: TextEmbedder, claims: Sequence[LabelledClaim], progress: Callable[[], None], threshold: float = SUPPORTED
) -> GroundingReport:
    """Check every claim, with the thresholds of the baselines set as the check's was.

    Raises:
        ConfigError: one of the parts of the written claims is empty.
    """
    check = SentenceGrounding(embedder, threshold)
    scored: list[Scored] = []
    for claim in claims:
        scored.append(_score(check, claim))
        progress()
    chosen = [one for one in scored if one.claim.set == WRITTEN and not one.claim.held_out and _is_claim(one)]
    held_out = [one for one in scored if one.claim.held_out and _is_claim(one)]
    if not any(one.claim.supported for one in chosen) or not any(one.claim.set == WRITTEN for one in held_out):
        raise ConfigError("measuring needs written claims for fitting and held-out ones; see claims.tsv")
    thresholds = {name: allowing(chosen, name) for name in METHODS} | {METHODS[0]: threshold}
    sets = list(dict.fromkeys(one.claim.set for one in held_out))
    by_set = {name: [one for one in held_out if one.claim.set == name] for name in sets}
    right = [one.passage == one.claim.right for one in by_set[WRITTEN] if one.claim.supported]
    times = np.quantile([one.milliseconds for one in scored if one.claim.set == WRITTEN], [0.5, 0.95])
    return GroundingReport(
        tuple(scored),
        thresholds,
        {
            name: {method: _estimates(group, method, thresholds[method]) for method in METHODS}
            for name, group in by_set.items()
        },
        _by_kind([one for one in scored if one.claim.held_out and one.claim.set == WRITTEN], thresholds),
        mean(right),
        (float(times[0]), float(times[1])),
    )


def allowing(scored: Sequence[Scored], method: str) -> float:
    """The threshold that flags ``FALSE_FLAGS`` of the supported claims."""
    return float(np.quantile([one.support[method] for one in scored if one.claim.supported], FALSE_FLAGS))


def _is_claim(one: Scored) -> bool:
    return one.claim.kind != NO_CLAIM


def _score(check: SentenceGrounding, claim: LabelledClaim) -> Scored:
    check.compare("Passages are read before the clock starts.", claim.passages)
    start = perf_counter()
    found = check.check(claim.text, claim.passages, claim.question)
    taken = 1000 * (perf_counter() - start)
    cosine = max(one.cosine for one in check.compare(claim.text, claim.passages, claim.question))
    support = {"grounding": found.support, "cosine": cosine, "word overlap": _overlap(claim)}
    return Scored(claim, support, found.passage, found.why, taken)


def _overlap(claim: LabelledClaim) -> float:
    """The share of a claim's content words, numbers and dates that the best of its passages has."""
    said, _ = read(claim.text, claim.question)
    items = [*said.whole.stems, *said.whole.values]
    has = [[one.whole.words | one.whole.values for one in sentences(passage.text)] for passage in claim.passages]
    shared = [sum(any(item in words for words in rows) for item in items) for rows in has]
    return max(shared) / len(items) if items else 1.0


def _estimates(scored: Sequence[Scored], method: str, threshold: float) -> dict[str, Estimate]:
    wrong = np.array([not one.claim.supported for one in scored])
    support = np.array([one.support[method] for one in scored])
    flagged = support < threshold
    return {
        "precision": bootstrap(len(scored), lambda at: _ratio(wrong[at] & flagged[at], flagged[at])),
        "recall": bootstrap(len(scored), lambda at: _ratio(wrong[at] & flagged[at], wrong[at])),
        "F1": bootstrap(len(scored), lambda at: _f1(wrong[at], flagged[at])),
        "false flags": bootstrap(len(scored), lambda at: _ratio(~wrong[at] & flagged[at], ~wrong[at])),
        "AUROC": area_under_roc(list(-support[wrong]), list(-support[~wrong])),
    }


def _ratio(part: Flags, whole: Flags) -> float:
    return float(part.sum() / max(whole.sum(), 1))


def _f1(wrong: Flags, flagged: Flags) -> float:
    return float(2 * (wrong & flagged).sum() / max(wrong.sum() + flagged.sum(), 1))


def _by_kind(scored: Sequence[Scored], thresholds: dict[str, float]) -> dict[str, dict[str, Estimate]]:
    groups: dict[str, list[Scored]] = {}
    for one in scored:
        groups.setdefault(f"{'+' if one.claim.supported else '-'} {one.claim.kind}", []).append(one)
    return {
        name: {method: mean([one.support[method] < thresholds[method] for one in group]) for method in METHODS}
        for name, group in sorted(groups.items())
    }


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights as they stand in retrieval/grounding.py. threshold: from scores of passages that were left out of the fit."""

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


def _logistic(rows: Numbers, right: Flags, shares: Numbers) -> tuple[Numbers, float]:
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
    """Fit again and print what belongs into retrieval/grounding.py."""
    from vivavoce.app.console import print_json
    from vivavoce.core.settings import load_settings
    from vivavoce.eval.grounding.claims import all_claims
    from vivavoce.retrieval.embedder import MiniLMEmbedder

    settings = load_settings()
    print_json(asdict(fit(MiniLMEmbedder(1), all_claims(settings.home / "cache"))))


if __name__ == "__main__":
    main()
