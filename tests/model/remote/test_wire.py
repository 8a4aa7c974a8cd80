"""What is sent to a server of standard chat completions obeys all of its rules, whatever was said before."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strict_messages import faults

from vivavoce.core.audio import AudioClip
from vivavoce.core.messages import (
    AssistantMessage,
    SystemMessage,
    ToolCall,
    ToolMessage,
    ToolOutput,
    ToolResult,
    UserMessage,
)
from vivavoce.model.remote.wire import chat_request

pytestmark = pytest.mark.unit
TONE = AudioClip(np.full(1600, 0.1, np.float32), 16_000)
CALL = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
RESULT = {"role": "tool", "tool_call_id": "1", "content": "seen"}
USER = {"role": "user", "content": "look"}

TEXTS = st.text(st.characters(exclude_categories=()), max_size=8) | st.sampled_from(
    ["", " ", "\n", "\x00", "\u200c", "\ud800", "<|EOT|>", "\u00a0", "Hello."]
)
ARGUMENTS = TEXTS | st.sampled_from(
    ['{"a": NaN}', '{"a": 1e999}', '{"a": "\\ud800"}', '{"a": "<|EOT|>"}', "[1]", "{", "[" * 5000, "1" * 5000]
)
CLIPS = st.sampled_from([None, TONE, AudioClip(np.zeros(100, np.float32), 16_000)])
STATUSES = st.sampled_from(["done", "failed", "timed_out", "cancelled", "interrupted"])


def wire(messages):
    return chat_request(messages, (), "vllm-omni", speaking=False)["messages"]


@st.composite
def histories(draw):
    """What a dialogue may hold: each call has an id of its own, and its result behind it."""
    messages = [SystemMessage(draw(TEXTS))] if draw(st.booleans()) else []
    for turn in range(draw(st.integers(1, 3))):
        messages.append(UserMessage(draw(st.none() | TEXTS), draw(CLIPS)))
        for step in range(draw(st.integers(0, 2))):
            calls = [ToolCall(f"{turn} {step} {n}", draw(TEXTS), draw(ARGUMENTS)) for n in range(draw(st.integers(0, 2)))]
            messages.append(AssistantMessage(draw(TEXTS), tuple(calls), (1,) if draw(st.booleans()) else ()))
            messages += [ToolMessage(ToolResult(call, draw(STATUSES), ToolOutput(draw(TEXTS)))) for call in calls]
    return messages


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
