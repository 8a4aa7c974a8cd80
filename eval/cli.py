"""``vivavoce eval``: measurements. This is the command's entry point, since eval stands above app."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vivavoce.app.cli import main as cli
from vivavoce.app.console import JsonFlag, counting, out, print_json, print_table
from vivavoce.eval.cli_labs import add_labs

if TYPE_CHECKING:
    from vivavoce.eval.grounding.lab import GroundingReport
    from vivavoce.eval.retrieval.lab import RetrievalReport
    from vivavoce.eval.voices.report import VoicesReport

commands = typer.Typer(help="Measure what the product does, with intervals and plots.", no_args_is_help=True)
cli.app.add_typer(commands, name="eval")
add_labs(commands)


@commands.command()
def voices(
    folder: Annotated[Path, typer.Option("--out", help="Folder for report.md, report.json and the pictures.")] = Path(
        "eval-voices"
    ),
    json_: JsonFlag = False,
) -> None:
    """Voice search by words and by clip, conditions, and the threshold below which nothing fits."""
    from vivavoce.eval.voices.report import as_json, summary, write_report

    report = asyncio.run(_voices())
    write_report(report, folder)
    if json_:
        print_json(as_json(report))
        return
    print_table(("measure", "value [95 % interval]"), summary(report))
    out.print(f"open {folder / 'report.md'}", highlight=False)


async def _voices() -> "VoicesReport":
    from vivavoce.app.wiring import open_bank
    from vivavoce.core.settings import load_settings
    from vivavoce.eval.voices.lab import FILTER_TRIALS, ask_all, calibrate, check_filters, compare_halves
    from vivavoce.eval.voices.queries import HELD_OUT, QUERIES, read_queries
    from vivavoce.eval.voices.report import VoicesReport
    from vivavoce.voicebank.embedders import ResemblyzerEmbedder

    bank = open_bank(load_settings())
    entries = tuple(bank.entries())
    queries, left_out = read_queries(entries, QUERIES)
    held_out, also_left_out = read_queries(entries, HELD_OUT)
    queries += held_out
    with counting("queries, clips, conditions", len(queries) + len(entries) + FILTER_TRIALS) as bar:

        def step() -> None:
            bar.advance(bar.task_ids[0])

        words = await ask_all(bank, queries, step)
        clips = await compare_halves(bank, ResemblyzerEmbedder(), step)
        filters = await check_filters(bank, step)
    return VoicesReport(entries, words, calibrate(words.asked), clips, filters, left_out + also_left_out)


@commands.command()
def retrieval(
    folder: Annotated[Path, typer.Option("--out", help="Folder for report.md, report.json and the pictures.")] = Path(
        "eval-retrieval"
    ),
    sets: Annotated[list[str] | None, typer.Option("--set", help="halueval, howto or chinese; all when not given.")] = None,
    limit: Annotated[int | None, typer.Option(help="Most questions of a set.", min=1)] = None,
    json_: JsonFlag = False,
) -> None:
    """Document search by words, by meaning and by both, and whether it knows what no document answers."""
    from vivavoce.eval.retrieval.report import as_json, summary, write_report

    report = asyncio.run(_retrieval(sets, limit))
    write_report(report, folder)
    if json_:
        print_json(as_json(report))
        return
    print_table(("measure", "value [95 % interval]"), summary(report))
    out.print(f"open {folder / 'report.md'}", highlight=False)


async def _retrieval(sets: list[str] | None, limit: int | None) -> "RetrievalReport":
    from vivavoce.core.settings import load_settings
    from vivavoce.eval.retrieval.lab import SETS, measure

    with counting("documents and questions", None) as bar:

        def step(what: str, done: int, total: int) -> None:
            bar.update(bar.task_ids[0], description=what, completed=done, total=total)

        return await measure(load_settings(), sets or SETS, limit, step)


@commands.command()
def grounding(
    folder: Annotated[Path, typer.Option("--out", help="Folder for report.md, report.json and the picture.")] = Path(
        "eval-grounding"
    ),
    json_: JsonFlag = False,
) -> None:
    """Whether the guard tells sentences that passages support from those that they do not."""
    from vivavoce.eval.grounding.report import as_json, summary, write_report

    report = _grounding()
    write_report(report, folder)
    if json_:
        print_json(as_json(report))
        return
    print_table(("measure", "value [95 % interval]"), summary(report))
    out.print(f"open {folder / 'report.md'}", highlight=False)


def _grounding() -> "GroundingReport":
    from vivavoce.app.wiring import open_embedder
    from vivavoce.core.settings import load_settings
    from vivavoce.eval.grounding.claims import all_claims
    from vivavoce.eval.grounding.lab import measure

    settings = load_settings()
    claims = all_claims(settings.home / "cache" / "eval")
    with counting("claims", len(claims)) as bar:
        return measure(open_embedder(settings), claims, lambda: bar.advance(bar.task_ids[0]))


def main() -> None:
    """Entry point."""
    cli.main()


if __name__ == "__main__":
    main()
