"""Calls against those that are wanted, by the rule of the Berkeley Function Calling Leaderboard."""

import json

import pytest

from vivavoce.core.messages import ToolCall
from vivavoce.eval.toolcall.asking import Asked
from vivavoce.eval.toolcall.brought.questions import NAMED, BroughtQuestion, brought_questions
from vivavoce.eval.toolcall.brought.scoring import mistakes_of, score
from vivavoce.eval.toolcall.brought.values import canonical, is_allowed

pytestmark = pytest.mark.unit
BOOK = {"name": "book", "arguments": {"people": [2], "day": ["Friday", "friday evening"], "terrace": [True, ""]}}


def call(name, /, **arguments):
    return ToolCall.new(name, json.dumps(arguments))


def kinds(calls, wanted=(BOOK,)):
    return [mistake.kind for mistake in mistakes_of(calls, wanted)]


def first_allowed(option):
    """An option as a model would give it: of an object, each field has a list of what is allowed."""
    if isinstance(option, dict):
        return {name: value[0] if isinstance(value, list) else value for name, value in option.items()}
    return [first_allowed(part) for part in option] if isinstance(option, list) else option


@pytest.mark.parametrize("name", NAMED)
def test_what_is_wanted_is_right_in_any_order(name):
    for question in brought_questions(name):
        calls = [
            call(wanted["name"], **{key: first_allowed(v[0]) for key, v in wanted["arguments"].items() if v[0] != ""})
            for wanted in question.calls
        ]
        assert kinds(calls[::-1], question.calls) == ([] if question.calls else ["no call"]), question.id


@pytest.mark.parametrize(
    ("calls", "wrong"),
    [
        ([call("book", people=2, day="Friday")], []),
        ([call("book", people="two", day="friday evening.", terrace=True)], []),
        ([], ["no call"]),
        ([call("cancel", people=2, day="Friday")], ["wrong tool"]),
        ([call("book", people=2)], ["missing argument"]),
        ([call("book", people=2, day="Friday", name="Anna")], ["invented argument"]),
        ([call("book", people=3, day="Friday", terrace=False)], ["wrong value", "wrong value"]),
        ([call("book", people=2, day="Friday")] * 2, ["wrong number of calls"]),
        ([ToolCall("1", "book", "[2]")], ["unreadable arguments"]),
        ([ToolCall("1", "book", "{")], ["unreadable arguments"]),
        ([ToolCall("1", "book", "[" * 100_000)], ["unreadable arguments"]),
    ],
)
def test_each_mistake_has_its_kind(calls, wrong):
    assert kinds(calls) == wrong


def test_several_calls_are_paired_so_that_the_least_is_wrong():
    wanted = [{"name": "add", "arguments": {"a": [n], "b": [n], "c": [n]}} for n in range(12)]
    calls = [call("add", a=n, b=n, c=n) for n in reversed(range(12))]
    assert kinds(calls, wanted) == []
    calls[3] = call("add", a=8, b=8)
    assert kinds(calls, wanted) == ["missing argument"]
    other = [BOOK, {"name": "cancel", "arguments": {}}]
    assert kinds([call("cancel"), call("book", x=1, y=1, z=1)], other).count("wrong tool") == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("New York, NY", "new york ny"),
        ("twenty-five", 25),
        ("25", 25.0),
        ("1,000,000,000", 10**9),
        ("one billion", 10**9),
        ("2023-08-15", "2023/08/15"),
        ("3.50", 3.5),
        (True, "true"),
        ("chapter three", "Chapter 3"),
    ],
)
def test_how_a_value_is_written_does_not_count(one, other):
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(("one", "other"), [(25, 2.5), (-5, 5), (True, 1), ("Rome", "Romania"), (0.05, 5), (10**400, 1)])
def test_what_is_another_value_is_not_the_same(one, other):
    assert canonical(one) != canonical(other)


def test_lists_count_in_order_and_objects_by_their_fields():
    assert is_allowed(["a", "b."], [["A", "B"]])
    assert not is_allowed(["b", "a"], [["a", "b"]])
    assert not is_allowed("a", [["a"]])
    option = {"city": ["Oslo", "Bergen"], "zip": ["0150", ""]}
    assert is_allowed({"city": "bergen"}, [option])
    assert not is_allowed({"zip": "0150"}, [option])
    assert not is_allowed({"city": "Oslo", "street": "x"}, [option])
    assert is_allowed([{"city": "Oslo"}], [[option]])


def scored(wanted, calls=(), said=""):
    question = BroughtQuestion("a", "s", "Book.", wanted, (BOOK,) if wanted == "call" else (), ())
    return score(question, Asked("", said, tuple(calls), 1.0))[0]


def test_scores_are_of_the_class_that_is_wanted():
    right = scored("call", [call("book", people=2, day="Friday")])
    assert (right.scores, right.verdict) == ({"call": 1.0, "tools": 1.0, "right": 1.0}, "right")
    wrong = scored("call", [call("book", people=2)])
    assert (wrong.scores, wrong.verdict) == ({"call": 1.0, "tools": 1.0, "right": 0.0}, "missing argument")
    assert scored("call", said="For how many?").scores == {"call": 0.0, "tools": 0.0, "right": 0.0}
    assert scored("ask", said="For how many?").scores == {"ask": 1.0}
    assert scored("cannot", said="I can't do that.").scores == {"cannot": 1.0}
    hasty = scored("ask", [call("book", people=2)])
    assert (hasty.scores, hasty.verdict, hasty.why) == ({"ask": 0.0}, "call instead of ask", "called book")


@pytest.mark.parametrize("wanted", ["call", "ask", "cannot"])
def test_where_the_agent_fails_every_score_counts_it_as_wrong(wanted):
    question = BroughtQuestion("a", "s", "Book.", wanted, (BOOK,) if wanted == "call" else (), ())
    assert question.as_item().at_worst == dict.fromkeys(scored(wanted).scores, 0.0)
