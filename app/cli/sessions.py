"""``vivavoce sessions``: dialogues that are kept, read again, handed on, deleted, and played again."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vivavoce.app.cli.options import BaseUrlOption, CheckpointOption, MindHearsOption, MindOption, MindUrlOption, ModelOption
from vivavoce.app.console import JsonFlag, err, out, print_json, print_table
from vivavoce.core.errors import VivavoceError
from vivavoce.core.untrusted import neutralise

if TYPE_CHECKING:
    from vivavoce.agent import PastTurn
    from vivavoce.agent.session.log import SessionSummary
    from vivavoce.agent.session.store import Sessions
    from vivavoce.app.replay import ReplayedTurn

app = typer.Typer(help="Dialogues that are kept: read, hand on, delete, play again.", no_args_is_help=True)
SHOWN_CHARS = 100_000


def complete(given: str) -> list[str]:
    """Names that a shell may complete a beginning with."""

    async def known() -> list[str]:
        async with _opened(None) as sessions:
            return await sessions.log.names()

    try:
        return [name for name in asyncio.run(known()) if name.startswith(given)]
    except VivavoceError:
        return []


Name = Annotated[str, typer.Argument(help="Name of a session, as listed.", autocompletion=complete)]


@asynccontextmanager
async def _opened(model: str | None) -> "AsyncGenerator[Sessions]":
    from vivavoce.agent.session.store import open_sessions
    from vivavoce.app.backends import at_home
    from vivavoce.core.settings import load_settings

    settings = at_home(load_settings(**({"model": model} if model else {})))
    async with open_sessions(settings.sessions_dir, when_busy="refuse", retention_days=settings.retention_days) as sessions:
        yield sessions


@app.command("list")
def list_(model: ModelOption = None, json_: JsonFlag = False) -> None:
    """All sessions, the last used first."""
    from vivavoce.app.dialogue_json import summary_json

    async def known() -> list[dict[str, Any]]:
        async with _opened(model) as sessions:
            return [summary_json(one, sessions.recordings.bytes_of(one.name)) for one in await sessions.all()]

    rows = asyncio.run(known())
    if json_:
        print_json(rows)
        return
    columns = ("name", "turns", "begun", "last used", "recordings")
    print_table(columns, [_row(row) for row in rows])


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    return (row["name"], str(row["turns"]), _local(row["begun"]), _local(row["used"]), _size(row["recording_bytes"]))


def _local(time: str) -> str:
    return f"{datetime.fromisoformat(time).astimezone():%Y-%m-%d %H:%M}"


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 2**10:.1f} KiB"


async def _document(sessions: "Sessions", name: str) -> "tuple[dict[str, Any], tuple[PastTurn, ...]]":
    from vivavoce.app.dialogue_json import dialogue_json

    summary, turns = await sessions.summary(name), await sessions.history(name)
    return dialogue_json(summary, turns, sessions.recordings.bytes_of(name)), turns


@app.command()
def show(name: Name, model: ModelOption = None, json_: JsonFlag = False) -> None:
    """A dialogue: what was asked, done and answered."""

    async def read() -> dict[str, Any]:
        async with _opened(model) as sessions:
            return (await _document(sessions, name))[0]

    document = asyncio.run(read())
    if json_:
        print_json(document)
        return
    for turn in document["dialogue"]:
        out.print(_local(turn["at"]), style="dim", highlight=False)
        for label, text in _lines(turn):
            out.print(f"[bold]{label:<8}[/]", end="", highlight=False)
            out.print(neutralise(text, SHOWN_CHARS), markup=False, highlight=False)


def _lines(turn: dict[str, Any]) -> list[tuple[str, str]]:
    """A turn as labels and texts."""
    calls = [("tool", f"{call['name']} {_text(call['arguments'])} -> {call['status']}") for call in turn["tool_calls"]]
    voices = [("voice", switch["name"]) for switch in turn["voices"]]
    answer = f"{turn['answer']} (interrupted here)" if turn["interrupted"] else turn["answer"]
    heard = "(not written down)" if turn["heard"] is None else turn["heard"] or "(nothing)"
    return [("heard", heard), *calls, *voices, ("answer", answer.strip())]


def _text(arguments: object) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


@app.command("export")
def export_(
    name: Name,
    path: Annotated[Path | None, typer.Option("--out", help="A .json, or a .zip with the recordings.")] = None,
    model: ModelOption = None,
    json_: JsonFlag = False,
) -> None:
    """Write a session as one JSON document, or with its recordings into an archive."""
    from vivavoce.app.dialogue_json import write_dialogue

    async def read() -> tuple[dict[str, Any], int]:
        async with _opened(model) as sessions:
            document, turns = await _document(sessions, name)
            return document, write_dialogue(path, document, turns, sessions) if path is not None else 0

    document, size = asyncio.run(read())
    if path is None:
        print_json(document)
    elif json_:
        print_json({"file": str(path), "turns": document["turns"], "bytes": size})
    else:
        out.print(f"{document['turns']} turns in {path} ({_size(size)})", highlight=False, markup=False)


@app.command()
def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    model: ModelOption = None,
    json_: JsonFlag = False,
) -> None:
    """Delete a session with its recordings, so that nothing of it is left."""

    async def known() -> "SessionSummary":
        async with _opened(model) as sessions:
            return await sessions.summary(name)

    async def forget() -> bool:
        async with _opened(model) as sessions:
            return await sessions.forget(name)

    summary = asyncio.run(known())
    if not yes:
        typer.confirm(f"Delete {name} ({summary.turns} turns) and its recordings?", abort=True, err=True)
    asyncio.run(forget())
    _print_deleted([name], json_)


@app.command()
def prune(
    days: Annotated[float, typer.Option("--older-than", help="Days without use.", min=0.0)],
    model: ModelOption = None,
    json_: JsonFlag = False,
) -> None:
    """Delete the sessions that were not used for so many days."""

    async def forget() -> list[str]:
        async with _opened(model) as sessions:
            return await sessions.prune(days)

    _print_deleted(asyncio.run(forget()), json_)


def _print_deleted(names: list[str], as_json: bool) -> None:
    if as_json:
        print_json({"deleted": names})
    else:
        out.print(f"deleted {', '.join(names)}" if names else "there was nothing to delete", highlight=False)


@app.command()
def replay(
    name: Name,
    model: ModelOption = None,
    checkpoint: CheckpointOption = None,
    base_url: BaseUrlOption = None,
    mind: MindOption = None,
    mind_url: MindUrlOption = None,
    mind_hears: MindHearsOption = False,
    json_: JsonFlag = False,
) -> None:
    """Play a dialogue again, its tools' results from the log. Exits with 0 when all is the same, else with 1."""
    from vivavoce.app.model_choice import ModelChoice
    from vivavoce.app.replay import replay as replayed

    settings = ModelChoice(model, checkpoint, base_url, mind, mind_url, mind_hears).settings()
    turns: list[ReplayedTurn] = []

    async def play() -> None:
        async for turn in replayed(name, settings):
            turns.append(turn)
            if not json_:
                _print_turn(len(turns), turn)

    asyncio.run(play())
    different = sum(not turn.is_same for turn in turns)
    if json_:
        print_json({"session": name, "same": not different, "turns": [_turn_json(turn) for turn in turns]})
    else:
        out.print(f"{len(turns)} turns, {different} different", style="bold", highlight=False)
    raise typer.Exit(1 if different else 0)


def _print_turn(number: int, turn: "ReplayedTurn") -> None:
    heard = neutralise(turn.then.heard or "(not written down)", 60)
    out.print(f"{number}  {heard}: {'the same' if turn.is_same else 'different'}", highlight=False, markup=False)
    if turn.failed:
        err.print(f"   failed: {turn.failed}", style="red", highlight=False, markup=False)
    for difference in turn.differences:
        for label, text in ((f"{difference.what} then", difference.then), (f"{difference.what} now", difference.now)):
            out.print(f"   {label:<12}{neutralise(text, SHOWN_CHARS)}", highlight=False, markup=False)


def _turn_json(turn: "ReplayedTurn") -> dict[str, Any]:
    return {
        "id": turn.then.id,
        "same": turn.is_same,
        "failed": turn.failed,
        "differences": [asdict(difference) for difference in turn.differences],
    }
