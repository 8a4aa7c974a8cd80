"""Speed of the voice bank on half a million made-up voices, beside FAISS's indexes and LanceDB, on two cores.

    python -m bench.voices [--entries N] [--json FILE] [--no-peers]

Everybody gets the same two threads (OMP, BLAS, FAISS, Lance; torch in the imports as stated) and takes turns with short
rounds of the same queries. Searches go through `FolderVoiceBank.search`, with prepared vectors in place of embedders.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.voice_corpus import (
    DESCRIPTION_D,
    HITS,
    MODELS,
    SPEAKER_D,
    Asked,
    Queries,
    import_clips,
    make_corpus,
    make_queries,
    vectors_of,
    with_clips,
    write_clips,
)
from bench.voice_peers import ENOUGH, MISSING, compare, file_bytes, memory
from vivavoce.core.voice import VoiceHit

THREADS = 2
CLIPS = 10  # of each speaker
QUERIES, ROUNDS = 200, 5
WHOLE_QUERIES = 20  # compared with a ranking of every entry
CHANGED = 1_000
KINDS = ("clip", "text", "both")
VARIABLES = ("OMP", "OPENBLAS", "MKL", "RAYON", "NUMEXPR")
IMPORT = (sys.executable, "-c", "import vivavoce.voicebank.bank")
POOL = {"LANCE_CPU_THREADS": str(THREADS), "TOKIO_WORKER_THREADS": str(THREADS), "LANCE_LOG": "error"}
console = Console(highlight=False, width=150)
say = Console(stderr=True, highlight=False).print


@dataclass(frozen=True, slots=True)
class Line:
    """One number. target: the most (the least for a recall) that it may be; none where none was set."""

    name: str
    value: float
    unit: str
    target: float | None = None

    @property
    def verdict(self) -> str:
        """Whether the target is met."""
        if self.target is None:
            return ""
        return "met" if (self.value >= self.target if self.unit == "recall" else self.value <= self.target) else "NOT MET"


@dataclass(slots=True)
class Report:
    """All that was measured."""

    lines: list[Line] = field(default_factory=list[Line])
    systems: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])
    imports: list[dict[str, float]] = field(default_factory=list[dict[str, float]])
    about: dict[str, Any] = field(default_factory=dict[str, Any])

    def add(self, name: str, value: float, unit: str, target: float | None = None) -> None:
        """Take down a number."""
        self.lines.append(Line(name, round(value, 4), unit, target))
        say(f"  {name}: {value:.3f} {unit} {self.lines[-1].verdict}")


def fill(asked: Asked, entries: int, report: Report) -> Queries:
    """Write the bank and its indexes; what it will be asked."""
    store, spent = asked.bank.store, 0.0
    for first in range(0, entries, 50_000):
        corpus = make_corpus(min(50_000, entries - first) // CLIPS, CLIPS, first)
        spent += timed(lambda made=corpus: store.commit(made.entries, vectors_of(made), MODELS))
    report.add(f"write {entries} entries, 50,000 at a time", spent, "s")
    with store.writing():
        sealed_s = timed(store.seal)
    report.add("seal: learn, write and measure both indexes", sealed_s, "s")
    whole = {"build s": spent + sealed_s, "file MB": file_bytes(store.folder) / 1e6}
    view = store.view()
    assert view is not None
    for path in sorted(view.folder.iterdir()):
        report.add(f"file {path.name}", path.stat().st_size / 1e6, "MB")
    for space, sealed in view.manifest.indexes.items():
        report.add(f"lists looked into for {space}, at first", sealed.few, "")
        report.add(f"lists looked into for {space}, where nothing is near", sealed.many, "")
    queries = make_queries(view.vectors["speaker"], view.vectors["description"], QUERIES)
    report.systems[asked.name] = whole
    store.close()
    return queries


def timed(run: Callable[[], Any]) -> float:
    """Seconds."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def opening(folder: Path, prepared: Path, entries: int, report: Report) -> None:
    """Fresh processes, with the files in the page cache and without."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    runs = [child("open", str(folder), str(prepared)) for _ in range(4)]
    cold, warm = runs[0], {name: median(one[name] for one in runs[1:]) for name in runs[0]}
    report.add("start Python and import the package", timed(lambda: subprocess.run(IMPORT, check=True)), "s")
    report.add("open: bank and both indexes", warm["open"], "s", 2.0)
    report.add("open and first answer (both)", warm["first"], "s", 2.0)
    report.add("open and first answer, files not in the page cache", cold["first"], "s")
    vectors = entries * (SPEAKER_D + DESCRIPTION_D) * 4 / 1e6
    report.add("vectors", vectors, "MB")
    report.add("memory after the open (RSS)", warm["opened_rss"], "MB")
    report.add(f"memory after {6 * QUERIES} searches, all (RSS)", warm["rss"], "MB", 1.3 * vectors)
    report.add("  of it private", warm["private"], "MB", 1.3 * vectors)
    report.add("  of it private before the open", warm["base_private"], "MB")
    told = {"open s": warm["first"], "private MB": warm["private"], "RSS MB": warm["rss"]}
    report.systems["voice bank"] |= told


def child(*arguments: str, module: str = "bench.voices", threads: int = THREADS) -> dict[str, float]:
    """What another process measures."""
    command = [sys.executable, "-m", module, *(("--child",) if module == "bench.voices" else ()), *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment(threads))
    return json.loads(done.stdout.splitlines()[-1])


def child_open(folder: str, prepared: str) -> dict[str, float]:
    """Open, search, count memory."""
    queries, base = Queries.load(Path(prepared)), memory()
    start = time.perf_counter()
    asked = Asked(Path(folder))
    view = asked.bank.store.view()
    assert view is not None
    for space in MODELS:
        view.index(space)
    told = {"open": time.perf_counter() - start, "opened_rss": memory()["rss"], "base_private": base["private"]}
    asked.ask("both", queries, 0, False)
    told["first"] = time.perf_counter() - start
    for number in range(QUERIES):
        for kind in KINDS:
            for filtered in (False, True):
                asked.ask(kind, queries, number, filtered)
    return memory() | told


def searching(asked: Asked, queries: Queries, report: Report) -> None:
    """Six ways of asking, in turn."""
    ways = [(kind, filtered) for kind in KINDS for filtered in (False, True)]
    spent: dict[tuple[str, bool], list[float]] = {way: [] for way in ways}
    found: dict[tuple[str, bool], list[list[VoiceHit]]] = {way: [] for way in ways}
    for turn in range(ROUNDS):
        for way in ways[turn:] + ways[:turn]:
            asked.ask(way[0], queries, 0, way[1])
            found[way] = []
            for number in range(QUERIES):
                start = time.perf_counter()
                found[way].append(asked.ask(way[0], queries, number, way[1]))
                spent[way].append(1e3 * (time.perf_counter() - start))
    exact, ranked = asked.exact(), asked.exact(rank_all=1 << 40)
    for way in ways:
        name = f"search by {way[0]}{', filter of 1 %' if way[1] else ''}"
        report.add(f"{name}, p50", float(np.percentile(spent[way], 50)), "ms", 5.0)
        report.add(f"{name}, p99", float(np.percentile(spent[way], 99)), "ms", 15.0)
        rounds = np.percentile(np.reshape(spent[way], (ROUNDS, QUERIES)), 99, axis=1)
        report.add(f"{name}, p99 of the quietest round", float(rounds.min()), "ms")
        truth = [exact.rows(exact.ask(way[0], queries, number, way[1])) for number in range(QUERIES)]
        hits = [len(asked.rows(mine) & true) / len(true) for mine, true in zip(found[way], truth, strict=True)]
        report.add(f"{name}, recall@10", float(np.mean(hits)), "recall", 0.99)
        if not way[1]:
            report.add("  of it, queries near an entry of the bank", float(np.mean(hits[::2])), "recall")
            report.add("  of it, queries by speakers that are in no bank", float(np.mean(hits[1::2])), "recall")
        if not way[1] and way[0] != "clip":
            share = agreement(ranked, way[0], queries, found[way])
            report.add(f"{name}, agreement@10 with ranking every entry", share, "recall")


def agreement(ranked: Asked, kind: str, queries: Queries, found: list[list[VoiceHit]]) -> float:
    """With a search whose candidates are all entries."""
    every = [ranked.rows(ranked.ask(kind, queries, number, False)) for number in range(WHOLE_QUERIES)]
    return sum(len(ranked.rows(mine) & all_) for mine, all_ in zip(found, every, strict=False)) / (HITS * WHOLE_QUERIES)


def changing(asked: Asked, entries: int, queries: Queries, report: Report) -> None:
    """Add and delete by the thousand."""
    spent: dict[str, list[float]] = {}
    victims = iter(np.random.default_rng(11).permutation(entries)[: CHANGED * ROUNDS].reshape(ROUNDS, CHANGED))
    for turn in range(ROUNDS):
        fresh, recorded = (make_corpus(CHANGED // CLIPS, CLIPS, entries + (2 * turn + n) * CHANGED) for n in (0, 1))
        gone = [f"voice-{number:07d}" for number in next(victims).tolist()]
        for name, run in (
            (
                "add 1,000 entries (vectors there, no clips)",
                lambda c=fresh: asked.bank.store.commit(c.entries, vectors_of(c), MODELS),
            ),
            ("delete 1,000", lambda ids=gone: asked.bank.remove(*ids)),
            ("add 1,000 with clips of 3 s (FLAC, each synced)", lambda c=recorded: with_clips(asked, c)),
            ("delete 1,000 with clips", lambda c=recorded: asked.bank.remove(*(entry.id for entry in c.entries))),
            ("first search after a change (text)", lambda: asked.ask("text", queries, 0, False)),
        ):
            spent.setdefault(name, []).append(timed(run))
    for name, seconds in spent.items():
        target = 1.0 if name.startswith(("add 1,000 entries", "delete 1,000")) and "with" not in name else None
        report.add(name, median(seconds), "s", target)
    ours = report.systems[asked.name]
    ours["add 1,000 s"], ours["delete 1,000 s"] = (median(spent[name]) for name in list(spent)[:2])
    with asked.bank.store.writing():
        report.add(f"seal again after {2 * ROUNDS},000 changes each way", timed(asked.bank.store.seal), "s")


def comparing(asked: Asked, folder: Path, queries: Queries, entries: int, report: Report) -> None:
    """The same speaker vectors and queries for everybody."""
    view = asked.bank.store.view()
    assert view is not None
    vectors = view.vectors["speaker"]
    changed = [make_corpus(CHANGED // CLIPS, CLIPS, entries + turn * CHANGED).speaker for turn in range(ROUNDS)]
    prepared = folder / "speakers.npy"
    np.save(prepared, queries.voice)
    for name, told in compare(asked, folder, vectors, queries.voice, changed, say).items():
        report.systems.setdefault(name, {}).update(told)
        if name != asked.name:
            efforts = (str(int(told.get(key, 0))) for key in ("effort", "effort, 1 %"))
            there = child(str(folder), name, str(prepared), *efforts, module="bench.voice_peers")
            told = {"open s": there["open"], "private MB": there["private"], "RSS MB": there["rss"]}
            report.systems[name].update(told)


def importing(folder: Path, report: Report) -> None:
    """Real clips with the real embedders, twice each way."""
    count = write_clips(folder / "clips")
    for turn in range(2):
        for jobs, threads in ((1, 1), (2, 1), (1, 2), (2, 2)):
            bank = folder / f"imported-{turn}-{jobs}-{threads}"
            report.imports.append(
                child("import", str(folder / "clips"), str(bank), str(jobs), str(threads), threads=threads)
            )
            say(f"  import of {count} clips: {report.imports[-1]}")


def show(report: Report) -> None:
    """The tables."""
    table = Table("measured on the voice bank", "value", "unit", "target", "")
    for line in report.lines:
        told = "" if line.target is None else f"{'>=' if line.unit == 'recall' else '<='} {line.target:g}"
        table.add_row(line.name, f"{line.value:,.3f}", line.unit, told, line.verdict)
    console.print(table)
    if len(report.systems) > 1:
        columns = list(dict.fromkeys(key for told in report.systems.values() for key in told))
        table = Table("speaker vectors only (x of ours)", *report.systems)
        for column in columns:
            table.add_row(column, *(against(told, report.systems["voice bank"], column) for told in report.systems.values()))
        console.print(table)
        console.print("voice bank: build, open and sizes are of the whole bank, with texts, facts and description vectors;")
        console.print("FAISS: changes are in memory, durable after a file write; cores: processor time / time of searches")
        if report.systems["voice bank"]["recall"] < ENOUGH:
            console.print("The voice bank finds less than the others here: its times are not of equal work", style="bold")
        if "LanceDB HNSW-SQ" not in report.systems:
            console.print(f"LanceDB: {MISSING}", markup=False)
    table = Table("import: jobs", "torch threads", "clips", "clips/s", "cores")
    for told in report.imports:
        table.add_row(*(f"{value:g}" if float(value).is_integer() else f"{value:.2f}" for value in told.values()))
    console.print(table)
    console.print(report.about)


def against(told: dict[str, float], ours: dict[str, float], column: str) -> str:
    """A number and how many of ours it is."""
    if column not in told:
        return "-"
    if column not in ours or told is ours or column == "cores" or column.startswith("recall"):
        return f"{told[column]:.4g}"
    return f"{told[column]:.4g} ({told[column] / ours[column]:.2f}x)"


def environment(threads: int) -> dict[str, str]:
    """Variables under which every library takes so many threads."""
    return os.environ | POOL | {f"{name}_NUM_THREADS": str(threads) for name in VARIABLES}


def run(arguments: argparse.Namespace) -> Report:
    """All of it, in a temporary folder."""
    report, start = Report(), time.perf_counter()
    report.about = {"entries": arguments.entries, "threads": THREADS, "load before": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory(prefix="bench-voices-") as name:
        folder = Path(name)
        asked = Asked(folder / "bank")
        queries, prepared = fill(asked, arguments.entries, report), folder / "queries.npz"
        queries.save(prepared)
        opening(folder / "bank", prepared, arguments.entries, report)
        searching(asked, queries, report)
        if arguments.peers:
            comparing(asked, folder, queries, arguments.entries, report)
        changing(asked, arguments.entries, queries, report)
        disk = file_bytes(folder) / 1e6
        importing(folder, report)
    report.about |= {"disk MB": round(disk), "seconds": round(time.perf_counter() - start), "load after": os.getloadavg()[0]}
    return report


def main() -> None:
    """Measure and print."""
    if os.environ.get("OMP_NUM_THREADS") != str(THREADS) and "--child" not in sys.argv:  # before numpy is loaded
        os.execve(sys.executable, [sys.executable, "-m", "bench.voices", *sys.argv[1:]], environment(THREADS))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=500_000)
    parser.add_argument("--json", type=Path, help="write all numbers to this file")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="the voice bank alone")
    parser.add_argument("--child", nargs="*", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.entries < 2 * CHANGED * ROUNDS:
        parser.error(f"--entries must be {2 * CHANGED * ROUNDS} or more")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    if arguments.child:
        kind, *rest = arguments.child
        told = child_open(*rest) if kind == "open" else import_clips(*map(Path, rest[:2]), *map(int, rest[2:]))
        print(json.dumps(told))  # noqa: T201 - read by the process that started this one
        return
    report = run(arguments)
    show(report)
    if arguments.json:
        arguments.json.write_text(json.dumps(asdict(report), indent=1))


if __name__ == "__main__":
    main()
