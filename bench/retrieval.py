"""Speed of the document index on HaluEval-QA's passages and on a million made-up ones, beside bm25s, FAISS and LanceDB.

    python -m bench.retrieval [--passages N] [--keep DIR] [--json FILE] [--no-peers]

Everybody gets the same two threads (OMP, FAISS, Lance, torch; one for numpy's products) and takes turns with rounds of the
same queries. Searches go through `DocumentIndex.find`. HaluEval-QA is embedded by MiniLM; vectors of made-up passages have
the cosines and the spectrum of MiniLM's, so no embedding is in their searches. With --keep, what was built is used again.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from unittest.mock import patch

import numpy as np
from rich.table import Table

from bench.retrieval_corpus import (
    HITS,
    KINDS,
    PER_DOCUMENT,
    Asked,
    Hashing,
    Queries,
    Scan,
    make_passages,
    make_queries,
    nearest,
    texts_of,
)
from bench.retrieval_peers import ENOUGH, TUNED_ON, Peer, built, in_turn, peers, tune
from bench.voice_peers import file_bytes, memory
from bench.voices import THREADS, Report, against, child, console, environment, say, timed
from vivavoce.core.settings import load_settings
from vivavoce.eval.retrieval.corpora import halueval
from vivavoce.retrieval import index as index_module
from vivavoce.retrieval.documents.finding import read_bytes
from vivavoce.retrieval.embedder import MiniLMEmbedder
from vivavoce.retrieval.index import DocumentIndex
from vivavoce.retrieval.search.ranking import Mode
from vivavoce.retrieval.store.view import SPACE

HALUEVAL, MADE_UP = "HaluEval-QA", "made-up"
MODELS = {HALUEVAL: MiniLMEmbedder.id, MADE_UP: "made-up"}
P50_MS = {HALUEVAL: 15.0, MADE_UP: 25.0}
QUERIES, ROUNDS = 400, 2
COMPARED = 60  # queries whose answers are compared with an exact search
COMMITTED = 20_000  # passages at a time
FILES, CHANGED, UPDATES = 10_000, 100, 3
AN_HOUR_S = 3_600
BUILT, ASKED = "built.json", "queries.npz"  # what a folder keeps beside the indexes
# Threads of numpy's OpenBLAS wait busily for the next product, and so take a core from those of torch, which embeds.
OWN = {"OPENBLAS_NUM_THREADS": "1", "LANCEDB_LOG": "error"}
MODES: tuple[Mode, ...] = ("hybrid", "dense", "lexical")
COLUMNS = ("p50 ms", "p99 ms", "found", "recall of vectors", "cores", "build s", "open s", "private MB", "RSS MB", "disk MB")


@dataclass(frozen=True, slots=True)
class Subject:
    """An index that was built, and what it is asked. folder: of all that belongs to it, of the peers too."""

    name: str
    folder: Path
    queries: Queries

    def asked(self, mode: Mode = "hybrid") -> Asked:
        """The index, opened anew."""
        return Asked(self.folder / "index", MODELS[self.name], mode)


def fill_halueval(folder: Path, report: Report) -> Subject:
    """Cut, embed and write the passages, with the embedder loaded; questions, embedded."""
    corpus, embedder = halueval(load_settings().home / "cache" / "eval"), minilm()
    embedder.embed(["a passage"])
    asked = Asked(folder / "index", MODELS[HALUEVAL])
    asked.embedder.real = embedder

    def build() -> dict[str, float]:
        asked.index.put(corpus.documents)
        return {"embedding": asked.embedder.spent_s}

    told = built(folder / BUILT, "index", folder / "index", build)
    report.add(f"{HALUEVAL}: index {len(asked.index)} passages", told["s"], "s")
    report.add("  of it embedding by MiniLM", told["embedding"], "s")
    places: dict[str, int] = {}
    for question in corpus.questions:
        found = asked.view.catalogue.document(question.places[0].document)
        if found and found[1].passages == 1:
            places[question.text] = found[0]
    chosen = list(places)[:: max(1, len(places) // QUERIES)][:QUERIES]
    origins = np.array([places[text] for text in chosen], np.int64)
    return Subject(HALUEVAL, folder, Queries(chosen, embedder.embed(chosen), origins))


def fill_made_up(folder: Path, passages: int, report: Report) -> Subject:
    """Write made-up passages and learn their index; queries made from some of them."""
    asked, notes = Asked(folder / "index", MODELS[MADE_UP]), folder / BUILT

    def write() -> dict[str, float]:
        making = 0.0
        for first in range(0, passages, COMMITTED):
            start = time.perf_counter()
            cuts, vectors = make_passages(min(COMMITTED, passages - first), first)
            making += time.perf_counter() - start
            asked.index.store.commit(cuts, {SPACE: vectors}, asked.index.embeddings)
        return {"making": making}

    def seal() -> None:
        with asked.index.store.writing():
            asked.index.store.seal()

    told = built(notes, "index", folder / "index", write)
    if len(asked.index) != passages:
        raise SystemExit(f"{folder} holds {len(asked.index)} passages, not {passages}; name another folder")
    report.add(f"{MADE_UP}: write {passages} passages, {COMMITTED} at a time", told["s"] - told["making"], "s")
    sealed = built(notes, "seal", folder / "none", seal)
    report.add("  and seal: learn, write and measure the index of their vectors", sealed["s"], "s")
    for space, one in asked.view.manifest.indexes.items():
        report.add(f"  lists looked into for {space}, where something is near", one.few, "")
        report.add(f"  lists looked into for {space}, where nothing is", one.many, "")
    return Subject(MADE_UP, folder, make_queries(asked.view, QUERIES))


def opening(subject: Subject, report: Report) -> None:
    """Sizes; time and memory of fresh processes, with the files in the page cache and without."""
    subject.queries.save(subject.folder / ASKED)
    files = sorted((subject.folder / "index").rglob("*"))
    for path in files:
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    runs = [child("--child", subject.name, str(subject.folder), module="bench.retrieval") for _ in range(3)]
    cold, warm = runs[0], {name: median(one[name] for one in runs[1:]) for name in runs[0]}
    for path in files:
        if path.stat().st_size > 1e6 and path.is_file():
            report.add(f"{subject.name}: file {path.name}", path.stat().st_size / 1e6, "MB")
    report.add(f"{subject.name}: open and first answer", warm["first"], "s")
    report.add("  files not in the page cache", cold["first"], "s")
    report.add(f"  memory after {QUERIES} searches, all (RSS)", warm["rss"], "MB")
    report.add("  of it private", warm["private"], "MB")
    report.add("  of it private before the open", warm["before"], "MB")
    told = {"open s": warm["first"], "private MB": warm["private"], "RSS MB": warm["rss"]}
    disk = {"disk MB": file_bytes(subject.folder / "index") / 1e6}
    report.systems[f"{subject.name}: {subject.asked().name}"] = told | disk


def minilm() -> MiniLMEmbedder:
    """As the product opens it."""
    from vivavoce.app.parts import open_embedder  # here, since it would count in the memory of those that only search

    return open_embedder(load_settings(threads=THREADS))


def child_open(name: str, folder: Path) -> dict[str, float]:
    """Open, search, count memory."""
    subject = Subject(name, folder, Queries.load(folder / ASKED))
    queries, before = subject.queries, memory()["private"]
    start = time.perf_counter()
    asked = subject.asked()
    asked.search(queries.texts[0], queries.vectors[0])
    first = time.perf_counter() - start
    for text, vector in zip(queries.texts, queries.vectors, strict=True):
        asked.search(text, vector)
    return memory() | {"first": first, "before": before}


def searching(subject: Subject, report: Report) -> None:
    """With the vectors of the queries at hand; where they are MiniLM's, also with MiniLM embedding them."""
    asked, queries, name = subject.asked(), subject.queries, subject.name
    spent: dict[str, list[float]] = {}
    for turn in range(ROUNDS + 1):  # the first finds cold caches and is not counted
        for text, vector in zip(queries.texts, queries.vectors, strict=True):
            if turn:
                spent.setdefault("search, vector at hand", []).append(timed(lambda t=text, v=vector: asked.search(t, v)))
    if name == HALUEVAL:
        embedding = subject.asked()
        embedding.embedder.real = minilm()
        for text in queries.texts:  # more of them than the embedder remembers
            before = embedding.embedder.spent_s
            spent.setdefault("search", []).append(timed(lambda t=text: embedding.index.find(t, HITS)))
            spent.setdefault("  of it embedding", []).append(embedding.embedder.spent_s - before)
    for way, seconds in spent.items():
        target = P50_MS[name] if way == ("search" if name == HALUEVAL else "search, vector at hand") else None
        report.add(f"{name}: {way}, p50", 1e3 * float(np.percentile(seconds, 50)), "ms", target)
        report.add(f"{name}: {way}, p99", 1e3 * float(np.percentile(seconds, 99)), "ms")


