"""``vivavoce index``: documents the agent answers from."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vivavoce.app.console import JsonFlag, counting, err, out, print_json, print_table, working
from vivavoce.core.errors import ConfigError, DocumentError, StoreCorrupt

if TYPE_CHECKING:
    from vivavoce.retrieval.documents.loading import Document
    from vivavoce.retrieval.index import AddReport, DocumentIndex

app = typer.Typer(help="Documents the agent answers from.", no_args_is_help=True)
Collection = Annotated[str, typer.Option("--collection", "-c", help="A collection of documents; made when first used.")]
Paths = Annotated[
    list[str], typer.Argument(help="Files, folders or patterns such as 'docs/**/*.md'; - reads standard input.")
]
Kept = Annotated[list[str], typer.Argument(help="Files and folders.")]
DEFAULT = "documents"
SHOWN_LINES = 20  # of each part of a report; --json prints all


def _index(collection: str) -> "DocumentIndex":
    from vivavoce.app.parts import open_embedder, open_index
    from vivavoce.core.settings import load_settings

    settings = load_settings()
    return open_index(settings, open_embedder(settings), collection)


@app.command()
def add(
    paths: Paths,
    collection: Collection = DEFAULT,
    name: Annotated[
        str, typer.Option(help="What standard input is called; its ending tells the kind.")
    ] = "standard-input.txt",
    json_: JsonFlag = False,
) -> None:
    """Add documents; what is there already and unchanged is kept."""
    from vivavoce.retrieval.index import AddReport

    index, report = _index(collection), AddReport()
    if "-" in paths:
        report = index.put({name: _standard_input(name)})
    files = [path for path in paths if path != "-"]
    if files:
        with counting("documents", None) as bar:
            found = index.add(files, progress=lambda done, total: bar.update(bar.task_ids[0], completed=done, total=total))
        report = AddReport((*report.added, *found.added), found.unchanged, found.removed, found.failed)
    _print_report(report, json_)
    _check_something_went_in(report)


@app.command()
def sync(paths: Kept, collection: Collection = DEFAULT, json_: JsonFlag = False) -> None:
    """Bring a collection into step with folders: add what is new, read again what changed, forget what is gone."""
    with working("indexing"):
        report = _index(collection).add(list(paths), prune=True)
    _print_report(report, json_)
    _check_something_went_in(report)


@app.command()
def watch(paths: Kept, collection: Collection = DEFAULT) -> None:
    """Keep a collection in step with files and folders until it is interrupted."""
    from vivavoce.app.cli.index_watch import keep_in_step

    index = _index(collection)
    err.print("watching; Ctrl-C ends it", highlight=False)
    try:
        asyncio.run(keep_in_step(index, [Path(path) for path in paths], lambda report: _print_report(report, as_json=False)))
    except KeyboardInterrupt:
        err.print("ended", highlight=False)


def _check_something_went_in(report: "AddReport") -> None:
    if report.failed and not (report.added or report.unchanged or report.removed):
        raise DocumentError("none of these could be indexed; the reasons stand above")


def _standard_input(name: str) -> "Document":
    from vivavoce.retrieval.documents.loading import Limits, read

    limits = Limits()
    return read(sys.stdin.buffer.read(limits.bytes + 1), name, limits)


def _print_report(report: "AddReport", as_json: bool) -> None:
    if as_json:
        print_json(asdict(report))
        return
    removed = f", {len(report.removed)} forgotten" if report.removed else ""
    counts = f"{len(report.added)} added, {len(report.unchanged)} unchanged{removed}, {len(report.failed)} refused"
    out.print(counts, highlight=False)
    for path, why in report.failed[:SHOWN_LINES]:
        out.print(f"refused {_shown(path)}: {why}", style="yellow", highlight=False, markup=False)
    if len(report.failed) > SHOWN_LINES:
        out.print(f"... and {len(report.failed) - SHOWN_LINES} more; --json prints all", style="yellow", highlight=False)


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="A question.")],
    k: Annotated[int, typer.Option("-k", help="How many passages.", min=1)] = 3,
    collection: Collection = DEFAULT,
    mode: Annotated[
        Literal["hybrid", "dense", "lexical"], typer.Option(help="By meaning, by words, or by both.")
    ] = "hybrid",
    source: Annotated[str, typer.Option(help="Only documents whose path fits a pattern, such as '*/manuals/*'.")] = "",
    where: Annotated[list[str] | None, typer.Option(help="KEY=VALUE of documents, such as kind=pdf or author=Ann.")] = None,
    per_source: Annotated[int | None, typer.Option(help="Most passages of one document.", min=1)] = None,
    diversity: Annotated[float, typer.Option(help="0 ranks by relevance, 1 by novelty.", min=0.0, max=1.0)] = 0.0,
    context: Annotated[bool, typer.Option("--context", help="Also the passages before and after.")] = False,
    json_: JsonFlag = False,
) -> None:
    """Passages for a question, best first."""
    from vivavoce.retrieval.search.ranking import PassageFilters, SearchOptions

    filters = PassageFilters(source, _conditions(where or ())) if source or where else None
    options = SearchOptions(mode=mode, filters=filters, per_source=per_source, diversity=diversity, neighbours=context)
    with working("searching"):
        passages = _index(collection).find(query, k, options)
    if json_:
        print_json([asdict(passage) for passage in passages])
        return
    if not passages:
        out.print(f"nothing found in the collection {collection}; see `vivavoce index collections`", highlight=False)
    for passage in passages:
        place = " ".join(part for part in (_shown(passage.source), passage.location) if part)
        out.print(f"{passage.score:.2f} {passage.title}", style="bold", markup=False, highlight=False)
        out.print(place, style="dim", markup=False, highlight=False)
        for text in (passage.before, passage.text, passage.after):
            if text:
                out.print(text, markup=False, highlight=False)


def _shown(name: str) -> str:
    """A name from outside without what a terminal would obey."""
    from vivavoce.retrieval.documents.loading import shown

    return shown(name)


def _conditions(where: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for condition in where:
        key, equals, value = (part.strip() for part in condition.partition("="))
        if not key or not equals or not value:
            raise ConfigError(f"--where {condition!r}: write KEY=VALUE, such as kind=pdf")
        found[key] = value
    return found


@app.command("list")
def list_(collection: Collection = DEFAULT, json_: JsonFlag = False) -> None:
    """All documents."""
    documents = list(_index(collection).documents())
    if json_:
        print_json([asdict(document) for document in documents])
    else:
        print_table(("title", "passages", "source"), [(d.title, str(d.passages), _shown(d.source)) for d in documents])


@app.command()
def collections(json_: JsonFlag = False) -> None:
    """All collections, with how many documents and passages they hold."""
    from vivavoce.core.settings import load_settings
    from vivavoce.retrieval.collections import collections_in

    names = collections_in(load_settings().index_dir)
    counts = {name: (sum(1 for _ in _index(name).documents()), len(_index(name))) for name in names}
    if json_:
        print_json({name: {"documents": documents, "passages": passages} for name, (documents, passages) in counts.items()})
    else:
        print_table(("collection", "documents", "passages"), [(name, str(d), str(p)) for name, (d, p) in counts.items()])


@app.command()
def show(
    source: Annotated[str, typer.Argument(help="The document's path, as listed.")],
    collection: Collection = DEFAULT,
    json_: JsonFlag = False,
) -> None:
    """A document as it was cut into passages."""
    document, passages = _index(collection).document(source)
    if json_:
        print_json(asdict(document) | {"text": [asdict(passage) for passage in passages]})
        return
    out.print(f"{document.title} ({document.passages} passages)", style="bold", markup=False, highlight=False)
    for passage in passages:
        place = " ".join(part for part in (passage.location, passage.heading) if part)
        out.print(place, style="dim", markup=False, highlight=False)
        out.print(passage.text, markup=False, highlight=False)


@app.command()
def remove(
    source: Annotated[str, typer.Argument(help="The document's path, as listed, or a folder.")],
    collection: Collection = DEFAULT,
    json_: JsonFlag = False,
) -> None:
    """Forget a document, or all below a folder."""
    count = _index(collection).remove(source)
    if json_:
        print_json({"removed": count})
    else:
        out.print(f"{count} documents forgotten", highlight=False)


@app.command()
def verify(collection: Collection = DEFAULT, json_: JsonFlag = False) -> None:
    """Read everything in a collection and compare it with its checksums."""
    from vivavoce.retrieval.upkeep.verify import verify as findings_of

    index = _index(collection)
    with working("reading"):
        findings = findings_of(index)
    damaged = [finding for finding in findings if finding.damage]
    if json_:
        print_json({"whole": not damaged, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            out.print(finding.text, style="red" if finding.damage else "yellow", highlight=False, markup=False)
        if not damaged:
            out.print(f"{len(index)} passages, all whole", highlight=False)
    if damaged:
        raise StoreCorrupt(f"the document index is damaged in {len(damaged)} places; run `vivavoce index repair`")


@app.command()
def repair(collection: Collection = DEFAULT, json_: JsonFlag = False) -> None:
    """Bring back what can be brought back of a damaged collection, and say what was lost."""
    from vivavoce.retrieval.upkeep.repair import repair as repaired

    with working("repairing"):
        report = repaired(_index(collection))
    if json_:
        print_json(asdict(report))
        return
    out.print(f"{report.kept} documents are there; {report.made_again} vectors were made again", highlight=False)
    for what, why in report.lost:
        out.print(f"lost {what}: {why}", style="red", highlight=False, markup=False)


@app.command()
def compact(collection: Collection = DEFAULT, json_: JsonFlag = False) -> None:
    """Free the space of forgotten documents."""
    from vivavoce.retrieval.upkeep.compaction import compact as compacted

    with working("compacting"):
        rows = compacted(_index(collection))
    if json_:
        print_json({"rows": rows})
    else:
        out.print(f"dropped {rows} removed rows", highlight=False)


@app.command()
def reembed(collection: Collection = DEFAULT, json_: JsonFlag = False) -> None:
    """Make the vectors of a collection again that was made with another embedder."""
    from vivavoce.retrieval.upkeep.compaction import reembed as reembedded

    with working("embedding"):
        count = reembedded(_index(collection))
    if json_:
        print_json({"passages": count})
    else:
        out.print(f"{count} passages embedded again" if count else "nothing to do: the embedder is the same")


@app.command("export")
def export_(
    path: Annotated[Path, typer.Argument(help="The file to write, JSON lines.")],
    collection: Collection = DEFAULT,
    json_: JsonFlag = False,
) -> None:
    """Write all passages with their sources into one file that other programs read."""
    from vivavoce.retrieval.export import export

    with working("writing"):
        count = export(_index(collection), path)
    if json_:
        print_json({"file": str(path), "passages": count})
    else:
        out.print(f"{count} passages in {path}", highlight=False)
