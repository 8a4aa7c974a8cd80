"""What an agent can do, in words, where it cannot do what was asked."""

import pytest

from vivavoce.core.messages import ToolSpec
from vivavoce.model.embedded.calling.abilities import MOST_NAMED, asks_abilities, can, cannot
from vivavoce.tools.clock import DateTimeTool

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("description", "ability"),
    [
        ("Book a table in a restaurant. Give the time.", "book a table in a restaurant"),
        ("Searches flights: cheap ones first", "send note"),  # no imperative
        ("Status of a train", "send note"),
        ("SMS somebody.", "SMS somebody"),
        ("This function is there.", "send note"),
        ("", "send note"),
        ("x" * 99, "send note"),
    ],
)
def test_an_ability_is_a_clause_of_the_description_or_the_name(description, ability):
    said = cannot([ToolSpec("send_note", description, {})], "en")
    assert said == f"I am sorry, I cannot do that. What I can do: {ability}."


def test_the_first_tools_are_named_each_in_the_language():
    tools = [ToolSpec(f"tool_{n}", f"Do number {n}.", {}) for n in range(9)]
    assert cannot(tools, "en").count("do number") == MOST_NAMED
    assert "查询当前日期" in cannot([DateTimeTool().spec], "zh")
    assert "tell the current date" in cannot([DateTimeTool().spec], "en")


def test_without_tools_it_says_no_more_than_that():
    assert cannot([], "en") == "I am sorry, I cannot do that."


@pytest.mark.parametrize("request_", ["What can you do?", "so what can you do", "你会做什么？", "您能帮我做什么"])
def test_it_is_known_to_be_asked_for(request_):
    assert asks_abilities(request_)
    assert not asks_abilities("What can you do about the noise?")
    assert can([ToolSpec("notes", "Take a note.", {})], "en") == "What I can do: take a note."