def comparing_with_exact(subject: Subject, report: Report) -> None:
    """How much of what a ranking of every passage brings is found."""
    asked, dense = subject.asked(), subject.asked("dense")
    texts, vectors = subject.queries.texts[:COMPARED], subject.queries.vectors[:COMPARED]
    scan = Scan(asked.view, texts)
    for name, system, truth in (
        (
            "recall@10 against ranking every passage",
            asked,
            [scan.best(*query) for query in zip(texts, vectors, strict=True)],
        ),
        ("  of the search by meaning, against every vector", dense, nearest(asked.view, vectors)),
    ):
        found = [system.rows(system.find(*query, distinct=False)) for query in zip(texts, vectors, strict=True)]
        share = float(np.mean([len(mine & true) / len(true) for mine, true in zip(found, truth, strict=True)]))
        report.add(f"{subject.name}: {name}", share, "recall", ENOUGH if system is asked else None)


def comparing_with_peers(subject: Subject, report: Report) -> None:
    """The same texts, vectors and queries for everybody."""
    asked, queries = {mode: subject.asked(mode) for mode in MODES}, subject.queries
    view, rows = asked["hybrid"].view, report.systems
    truth = nearest(view, queries.vectors[:TUNED_ON])
    others = peers(subject.folder, view.count)
    for peer in others:

        def build(peer: Peer = peer) -> None:
            peer.build(lambda: texts_of(view), view.vectors[SPACE])

        told = built(subject.folder / BUILT, peer.name, peer.path, build)
        peer.open()
        recall = tune(peer, queries.vectors[:TUNED_ON], truth)
        rows[f"{subject.name}: {peer.name}"] = {"build s": told["s"], "disk MB": file_bytes(peer.path) / 1e6}
        rows[f"{subject.name}: {peer.name}"] |= {} if recall is None else {"recall of vectors": recall}
        say(f"  {peer.name}: built in {told['s']:.1f} s, effort {peer.effort}")
    for name, told in in_turn([*asked.values(), *others], queries).items():
        rows.setdefault(f"{subject.name}: {name}", {}).update(told)
    for peer in others:
        told = child(
            str(subject.folder),
            peer.name,
            str(subject.folder / ASKED),
            str(view.count),
            str(peer.effort),
            module="bench.retrieval_peers",
        )
        rows[f"{subject.name}: {peer.name}"] |= {
            "open s": told["open"],
            "private MB": told["private"],
            "RSS MB": told["rss"],
        }


