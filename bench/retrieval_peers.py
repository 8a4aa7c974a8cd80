"""What the document index is measured against: BM25 alone, vectors alone, and a store that has both.

bm25s and FAISS give row numbers from memory and keep no texts; LanceDB keeps a table on disk and fuses by ranks. None of
them gives passages with their sources. Who can look harder looks as hard as it takes to find 95 % of the true nearest.
"""

import argparse
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from bench.retrieval_corpus import DIMENSION, HITS, KINDS, Queries
from bench.voice_peers import memory
from vivavoce.core.store.vector_index import Matrix, Vector

ENOUGH = 0.95
BLOCK = 50_000
SMALL = 50_000  # passages: up to here LanceDB compares every vector, as it does by itself, and FAISS gets a graph
HNSW_LINKS = 32
LIST_ROWS, TRAINED_ON = 512, 40  # of FAISS's inverted file: rows per list, and those each list is learnt from
ROUNDS, WARM = 5, 5
TUNED_ON = 50

Texts = Callable[[], Iterator[str]]


class System(Protocol):
    """Finds passages. name: ends with what it searches by, one of `KINDS`."""

    name: str

    def search(self, text: str, vector: Vector) -> Any:
        """What is measured."""
        ...

    def rows(self, found: Any) -> set[int]:
        """The rows in an answer."""
        ...


class Peer(System, Protocol):
    """efforts: how hard it can look for the nearest, if that can be set; effort: how hard it does."""

    path: Path
    efforts: Sequence[int]
    effort: int

    def build(self, texts: Texts, vectors: Matrix) -> None:
        """From nothing, saved below ``path``."""
        ...

    def open(self) -> None:
        """From what was saved."""
        ...

    def nearest(self, vector: Vector) -> set[int]:
        """By vector alone, as hard as ``effort`` says."""
        ...


class Bm25sPeer:
    """The library with its own tokenizer, its defaults and its compiled search."""

    name = f"bm25s, {KINDS['lexical']}"
    efforts: Sequence[int] = ()
    effort = 0

    def __init__(self, path: Path) -> None:
        self.path = path
        self._bm25s: Any = import_module("bm25s")
        self._index: Any = None

    def build(self, texts: Texts, vectors: Matrix) -> None:
        """See `Peer`."""
        index = self._bm25s.BM25(backend="numba" if find_spec("numba") else "numpy")
        index.index(self._bm25s.tokenize(list(texts()), show_progress=False), show_progress=False)
        index.save(str(self.path), show_progress=False)

    def open(self) -> None:
        """See `Peer`."""
        self._index = self._bm25s.BM25.load(str(self.path))

    def search(self, text: str, vector: Vector) -> Any:
        """See `System`."""
        words = self._bm25s.tokenize([text], return_ids=False, show_progress=False)
        return self._index.retrieve(words, k=HITS, show_progress=False)

    def rows(self, found: Any) -> set[int]:
        """See `System`."""
        return set(found[0][0].tolist())

    def nearest(self, vector: Vector) -> set[int]:
        """See `Peer`."""
        return set()


class FaissPeer:
    """An index in memory, saved as one file. set_effort: makes it look harder."""

    def __init__(self, name: str, path: Path, make: Callable[[Any, int], Any], efforts: Sequence[int], knob: str) -> None:
        self.name, self.path, self.efforts, self.effort = f"{name}, {KINDS['dense']}", path, efforts, 0
        self._make, self._knob = make, knob
        self._faiss: Any = import_module("faiss")
        self._index: Any = None

    def build(self, texts: Texts, vectors: Matrix) -> None:
        """See `Peer`."""
        index = self._make(self._faiss, len(vectors))
        if not index.is_trained:
            count = min(len(vectors), index.nlist * TRAINED_ON)
            index.train(vectors[np.sort(np.random.default_rng(0).choice(len(vectors), count, replace=False))])
        for first in range(0, len(vectors), BLOCK):
            index.add(np.ascontiguousarray(vectors[first : first + BLOCK]))
        self._faiss.write_index(index, str(self.path))

    def open(self) -> None:
        """See `Peer`."""
        self._index = self._faiss.read_index(str(self.path))

    def search(self, text: str, vector: Vector) -> Any:
        """See `System`."""
        if self._knob:
            self._faiss.ParameterSpace().set_index_parameter(self._index, self._knob, self.effort)
        return self._index.search(vector[None], HITS)

    def rows(self, found: Any) -> set[int]:
        """See `System`."""
        return set(found[1][0].tolist()) - {-1}

    def nearest(self, vector: Vector) -> set[int]:
        """See `Peer`."""
        return self.rows(self.search("", vector))


