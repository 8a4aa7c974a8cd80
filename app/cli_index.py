"""``vivavoce index``: documents the agent answers from."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from vivavoce.app.console import JsonFlag, out, print_json, print_table, working
from vivavoce.core.settings import load_settings

app = typer.Typer(help="Documents the agent answers from.", no_args_is_help=True)


def _index() -> Any:  # noqa: ANN401 - imported lazily
    from vivavoce.app.wiring import open_parts

    return open_parts(load_settings()).index


@app.command()
def add(
    paths: Annotated[list[Path], typer.Argument(help="Files (txt, md, html, pdf) or folders.")], json_: JsonFlag = False
) -> None:
    """Add documents; what is there already and unchanged is kept."""
    with working("indexing"):
        report = _index().add(paths)
    if json_:
        print_json(asdict(report))
    else:
        out.print(
            f"{len(report.added)} added, {len(report.unchanged)} unchanged, {len(report.failed)} refused", highlight=False
        )
        for path, why in report.failed:
            out.print(f"refused {path}: {why}", style="yellow", highlight=False, markup=False)
    if report.failed and not (report.added or report.unchanged):
        raise typer.Exit(6)


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="A question.")],
    k: Annotated[int, typer.Option("-k", help="How many passages.", min=1)] = 3,
    json_: JsonFlag = False,
) -> None:
    """Passages for a question, best first."""
    with working("searching"):
        passages = asyncio.run(_index().search(query, k))
    if json_:
        print_json([asdict(passage) for passage in passages])
        return
    for passage in passages:
        out.print(
            f"[bold]{passage.score:.2f} {passage.title}[/] [dim]{passage.source} {passage.location}[/]", highlight=False
        )
        out.print(passage.text, markup=False, highlight=False)


@app.command("list")
def list_(json_: JsonFlag = False) -> None:
    """All documents."""
    documents = _index().documents()
    if json_:
        print_json([asdict(document) for document in documents])
    else:
        print_table(("title", "passages", "source"), [(d.title, str(d.passages), d.source) for d in documents])


@app.command()
def remove(source: Annotated[str, typer.Argument(help="The document's path, as listed.")], json_: JsonFlag = False) -> None:
    """Forget a document."""
    _index().remove(source)
    if json_:
        print_json({"removed": source})
    else:
        out.print(f"removed {source}", highlight=False)