def updating(folder: Path, report: Report) -> None:
    """A folder of small files of which some change: what is read, embedded and written again, and how long it takes."""
    cuts, _ = make_passages(FILES + UPDATES * 2 * CHANGED, 0)
    texts, embedder, files = iter([cut.passage.text for cut in cuts]), Hashing(), folder / "files"
    files.mkdir()
    paths = [files / f"{number:05d}.txt" for number in range(FILES)]
    earlier = time.time() - AN_HOUR_S
    for path in paths:
        path.write_text(next(texts))
        os.utime(path, (earlier, earlier))
    index = DocumentIndex(folder / "updated", embedder)
    report.add(f"update: add {FILES} files, embedding free", timed(lambda: index.add([files])), "s")
    report.add("update: nothing has changed", median(timed(lambda: index.add([files])) for _ in range(UPDATES)), "s")
    order = np.random.default_rng(3).permutation(FILES).tolist()
    real = minilm()
    real.embed(["a passage"])
    changes = iter(range(1, FILES))
    for name, embedder.real in (("embedding free", None), ("embedded by MiniLM", real)):
        spent: list[float] = []
        before, again = embedder.texts, 0
        for _ in range(UPDATES):
            moment = earlier + next(changes)  # long ago: what changed just now is looked at once more
            for number in [order.pop() for _ in range(CHANGED)]:
                paths[number].write_text(next(texts))
                os.utime(paths[number], (moment, moment))
            with patch.object(index_module, "read_bytes", wraps=read_bytes) as read:
                spent.append(timed(lambda: index.add([files])))
            again += read.call_count
        report.add(f"update: {CHANGED} of {FILES} files changed, {name}", median(spent), "s")
        report.add("  files read", again / UPDATES, "", CHANGED)
        report.add("  texts embedded", (embedder.texts - before) / UPDATES, "", CHANGED)


