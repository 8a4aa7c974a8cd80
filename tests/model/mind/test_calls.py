"""Calls out of pieces of every kind, and out of text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.model.mind.calls import CallPieces
from vivavoce.model.mind.written_calls import WrittenCalls

pytestmark = pytest.mark.unit
LOOK = '{"name": "look", "arguments": {"at": "a"}}'


def piece(index=None, id_=None, name=None, args=None):
    return {"index": index, "id": id_, "name": name, "args": args, "type": "tool_call_chunk"}


def gathered(*pieces):
    gatherer = CallPieces()
    for one in pieces:
        gatherer.push([one])
    return [(call.name, call.arguments) for call in gatherer.calls()]


@pytest.mark.parametrize(
    ("pieces", "calls"),
    [
        ([piece(0, "a", "f", ""), piece(0, None, None, '{"x"'), piece(0, None, None, ": 1}")], [("f", '{"x": 1}')]),
        ([piece(0, "a", "f", "1"), piece(1, "b", "g", "2"), piece(0, None, None, "3")], [("f", "13"), ("g", "2")]),
        ([piece(None, "a", "f", "{}"), piece(None, "b", "f", "{}")], [("f", "{}"), ("f", "{}")]),
        ([piece(0, "a", "f", "{}"), piece(0, "b", "g", "{}")], [("f", "{}"), ("g", "{}")]),
        ([piece(0, "a", "f", "{"), piece(0, "a", "f", "}")], [("f", "{}")]),
        ([piece(0, "a", "f", None)], [("f", "{}")]),
        ([piece(0, "a", None, "{")], [("", "{")]),
        ([], []),
    ],
)
def test_pieces_become_calls(pieces, calls):
    assert gathered(*pieces) == calls


def read(text, names=("look", "go")):
    reader = WrittenCalls(names)
    passed = "".join(reader.push(character) for character in text)
    rest, calls = reader.finish()
    return passed + rest, [(call.name, json.loads(call.arguments)) for call in calls]


@pytest.mark.parametrize(
    "text",
    [
        LOOK,
        f"```json\n{LOOK}\n```",
        f" ```\n{LOOK}```",
        f"<tool_call>\n{LOOK}\n</tool_call>",
        f"[{LOOK}]",
        f'{LOOK}\n{LOOK}, {{"name": "lo',
        LOOK.replace("arguments", "parameters"),
        LOOK[:-1],
        '{"name": "look", "arguments": "{\\"at\\": \\"a\\"}"}',
    ],
)
def test_a_call_that_is_written_is_a_call(text):
    assert read(text) == ("", [("look", {"at": "a"})])


def test_several_are_several():
    assert read(f'<tool_call>{LOOK}</tool_call>\n<tool_call>{{"name": "go"}}</tool_call>')[1] == [
        ("look", {"at": "a"}),
        ("go", {}),
    ]


@pytest.mark.parametrize(
    "text", ['{"name": "fly", "arguments": {}}', "{x} is a set.", "```python\n1```", "[1] is a source.", "{", "[", ""]
)
def test_what_calls_nothing_is_text(text):
    assert read(text) == (text, [])
    assert read(LOOK, names=()) == (LOOK, [])


@given(st.text("ab {[`<", max_size=30).map(lambda text: f"Well, {text}"))
def test_text_comes_through_at_once(text):
    reader = WrittenCalls(["look"])
    assert [reader.push(character) for character in text] == list(text)
