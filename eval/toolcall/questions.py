"""Questions of the tool-calling lab, and the set that comes with it: typed, and spoken by voices other than the agent's."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from vivavoce.core.errors import ConfigError
from vivavoce.eval.lab.lab import Item
from vivavoce.eval.lab.set_files import json_of, rows_of

NO_TOOL = "none"
TOOLS = ("voice_search", "get_date_time", "get_weather", "web_search", "knowledge_search")
HALVES = ("dev", "test")
NEGATIVE_KINDS = ("style", "answered", "topic", "chat")
KINDS = ("request", "follow-up", *NEGATIVE_KINDS)
SETS = Path(__file__).resolve().parents[1] / "sets"
QUESTIONS = SETS / "toolcall_questions.tsv"
SPOKEN = SETS / "spoken"
COLUMNS = 8


@dataclass(frozen=True, slots=True)
class Earlier:
    """A part of the dialogue before the question.

    who: "user", "assistant", or "call" for a call that the assistant made. text: what was said, or the result of the call.
    audio: path of what the user said. name, arguments: of the call.
    """

    who: str
    text: str
    audio: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class ToolQuestion:
    """The last thing a user says, with what should come of it.

    tool: the one to be called first, or `NO_TOOL`. arguments: what it should be given; a list holds key terms, see
    `matching`. about: the tool that the question is a test of, "" where it is one of all. half: "dev", on which
    may be tuned, "test", or "" for sets that have none. audio: path of the recording, "" where it is typed. seed:
    of the repetition.
    """

    id: str
    session: str
    text: str
    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    about: str = ""
    half: str = ""
    language: str = ""
    kind: str = ""
    audio: str = ""
    history: tuple[Earlier, ...] = ()
    seed: int = 0

    @property
    def wants_call(self) -> bool:
        """Whether a tool should be called."""
        return self.tool != NO_TOOL

    @property
    def is_request(self) -> bool:
        """Whether the tool it is a test of is wanted; of a set for all tools, whether any is."""
        return self.tool == self.about if self.about else self.wants_call

    def as_item(self) -> Item:
        """For the driver."""
        names = ["choice", "triggered", "called", "type", *(["parameters"] if self.arguments else [])]
        worst = {name: 0.0 for name in names} if self.is_request else {"choice": 0.0, "false trigger": 1.0}
        return Item(self.id, self.session, asdict(self), worst)

    @staticmethod
    def of(facts: Mapping[str, Any]) -> "ToolQuestion":
        """The question of an item or a result."""
        fields: dict[str, Any] = {**facts, "history": tuple(Earlier(**part) for part in facts["history"])}
        return ToolQuestion(**fields)


def own_questions(*, spoken: bool) -> list[ToolQuestion]:
    """The set that comes with the lab.

    Raises:
        ConfigError: a line has another form, or a recording is missing; names it.
    """
    return read_questions(QUESTIONS, SPOKEN if spoken else None)


def read_questions(path: Path, recordings: Path | None = None) -> list[ToolQuestion]:
    """Questions of a table: id, half, language, tool, kind, arguments, history and utterance, divided by tabs.

    recordings: a folder that holds ``<id>.ogg`` for each; None where they are typed.

    Raises:
        ConfigError: a line has another form, or a recording is missing; names it.
    """
    questions = [_question(fields, recordings, where) for where, fields in rows_of(path)]
    if len({question.id for question in questions}) != len(questions):
        raise ConfigError(f"{path.name}: an id stands twice; give each question its own")
    return questions


def _question(fields: Sequence[str], recordings: Path | None, where: str) -> ToolQuestion:
    if len(fields) != COLUMNS:
        raise ConfigError(f"{where}: {len(fields)} fields instead of {COLUMNS}")
    name, half, language, tool, kind, arguments, history, text = fields
    if half not in HALVES or kind not in KINDS or tool not in (*TOOLS, NO_TOOL) or not text.strip():
        raise ConfigError(f"{where}: half {half!r}, kind {kind!r} or tool {tool!r} is unknown, or nothing is said")
    if (tool == NO_TOOL) != (kind in NEGATIVE_KINDS):
        raise ConfigError(f"{where}: kind {kind!r} does not go with tool {tool!r}")
    audio = ""
    if recordings is not None:
        recording = recordings / f"{name}.ogg"
        if not recording.is_file():
            raise ConfigError(f"{recording} is missing; ask the typed set with --set text")
        audio = str(recording)
    return ToolQuestion(
        id=name,
        session=name,
        text=text,
        tool=tool,
        arguments=_arguments(arguments, where),
        half=half,
        language=language,
        kind=kind,
        audio=audio,
        history=tuple(_history(history, where)),
    )


def _arguments(text: str, where: str) -> dict[str, Any]:
    value = json_of(text or "{}", where)
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: arguments are no JSON object")
    return cast("dict[str, Any]", value)


def _history(text: str, where: str) -> list[Earlier]:
    parts: list[Earlier] = []
    for part in json_of(text or "[]", where):
        match part:
            case ["user" | "assistant" as who, str(said)]:
                parts.append(Earlier(who, said))
            case ["call", str(name), dict(arguments), str(result)]:
                parts.append(Earlier("call", result, name=name, arguments=json.dumps(arguments, ensure_ascii=False)))
            case _:
                raise ConfigError(f"{where}: history has a part that is neither said nor a call: {part!r}")
    return parts
