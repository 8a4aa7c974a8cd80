"""``vivavoce eval``: the labs on the command line. This is the command's entry point, since eval stands above app."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from vivavoce.app.cli import main as cli
from vivavoce.app.cli.options import MindHearsOption, MindOption, MindUrlOption
from vivavoce.app.console import JsonFlag, counting, err, out, print_json, print_table
from vivavoce.core.errors import ConfigError, VivavoceError

if TYPE_CHECKING:
    from vivavoce.eval.lab.lab import Lab, Options


class Command(NamedTuple):
    """lab: its class in ``vivavoce.eval.<name>.lab``. asks_agent: whether a model answers, which may sample."""

    lab: str
    help: str
    asks_agent: bool = True


LABS = {
    "toolcall": Command(
        "ToolCallLab",
        "Whether the agent calls the right tool with the right parameters, and only then; "
        "sets: spoken, text, and with tools of their own bfcl, bfcl-parallel, bfcl-spoken, when2call, deeds.",
    ),
    "hallucination": Command(
        "HallucinationLab",
        "The same questions with and without knowledge: right, wrong, abstained, and the paired differences.",
    ),
    "timbre": Command("TimbreLab", "Whether answers sound like the voice that was asked for, stay so, and go back."),
    "speech": Command("SpeechLab", "Word errors, translation, paralinguistics, multiple choice and spoken questions."),
    "latency": Command(
        "LatencyLab",
        "Time to first audio and of each stage, beside the stages run one after the other, against budgets.",
    ),
    "voices": Command(
        "VoicesLab",
        "Voice search by words, by clip and under conditions (a set each), and the threshold below which nothing fits.",
        asks_agent=False,
    ),
    "retrieval": Command(
        "RetrievalLab",
        "Document search by words, by meaning and by both, and whether it knows what no document answers; "
        "sets: halueval, howto, chinese.",
        asks_agent=False,
    ),
    "grounding": Command(
        "GroundingLab",
        "Whether the guard tells sentences that passages support from those that they do not; "
        "sets: written, halueval answers, halueval responses.",
        asks_agent=False,
    ),
}
SEEDS = (0, 1, 2)  # where none are given to a model that samples

ModelOption = Annotated[str | None, typer.Option("--model", help="embedded, step-audio-2, remote or scripted.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="A set of the lab's own, or the path of one; repeatable.")
]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Most items of a set, taken from all over.")]
SeedOption = Annotated[
    list[int] | None,
    typer.Option("--seed", help="A repetition each; repeatable. By default 0, 1 and 2 where a model samples."),
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Folder of the run; eval-<lab>-<time> when not given.")]
ResumeOption = Annotated[Path | None, typer.Option("--resume", help="Go on with the run in this folder.")]
CompareOption = Annotated[
    tuple[Path, Path] | None, typer.Option("--compare", help="Ask nothing; compare two runs, item by item.")
]

commands = typer.Typer(help="Measure what the product does, with intervals and plots.", no_args_is_help=True)
cli.app.add_typer(commands, name="eval")


def _of_agent(name: str) -> Callable[..., None]:
    def command(
        model: ModelOption = None,
        mind: MindOption = None,
        mind_url: MindUrlOption = None,
        mind_hears: MindHearsOption = False,
        sets: SetOption = None,
        limit: LimitOption = None,
        seeds: SeedOption = None,
        folder: OutOption = None,
        resume: ResumeOption = None,
        compare: CompareOption = None,
        json_: JsonFlag = False,
    ) -> None:
        if compare is not None:
            _compare(*compare, json_=json_)
            return
        options = options_of(name, model, sets, limit, seeds, mind, mind_url, mind_hears=mind_hears)
        _run(name, options, folder, resume, json_=json_)

    return command


def _of_store(name: str) -> Callable[..., None]:
    """Nothing is asked of a model."""

    def command(
        sets: SetOption = None,
        limit: LimitOption = None,
        folder: OutOption = None,
        resume: ResumeOption = None,
        compare: CompareOption = None,
        json_: JsonFlag = False,
    ) -> None:
        _of_agent(name)(sets=sets, limit=limit, folder=folder, resume=resume, compare=compare, json_=json_)

    return command


for _name, _row in LABS.items():
    commands.command(_name, help=_row.help)(_of_agent(_name) if _row.asks_agent else _of_store(_name))


@commands.command("all")
def _all(
    model: ModelOption = None,
    mind: MindOption = None,
    mind_url: MindUrlOption = None,
    mind_hears: MindHearsOption = False,
    limit: LimitOption = None,
    seeds: SeedOption = None,
    folder: OutOption = None,
    resume: ResumeOption = None,
    json_: JsonFlag = False,
) -> None:
    """All labs, each in a folder of its own."""
    folder = resume or folder or Path(f"eval-all-{time.strftime('%Y%m%d-%H%M%S')}")
    failed: list[str] = []
    for name in LABS:
        place = folder / name
        begun = place if resume is not None and place.exists() else None
        try:
            options = options_of(name, model, None, limit, seeds, mind, mind_url, mind_hears=mind_hears)
            _run(name, options, place, begun, json_=json_, again=folder)
        except VivavoceError as error:  # the other labs go on
            err.print(f"{name}: {error}", highlight=False)
            failed.append(name)
    if failed:
        raise ConfigError(f"no report of {', '.join(failed)}; mend what is said above and go on with --resume {folder}")


def _lab(name: str) -> "Lab":
    return getattr(import_module(f"vivavoce.eval.{name}.lab"), LABS[name].lab)()


def options_of(
    name: str,
    model: str | None,
    sets: list[str] | None,
    limit: int | None,
    seeds: list[int] | None,
    mind: str | None = None,
    mind_url: str | None = None,
    *,
    mind_hears: bool = False,
) -> "Options":
    """Options of a run from those of the command line."""
    from vivavoce.app.backends import backend_of
    from vivavoce.app.model_choice import ModelChoice
    from vivavoce.eval.lab.judge import JudgeSettings
    from vivavoce.eval.lab.lab import Options

    settings = ModelChoice(model, mind=mind, mind_url=mind_url, mind_hears=mind_hears).settings()
    if not LABS[name].asks_agent:
        seeds = [0]
    samples = backend_of(settings).samples and settings.temperature > 0
    repeated = tuple(seeds or (SEEDS if samples else (0,)))
    return Options(settings, tuple(sets or _lab(name).sets), limit, repeated, JudgeSettings())


def _run(
    name: str, options: "Options", folder: Path | None, resume: Path | None, *, json_: bool, again: Path | None = None
) -> None:
    """again: the folder to be named when it is to be resumed, where it is not the run's own."""
    from vivavoce.eval.lab.driver import run_lab

    if resume is not None and folder not in (None, resume):
        raise ConfigError("--out and --resume name different folders; leave one of them out")
    folder = resume or folder or Path(f"eval-{name}-{time.strftime('%Y%m%d-%H%M%S')}")
    with counting(name, None) as bar:

        def progress(done: int, total: int) -> None:
            bar.update(bar.task_ids[0], completed=done, total=total)

        try:
            finished = asyncio.run(run_lab(_lab(name), options, folder, resume=resume is not None, progress=progress))
        except KeyboardInterrupt:
            err.print(f"stopped; what is done is kept, go on with --resume {again or folder}", highlight=False)
            raise typer.Exit(130) from None
    if json_:
        print_json({"folder": str(folder), "estimates": {key: str(value) for key, value in finished.page.summary.items()}})
        return
    print_table(("measure", "value [95 % interval]"), [(key, str(value)) for key, value in finished.page.summary.items()])
    if failed := sum(result.error is not None for result in finished.results):
        err.print(
            f"{failed} items failed and count as wrong; ask them again with --resume {again or folder}", highlight=False
        )
    out.print(f"open {folder / 'report.html'}", highlight=False)


def _compare(one: Path, other: Path, *, json_: bool) -> None:
    from vivavoce.eval.lab.compare import COLUMNS, as_rows, compare_runs

    found = compare_runs(one, other)
    if json_:
        print_json([asdict(difference) for difference in found])
        return
    print_table(COLUMNS, as_rows(found))


def main() -> None:
    """Entry point."""
    cli.main()


if __name__ == "__main__":
    main()
