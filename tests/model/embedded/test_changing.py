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
from vivavoce.model.embedded.calling.changing import changed_call

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
    found = changed_call(said, messages, TOOLS)
    if found is None:
        return None
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
    assert changed_call("Make it sixty.", [UserMessage("Hello."), UserMessage("Make it sixty.")], TOOLS) is None
