"""Questions that bring their own tools, from files of JSON lines; those that come with the lab, and anybody's own.

A line is ``{"id", "question", "tools", "expected": {"class", "calls"}}``. Tools are in OpenAI's form; the class is "call",
"ask" or "cannot"; a call is ``{"name", "arguments": {parameter: [value, ...]}}`` with the values that are allowed, of which
"" says that the parameter may be left out.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from vivavoce.core.errors import ConfigError
from vivavoce.eval.lab.lab import Item
from vivavoce.eval.lab.set_files import TABLE_BYTES, checked, lines_of, text_of
from vivavoce.eval.toolcall.questions import SETS

CALL, ASK, CANNOT = CLASSES = ("call", "ask", "cannot")
SPOKEN = "spoken"
BESIDE = "+own"  # the item's tools stand beside those of the product
FILE = ".jsonl"
NAMED = {"bfcl": "bfcl_single", "bfcl-parallel": "bfcl_parallel", "bfcl-spoken": "bfcl_single", "when2call": "when2call"}
TOOL_NAME = r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$"


class Function(BaseModel):
    """What a tool says of itself."""

    name: str = Field(pattern=TOOL_NAME)
    description: str = Field(min_length=1)
    parameters: dict[str, Any]


class OpenAITool(BaseModel):
    """A tool in OpenAI's form."""

    type: Literal["function"]
    function: Function


class WantedCall(BaseModel):
    """A call that should be made. arguments: the allowed values of each parameter."""

    name: str
    arguments: dict[str, list[Any]]


class Expected(BaseModel):
    """What should be done."""

    kind: Literal["call", "ask", "cannot"] = Field(alias="class")
    calls: list[WantedCall] = []


class Row(BaseModel):
    """A line of a set."""

    id: str = Field(pattern=r"^[\w.-]+$")
    question: str = Field(min_length=1)
    tools: list[OpenAITool]
    expected: Expected

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = [tool.function.name for tool in self.tools]
        if len(set(names)) != len(names):
            raise ValueError("two tools have one name")
        if bool(self.expected.calls) != (self.expected.kind == CALL):
            raise ValueError("calls go with the class call, and with no other")
        if unknown := [call.name for call in self.expected.calls if call.name not in names]:
            raise ValueError(f"none of the tools is called {unknown[0]}")
        return self


@dataclass(frozen=True, slots=True)
class BroughtQuestion:
    """What a user says to an agent with tools of its own.

    group: the name of the set and the way it is asked. wanted: one of `CLASSES`. calls: those that should be made, as
    `WantedCall` has them. tools: name, description and parameters of each. audio: path of the recording, "" where it is
    typed. beside: whether the product's tools are there too. seed: of the repetition.
    """

    id: str
    group: str
    text: str
    wanted: str
    calls: tuple[Mapping[str, Any], ...]
    tools: tuple[Mapping[str, Any], ...]
    audio: str = ""
    beside: bool = False
    seed: int = 0

    def as_item(self) -> Item:
        """For the driver."""
        metrics = [self.wanted, *(("tools", "right") if self.wanted == CALL else ())]
        name = f"{self.group}/{self.id}"
        return Item(name, self.id, asdict(self) | {"set": self.group}, dict.fromkeys(metrics, 0.0))

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Self:
        """The question of an item or a result."""
        return cls(**{name: value for name, value in facts.items() if name != "set"})


def is_brought(facts: Mapping[str, Any]) -> bool:
    """Whether facts are those of a question that brings its own tools."""
    return "tools" in facts


def brought_questions(given: str) -> list[BroughtQuestion] | None:
    """The questions of a set; None where the name is not one of a set of this kind.

    given: one of `NAMED`, or ``PATH.jsonl`` typed, ``PATH.jsonl:spoken`` with the recordings in the folder beside it that
    has the file's name, ``PATH.jsonl:FOLDER`` with those in another; each with ``+own`` behind it or without.

    Raises:
        ConfigError: there is no such file, a line is not of its form, or there are no recordings.
    """
    name, beside = given.removesuffix(BESIDE), given.endswith(BESIDE)
    if name in NAMED:
        path, group = SETS / f"{NAMED[name]}{FILE}", name
        recordings = path.with_suffix("") if name.endswith(SPOKEN) else None
    elif name.endswith(FILE):
        path, group, recordings = Path(name), Path(name).stem, None
    elif f"{FILE}:" in name:
        stem, _, form = name.rpartition(f"{FILE}:")
        path, group = Path(stem + FILE), f"{Path(stem).name}-{SPOKEN}"
        recordings = Path(stem) if form == SPOKEN else Path(form)
    else:
        return None
    return _read(path, group + BESIDE * beside, recordings, beside=beside)


def _read(path: Path, group: str, recordings: Path | None, *, beside: bool) -> list[BroughtQuestion]:
    """Those that have a recording, where recordings are asked."""
    text = text_of(path, TABLE_BYTES, f"there is no set {str(path)!r}", "give a file of JSON lines")
    rows = [checked(Row, line, where) for where, line in lines_of(text, path.name)]
    if len({row.id for row in rows}) != len(rows):
        raise ConfigError(f"{path.name}: an id stands twice; give each question its own")
    questions: list[BroughtQuestion] = []
    for row in rows:
        recording = recordings / f"{row.id}.ogg" if recordings is not None else None
        if recording is not None and not recording.is_file():
            continue
        calls = tuple(call.model_dump() for call in row.expected.calls)
        tools = tuple(tool.function.model_dump() for tool in row.tools)
        audio = str(recording) if recording is not None else ""
        questions.append(BroughtQuestion(row.id, group, row.question, row.expected.kind, calls, tools, audio, beside))
    if rows and not questions:
        raise ConfigError(f"{recordings} holds no recording such as {rows[0].id}.ogg; ask the typed set")
    return questions
