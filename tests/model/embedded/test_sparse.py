"""Sparse rows: the same columns and products as scikit-learn's and scipy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction import FeatureHasher
from sklearn.preprocessing import normalize

from vivavoce.model.embedded.routing.sparse import SparseRows

pytestmark = pytest.mark.unit
NAMES = st.lists(st.lists(st.text(max_size=12), max_size=12, unique=True), min_size=1, max_size=4)


@given(NAMES, st.sampled_from([1 << 4, 1 << 15]))
def test_names_are_hashed_as_scikit_learn_hashes_them(rows, width):
    theirs = FeatureHasher(width, input_type="string").transform(rows)
    ours = SparseRows.hashed(rows, width)
    assert np.array_equal(ours.matrix().toarray(), theirs.toarray())
    assert np.allclose(ours.of_length(2.0).matrix().toarray(), 2.0 * normalize(theirs).toarray(), atol=1e-7)


@given(NAMES)
def test_products_are_those_of_the_matrix(rows):
    rng = np.random.default_rng(len(rows))
    dense = rng.normal(size=(len(rows), 3)).astype(np.float32)
    dense[0] = 0.0
    weights = rng.normal(size=(5, 3 + 64)).astype(np.float32)
    both = SparseRows.hashed(rows, 64).after(dense)
    theirs = hstack([csr_matrix(dense), FeatureHasher(64, input_type="string").transform(rows)], format="csr")
    assert np.array_equal(both.matrix().toarray(), theirs.toarray())
    assert np.allclose(both.times(weights), theirs @ weights.T, atol=1e-5)


def test_half_a_character_is_a_name_like_any():
    assert SparseRows.hashed([["\ud83d"]], 64).columns[0].size == 1


@given(NAMES, NAMES)
def test_rows_are_stored_and_joined_as_they_are(rows, more):
    one, other = SparseRows.hashed(rows, 64), SparseRows.hashed(more, 64).of_length(2.0)
    both = SparseRows.joined([one, other])
    stored = SparseRows.of(both.arrays, 64)
    assert stored.width == 64
    assert np.allclose(stored.dense(), np.vstack([one.dense(), other.dense()]), atol=1e-6)
    assert np.array_equal(stored.dense(), stored.matrix().toarray())


@pytest.mark.parametrize(
    "damage",
    [
        {"lengths": np.array([1])},
        {"values": np.array([1.0], np.float32)},
        {"columns": np.array([0, 64], np.int32)},
        {"columns": np.array([-1, 0], np.int32)},
    ],
)
def test_rows_of_another_kind_are_refused(damage):
    arrays = {"columns": np.array([0, 1], np.int32), "values": np.ones(2, np.float32), "lengths": np.array([1, 1])}
    assert len(SparseRows.of(arrays, 64).columns) == 2
    with pytest.raises(ValueError, match="no such rows"):
        SparseRows.of(arrays | damage, 64)
    with pytest.raises(KeyError):
        SparseRows.of({}, 64)
