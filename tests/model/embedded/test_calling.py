"""The calls of a step: one or several, with what was said, or the question for what was not."""

import json

import pytest
from support.word_embedder import WordEmbedder

from vivavoce.core.messages import ToolSpec
from vivavoce.model.embedded.calling.caller import Caller
from vivavoce.model.embedded.calling.writing import WrittenCall
from vivavoce.model.embedded.routing.described import DescribedTools
from vivavoce.model.embedded.wording.parts import wishes_of

pytestmark = pytest.mark.unit
TABLE = ToolSpec(
    "book_table",
    "Book a table.",
    {
        "type": "object",
        "properties": {"people": {"type": "integer"}, "time": {"type": "string"}, "place": {"type": "string"}},
        "required": ["people"],
    },
)
TAXI = ToolSpec(
    "order_taxi", "Order a taxi.", {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
)
BELL = ToolSpec("ring_bell", "Ring the bell.", {"type": "object", "properties": {}})


class Writer:
    """Writes what it is told to, and keeps what it was shown."""

    def __init__(self, *written):
        self.written, self.shown, self.most = written, [], 0

    async def one(self, tool, said):
        self.shown.append([tool.name])
        fitting = [arguments for name, arguments in self.written if name in {tool.name, ""}]
        return WrittenCall(tool, fitting[min(len(self.shown), len(fitting)) - 1])

    async def several(self, tools, said, least, most):
        self.shown.append([tool.name for tool in tools])
        self.most = most
        by_name = {tool.name: tool for tool in tools}
        return [WrittenCall(by_name[name], arguments) for name, arguments in self.written if name in by_name]


async def called(said, *written, tool=TABLE, known=None):
    tools = [TABLE, TAXI, BELL]
    described = DescribedTools(WordEmbedder())
    described.fit(tools)
    writer = Writer(*written)
    found = await Caller(described, None, writer, "en").calls(tool, said, tools, known or {})
    return [(call.name, json.loads(call.arguments)) for call in found.calls], found.question, writer


async def test_a_single_wish_is_one_call_of_the_tool():
    calls, question, writer = await called(
        "Book a table for four at Nobu.", ("", {"people": 4, "place": "Nobu", "time": "8 pm"})
    )
    assert (calls, question) == ([("book_table", {"people": 4, "place": "Nobu"})], "")
    assert writer.shown == [["book_table"]]


async def test_several_wishes_are_as_many_calls_each_of_its_tool():
    calls, _, writer = await called(
        "Book a table for four and a table for six, then order a taxi to Rome.",
        ("book_table", {"people": 4}),
        ("book_table", {"people": 6}),
        ("order_taxi", {"to": "Rome"}),
        ("book_table", {"people": 4}),
        ("book_table", {"people": 6, "time": "noon"}),
    )
    assert calls == [("book_table", {"people": 4}), ("book_table", {"people": 6}), ("order_taxi", {"to": "Rome"})]
    assert writer.shown == [["book_table"], ["order_taxi"]]  # each part by itself


async def test_a_list_in_one_wish_is_one_call():
    calls, *_ = await called(
        "Book a table for four at Salt and Pepper.",
        ("book_table", {"people": 4, "place": "Salt and Pepper"}),
        ("book_table", {"people": 4, "place": "Salt and Pepper", "time": "20:00"}),
    )
    assert calls == [("book_table", {"people": 4, "place": "Salt and Pepper"})]


async def test_what_lacks_is_asked_for_and_nothing_is_called():
    assert (await called("Book a table at Nobu.", ("", {"people": 2, "place": "Nobu"})))[:2] == ([], "How many people?")


async def test_what_a_second_wish_lacks_is_asked_for_before_anything_is_called():
    calls, question, _ = await called(
        "Book a table for four, and order a taxi.", ("book_table", {"people": 4}), ("order_taxi", {"to": "the airport"})
    )
    assert (calls, question) == ([], "Which destination?")


async def test_what_is_known_from_the_call_before_holds():
    calls, *_ = await called("At Nobu instead.", ("", {"place": "Nobu"}), known={"people": 4, "place": "Dim", "other": 1})
    assert calls == [("book_table", {"people": 4, "place": "Nobu"})]


async def test_a_tool_without_parameters_needs_no_language_model():
    calls, _, writer = await called("Ring the bell.", tool=BELL)
    assert (calls, writer.shown) == ([("ring_bell", {})], [])


async def test_what_is_no_object_is_left_for_the_controller_to_report():
    (call,) = (
        await Caller(DescribedTools(WordEmbedder()), None, Writer(("", "four")), "en").calls(TABLE, "Book it.", [TABLE])
    ).calls
    assert call.arguments == "four"


@pytest.mark.parametrize(
    ("said", "wishes"),
    [
        ("An alarm for six and one for seven.", ["An alarm for six", "An alarm for seven"]),
        ("Book a table for four, and another one for six.", ["Book a table for four", "Book a table for six"]),
        ("Book a table for four and another for six at Nobu", ["Book a table for four", "Book a table for six at Nobu"]),
        ("Book two tables, one for four and one for six", ["Book tables for four", "Book tables for six"]),
        ("A taxi to Rome, one to Bari, and one to Pisa.", ["A taxi to Rome", "A taxi to Bari", "A taxi to Pisa"]),
        ("A room at noon for two and a second one at six", ["A room at noon for two", "A room for two at six"]),
        (
            "A room at Oak at noon for two and one for six at one",
            ["A room at Oak at noon for two", "A room at Oak for six at one"],
        ),
        ("Book a table for one and a taxi.", ["Book a table for one and a taxi."]),
        ("Call Anna and one of her friends.", ["Call Anna and one of her friends."]),
        ("A table for one.", ["A table for one."]),
        ("One for all and all for one", ["One for all and all for one"]),
    ],
)
def test_one_for_each_is_a_wish_of_its_own(said, wishes):
    assert wishes_of(said) == wishes


async def test_one_more_of_the_same_is_a_second_call_of_the_tool():
    calls, _, writer = await called("Book a table for four and one for six.", ("", {"people": 4}), ("", {"people": 6}))
    assert calls == [("book_table", {"people": 4}), ("book_table", {"people": 6})]
    assert writer.shown == [["book_table"], ["book_table"]]