def show(report: Report) -> None:
    """The tables."""
    table = Table("measured on the document index", "value", "unit", "target", "")
    for line in report.lines:
        told = "" if line.target is None else f"{'>=' if line.unit == 'recall' else '<='} {line.target:g}"
        table.add_row(line.name, f"{line.value:,.3f}", line.unit, told, line.verdict)
    console.print(table)
    for subject in (HALUEVAL, MADE_UP) if report.systems else ():
        told = {name.split(": ", 1)[1]: row for name, row in report.systems.items() if name.startswith(subject)}
        columns = [column for column in COLUMNS if any(column in row for row in told.values())]
        table = Table(f"{subject} (x of ours by the same)", *columns)
        for kind in KINDS.values():
            ours = told.get(f"document index, {kind}", {})
            for name, row in told.items():
                if name.endswith(f", {kind}"):
                    table.add_row(name, *(against(row, ours, column) for column in columns))
            table.add_section()
        console.print(table)
    console.print(report.about)


def run(arguments: argparse.Namespace, folder: Path) -> Report:
    """All of it."""
    report, start = Report(), time.perf_counter()
    report.about = {"passages": arguments.passages, "threads": THREADS, "load before": os.getloadavg()[0]}
    for name in (HALUEVAL, MADE_UP):
        place = folder / (HALUEVAL if name == HALUEVAL else f"{name}-{arguments.passages}")
        place.mkdir(parents=True, exist_ok=True)
        subject = fill_halueval(place, report) if name == HALUEVAL else fill_made_up(place, arguments.passages, report)
        opening(subject, report)
        searching(subject, report)
        comparing_with_exact(subject, report)
        if arguments.peers:
            comparing_with_peers(subject, report)
    with tempfile.TemporaryDirectory(prefix="bench-retrieval-files-") as name:
        updating(Path(name), report)
    report.about |= {"seconds": round(time.perf_counter() - start), "load after": os.getloadavg()[0]}
    return report


def main() -> None:
    """Measure and print."""
    if os.environ.get("OMP_NUM_THREADS") != str(THREADS):  # before numpy is loaded
        os.execve(sys.executable, [sys.executable, "-m", "bench.retrieval", *sys.argv[1:]], environment(THREADS) | OWN)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=1_000_000, help="made up; a multiple of 1,000")
    parser.add_argument("--keep", type=Path, help="build in this folder, and use what was built there before")
    parser.add_argument("--json", type=Path, help="write all numbers to this file")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="the document index alone")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.passages < COMMITTED or arguments.passages % (100 * PER_DOCUMENT):
        parser.error(f"--passages must be a multiple of {100 * PER_DOCUMENT}, {COMMITTED} or more")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    if arguments.child:
        name, folder = arguments.child
        print(json.dumps(child_open(name, Path(folder))))  # noqa: T201 - read by the process that started this one
        return
    with tempfile.TemporaryDirectory(prefix="bench-retrieval-") as name:
        report = run(arguments, arguments.keep or Path(name))
    show(report)
    if arguments.json:
        arguments.json.write_text(json.dumps(asdict(report), indent=1))


if __name__ == "__main__":
    main()
