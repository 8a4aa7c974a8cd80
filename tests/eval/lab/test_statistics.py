from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.eval.lab.statistics import (
    bootstrap,
    detectable_difference,
    divide,
    holm,
    kappa,
    mcnemar,
    mean,
    paired_difference,
    percentile,
    share,
    wilson,
)

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_intervals_of_newcombe_1998(right, count, low, high):
    found = wilson(right, count)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
    assert found.value == right / count


def test_mcnemar_counts_only_where_two_systems_differ():
    one = [1.0] * 11 + [0.0] + [1.0] * 50
    other = [0.0] * 11 + [1.0] + [1.0] * 50
    assert mcnemar(one, other) == pytest.approx(2 * (1 + 12) / 2**12)
    assert mcnemar(other, one) == mcnemar(one, other)
    assert mcnemar([1.0, 0.0], [1.0, 0.0]) == 1.0


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_keeps_the_order_and_never_lowers_a_value(values):
    corrected = holm(values)
    assert all(value <= new <= 1.0 for value, new in zip(values, corrected, strict=True))
    order = sorted(range(len(values)), key=values.__getitem__)
    assert all(corrected[a] <= corrected[b] for a, b in pairwise(order))


def test_kappa_is_agreement_beyond_chance():
    one = ["yes"] * 20 + ["yes"] * 5 + ["no"] * 10 + ["no"] * 15
    other = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert kappa(one, other) == pytest.approx(0.4)
    assert kappa(["a", "a"], ["a", "a"]) == 1.0


def test_what_shares_its_luck_widens_the_interval():
    values = [float(cluster % 2) for cluster in range(20) for _ in range(10)]
    clusters = [str(cluster) for cluster in range(20) for _ in range(10)]
    alone, together = mean(values), mean(values, clusters)
    assert alone.value == together.value == 0.5
    assert together.high - together.low > 2.5 * (alone.high - alone.low)
    as_one_each = mean(values[::10])
    assert together.high - together.low == pytest.approx(as_one_each.high - as_one_each.low, abs=0.06)


def test_a_paired_difference_forgets_what_is_hard_for_both():
    rng = np.random.default_rng(0)
    hard = rng.normal(size=300)
    found = paired_difference((hard + 0.1).tolist(), hard.tolist())
    assert found.value == pytest.approx(0.1)
    assert found.high - found.low < 1e-9


def test_the_detectable_difference_shrinks_with_the_square_root_of_the_pairs():
    rng = np.random.default_rng(1)
    one, other = rng.integers(0, 2, 400).astype(float), rng.integers(0, 2, 400).astype(float)
    spread = np.std(one - other, ddof=1)
    assert detectable_difference(one.tolist(), other.tolist()) == pytest.approx(
        (1.959964 + 0.841621) * spread / 20, rel=1e-4
    )
    assert detectable_difference([1.0], [0.0]) == float("inf")


def test_mcnemar_gives_what_is_published_for_the_approval_ratings():
    """Agresti, Categorical Data Analysis, 2nd edition, table 10.1; p of the package exact2x2 of R."""
    before = [1.0] * (794 + 150) + [0.0] * (86 + 570)
    after = [1.0] * 794 + [0.0] * 150 + [1.0] * 86 + [0.0] * 570
    assert mcnemar(before, after) == pytest.approx(3.716e-5, rel=1e-3)


def test_the_bootstrap_gives_what_is_published_for_the_law_schools():
    """Efron and Tibshirani, An Introduction to the Bootstrap, table 3.1: correlation .776, standard error .132."""
    lsat = [576, 635, 558, 578, 666, 580, 555, 661, 651, 605, 653, 575, 545, 572, 594]
    gpa = [3.39, 3.30, 2.81, 3.03, 3.44, 3.07, 3.00, 3.43, 3.36, 3.13, 3.12, 2.74, 2.76, 2.88, 2.96]
    drawn = []

    def correlation(picked):
        drawn.append(float(np.corrcoef(np.array(lsat)[picked], np.array(gpa)[picked])[0, 1]))
        return drawn[-1]

    estimate = bootstrap(len(lsat), correlation)
    assert estimate.value == pytest.approx(0.776, abs=5e-4)
    assert np.std(drawn[:-1], ddof=1) == pytest.approx(0.132, abs=0.01)


def test_what_is_repeated_proves_no_more():
    one, other = [1.0] * 6 + [0.0] * 14, [0.0] * 20
    questions = [str(at) for at in range(20)]
    for times in (1, 3):
        again = (one * times, other * times, questions * times)
        assert mcnemar(*again) == pytest.approx(2 / 2**6)
        assert detectable_difference(*again) == pytest.approx(detectable_difference(one, other, questions))
        assert share(one * times, questions * times).high == pytest.approx(wilson(6, 20).high, abs=0.06)
        assert share([1.0] * 20 * times, questions * times).low == pytest.approx(wilson(20, 20).low)


def test_clusters_that_lean_both_ways_cancel():
    assert mcnemar([1.0, 0.0, 1.0], [0.0, 1.0, 0.0], ["a", "a", "b"]) == 1.0
    assert mcnemar([1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0], ["a", "a", "b", "b"]) == pytest.approx(0.5)


def test_that_no_pair_differs_does_not_mean_that_any_difference_would_show():
    assert detectable_difference([1.0] * 50, [1.0] * 50) > 0.05


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30), st.floats(0, 100))
def test_percentiles_are_numpys(values, of):
    found = percentile(values, of)
    assert found.value == pytest.approx(np.percentile(values, of), abs=1e-6)
    assert found.low <= found.high


def test_a_threshold_divides_what_should_pass_from_what_should_not():
    found = divide([0.6, 0.8, 0.9], [0.1, 0.3])
    assert 0.3 < found.best <= 0.6
    at = found.thresholds.tolist().index(0.7)
    assert (found.passed[at], found.leaked[at]) == (pytest.approx(2 / 3), 0.0)
    assert (found.passed[0], found.leaked[0]) == (1.0, 1.0)
    with pytest.raises(ValueError, match="two kinds"):
        divide([0.5], [])
