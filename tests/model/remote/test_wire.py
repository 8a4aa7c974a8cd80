"""What is sent to a server of standard chat completions obeys all of its rules, whatever was said before."""

import json

import pytest
from hypothesis import given
from support.histories import histories
from support.strict_messages import faults

from vivavoce.core.messages import (
    UserMessage,
)
from vivavoce.model.remote.wire import chat_request

pytestmark = pytest.mark.unit
CALL = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
RESULT = {"role": "tool", "tool_call_id": "1", "content": "seen"}
USER = {"role": "user", "content": "look"}


def wire(messages):
    return chat_request(messages, (), "vllm-omni", speaking=False)["messages"]


@given(histories())
def test_whatever_a_dialogue_holds_a_strict_server_takes_it(messages):
    sent = wire(messages)
    assert faults(sent) == []
    json.dumps(sent, ensure_ascii=False, allow_nan=False).encode()
    users = sum(isinstance(message, UserMessage) for message in messages)
    assert sum(message["role"] == "user" for message in sent) == users


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([], "nobody asks"),
        ([{"role": "human", "content": "look"}], "tag"),
        ([{"role": "user", "content": ""}], "empty"),
        ([{"role": "user", "content": []}], "at least 1"),
        ([{"role": "user", "content": None}], "valid"),
        ([USER | {"audio": 1}], "Extra"),
        ([USER, {"role": "assistant", "content": ""}], "empty"),
        ([USER, {"role": "assistant", "content": None}], "without content"),
        ([USER, {"role": "assistant", "content": None, "tool_calls": []}], "at least 1"),
        ([USER, {"role": "assistant", "tool_calls": [CALL]}], "no results of 1"),
        ([USER, {"role": "assistant", "tool_calls": [CALL]}, USER, RESULT], "user speaks before"),
        ([USER, {"role": "assistant", "tool_calls": [CALL, CALL]}, RESULT, RESULT], "twice"),
        ([USER, {"role": "assistant", "tool_calls": [CALL]}, RESULT, RESULT], "waits for none"),
        ([USER, *[{"role": "assistant", "tool_calls": [CALL]}, RESULT] * 2], "twice"),
        ([USER, RESULT], "waits for none"),
        ([USER, {"role": "assistant", "tool_calls": [CALL | {"function": {"name": "look", "arguments": {}}}]}], "string"),
        ([USER, {"role": "assistant", "tool_calls": [CALL | {"function": {"name": "a b", "arguments": "{}"}}]}], "pattern"),
    ],
)
def test_the_strict_server_lets_nothing_pass(messages, why):
    assert why in "; ".join(faults(messages))


def test_the_strict_server_takes_what_is_right():
    assert faults([USER, USER, {"role": "assistant", "content": None, "tool_calls": [CALL]}, RESULT]) == []
