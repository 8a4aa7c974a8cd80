"""What is to be another in the call just made is, and all else is kept."""

import json

import pytest

from vivavoce.core.messages import (
    AssistantMessage,
    ToolCall,
    ToolExample,
    ToolMessage,
    ToolOutput,
    ToolResult,
    ToolSpec,
    UserMessage,
)
from vivavoce.model.embedded.calling.changing import changed_calls, repeated
from vivavoce.model.embedded.wording.changes import once_more

pytestmark = pytest.mark.unit


def spec(name, /, **parameters):
    return ToolSpec(name, "", {"type": "object", "properties": parameters})


NUMBER, TEXT, FLAG = {"type": "integer"}, {"type": "string"}, {"type": "boolean"}
COOK = spec("start_oven", degrees=NUMBER, dish=TEXT)
RING = spec("ring", name=TEXT)
ROOM = spec("reserve_room", room=TEXT, people=NUMBER, time=TEXT, day=TEXT, size={"enum": ["small", "large"]}, quiet=FLAG)
WAKE = spec("wake", at=TEXT)
LAMP = spec("lamp", room=TEXT, on=FLAG)
ASKS = ToolSpec("voices", "", TEXT | {"properties": {"words": TEXT}}, (ToolExample("Be soft.", {"words": "Be soft."}),))
TOOLS = [COOK, RING, ROOM, WAKE, LAMP, ASKS]
OVEN = ("start_oven", {"degrees": 180, "dish": "bread"}, "Heat the oven to a hundred and eighty for the bread.")
BEN = ("ring", {"name": "Ben"}, "Ring Ben.")
RESERVED = (
    "reserve_room",
    {"room": "Oak", "people": 4, "time": "seven", "size": "small"},
    "Reserve Oak, small, for four at seven.",
)
WOKEN = ("wake", {"at": "19:00"}, "Wake me at seven in the evening.")
LIT = ("lamp", {"room": "kitchen", "on": True}, "Turn the kitchen lamp on.")
SOFT = ("voices", {"words": "Be soft."}, "Be soft.")


def changed(before, said):
    name, arguments, asked = before
    call = ToolCall.new(name, json.dumps(arguments))
    result = ToolMessage(ToolResult(call, "done", ToolOutput("Done.")))
    messages = [UserMessage(asked), AssistantMessage("", (call,)), result, AssistantMessage("Done."), UserMessage(said)]
    calls = changed_calls(said, messages, TOOLS)
    if not calls:
        return None
    (found,) = calls
    assert found.name == name
    now = json.loads(found.arguments)
    assert now.keys() >= arguments.keys(), "all else is kept"
    return {key: value for key, value in now.items() if value != arguments.get(key)}


@pytest.mark.parametrize(
    ("before", "said", "expected"),
    [
        (OVEN, "Make it two hundred.", {"degrees": 200}),
        (OVEN, "no, to two hundred degrees", {"degrees": 200}),
        (OVEN, "Two hundred instead, please.", {"degrees": 200}),
        (OVEN, "Sorry, I meant the pizza.", {"dish": "the pizza"}),
        (OVEN, "Change the degrees to 200.", {"degrees": 200}),
        (BEN, "I meant Anna.", {"name": "Anna"}),
        (BEN, "No, Anna.", {"name": "Anna"}),
        (BEN, "Not Ben, Anna Holm.", {"name": "Anna Holm"}),
        (BEN, "Anna, not Ben.", {"name": "Anna"}),
        (RESERVED, "Change that to eight.", {"time": "eight"}),
        (RESERVED, "Make that eight people.", {"people": 8}),
        (RESERVED, "Actually, at half past six.", {"time": "half past six"}),
        (RESERVED, "Make it six, not four.", {"people": 6}),
        (RESERVED, "Six, not four.", {"people": 6}),
        (RESERVED, "Wait, the large one.", {"size": "large"}),
        (RESERVED, "Change Oak to Elm.", {"room": "Elm"}),
        (RESERVED, "Could you make it tomorrow?", {"day": "tomorrow"}),
        (RESERVED, "Make it tomorrow.", {"day": "tomorrow"}),
        (RESERVED, "Make it quiet.", {"quiet": True}),
        (WOKEN, "Make it eight.", {"at": "20:00"}),
        (LIT, "Turn it off.", {"on": False}),
        (OVEN, "改成二百度", {"degrees": 200}),
        (OVEN, "Make it louder.", None),
        (BEN, "No, thanks.", None),
        (BEN, "No problem.", None),
        (BEN, "Actually, what time is it?", None),
        (BEN, "Sorry, tell me a joke.", None),
        (BEN, "Anna is my sister.", None),
        (OVEN, "Make it two hundred or two hundred and ten.", None),
        (SOFT, "I meant a loud one.", None),
    ],
)
def test_one_argument_is_another(before, said, expected):
    assert changed(before, said) == expected


