from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.eval.statistics import detectable_difference, holm, kappa, mcnemar, mean, paired_difference, wilson


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
