"""What is sent obeys all rules of chat completions, whatever was said before, and the strictest habits of providers."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_openai import ChatOpenAI
from support.histories import histories
from support.strict_messages import faults

from vivavoce.core.messages import (
    AssistantMessage,
    SystemMessage,
    ToolCall,
    ToolMessage,
    ToolOutput,
    ToolResult,
    ToolSpec,
    UserMessage,
)
from vivavoce.model.mind.requests import chat_prompt, tool_schemas

pytestmark = pytest.mark.unit
MODEL = ChatOpenAI(model="m", base_url="http://127.0.0.1:9", api_key="none")
CALL = ToolCall("1", "look", '{"at": "a"}')
RESULT = ToolMessage(ToolResult(CALL, "done", ToolOutput("a fox")))


def sent(messages, *, with_tools=True):
    return MODEL._get_request_payload(chat_prompt(messages, with_tools=with_tools))["messages"]


@given(histories(), st.booleans())
def test_whatever_a_dialogue_holds_a_strict_server_takes_it(messages, with_tools):
    wire = sent(messages, with_tools=with_tools)
    assert faults(wire) == []
    json.dumps(wire, ensure_ascii=False, allow_nan=False).encode()
    roles = [message["role"] for message in wire]
    assert "system" not in roles[1:]
    assert not any(one == other != "tool" for one, other in pairwise(roles))
    assert with_tools or "tool" not in roles


def test_instructions_come_first_and_once_and_who_speaks_twice_speaks_once():
    said = [SystemMessage("Be brief."), UserMessage("look"), UserMessage("at a"), SystemMessage("Now.")]
    assert sent(said) == [
        {"role": "system", "content": "Be brief.\n\nNow."},
        {"role": "user", "content": "look\nat a"},
    ]


def test_calls_and_results_stand_as_they_were_made():
    wire = sent([UserMessage("look"), AssistantMessage("Well.", (CALL,)), RESULT])
    assert wire[1]["content"] == "Well."
    assert json.loads(wire[1]["tool_calls"][0]["function"]["arguments"]) == {"at": "a"}
    assert (wire[2]["tool_call_id"], wire[2]["content"]) == ("1", "a fox")


def test_where_no_tool_may_be_called_earlier_calls_are_read_as_text():
    wire = sent([UserMessage("look"), AssistantMessage("", (CALL,)), RESULT], with_tools=False)
    assert wire == [{"role": "user", "content": "look\na fox"}]


def test_parameters_always_name_properties():
    schemas = tool_schemas([ToolSpec("now", "Tells the time.", {"type": "object"}), ToolSpec("go", "Goes.", {})])
    assert [schema["function"]["parameters"] for schema in schemas] == [{"type": "object", "properties": {}}] * 2