def test_only_the_turn_before_is_changed():
    assert changed_calls("Make it sixty.", [UserMessage("Hello."), UserMessage("Make it sixty.")], TOOLS) == []


TEXTED = ("text", {"to": "Ben", "words": "I am late"}, "Text Ben that I am late.")


@pytest.mark.parametrize(
    ("others", "all_others"),
    [
        ("Carla", [{"to": "Carla"}]),
        ("Carla and Dan", [{"to": "Carla"}, {"to": "Dan"}]),
        ("my mother", [{"to": "my mother"}]),
        ("tomorrow", []),
    ],
)
def test_the_same_for_others(others, all_others):
    name, before, said = TEXTED
    text = spec(name, to=TEXT, words=TEXT)
    assert repeated(text, before, others, said) == [{**before, **one} for one in all_others]


def test_the_same_with_two_things_changed():
    _, before, said = RESERVED
    assert repeated(ROOM, before, "6 people at nine", said) == [{**before, "people": 6, "time": "nine"}]
    assert repeated(ROOM, before, "a large one", said) == [{**before, "size": "large"}]


def test_the_one_counts_of_which_most_words_were_said():
    sample = spec("interval", sample_mean=NUMBER, sample_size=NUMBER)
    before = {"sample_mean": 25, "sample_size": 50}
    assert repeated(sample, before, "a sample size of 150") == [{**before, "sample_size": 150}]


def test_once_more_over_turns():
    name, arguments, asked = BEN
    call = ToolCall.new(name, json.dumps(arguments))
    done = ToolMessage(ToolResult(call, "done", ToolOutput("Done.")))
    messages = [UserMessage(asked), AssistantMessage("", (call,)), done, AssistantMessage("Done.")]
    for said in ("Now do the same for Carla and Dan, please.", "The same for Carla and Dan."):
        calls = changed_calls(said, [*messages, UserMessage(said)], TOOLS)
        assert [json.loads(one.arguments) for one in calls] == [{"name": "Carla"}, {"name": "Dan"}]


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        ("Find a cafe in Bonn, and then do the same for Ulm.", ("Find a cafe in Bonn", "Ulm")),
        (
            "What is the interval for 50? And can you do the same but for 150 instead?",
            ("What is the interval for 50?", "150"),
        ),
        ("Thanks! Do the same for Ben, please.", ("", "Ben")),
        ("Is it the same?", None),
        ("Call Ben again.", None),
    ],
)
def test_what_is_done_once_more(request_, found):
    assert once_more(request_) == found


@pytest.mark.parametrize(
    "said",
    [
        "That should be enough.",
        "It should be fun.",
        "Oh. Great!",
        "No. Stop!",
        "Wait. Cancel.",
        "No, stop!",
        "I said stop!",
        "I meant well.",
        "I wanted pizza.",
        "Rather expensive!",
        "Hold on. Undo.",
        "Oh, Anna turns 30 today.",
        "Read chapter 2 instead.",
        "Actually, the weather is 20 degrees.",
        "Me too.",
        "And it's good too.",
        "应该是下雨了。",
        "x" + " " * 3900 + "x",
    ],
)
@pytest.mark.parametrize("before", [BEN, OVEN, RESERVED, TEXTED])
def test_remarks_change_nothing(before, said):
    name, arguments, asked = before
    call = ToolCall.new(name, json.dumps(arguments))
    done = ToolMessage(ToolResult(call, "done", ToolOutput("Done.")))
    messages = [UserMessage(asked), AssistantMessage("", (call,)), done, AssistantMessage("Done."), UserMessage(said)]
    text = spec("text", to=TEXT, words=TEXT)
    assert changed_calls(said, messages, [*TOOLS, text]) == []