class LancePeer:
    """A LanceDB table with its full-text index and, where it is large, IVF_FLAT, of their defaults; fused by ranks.

    Of LanceDB's indexes of a million vectors this one is built in 20 s; HNSW_SQ takes 390 s and is as fast, IVF_PQ 130 s
    and takes 11 instead of 15 ms a search, IVF_SQ 33 ms.
    """

    name = f"LanceDB, {KINDS['hybrid']}"

    def __init__(self, path: Path, count: int) -> None:
        self.path, self.effort = path, 0
        self.efforts: Sequence[int] = (2, 4, 8, 16, 32, 64) if count > SMALL else ()
        self._lance: Any = import_module("lancedb")
        self._arrow: Any = import_module("pyarrow")
        self._table: Any = None

    def build(self, texts: Texts, vectors: Matrix) -> None:
        """See `Peer`."""
        index, words = import_module("lancedb.index"), texts()
        parts = (self._rows(list(islice(words, BLOCK)), vectors[f : f + BLOCK], f) for f in range(0, len(vectors), BLOCK))
        table = self._lance.connect(str(self.path)).create_table("passages", data=self._arrow.concat_tables(parts))
        table.create_index("text", config=index.FTS())
        if self.efforts:
            table.create_index("vector", config=index.IvfFlat(distance_type="dot"))

    def _rows(self, texts: list[str], vectors: Matrix, first: int) -> Any:
        arrow = self._arrow
        flat = arrow.array(np.ascontiguousarray(vectors).ravel())
        numbers = arrow.array(np.arange(first, first + len(vectors)))
        columns = [numbers, arrow.array(texts), arrow.FixedSizeListArray.from_arrays(flat, DIMENSION)]
        return arrow.table(columns, names=["id", "text", "vector"])

    def open(self) -> None:
        """See `Peer`."""
        self._table = self._lance.connect(str(self.path)).open_table("passages")

    def search(self, text: str, vector: Vector) -> Any:
        """See `System`."""
        asked = self._table.search(query_type="hybrid", vector_column_name="vector", fts_columns="text")
        return self._effortful(asked.vector(vector).text(text)).select(["id", "text"]).limit(HITS).to_arrow()

    def nearest(self, vector: Vector) -> set[int]:
        """See `Peer`."""
        asked = self._table.search(vector, vector_column_name="vector")
        return self.rows(self._effortful(asked).select(["id", "_distance"]).limit(HITS).to_arrow())

    def _effortful(self, asked: Any) -> Any:
        asked = asked.distance_type("dot")
        return asked.nprobes(self.effort) if self.efforts else asked

    def rows(self, found: Any) -> set[int]:
        """See `System`."""
        return set(found["id"].to_pylist())


def peers(folder: Path, count: int) -> list[Peer]:
    """All that are installed. count: passages."""
    powers = [2**n for n in range(3, 12)]

    def flat(faiss: Any, _: int) -> Any:
        return faiss.IndexFlatIP(DIMENSION)

    def graph(faiss: Any, _: int) -> Any:
        return faiss.IndexHNSWFlat(DIMENSION, HNSW_LINKS, faiss.METRIC_INNER_PRODUCT)

    def lists(faiss: Any, rows: int) -> Any:
        return faiss.index_factory(DIMENSION, f"IVF{rows // LIST_ROWS},Flat", faiss.METRIC_INNER_PRODUCT)

    found: list[Peer] = [FaissPeer("FAISS Flat", folder / "flat.faiss", flat, (), "")]
    if count <= SMALL:
        found.append(FaissPeer("FAISS HNSW32", folder / "hnsw.faiss", graph, powers, "efSearch"))
    else:
        found.append(FaissPeer("FAISS IVF", folder / "ivf.faiss", lists, powers, "nprobe"))
    if find_spec("bm25s") is not None:
        found.append(Bm25sPeer(folder / "bm25s"))
    if find_spec("lancedb") is not None:
        found.append(LancePeer(folder / "lance", count))
    return found


