"""StepEval-Audio-Toolcall in its own layout: four tools, a file of positive and one of negative dialogues each.

A line is a JSON list of turns ``{"session_id", "turn_idx", "from", "text", "value"}``; the last turn is what the assistant
should do. Turns from "Input" are results of calls.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from vivavoce.core.errors import ConfigError
from vivavoce.core.messages import TextDelta, ToolCall
from vivavoce.eval.lab.set_files import json_of, lines_of, text_of
from vivavoce.eval.toolcall.questions import NO_TOOL, Earlier, ToolQuestion
from vivavoce.model.step_audio2.dialect.tool_calls import ToolCallParser

FILES = {
    "timbre": "voice_search",
    "get_date_time": "get_date_time",
    "get_weather": "get_weather",
    "web_search": "web_search",
}
SIDES = ("positive", "negative")
OFFICIAL = {"timbre_rag": "voice_search"}  # names of the benchmark that are others here
KEYS = {("voice_search", "query"): "description"}
MAX_BYTES, MAX_ROWS, MAX_TURNS, MAX_CHARS = 200_000_000, 5_000, 200, 20_000


def is_stepeval(folder: Path) -> bool:
    """Whether a folder holds at least one file of the benchmark."""
    return any((folder / f"{name}_{side}.jsonl").is_file() for name in FILES for side in SIDES)


def read_stepeval(folder: Path, *, spoken: bool) -> list[ToolQuestion]:
    """All dialogues of a folder. spoken: whether recordings are asked, else their texts.

    Raises:
        ConfigError: none of the files is there, a line has another form, or a recording is missing; names it.
    """
    if not is_stepeval(folder):
        raise ConfigError(
            f"{folder} holds no file such as timbre_positive.jsonl; name the folder of StepEval-Audio-Toolcall"
        )
    questions: list[ToolQuestion] = []
    for name in FILES:
        for side in SIDES:
            path = folder / f"{name}_{side}.jsonl"
            if path.is_file():
                questions += _file(path, FILES[name], spoken=spoken)
    return questions


def _file(path: Path, about: str, *, spoken: bool) -> Iterator[ToolQuestion]:
    text = text_of(path, MAX_BYTES, f"{path} cannot be read", "fetch it again")
    for number, (where, line) in enumerate(lines_of(text, path.name), 1):
        if number > MAX_ROWS:
            raise ConfigError(f"{path} has more than {MAX_ROWS} rows; divide it")
        row = json_of(line, where)
        if not isinstance(row, list) or not 0 < len(cast("list[Any]", row)) <= MAX_TURNS:
            raise ConfigError(f"{where}: not a list of 1 to {MAX_TURNS} turns")
        turns = [_Turn(turn, path.parent, where) for turn in cast("list[Any]", row)]
        yield _question(turns, f"{path.stem}-{number}", about, spoken=spoken, where=where)


class _Turn:
    """One turn of a row, checked."""

    def __init__(self, turn: Any, folder: Path, where: str) -> None:  # noqa: ANN401 - any JSON
        if not isinstance(turn, dict):
            raise ConfigError(f"{where}: a turn is no JSON object")
        fields = cast("dict[str, Any]", turn)
        self.who, self.session = fields.get("from"), str(fields.get("session_id") or "")
        if self.who not in ("Human", "Assistant", "Input"):
            raise ConfigError(f"{where}: a turn is from {self.who!r} instead of Human, Assistant or Input")
        value = fields.get("value")
        self._wav = str(value["value"]) if isinstance(value, dict) and isinstance(value.get("value"), str) else ""
        texts = [text for text in (value, fields.get("text")) if isinstance(text, str)]
        self.text = next((text for text in texts if "<tool_call>" in text), texts[-1] if texts else "")
        if len(self.text) > MAX_CHARS:
            raise ConfigError(f"{where}: a turn has more than {MAX_CHARS} characters")
        self._folder, self._where = folder, where

    def audio(self) -> str:
        """Path of the recording.

        Raises:
            ConfigError: there is none, or it lies outside of the folder.
        """
        path = (self._folder / self._wav).resolve()
        if not self._wav or not path.is_relative_to(self._folder.resolve()) or not path.is_file():
            raise ConfigError(f"{self._where}: no recording {self._wav!r} in the folder; ask the texts with --set PATH:text")
        return str(path)

    def said_and_called(self) -> tuple[str, list[ToolCall]]:
        """What the assistant says beside its calls, and the calls."""
        parser = ToolCallParser()
        deltas = [*parser.push(self.text), *parser.finish()]
        said = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
        return said.strip(), [delta for delta in deltas if isinstance(delta, ToolCall)]


def _question(turns: Sequence[_Turn], name: str, about: str, *, spoken: bool, where: str) -> ToolQuestion:
    humans = [at for at, turn in enumerate(turns) if turn.who == "Human"]
    if not humans or turns[-1].who != "Assistant":
        raise ConfigError(f"{where}: nobody asks, or the last turn is not the assistant's")
    asked = turns[humans[-1]]
    calls = [call for turn in turns[humans[-1] :] if turn.who == "Assistant" for call in turn.said_and_called()[1]]
    tool = OFFICIAL.get(calls[0].name, calls[0].name) if calls else NO_TOOL
    return ToolQuestion(
        id=name,
        session=asked.session or name,
        text=asked.text,
        tool=tool,
        arguments=_arguments(tool, calls[0].arguments) if calls else {},
        about=about,
        language="zh" if any("一" <= c <= "鿿" for c in asked.text) else "en",
        kind="request" if tool == about else "another tool" if calls else "no tool",
        audio=asked.audio() if spoken else "",
        history=tuple(_history(turns[: humans[-1]], spoken=spoken)),
    )


def _arguments(tool: str, raw: str) -> Mapping[str, Any]:
    try:
        given = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(given, dict):
        return {}
    return {KEYS.get((tool, key), key): value for key, value in cast("dict[str, Any]", given).items()}


def _history(turns: Sequence[_Turn], *, spoken: bool) -> Iterator[Earlier]:
    """Earlier turns; a call stands with the result that follows it."""
    for at, turn in enumerate(turns):
        if turn.who == "Human":
            yield Earlier("user", turn.text, audio=turn.audio() if spoken else "")
        elif turn.who == "Assistant":
            said, calls = turn.said_and_called()
            results = [later.text for later in turns[at + 1 : at + 1 + len(calls)] if later.who == "Input"]
            for place, call in enumerate(calls):
                name = OFFICIAL.get(call.name, call.name)
                arguments = json.dumps(_arguments(name, call.arguments), ensure_ascii=False)
                yield Earlier("call", results[place] if place < len(results) else "", name=name, arguments=arguments)
            if said:
                yield Earlier("assistant", said)
