"""The indexes and the store that the voice bank is measured against, on speaker vectors alone.

FAISS gives row numbers from memory; LanceDB keeps a table on disk, with the words to filter by. Neither gives what the
voice bank does (an entry with reasons). Each is asked for as much effort as it needs to find 99 % of the true nearest.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bench.voice_corpus import RARE_STYLE, SPEAKER_D, STYLES, Matrix, Rows, nearest

K = 10
ENOUGH = 0.99
BLOCK = 50_000
ROUNDS, ROUND_PIECES, WARM = 3, 5, 3
HNSW_LINKS = 32
LANCE_REFINED = 4  # candidates per hit that LanceDB compares again by their full vectors
MISSING = "not installed: pip install 'vivavoce[bench]'"


class System(Protocol):
    """Finds the nearest rows."""

    name: str

    def search(self, query: NDArray[np.float32], filtered: bool) -> Any:
        """What is measured."""
        ...

    def rows(self, found: Any) -> set[int]:
        """The rows in an answer."""
        ...


class Peer(System, Protocol):
    """effort: how hard it looks, without and with the filter; efforts: what can be set, if anything."""

    efforts: Sequence[int]
    effort: dict[bool, int]

    def build(self, vectors: Matrix) -> None:
        """From nothing."""
        ...

    def save(self) -> float:
        """Make it durable; seconds."""
        ...

    def open(self) -> None:
        """From what was saved."""
        ...

    def add(self, vectors: Matrix, first: int) -> None:
        """New rows, numbered from ``first``."""
        ...

    def delete(self, rows: Rows) -> bool:
        """Forget rows; whether it can."""
        ...


class FaissPeer:
    """An index in memory, saved as one file."""

    def __init__(self, name: str, path: Path, make: Callable[[], Any], efforts: Sequence[int] = ()) -> None:
        self.name, self.path, self.efforts, self.effort = name, path, efforts, {False: 0, True: 0}
        self._make, self._faiss = make, import_module("faiss")
        self._index: Any = None
        self._selector: Any = None

    def build(self, vectors: Matrix) -> None:
        """See `Peer`."""
        self._index = self._make()
        if not self._index.is_trained:
            sample = np.random.default_rng(0).choice(vectors.shape[0], min(vectors.shape[0], 100_000), replace=False)
            self._index.train(vectors[np.sort(sample)])
        for first in range(0, vectors.shape[0], BLOCK):
            self._index.add(np.ascontiguousarray(vectors[first : first + BLOCK]))
        self._select()

    def _select(self) -> None:
        bits = np.packbits(np.arange(self._index.ntotal) % 100 == 0, bitorder="little")
        self._selector = self._faiss.IDSelectorBitmap(bits)

    def search(self, query: NDArray[np.float32], filtered: bool) -> Any:
        """See `Peer`."""
        selector = self._selector if filtered else None
        if self.efforts:
            parameters = self._faiss.SearchParametersHNSW(efSearch=self.effort[filtered], sel=selector)
        else:
            parameters = self._faiss.SearchParameters(sel=selector)
        return self._index.search(query[None], K, params=parameters)

    def rows(self, found: Any) -> set[int]:
        """See `Peer`."""
        return set(found[1][0].tolist()) - {-1}

    def save(self) -> float:
        """See `Peer`."""
        start = time.perf_counter()
        self._faiss.write_index(self._index, str(self.path))
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        return time.perf_counter() - start

    def open(self) -> None:
        """See `Peer`."""
        self._index = self._faiss.read_index(str(self.path))
        self._select()

    def add(self, vectors: Matrix, first: int) -> None:
        """See `Peer`."""
        self._index.add(vectors)

    def delete(self, rows: Rows) -> bool:
        """See `Peer`."""
        try:
            self._index.remove_ids(self._faiss.IDSelectorBatch(rows))
        except RuntimeError:
            return False
        return True


class LancePeer:
    """A LanceDB table with an HNSW-SQ index of its defaults and a bitmap index of the style; saved as it is written.

    Of LanceDB's kinds this was the fastest that finds enough: IVF_SQ takes 50 ms, IVF_PQ finds two thirds.
    """

    name = "LanceDB HNSW-SQ"
    efforts: Sequence[int] = (50, 100, 200, 300, 400, 800, 1600)

    def __init__(self, path: Path) -> None:
        os.environ.setdefault("LANCE_LOG", "error")
        self.path, self.effort = path, {False: 0, True: 0}
        self._lance: Any = import_module("lancedb")
        self._arrow: Any = import_module("pyarrow")
        self._table: Any = None

    def build(self, vectors: Matrix) -> None:
        """See `Peer`."""
        index = import_module("lancedb.index")
        pieces = range(0, vectors.shape[0], BLOCK)
        whole = self._arrow.concat_tables([self._rows(vectors[f : f + BLOCK], f) for f in pieces])
        self._table = self._lance.connect(str(self.path)).create_table("voices", data=whole)
        self._table.create_index("style", config=index.Bitmap())
        self._table.create_index("vector", config=index.IvfHnswSq(distance_type="dot"))

    def _rows(self, vectors: Matrix, first: int) -> Any:
        arrow, numbers = self._arrow, np.arange(first, first + len(vectors))
        styles = [RARE_STYLE if number % 100 == 0 else STYLES[number % len(STYLES)] for number in numbers.tolist()]
        flat = arrow.array(np.ascontiguousarray(vectors).ravel())
        columns = [arrow.array(numbers), arrow.array(styles), arrow.FixedSizeListArray.from_arrays(flat, SPEAKER_D)]
        return arrow.table(columns, names=["id", "style", "vector"])

    def search(self, query: NDArray[np.float32], filtered: bool) -> Any:
        """See `Peer`."""
        asked = self._table.search(query, vector_column_name="vector").distance_type("dot").limit(K)
        asked = asked.select(["id", "_distance"]).ef(self.effort[filtered]).refine_factor(LANCE_REFINED)
        if filtered:
            asked = asked.where(f"style = '{RARE_STYLE}'", prefilter=True)
        return asked.to_arrow()

    def rows(self, found: Any) -> set[int]:
        """See `Peer`."""
        return set(found["id"].to_pylist())

    def save(self) -> float:
        """See `Peer`."""
        return 0.0

    def open(self) -> None:
        """See `Peer`."""
        self._table = self._lance.connect(str(self.path)).open_table("voices")

    def add(self, vectors: Matrix, first: int) -> None:
        """See `Peer`."""
        self._table.add(self._rows(vectors, first))

    def delete(self, rows: Rows) -> bool:
        """See `Peer`."""
        self._table.delete(f"id IN ({', '.join(map(str, rows.tolist()))})")
        return True


def peers(folder: Path) -> list[Peer]:
    """All that are installed."""
    faiss: Any = import_module("faiss")
    product = faiss.METRIC_INNER_PRODUCT

    def graph() -> Any:
        return faiss.IndexHNSWFlat(SPEAKER_D, HNSW_LINKS, product)

    def coded() -> Any:
        return faiss.IndexScalarQuantizer(SPEAKER_D, faiss.ScalarQuantizer.QT_8bit, product)

    found: list[Peer] = [
        FaissPeer("FAISS Flat", folder / "flat.faiss", lambda: faiss.IndexFlatIP(SPEAKER_D)),
        FaissPeer("FAISS SQ8", folder / "sq8.faiss", coded),
        FaissPeer("FAISS HNSW32", folder / "hnsw.faiss", graph, [2**n for n in range(4, 15)]),
    ]
    if find_spec("lancedb") is not None:
        found.append(LancePeer(folder / "lance"))
    return found


def tune(peer: Peer, queries: Matrix, truths: dict[bool, list[set[int]]]) -> None:
    """The least effort that finds enough, without and with the filter; the greatest where none does."""
    for filtered, truth in truths.items():
        for effort in peer.efforts:
            peer.effort[filtered] = effort
            if recall(peer, queries, truth, filtered) >= ENOUGH:
                break


def recall(peer: System, queries: Matrix, truth: list[set[int]], filtered: bool) -> float:
    """The share of the true nearest that is found."""
    found = [len(peer.rows(peer.search(query, filtered)) & true) for query, true in zip(queries, truth, strict=True)]
    return sum(found) / sum(map(len, truth))


def compare(
    ours: System, folder: Path, vectors: Matrix, queries: Matrix, changed: Sequence[Matrix], say: Callable[[str], Any]
) -> dict[str, dict[str, float]]:
    """By system: milliseconds in turn, recall, seconds to build and to change, bytes. changed: new rows, several times."""
    rows = np.arange(vectors.shape[0])
    truths = {False: nearest(vectors, queries, rows), True: nearest(vectors, queries, rows[::100])}
    numbers: dict[str, dict[str, float]] = {ours.name: {}}
    others = peers(folder)
    for peer in others:
        start = time.perf_counter()
        peer.build(vectors)
        numbers[peer.name] = {"build s": time.perf_counter() - start}
        tune(peer, queries, truths)
        numbers[peer.name] |= {"file write s": peer.save(), "file MB": file_bytes(peer.path) / 1e6}
        if peer.efforts:
            numbers[peer.name] |= {"effort": peer.effort[False], "effort, 1 %": peer.effort[True]}
        say(f"  {peer.name}: built in {numbers[peer.name]['build s']:.1f} s, effort {list(peer.effort.values())}")
    for name, told in in_turn([ours, *others], queries, truths).items():
        numbers[name] |= told
    for peer in others:
        numbers[peer.name] |= _changes(peer, len(vectors), changed)
    return numbers


def in_turn(systems: Sequence[System], queries: Matrix, truths: dict[bool, list[set[int]]]) -> dict[str, dict[str, float]]:
    """Short rounds, in an order that turns; the first queries of each are not counted, as they find cold caches."""
    spent: dict[tuple[str, bool], list[float]] = {}
    computed: dict[str, list[float]] = {system.name: [0.0, 0.0] for system in systems}
    pieces = np.array_split(np.arange(len(queries)), ROUND_PIECES)
    for turn, piece in enumerate(pieces * ROUNDS):
        first = turn % len(systems)
        for system in [*systems[first:], *systems[:first]]:
            for filtered in truths:
                for number in piece[:WARM]:
                    system.search(queries[number], filtered)
                cpu, wall = time.process_time(), time.perf_counter()
                for number in piece:
                    start = time.perf_counter()
                    system.search(queries[number], filtered)
                    spent.setdefault((system.name, filtered), []).append(1e3 * (time.perf_counter() - start))
                computed[system.name][0] += time.process_time() - cpu
                computed[system.name][1] += time.perf_counter() - wall
    numbers: dict[str, dict[str, float]] = {}
    for system in systems:
        told = {"cores": computed[system.name][0] / computed[system.name][1]}
        for filtered, kind in ((False, ""), (True, ", 1 %")):
            times = spent[system.name, filtered]
            told |= {f"p{share}{kind} ms": float(np.percentile(times, share)) for share in (50, 99)}
            told[f"recall{kind}"] = recall(system, queries, truths[filtered], filtered)
        numbers[system.name] = told
    return numbers


def _changes(peer: Peer, count: int, changed: Sequence[Matrix]) -> dict[str, float]:
    """Medians of adding and deleting as many rows as each of ``changed`` has."""
    victims = np.random.default_rng(11).permutation(count)
    added, deleted = list[float](), list[float]()
    for turn, vectors in enumerate(changed):
        start = time.perf_counter()
        peer.add(vectors, count + turn * len(vectors))
        added.append(time.perf_counter() - start)
        start = time.perf_counter()
        if peer.delete(np.sort(victims[turn * len(vectors) : (turn + 1) * len(vectors)])):
            deleted.append(time.perf_counter() - start)
    told = {"add 1,000 s": median(added)}
    return told | ({"delete 1,000 s": median(deleted)} if deleted else {})


def file_bytes(path: Path) -> int:
    """Bytes of a file or of all below a folder."""
    return sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())


def memory() -> dict[str, float]:
    """MB of this process: all that is resident, and the part that is no map of a file."""
    told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {name: int(told[key].split()[0]) / 1e3 for name, key in (("rss", "VmRSS"), ("private", "RssAnon"))}


def main() -> None:
    """In a process of its own: open what was saved, ask, and print seconds and memory as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("name")
    parser.add_argument("queries", type=Path)
    parser.add_argument("efforts", type=int, nargs=2)
    arguments = parser.parse_args()
    import_module("faiss").omp_set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    peer = next(peer for peer in peers(arguments.folder) if peer.name == arguments.name)
    peer.effort = dict(zip((False, True), arguments.efforts, strict=True))
    queries = np.load(arguments.queries)
    start = time.perf_counter()
    peer.open()
    peer.search(queries[0], False)
    opened = time.perf_counter() - start
    for query in queries:
        peer.search(query, False)
        peer.search(query, True)
    print(json.dumps(memory() | {"open": opened}))  # noqa: T201 - read by `bench.voices`


if __name__ == "__main__":
    main()
