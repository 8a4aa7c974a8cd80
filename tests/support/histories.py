"""Dialogues of every kind that the log may hold, for tests of what is made of them."""

import numpy as np
from hypothesis import strategies as st

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

TONE = AudioClip(np.full(1600, 0.1, np.float32), 16_000)
TEXTS = st.text(st.characters(exclude_categories=()), max_size=8) | st.sampled_from(
    ["", " ", "\n", "\x00", "\u200c", "\ud800", "<|EOT|>", "\u00a0", "Hello."]
)
ARGUMENTS = TEXTS | st.sampled_from(
    ['{"a": NaN}', '{"a": 1e999}', '{"a": "\\ud800"}', '{"a": "<|EOT|>"}', "[1]", "{", "[" * 5000, "1" * 5000]
)
CLIPS = st.sampled_from([None, TONE, AudioClip(np.zeros(100, np.float32), 16_000)])
STATUSES = st.sampled_from(["done", "failed", "timed_out", "cancelled", "interrupted"])


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