def built(notes: Path, name: str, made: Path, build: Callable[[], dict[str, float] | None]) -> dict[str, float]:
    """Seconds ("s") that building took and what else it told, now or, in a folder that was kept, then.

    notes: the file where the numbers are kept. made: what is built.
    """
    told: dict[str, dict[str, float]] = json.loads(notes.read_text()) if notes.exists() else {}
    if name not in told:
        if made.is_dir():  # left over from a run that was ended
            shutil.rmtree(made)
        start = time.perf_counter()
        more = build() or {}
        told[name] = {"s": time.perf_counter() - start, **more}
        notes.write_text(json.dumps(told, indent=1))
    return told[name]


def tune(peer: Peer, vectors: Matrix, truth: Sequence[set[int]]) -> float | None:
    """The least effort that finds enough of the true nearest, or the greatest; what it finds. None for words alone."""
    found: float | None = None
    for effort in () if isinstance(peer, Bm25sPeer) else peer.efforts or [0]:
        peer.effort = effort
        hits = [len(peer.nearest(vector) & true) for vector, true in zip(vectors, truth, strict=True)]
        found = sum(hits) / sum(map(len, truth))
        if found >= ENOUGH:
            break
    return found


def in_turn(systems: Sequence[System], queries: Queries) -> dict[str, dict[str, float]]:
    """Rounds of other queries, in an order that turns; the first of each are not counted, as they find cold caches."""
    spent: dict[str, list[float]] = {system.name: [] for system in systems}
    found: dict[str, list[bool]] = {system.name: [] for system in systems}
    computed: dict[str, list[float]] = {system.name: [0.0, 0.0] for system in systems}
    for turn, piece in enumerate(np.array_split(np.arange(len(queries.texts)), ROUNDS)):
        first = turn % len(systems)
        for system in [*systems[first:], *systems[:first]]:
            for number in (piece[-WARM:]).tolist():
                system.search(queries.texts[number], queries.vectors[number])
            answers: list[Any] = []
            cpu, wall = time.process_time(), time.perf_counter()
            for number in piece.tolist():
                start = time.perf_counter()
                answers.append(system.search(queries.texts[number], queries.vectors[number]))
                spent[system.name].append(1e3 * (time.perf_counter() - start))
            computed[system.name][0] += time.process_time() - cpu
            computed[system.name][1] += time.perf_counter() - wall
            for number, answer in zip(piece.tolist(), answers, strict=True):
                found[system.name].append(int(queries.origins[number]) in system.rows(answer))
    return {
        name: {
            "p50 ms": float(np.percentile(times, 50)),
            "p99 ms": float(np.percentile(times, 99)),
            "found": float(np.mean(found[name])),
            "cores": computed[name][0] / computed[name][1],
        }
        for name, times in spent.items()
    }


def main() -> None:
    """In a process of its own: open what was saved, ask, and print seconds and memory as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("name")
    parser.add_argument("queries", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("effort", type=int)
    arguments = parser.parse_args()
    peer = next(peer for peer in peers(arguments.folder, arguments.count) if peer.name == arguments.name)
    peer.effort, queries = arguments.effort, Queries.load(arguments.queries)
    if isinstance(peer, FaissPeer):
        import_module("faiss").omp_set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    before, start = memory(), time.perf_counter()
    peer.open()
    peer.search(queries.texts[0], queries.vectors[0])
    opened = time.perf_counter() - start
    for text, vector in zip(queries.texts, queries.vectors, strict=True):
        peer.search(text, vector)
    print(json.dumps(memory() | {"open": opened, "before": before["private"]}))  # noqa: T201 - read by `bench.retrieval`


if __name__ == "__main__":
    main()
