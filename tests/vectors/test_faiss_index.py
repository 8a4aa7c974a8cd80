"""What every vector index must do, on each of them; and how good the approximate one must be."""

from threading import Lock

import numpy as np
import pytest

from vivavoce.core.store.vector_index import ExactIndex, Probing, best
from vivavoce.vectors.faiss_index import FaissIndexes

pytestmark = pytest.mark.unit
ROWS, D, CLIPS = 12_000, 32, 10
INDEXES = FaissIndexes()


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def vectors():
    """Clips of speakers around a common mean, ten each."""
    rng = np.random.default_rng(0)
    speakers = np.repeat(rng.normal(size=(ROWS // CLIPS, D)) + 1.0, CLIPS, axis=0)
    return unit(speakers + rng.normal(0, 0.3, (ROWS, D)))


@pytest.fixture(scope="module")
def inverted(vectors):
    return INDEXES.build(vectors, np.ones(ROWS, bool))


@pytest.fixture(params=["exact", "inverted"])
def index(request, vectors, inverted):
    if request.param == "exact":
        return ExactIndex(vectors)
    return FaissIndexes(gathered_rows=16).searcher(vectors, inverted[0], inverted[1], Lock())


def truth(vectors, query, k, allowed):
    rows = np.flatnonzero(allowed)
    return set(best(rows, vectors[rows] @ query, k)[0].tolist())


@pytest.mark.parametrize("share", [1.0, 0.5, 0.05, 0.001])
def test_only_allowed_rows_are_found_best_first_with_their_cosines(index, vectors, share):
    allowed = np.random.default_rng(1).random(ROWS) < share
    for query in vectors[:: ROWS // 20]:
        rows, cosines = index.search(query, 10, allowed)
        assert allowed[rows].all()
        assert rows.size == min(10, np.count_nonzero(allowed))
        assert (np.diff(cosines) <= 0).all()
        assert np.allclose(cosines, vectors[rows] @ query, atol=1e-5)
        assert np.allclose(index.cosines(query, rows), cosines, atol=1e-5)


def test_nothing_allowed_finds_nothing_and_more_than_there_is_finds_all(index, vectors):
    nobody, few = np.zeros(ROWS, bool), np.zeros(ROWS, bool)
    few[[3, 5, 9_000]] = True
    assert index.search(vectors[0], 10, nobody)[0].size == 0
    assert set(index.search(vectors[0], 10, few)[0].tolist()) == {3, 5, 9_000}


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_another_clip_of_a_speaker_and_a_stranger_find_their_nearest(vectors, inverted, share):
    rng = np.random.default_rng(2)
    allowed = rng.random(ROWS) < share
    searcher = INDEXES.searcher(vectors, inverted[0], inverted[1], Lock())
    again = unit(vectors[rng.choice(ROWS, 100)] + rng.normal(0, 0.03, (100, D)))
    strangers = unit(rng.normal(size=(100, D)) + 1.0)
    for queries in (again, strangers):
        shared = [len(set(searcher.search(q, 10, allowed)[0].tolist()) & truth(vectors, q, 10, allowed)) for q in queries]
        assert np.mean(shared) >= 9.7


def test_who_is_far_from_everybody_is_looked_for_longer(vectors, inverted, monkeypatch):
    index, probing, recall = inverted
    assert probing.few < probing.many
    assert recall > 0.98
    looked = []
    searcher = INDEXES.searcher(vectors, index, probing, Lock())
    near = searcher._near
    monkeypatch.setattr(searcher, "_near", lambda *args: looked.append(args[-1]) or near(*args))
    everybody = np.ones(ROWS, bool)
    searcher.search(vectors[0], 10, everybody)
    assert looked == [probing.few + 1]
    looked.clear()
    searcher.search(unit(np.random.default_rng(3).normal(size=(1, D)))[0], 10, everybody)
    assert looked == [probing.few + 1, min(index.nlist, probing.many + 1)]


def test_rows_after_the_last_of_an_index_are_found_before_and_after_it_is_extended(vectors, tmp_path):
    index, probing, _ = INDEXES.build(vectors[:8_000], np.ones(8_000, bool))
    everybody = np.ones(ROWS, bool)
    for _ in range(2):
        searcher = INDEXES.searcher(vectors, index, probing, Lock())
        for row in (8_000, 11_999):
            assert searcher.search(vectors[row], 1, everybody)[0].tolist() == [row]
        INDEXES.extend(index, vectors)
    (tmp_path / "index").write_bytes(INDEXES.serialised(index))
    again = INDEXES.read(tmp_path / "index")
    assert again.ntotal == ROWS
    assert INDEXES.searcher(vectors, again, Probing(8, 8, 0.0), Lock()).search(vectors[5], 1, everybody)[0].tolist() == [5]


def test_a_state_that_is_older_than_the_index_sees_only_its_own_rows(vectors, inverted):
    older = vectors[:9_000]
    searcher = INDEXES.searcher(older, inverted[0], inverted[1], Lock())
    for query in vectors[9_000:9_020]:
        assert (searcher.search(query, 10, np.ones(9_000, bool))[0] < 9_000).all()


@pytest.mark.parametrize("dimension", [26, 27])
def test_vectors_of_any_length_can_be_indexed(dimension):
    rng = np.random.default_rng(4)
    vectors = unit(rng.normal(size=(2_000, dimension)))
    index, probing, _ = INDEXES.build(vectors, np.ones(2_000, bool))
    found = INDEXES.searcher(vectors, index, probing, Lock()).search(vectors[7], 1, np.ones(2_000, bool))[0]
    assert found.tolist() == [7]
