"""The nearest vectors of a space, exactly or by an inverted file, among the rows that may be found."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vivavoce.voicebank.columns import Mask, Rows

faiss: Any = import_module("faiss")  # its types are wrong about keyword arguments

EXACT_ROWS = 20_000  # up to here a scan is as fast as an index: see `bench/voices.py`
GATHERED_ROWS = 8_192  # a filter that leaves no more is answered by reading just these rows
REFINED, LEAST_REFINED = 2, 80  # candidates per wanted hit, and at least, that are compared again by their full vectors
LIST_ROWS = 256  # rows per list of the inverted file, about
TRAINED_ON = 40  # rows per list that the lists are learnt from
GOOD_RECALL = 0.995
TRIALS = 200

Matrix = NDArray[np.float32]
Vector = NDArray[np.float32]
Found = tuple[Rows, Vector]  # rows and cosines, best first


class VectorIndex(Protocol):
    """Finds the nearest of unit vectors. A remote index would be another implementation."""

    def search(self, query: Vector, k: int, allowed: Mask) -> Found:
        """The ``k`` nearest of the rows where ``allowed`` (R,) is true, fewer when there are fewer. query: (D,)."""
        ...


class ExactIndex:
    """Compares with every allowed vector. vectors: unit, float32 (R, D); may be a map of a file."""

    def __init__(self, vectors: Matrix) -> None:
        self._vectors = vectors

    def search(self, query: Vector, k: int, allowed: Mask) -> Found:
        """See `VectorIndex`."""
        rows = np.flatnonzero(allowed)
        return best(rows, self.cosines(query, rows), k)

    def cosines(self, query: Vector, rows: Rows) -> Vector:
        """Inner products with the vectors of some rows, (N,)."""
        if rows.size * 4 > self._vectors.shape[0]:  # reading all in order beats gathering most of them
            return (self._vectors @ query)[rows]
        return self._vectors[rows] @ query


class InvertedIndex:
    """FAISS's inverted file over 8-bit codes, refined by full vectors; rows after its last are compared exactly.

    vectors: all of the space, (R, D). index: covers the first rows. probes: how many lists are looked into. lock: held
    while the index is searched, as FAISS cannot search what is being extended.
    """

    def __init__(self, vectors: Matrix, index: Any, probes: int, lock: Lock) -> None:  # noqa: ANN401 - FAISS has no types
        self._vectors = vectors
        self._exact = ExactIndex(vectors)
        self._index = index
        self._lock = lock
        self._on_gpu = _on_gpu(index)
        self._probes = probes

    def search(self, query: Vector, k: int, allowed: Mask) -> Found:
        """See `VectorIndex`."""
        count = int(np.count_nonzero(allowed))
        if count <= GATHERED_ROWS:
            return self._exact.search(query, k, allowed)
        with self._lock:
            sealed = self._index.ntotal  # a later state may have extended it beyond the rows of this one
            near = self._near(query, max(k * REFINED, LEAST_REFINED), allowed[:sealed], count / allowed.size)
        near = near[near < allowed.size]
        rows = np.concatenate([near, sealed + np.flatnonzero(allowed[sealed:])])
        return best(rows, self._vectors[rows] @ query, k)

    def cosines(self, query: Vector, rows: Rows) -> Vector:
        """Inner products with the vectors of some rows, (N,)."""
        return self._vectors[rows] @ query

    def _near(self, query: Vector, count: int, allowed: Mask, share: float) -> Rows:
        """Candidates from the inverted file; the fewer rows are allowed, the more lists are looked into."""
        if bool(allowed.all()):
            parameters = faiss.SearchParametersIVF(nprobe=self._probes)
            return _rows((self._on_gpu or self._index).search(query[None], count, params=parameters))
        bits = np.packbits(allowed, bitorder="little")
        parameters = faiss.SearchParametersIVF(
            sel=faiss.IDSelectorBitmap(bits), nprobe=min(self._index.nlist, int(self._probes / share) + 1)
        )
        return _rows(self._index.search(query[None], count, params=parameters))


def best(rows: Rows, cosines: Vector, k: int) -> Found:
    """The ``k`` rows of the highest cosine, best first, equal ones by row."""
    if rows.size > 4 * k:
        kept = np.argpartition(-cosines, k)[: k + 1]
        kept = np.flatnonzero(cosines >= cosines[kept].min())  # all that tie with the last
        rows, cosines = rows[kept], cosines[kept]
    order = np.lexsort((rows, -cosines))[:k]
    return rows[order], cosines[order]


def build(vectors: Matrix, allowed: Mask, progress: Callable[[str], None] | None = None) -> tuple[Any, int, float]:
    """An inverted file over all rows, the lists to look into, and the recall at 10 that was measured with them.

    allowed: rows worth learning from. The fewest lists are taken that find `GOOD_RECALL` of what an exact search finds.
    """
    say = progress or _silent
    rows, dimension = vectors.shape
    lists = max(16, 1 << int(np.log2(max(rows / LIST_ROWS, 16))))
    rng = np.random.default_rng(0)
    known = np.flatnonzero(allowed)
    sample = np.sort(rng.choice(known, min(known.size, lists * TRAINED_ON), replace=False))
    say(f"learning {lists} lists")
    quantizer = faiss.IndexFlatIP(dimension)
    index: Any = faiss.IndexIVFScalarQuantizer(
        quantizer, dimension, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    quantizer.this.disown()
    index.own_fields = True
    index.cp.niter = 8
    index.cp.spherical = True
    index.train(np.ascontiguousarray(vectors[sample]))
    say(f"indexing {rows} vectors")
    extend(index, vectors)
    say("measuring recall")
    return index, *_tuned(index, vectors, known, rng)


def extend(index: Any, vectors: Matrix) -> None:  # noqa: ANN401 - FAISS has no types
    """Take in the rows that an inverted file does not have yet."""
    for first in range(index.ntotal, vectors.shape[0], 65_536):
        index.add(np.ascontiguousarray(vectors[first : first + 65_536]))


def read(path: Path) -> Any:  # noqa: ANN401 - FAISS has no types
    """An index from its file, whose checksum the caller has compared.

    Raises:
        RuntimeError: FAISS cannot read it.
    """
    return faiss.read_index(str(path))


def serialised(index: Any) -> bytes:  # noqa: ANN401 - FAISS has no types
    """An index as the bytes of its file."""
    return faiss.serialize_index(index).tobytes()


def _tuned(index: Any, vectors: Matrix, known: Rows, rng: np.random.Generator) -> tuple[int, float]:  # noqa: ANN401
    """Search for stored vectors, somewhat disturbed, with more and more lists until enough of the true nearest are found."""
    rows = rng.choice(known, min(TRIALS, known.size), replace=False)
    queries = vectors[rows] + rng.normal(0, 0.3 / np.sqrt(vectors.shape[1]), (rows.size, vectors.shape[1])).astype(
        np.float32
    )
    allowed = np.zeros(vectors.shape[0], bool)
    allowed[known] = True
    exact = _exact_top10(vectors, allowed, queries)
    probes, recall = 4, 0.0
    while recall < GOOD_RECALL and probes < index.nlist:
        probes *= 2
        tried = InvertedIndex(vectors, index, min(probes, index.nlist), Lock())
        hits = [len(set(tried.search(query, 10, allowed)[0]) & wanted) for query, wanted in zip(queries, exact, strict=True)]
        recall = sum(hits) / max(1, sum(len(wanted) for wanted in exact))
    return min(probes, index.nlist), recall


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


def _on_gpu(index: Any) -> Any:  # noqa: ANN401 - FAISS has no types
    """A copy on the first GPU where FAISS was built for one; None elsewhere. Filters stay on the CPU."""
    if getattr(faiss, "get_num_gpus", lambda: 0)() == 0:
        return None
    return faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index)
