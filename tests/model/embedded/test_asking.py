"""A missing argument is asked for in plain words, and the question is known again when the answer comes."""

import pytest

from vivavoce.core.messages import AssistantMessage, ToolSpec, UserMessage
from vivavoce.model.embedded.calling.asking import asked_before, question

pytestmark = pytest.mark.unit


def tool(parameter, about, name="book"):
    return ToolSpec(name, "", {"type": "object", "properties": {parameter: about}, "required": [parameter]})


@pytest.mark.parametrize(
    ("parameter", "about", "asked"),
    [
        ("number_of_tickets", {"type": "integer"}, "How many tickets?"),
        ("people", {"type": "integer"}, "How many people?"),
        ("departure_date", {"type": "string"}, "For which departure date?"),
        ("date", {"type": "string"}, "For which date?"),
        ("time", {"type": "string"}, "At what time?"),
        ("city", {"type": "string"}, "Which city?"),
        ("from_city", {"type": "string"}, "From which city?"),
        ("size", {"type": "string", "enum": ["small", "extra_large"]}, "Which size: small, extra large?"),
        (
            "recipient",
            {"type": "string", "description": "The account number that is paid to."},
            "What is the account number?",
        ),
        ("iban", {"type": "string", "description": "x" * 200}, "What is the iban?"),
        ("giftWrap", {"type": "boolean"}, "Yes or no: gift wrap?"),
        ("anything", True, "What is the anything?"),
    ],
)
def test_the_question_says_what_is_needed(parameter, about, asked):
    assert question(tool(parameter, about), parameter, "en") == asked


def test_it_is_asked_in_the_language_of_the_mind():
    assert question(tool("date", {"type": "string"}), "date", "zh") == "请问是哪一天？"
    assert question(tool("name", {"type": "string", "description": "姓名"}), "name", "zh") == "请问姓名是什么？"


TICKETS = ToolSpec(
    "tickets",
    "",
    {
        "type": "object",
        "properties": {"city": {"type": "string"}, "number_of_tickets": {"type": "integer"}},
        "required": ["city", "number_of_tickets"],
    },
)


def test_answers_are_put_together_with_what_was_said_before():
    said = [
        UserMessage("Hello."),
        AssistantMessage("Hello! How can I help you?"),
        UserMessage("Get me tickets."),
        AssistantMessage("Which city?"),
        UserMessage("Rome."),
        AssistantMessage("How many tickets?"),
        UserMessage("Two."),
    ]
    asked = asked_before(said, [TICKETS], "en")
    assert (asked.tool, asked.parameter) == (TICKETS, "number_of_tickets")
    assert asked.said == ("Get me tickets.", "Rome.", "Two.")


@pytest.mark.parametrize(
    "answer",
    ["How can I help you?", "Which city do you live in?", "Which", "Rome is in Italy.", "Which city? I wonder."],
)
def test_other_answers_are_no_such_questions(answer):
    assert asked_before([UserMessage("Tickets."), AssistantMessage(answer), UserMessage("Rome.")], [TICKETS], "en") is None


def test_a_question_for_a_tool_that_is_gone_is_no_question():
    said = [UserMessage("Tickets."), AssistantMessage("Which city?"), UserMessage("Rome.")]
    assert asked_before(said, [], "en") is None
    assert asked_before([UserMessage("Tickets.")], [TICKETS], "en") is None
    assert asked_before([], [TICKETS], "en") is None
