"""What is sent obeys all rules of chat completions, whatever was said before, and the strictest habits of providers."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_openai import ChatOpenAI
from support.histories import TONE, histories
from support.strict_messages import faults

from vivavoce.core.audio import AudioClip
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
from vivavoce.model.mind.requests import MAX_SOUND_S, chat_prompt, newest_spoken, tool_schemas

pytestmark = pytest.mark.unit
MODEL = ChatOpenAI(model="m", base_url="http://127.0.0.1:9", api_key="none")
CALL = ToolCall("1", "look", '{"at": "a"}')
RESULT = ToolMessage(ToolResult(CALL, "done", ToolOutput("a fox")))


def sent(messages, *, with_tools=True, hears=False):
    spoken = newest_spoken(messages) if hears else None
    return MODEL._get_request_payload(chat_prompt(messages, with_tools=with_tools, spoken=spoken))["messages"]


@given(histories(), st.booleans(), st.booleans())
def test_whatever_a_dialogue_holds_a_strict_server_takes_it(messages, with_tools, hears):
    wire = sent(messages, with_tools=with_tools, hears=hears)
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


def parts_of(message):
    return [part["text"] if part["type"] == "text" else part["type"] for part in message["content"]]


def test_the_newest_question_goes_as_its_sound_and_all_before_it_as_text():
    said = [UserMessage("look", TONE), AssistantMessage("Where?"), UserMessage("at a"), UserMessage("at b", TONE)]
    first, answer, last = sent(said, hears=True)
    assert (parts_of(first), answer["content"], parts_of(last)) == (["look"], "Where?", ["at a", "input_audio"])
    assert [part["content"] for part in sent(said)] == ["look", "Where?", "at a\nat b"]


@pytest.mark.parametrize("with_tools", [True, False])
def test_results_of_tools_stand_behind_the_sound(with_tools):
    wire = sent([UserMessage("look", TONE), AssistantMessage("", (CALL,)), RESULT], with_tools=with_tools, hears=True)
    assert parts_of(wire[0]) == (["input_audio"] if with_tools else ["input_audio", "a fox"])


def test_what_was_typed_or_is_too_long_goes_as_text():
    long = AudioClip(np.full(int(MAX_SOUND_S * 16_000) + 1, 0.1, np.float32), 16_000)
    for newest in (UserMessage("hello"), UserMessage("hello", long)):
        said = [UserMessage("before", TONE), AssistantMessage("Yes."), newest]
        assert [message["content"] for message in sent(said, hears=True)] == ["before", "Yes.", "hello"]
    assert newest_spoken([]) is None


def test_parameters_always_name_properties():
    schemas = tool_schemas([ToolSpec("now", "Tells the time.", {"type": "object"}), ToolSpec("go", "Goes.", {})])
    assert [schema["function"]["parameters"] for schema in schemas] == [{"type": "object", "properties": {}}] * 2
