"""LangChain tools get the treatment of any other: awaited, said as it is, refused in one line."""

import json
from typing import Annotated

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, InjectedToolArg, InjectedToolCallId, StructuredTool, Tool, ToolException
from langchain_core.tools import tool as langchain_tool
from langgraph.prebuilt import InjectedState
from pydantic import BaseModel

from vivavoce.core.calls import RunningCall, current_call, running
from vivavoce.core.errors import ConfigError, ToolFailed
from vivavoce.core.messages import ToolOutput
from vivavoce.tools.adapters import tool

pytestmark = pytest.mark.unit
TOWN = {
    "type": "object",
    "properties": {"town": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["town"],
}


class Town(BaseModel):
    town: str


@langchain_tool
def blocking(town: str, days: int = 1) -> str:
    """Tell the weather."""
    return f"{town} {days} {current_call().id}"


@langchain_tool
async def coroutine(town: str, days: int = 1) -> str:
    """Tell the weather."""
    return f"{town} {days} {current_call().id}"


@langchain_tool
def configured(town: str, config: RunnableConfig, days: int = 1) -> str:
    """Tell the weather."""
    assert config["metadata"] is not None
    return f"{town} {days} {current_call().id}"


@langchain_tool
def injected(
    town: str, call_id: Annotated[str, InjectedToolCallId], days: int = 1, user: Annotated[str, InjectedToolArg] = "u"
) -> str:
    """Tell the weather."""
    return f"{town} {days} {call_id}"


@langchain_tool
def returns_a_coroutine(town: str, days: int = 1):
    """Tell the weather."""
    return coroutine.coroutine(town, days)


@langchain_tool(response_format="content_and_artifact")
def with_artifact(town: str, days: int = 1) -> tuple[str, dict]:
    """Tell the weather."""
    return f"{town} {days} {current_call().id}", {"picture": b""}


@langchain_tool
async def yields(town: str, days: int = 1):
    """Tell the weather."""
    yield "looking"
    yield f"{town} {days} {current_call().id}"


@langchain_tool
def as_a_message(town: str, days: int = 1) -> ToolMessage:
    """Tell the weather."""
    return ToolMessage(f"{town} {days} {current_call().id}", tool_call_id="x")


@langchain_tool
def as_blocks(town: str, days: int = 1) -> list:
    """Tell the weather."""
    return [{"type": "text", "text": f"{town} {days} {current_call().id}"}]


class OfAClass(BaseTool):
    name: str = "of_a_class"
    description: str = "Tell the weather."

    def _run(self, town: str, days: int = 1) -> str:
        return f"{town} {days} {current_call().id}"


def of_a_schema(**given) -> str:
    return f"{given['town']} {given.get('days', 1)} {current_call().id}"


SCHEMA_ONLY = StructuredTool.from_function(
    of_a_schema, name="schema_only", description="Tell the weather.", args_schema=TOWN
)


@pytest.mark.parametrize(
    "made",
    [
        blocking,
        coroutine,
        configured,
        injected,
        returns_a_coroutine,
        with_artifact,
        yields,
        as_a_message,
        as_blocks,
        OfAClass(),
        SCHEMA_ONLY,
    ],
    ids=lambda made: made.name,
)
async def test_any_langchain_tool_is_called_with_what_models_are_shown(made):
    wrapped = tool(made)
    assert set(wrapped.spec.parameters["properties"]) == {"town", "days"}
    assert wrapped.spec.description == "Tell the weather."
    with running(RunningCall("call-7")):
        assert await wrapped.call('{"town": "Paris"}') == ToolOutput("Paris 1 call-7", spoken="Paris 1 call-7")
    for wrong in ("{}", "{", "[]", "null", '"Paris"', '{"town": 1, "days": "x"}', "x" * 9_000):
        with pytest.raises(ToolFailed) as caught:
            await wrapped.call(wrong)
        assert "\n" not in str(caught.value)


async def test_what_is_no_text_is_read_and_not_said():
    @langchain_tool
    def forecast(town: str) -> dict:
        """Tell the weather."""
        return {"town": town, "sky": None}

    @langchain_tool
    def nothing() -> None:
        """Do it."""

    @langchain_tool
    def told_its_id(town: str, call_id: Annotated[str, InjectedToolCallId]) -> dict:
        """Tell the weather."""
        return {"town": town}

    assert await tool(forecast).call('{"town": "Paris"}') == ToolOutput('{"town":"Paris","sky":null}')
    assert await tool(nothing).call("") == ToolOutput("done")
    assert json.loads((await tool(told_its_id).call('{"town": "Paris"}')).content) == {"town": "Paris"}


async def test_a_tool_of_one_text():
    made = tool(Tool(name="shout", func=lambda text: text.upper(), description="Shout."))
    (name,) = made.spec.parameters["properties"]
    assert (await made.call(json.dumps({name: "hi"}))).spoken == "HI"


async def test_what_it_raises_is_its_reason():
    @langchain_tool
    def full(town: str) -> str:
        """Book a room."""
        raise ToolException("no room is free")

    @langchain_tool
    def refused(town: str) -> ToolMessage:
        """Book a room."""
        return ToolMessage("no room is free", tool_call_id="x", status="error")

    @langchain_tool
    def broken(town: str) -> str:
        """Book a room."""
        raise RuntimeError("a secret")

    for made in (full, refused):
        with pytest.raises(ToolFailed, match=r"^no room is free$"):
            await tool(made).call('{"town": "Paris"}')
    with pytest.raises(RuntimeError):
        await tool(broken).call('{"town": "Paris"}')


def underscored(_town: str) -> str:
    """Book a room."""
    return ""


def anything(**towns: str) -> str:
    """Book a room."""
    return ""


def any_number(*towns: str) -> str:
    """Book a room."""
    return ""


def by_position(town: str, /) -> str:
    """Book a room."""
    return ""


def taken(config: str) -> str:
    """Book a room."""
    return ""


def stateful(town: str, state: Annotated[dict, InjectedState]) -> str:
    """Book a room."""
    return ""


@pytest.mark.parametrize(
    ("function", "parameter"),
    [
        (underscored, "_town"),
        (anything, "towns"),
        (any_number, "towns"),
        (by_position, "town"),
        (taken, "config"),
        (stateful, "state"),
    ],
)
def test_a_parameter_that_langchain_would_lose_is_refused_in_one_line(function, parameter):
    with pytest.raises(ConfigError, match=f"{function.__name__}: .* {parameter};") as caught:
        tool(langchain_tool(function))
    assert "\n" not in str(caught.value)


def test_names_and_descriptions_are_checked_and_can_be_given():
    class Undescribed(BaseTool):
        name: str = "Undescribed Tool"
        description: str = ""

        def _run(self) -> str:
            return ""

    with pytest.raises(ConfigError, match="tool name 'Undescribed Tool'"):
        tool(Undescribed())
    with pytest.raises(ConfigError, match="docstring"):
        tool(Undescribed(), name="undescribed")
    assert tool(Undescribed(), name="undescribed", description="Do it.").spec.description == "Do it."
