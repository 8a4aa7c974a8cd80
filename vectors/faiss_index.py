"""The nearest of many vectors by FAISS's inverted file, among the rows that may be found."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.store.vector_index import (
    ExactIndex,
    Found,
    Mask,
    Matrix,
    Probing,
    Progress,
    Rows,
    Vector,
    VectorIndex,
    best,
)

faiss: Any = import_module("faiss")  # its types are wrong about keyword arguments

REFINED, LEAST_REFINED = 2, 400  # candidates per wanted hit, and at least, that are compared again by their full vectors
LIST_ROWS = 256  # rows per list of the inverted file, about
TRAINED_ON = 40  # rows per list that the lists are learnt from
GOOD_RECALL = 0.995
WINDOW = 20  # trials of like cosine that are judged together
JUDGED = 10  # hits by which recall is measured, and by which a search sees that it is among its like
WIDE = 4 * JUDGED  # who wants more hits wants those that lie further away


@dataclass(frozen=True, slots=True)
class FaissIndexes:
    """Implements `LargeIndexes`.

    exact_rows: up to here a scan is as fast, see `bench/voices.py`. gathered_rows: a filter that leaves no more is answered
    by reading just these rows. trials: searches of each kind that recall is measured with.
    """

    exact_rows: int = 20_000
    gathered_rows: int = 8_192
    trials: int = 200

    def build(self, vectors: Matrix, allowed: Mask, progress: Progress | None = None) -> tuple[Any, Probing, float]:
        """See `LargeIndexes`. The fewest lists are taken that find `GOOD_RECALL` of what an exact search finds."""
        say = progress or _silent
        rows, dimension = vectors.shape
        lists = max(16, 1 << int(np.log2(max(rows / LIST_ROWS, 16))))
        rng = np.random.default_rng(0)
        known = np.flatnonzero(allowed)
        sample = np.sort(rng.choice(known, min(known.size, lists * TRAINED_ON), replace=False))
        say(f"learning {lists} lists")
        pieces = dimension // 2 if dimension % 2 == 0 else dimension
        quantizer = faiss.IndexFlatIP(dimension)
        index: Any = faiss.IndexIVFPQFastScan(quantizer, dimension, lists, pieces, 4, faiss.METRIC_INNER_PRODUCT)
        quantizer.this.disown()
        index.own_fields = True
        index.cp.niter = 8
        index.cp.spherical = True
        index.train(np.ascontiguousarray(vectors[sample]))
        say(f"indexing {rows} vectors")
        self.extend(index, vectors)
        say("measuring recall")
        trials = _trials(vectors, allowed, self.trials, rng)
        return index, *_tuned(lambda probing: self.searcher(vectors, index, probing, Lock()), index.nlist, trials, allowed)

    def extend(self, index: Any, vectors: Matrix) -> None:  # noqa: ANN401 - FAISS has no types
        """See `LargeIndexes`."""
        for first in range(index.ntotal, vectors.shape[0], 65_536):
            index.add(np.ascontiguousarray(vectors[first : first + 65_536]))

    def serialised(self, index: Any) -> bytes:  # noqa: ANN401 - FAISS has no types
        """See `LargeIndexes`."""
        return faiss.serialize_index(index).tobytes()

    def read(self, path: Path) -> Any:  # noqa: ANN401 - FAISS has no types
        """See `LargeIndexes`."""
        return faiss.read_index(str(path))

    def searcher(self, vectors: Matrix, index: Any, probing: Probing, lock: Lock) -> "InvertedIndex":  # noqa: ANN401 - as above
        """See `LargeIndexes`."""
        return InvertedIndex(vectors, index, probing, lock, self.gathered_rows)


class InvertedIndex:
    """FAISS's inverted file over codes of two bits a dimension, refined by full vectors.

    Rows after its last are compared exactly. vectors: all of the space, (R, D). index: covers the first rows. lock: held
    while the index is searched, as FAISS cannot search what is being extended. gathered_rows: see `FaissIndexes`.
    """

    def __init__(
        self,
        vectors: Matrix,
        index: Any,  # noqa: ANN401 - FAISS has no types
        probing: Probing,
        lock: Lock,
        gathered_rows: int,
    ) -> None:
        self._vectors = vectors
        self._gathered_rows = gathered_rows
        self._exact = ExactIndex(vectors)
        self._index = index
        self._lock = lock
        self._on_gpu = _on_gpu(vectors[: index.ntotal])
        self._probing = probing

    def search(self, query: Vector, k: int, allowed: Mask) -> Found:
        """See `VectorIndex`."""
        count = int(np.count_nonzero(allowed))
        if count <= self._gathered_rows:
            return self._exact.search(query, k, allowed)
        share, judged = count / allowed.size, min(k, JUDGED)
        few, many = (min(self._index.nlist, int(probes / share) + 1) for probes in (self._probing.few, self._probing.many))
        if k <= WIDE or few == many:
            rows, cosines = self._found(query, k, allowed, few)
            if few == many or (rows.size >= judged and cosines[judged - 1] >= self._probing.sure):
                return rows, cosines
        return self._found(query, k, allowed, many)

    def _found(self, query: Vector, k: int, allowed: Mask, probes: int) -> Found:
        with self._lock:
            sealed = self._index.ntotal  # a later state may have extended it beyond the rows of this one
            near = self._near(query, max(k * REFINED, LEAST_REFINED), allowed[:sealed], probes)
        near = near[near < allowed.size]
        rows = np.concatenate([near, sealed + np.flatnonzero(allowed[sealed:])])
        return best(rows, self._vectors[rows] @ query, k)

    def cosines(self, query: Vector, rows: Rows) -> Vector:
        """Inner products with the vectors of some rows, (N,)."""
        return self._vectors[rows] @ query

    def _near(self, query: Vector, count: int, allowed: Mask, probes: int) -> Rows:
        """Candidates from the inverted file."""
        if bool(allowed.all()):
            if self._on_gpu is not None:
                return _rows(self._on_gpu.search(query[None], count))
            return _rows(self._index.search(query[None], count, params=faiss.SearchParametersIVF(nprobe=probes)))
        bits = np.packbits(allowed, bitorder="little")
        parameters = faiss.SearchParametersIVF(sel=faiss.IDSelectorBitmap(bits), nprobe=probes)
        return _rows(self._index.search(query[None], count, params=parameters))


@dataclass(frozen=True, slots=True)
class _Trial:
    """Queries (Q, D) and the rows that an exact search finds for each."""

    queries: Matrix
    exact: list[set[int]]


def _trials(vectors: Matrix, allowed: Mask, count: int, rng: np.random.Generator) -> tuple[_Trial, _Trial]:
    """Two kinds of queries, ``count`` each: close to vectors that are there, and between them."""
    known = np.flatnonzero(allowed)

    def some() -> Matrix:
        return vectors[np.sort(rng.choice(known, count))]

    noise = rng.normal(0, 0.3 / np.sqrt(vectors.shape[1]), (count, vectors.shape[1])).astype(np.float32)
    away = rng.uniform(0.0, 1.0, (count, 1)).astype(np.float32)
    close, between = _unit(some() + noise), _unit(some() + away * (some() - some()))
    return _Trial(close, _exact_top10(vectors, allowed, close)), _Trial(between, _exact_top10(vectors, allowed, between))


def _tuned(
    searcher: Callable[[Probing], VectorIndex], lists: int, trials: tuple[_Trial, _Trial], allowed: Mask
) -> tuple[Probing, float]:
    """Search with more and more lists until enough of the true nearest are found, of two kinds of queries."""

    def hits(trial: _Trial, probing: Probing) -> list[tuple[float, float]]:
        """For each query the share of the true hits, and the cosine of the last one found."""
        index = searcher(probing)
        found = [index.search(query, JUDGED, allowed) for query in trial.queries]
        return [
            (len(set(rows.tolist()) & wanted) / max(1, len(wanted)), float(cosines[-1]) if cosines.size else -1.0)
            for (rows, cosines), wanted in zip(found, trial.exact, strict=True)
        ]

    few = _fewest(8, lists, lambda probes: hits(trials[0], Probing(probes, probes, 0.0)))
    many = _fewest(few, lists, lambda probes: hits(trials[1], Probing(probes, probes, 0.0)))
    tried = sorted((h for trial in trials for h in hits(trial, Probing(few, few, 0.0))), key=lambda h: -h[1])
    shares = np.array([share for share, _ in tried])
    around = np.convolve(shares, np.full(WINDOW, 1 / WINDOW), "valid")
    poor = np.flatnonzero(around < GOOD_RECALL)
    probing = Probing(few, many, tried[int(poor[0])][1] if poor.size else -1.0)
    return probing, float(np.mean([share for trial in trials for share, _ in hits(trial, probing)]))


def _fewest(start: int, most: int, tried: Callable[[int], list[tuple[float, float]]]) -> int:
    """The first of doubled numbers of lists that finds enough."""
    probes = min(start, most)
    while probes < most and np.mean([share for share, _ in tried(probes)]) < GOOD_RECALL:
        probes = min(2 * probes, most)
    return probes


def _unit(vectors: NDArray[Any]) -> Matrix:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _exact_top10(vectors: Matrix, allowed: Mask, queries: Matrix) -> list[set[int]]:
    """What an exact search finds, block by block so that memory stays small."""
    found: list[Found] = [(np.zeros(0, np.int64), np.zeros(0, np.float32)) for _ in queries]
    for first in range(0, vectors.shape[0], 65_536):
        rows = first + np.flatnonzero(allowed[first : first + 65_536])
        cosines = queries @ vectors[rows].T
        for i, row in enumerate(cosines):
            near = best(rows, row, 10)
            found[i] = best(np.concatenate([found[i][0], near[0]]), np.concatenate([found[i][1], near[1]]), 10)
    return [set(rows.tolist()) for rows, _ in found]


def _silent(_: str) -> None:
    pass


def _rows(found: tuple[Any, Any]) -> Rows:
    rows = found[1][0]
    return rows[rows >= 0]


def _on_gpu(vectors: Matrix) -> Any:  # noqa: ANN401 - FAISS has no types
    """All vectors on the first GPU, in 16 bits, where FAISS was built for one; None elsewhere. Filters stay on the CPU."""
    if getattr(faiss, "get_num_gpus", lambda: 0)() == 0:
        return None
    index, options = faiss.IndexFlatIP(vectors.shape[1]), faiss.GpuClonerOptions()
    index.add(np.ascontiguousarray(vectors))
    options.useFloat16 = True
    return faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index, options)
