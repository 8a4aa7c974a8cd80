"""Questions that bring their own tools, from files of JSON lines; those that come with the lab, and anybody's own.

A line is ``{"id", "question", "tools", "expected": {"class", "calls"}}``. Tools are in OpenAI's form, or names of those that
the file ``<set>_tools.jsonl`` beside it holds, one a line; the class is "call", "ask" or "cannot"; a call is
``{"name", "arguments": {parameter: [value, ...]}}`` with the values that are allowed, of which "" says that the parameter
may be left out. A request to act may have ``"wishes": [{"tool", "words"}]``: what is to be done, see `deeds`.
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
FALSE_DEEDS = CLAIMED, WRONG_CALLED = ("deed claimed without a call", "wrong tool called")
REST_REFUSED, DENIED = "rest refused", "deed done and denied"
BESIDE = "+own"  # the item's tools stand beside those of the product
FILE = ".jsonl"
SHARED_TOOLS = "_tools.jsonl"  # what the name of the file ends in that tools are named from
NAMED = {
    "bfcl": "bfcl_single",
    "bfcl-parallel": "bfcl_parallel",
    "bfcl-spoken": "bfcl_single",
    "when2call": "when2call",
    "deeds": "deeds",
}
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


class Wish(BaseModel):
    """A deed that a request wants. tool: that would do it, whether it is there or not. words: beginnings, see `deeds`."""

    tool: str = Field(pattern=TOOL_NAME)
    words: list[str] = []


class Row(BaseModel):
    """A line of a set. tools: or names of shared ones."""

    id: str = Field(pattern=r"^[\w.-]+$")
    question: str = Field(min_length=1)
    tools: list[OpenAITool | str]
    expected: Expected
    wishes: list[Wish] = []

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = [tool if isinstance(tool, str) else tool.function.name for tool in self.tools]
        if len(set(names)) != len(names):
            raise ValueError("two tools have one name")
        if bool(self.expected.calls) != (self.expected.kind == CALL):
            raise ValueError("calls go with the class call, and with no other")
        if unknown := [call.name for call in self.expected.calls if call.name not in names]:
            raise ValueError(f"none of the tools is called {unknown[0]}")
        if len(self.wishes) > 1 and not all(wish.words for wish in self.wishes):
            raise ValueError("of several wishes each has words")
        return self


@dataclass(frozen=True, slots=True)
class BroughtQuestion:
    """What a user says to an agent with tools of its own.

    group: the name of the set and the way it is asked. wanted: one of `CLASSES`. calls: those that should be made, as
    `WantedCall` has them. tools: name, description and parameters of each. audio: path of the recording, "" where it is
    typed. beside: whether the product's tools are there too. wishes: of a request to act, as `Wish` has them. seed: of the
    repetition.
    """

    id: str
    group: str
    text: str
    wanted: str
    calls: tuple[Mapping[str, Any], ...]
    tools: tuple[Mapping[str, Any], ...]
    audio: str = ""
    beside: bool = False
    wishes: tuple[Mapping[str, Any], ...] = ()
    seed: int = 0

    def as_item(self) -> Item:
        """For the driver."""
        metrics = [self.wanted, *(("tools", "right") if self.wanted == CALL else ())]
        name = f"{self.group}/{self.id}"
        at_worst = dict.fromkeys(metrics, 0.0) | dict.fromkeys(FALSE_DEEDS if self.wishes else (), 1.0)
        return Item(name, self.id, asdict(self) | {"set": self.group}, at_worst)

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
    shared = _shared_tools(path)
    questions: list[BroughtQuestion] = []
    for row in rows:
        recording = recordings / f"{row.id}.ogg" if recordings is not None else None
        if recording is not None and not recording.is_file():
            continue
        calls = tuple(call.model_dump() for call in row.expected.calls)
        tools = tuple(_function(tool, shared, path.name).model_dump() for tool in row.tools)
        wishes = tuple(wish.model_dump() for wish in row.wishes)
        audio = str(recording) if recording is not None else ""
        kind = row.expected.kind
        questions.append(BroughtQuestion(row.id, group, row.question, kind, calls, tools, audio, beside, wishes))
    if rows and not questions:
        raise ConfigError(f"{recordings} holds no recording such as {rows[0].id}.ogg; ask the typed set")
    return questions


def _shared_tools(path: Path) -> dict[str, Function]:
    """Tools that the lines of a set may name."""
    beside = path.with_name(f"{path.stem}{SHARED_TOOLS}")
    if not beside.is_file():
        return {}
    text = text_of(beside, TABLE_BYTES, f"{beside} cannot be read", "give a file of JSON lines")
    tools = [checked(OpenAITool, line, where).function for where, line in lines_of(text, beside.name)]
    return {tool.name: tool for tool in tools}


def _function(tool: OpenAITool | str, shared: Mapping[str, Function], where: str) -> Function:
    if not isinstance(tool, str):
        return tool.function
    if tool not in shared:
        raise ConfigError(f"{where}: no tool {tool!r}; describe it there or in the file of the set's tools")
    return shared[tool]
