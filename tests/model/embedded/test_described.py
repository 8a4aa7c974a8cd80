"""Tools without examples are found by what they say of themselves, and talk by none; however many there are."""

import time

import pytest
from support.word_embedder import WordEmbedder

from vivavoce.app.parts import open_embedder
from vivavoce.core.messages import ToolExample, ToolSpec
from vivavoce.model.embedded.routing.described import EMBEDDED, DescribedTools
from vivavoce.model.embedded.routing.planning import CERTAIN, LIKE_TALK
from vivavoce.model.embedded.routing.router import NO_TOOL, Route

pytestmark = pytest.mark.unit


def spec(name, description, *parameters, examples=()):
    return ToolSpec(name, description, {"type": "object", "properties": {key: {} for key in parameters}}, examples)


KETTLE = spec("start_kettle", "Start the kettle in a room.", "room", "minutes")
TABLE = spec("book_table", "Book a table in a restaurant.\nMore of it.", "people", "time")
ACCOUNT = spec("balance", "查询账户余额", "account")
LEARNT = spec("start_lamp", "Start the lamp.", examples=(ToolExample("Start the lamp."),))
NOBODY = Route(NO_TOOL, 0.0)


def described(*tools):
    found = DescribedTools(WordEmbedder())
    found.fit(tools)
    return found


def test_a_request_finds_the_tool_that_is_described_in_its_words():
    tools = described(KETTLE, TABLE, LEARNT)
    assert tools.route("Start the kettle in the kitchen.").label == "start_kettle"
    assert tools.route("Book a table in a restaurant, time eight, people four.").probability > CERTAIN
    assert tools.route("Thank you, goodbye.").probability < LIKE_TALK
    assert tools.route("") == NOBODY


def test_a_word_of_its_name_goes_before_likeness():
    reminder, call = spec("set_reminder", "Keep a note."), spec("make_call", "Phone.")
    tools = described(reminder, call, KETTLE)
    assert tools.route("Remind me to call Anna at nine.").label in {"set_reminder", "make_call"}
    assert tools.route("Call Anna.").label == "make_call"
    assert tools.is_named("set_reminder", "Remind me at nine.")
    assert not tools.is_named("set_reminder", "Set the table.")
    assert not tools.is_named("no_such_tool", "Remind me.")


def test_what_orders_nothing_is_for_a_tool_that_does_nothing():
    tools = described(spec("call_person", "Call a person by name."), spec("find_person", "Find the number of a person."))
    assert tools.acts("call_person")
    assert not tools.acts("find_person")
    assert tools.route("Call the person by name.").label == "call_person"
    assert tools.route("Call the person by name.", acting=False).label == "find_person"


def test_a_request_in_chinese_is_compared_by_its_translation():
    tools = described(KETTLE, TABLE)
    assert tools.needs_english("烧水")
    assert not tools.needs_english("Start the kettle.")
    tools.read_as("烧水", "Start the kettle in a room.")
    assert not tools.needs_english("烧水")
    assert tools.route("烧水").label == "start_kettle"
    assert not described(ACCOUNT).needs_english("余额多少")


@pytest.mark.parametrize("request_", ["Stop the kettle.", "Take the kettle off again.", "Get rid of the kettle."])
def test_what_undoes_is_for_no_tool_that_only_does(request_):
    assert described(KETTLE).route(request_).probability < LIKE_TALK


def test_a_tool_that_says_so_anywhere_undoes():
    switch = ToolSpec("machine", "Control it.", {"type": "object", "properties": {"do": {"enum": ["start", "stop"]}}})
    assert described(switch, KETTLE).route("Stop the machine.").label == "machine"


def test_tools_with_examples_are_left_to_the_router():
    assert described(LEARNT).route("Start the lamp.") == NOBODY
    assert described().route("Start the lamp.") == NOBODY


def test_what_the_embedder_does_not_read_is_found_by_what_it_has_in_common():
    tools = described(KETTLE, ACCOUNT)
    assert tools.route("帮我查一下账户余额").label == "balance"
    assert tools.route("你好，你叫什么名字？").probability < LIKE_TALK


def test_the_same_tools_are_read_once_and_others_anew():
    embedder = WordEmbedder()
    tools = DescribedTools(embedder)
    for _ in range(3):
        tools.fit([KETTLE, TABLE])
    assert embedder.embedded == 2
    tools.fit([KETTLE])
    assert embedder.embedded == 2
    assert tools.route("Book a table in a restaurant, time eight, people four.").label == "start_kettle"


def test_of_very_many_only_the_likeliest_are_read_and_only_when_asked():
    embedder = WordEmbedder()
    embedder.dimension = 256  # so that few words collide
    tools = DescribedTools(embedder)
    many = [spec(f"start_{n}", f"Start machine number {n} of the plant.") for n in range(5000)]
    begun = time.process_time()
    tools.fit([*many, KETTLE])
    assert time.process_time() - begun < 4
    assert embedder.embedded == 0
    assert tools.route("Start the kettle in the kitchen.").label == "start_kettle"
    assert embedder.embedded == EMBEDDED + 1


@pytest.mark.models
def test_with_its_own_embedder_it_takes_the_right_tool_and_leaves_talk_alone(home):
    said = {
        "start_kettle": ("Start the kettle in a room.", "Could you put the kettle on in the kitchen?"),
        "book_table": ("Book a table in a restaurant.", "I'd like a table for four tomorrow evening."),
        "send_money": ("Transfer money to somebody.", "Send Anna fifty euros."),
        "find_flight": ("Search for flights between two cities.", "Is there a flight from Oslo to Rome on Monday?"),
        "set_alarm": ("Set an alarm.", "Set an alarm for half past six."),
        "shopping_list": ("Add an item to the shopping list.", "Add two dozen eggs to my shopping list."),
        "lights": ("Turn the lights in a room on or off.", "Switch off the light in the bedroom."),
        "cancel_order": ("Cancel an order.", "Please cancel my last order."),
    }
    tools = DescribedTools(open_embedder(home))
    tools.fit([spec(name, description) for name, (description, _) in said.items()])
    assert {name: tools.route(request).label for name, (_, request) in said.items()} == {name: name for name in said}
    for talk in (
        "Hello, how are you?",
        "Tell me a joke.",
        "What is the capital of France?",
        "Thanks, that was great.",
        "Who are you?",
    ):
        assert tools.route(talk).probability < LIKE_TALK
