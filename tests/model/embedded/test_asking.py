"""A missing argument is asked for in plain words, and the question is known again when the answer comes."""

import pytest

from vivavoce.core.messages import (
    AssistantMessage,
    ToolCall,
    ToolMessage,
    ToolOutput,
    ToolResult,
    ToolSpec,
    UserMessage,
)
from vivavoce.model.embedded.calling.asking import asked_before, question
from vivavoce.model.embedded.calling.grounding import NOTHING, Parameter
from vivavoce.model.embedded.calling.values import only_hums, value_of

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
        ("visit_day", {"type": "string"}, "For which visit date?"),
        ("time", {"type": "string"}, "At what time?"),
        ("when", {"type": "string"}, "At what time?"),
        ("number", {"type": "integer"}, "What is the number?"),
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


def test_what_a_result_says_is_no_question_of_the_agents_own():
    people = tool("people", {"type": "integer"})
    call = ToolCall.new("note", "{}")
    read = ToolMessage(ToolResult(call, "done", ToolOutput("How many people?")))
    said = [
        UserMessage("Read it."),
        AssistantMessage("", (call,)),
        read,
        AssistantMessage("How many people?"),
        UserMessage("4"),
    ]
    assert asked_before(said, [people], "en") is None
    assert asked_before([UserMessage("Book."), *said[-2:]], [people], "en") is not None


def test_who_changed_the_mind_may_want_something_else():
    people = tool("people", {"type": "integer"})
    for reply, cancelled in (("Abort.", True), ("Forget it.", True), ("Actually forget it, order some hay instead.", False)):
        said = [UserMessage("Book."), AssistantMessage("How many people?"), UserMessage(reply)]
        assert asked_before(said, [people], "en").is_cancelled is cancelled


@pytest.mark.parametrize("reply", ["Hmm.", "Let me think.", "Uh, hold on.", "嗯"])
def test_who_still_thinks_has_not_answered(reply):
    assert only_hums(reply)


@pytest.mark.parametrize("reply", ["Anna", "wait for Anna", "four"])
def test_who_answers_does_not_only_think(reply):
    assert not only_hums(reply)


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


def value(key, about, said):
    found = value_of(Parameter("tool", key, about), said)
    return None if found is NOTHING else found


NUMBER, TEXT = {"type": "integer"}, {"type": "string"}
SIZES = {"enum": ["small", "extra_large"], "type": "string"}


@pytest.mark.parametrize(
    ("key", "about", "said", "expected"),
    [
        ("time", TEXT, "seven thirty", "seven thirty"),
        ("time", TEXT, "At half past six, please.", "half past six"),
        ("time", TEXT, "Eight in the evening.", "Eight in the evening"),
        ("time", {**TEXT, "description": "HH:MM"}, "half past six in the evening", "18:30"),
        ("time", {**TEXT, "description": "HH:MM"}, "a quarter after six", "6:15"),
        ("time", TEXT, "Make it noon.", "noon"),
        ("date", TEXT, "the day after tomorrow", "the day after tomorrow"),
        ("date", TEXT, "On Friday.", "Friday"),
        ("people", NUMBER, "four of us", 4),
        ("people", NUMBER, "There are four of us.", 4),
        ("people", NUMBER, "just two", 2),
        ("people", NUMBER, "A couple.", 2),
        ("people", NUMBER, "四个人", 4),
        ("minutes", NUMBER, "twenty-five minutes", 25),
        ("name", TEXT, "Anna", "Anna"),
        ("name", TEXT, "It's for Anna Holm, thanks.", "Anna Holm"),
        ("colour", TEXT, "the blue one", "blue"),
        ("size", SIZES, "the extra large one", "extra_large"),
        ("gift", {"type": "boolean"}, "Yes, please.", True),
        ("gift", {"type": "boolean"}, "No.", False),
        ("people", NUMBER, "at half past six", None),
        ("people", NUMBER, "four or five", None),
        ("people", NUMBER, "Anna", None),
        ("minutes", NUMBER, "an hour", None),
        ("time", TEXT, "four people", None),
        ("date", TEXT, "at seven", None),
        ("size", SIZES, "the middle one", None),
        ("name", TEXT, "Thank you.", None),
        ("name", TEXT, "I don't know.", None),
        ("name", TEXT, "What do you mean?", None),
        ("name", TEXT, "Tell me a joke.", None),
        ("colour", TEXT, "你好，你叫什么名字？", None),
        ("people", NUMBER, "What is two and two?", None),
        ("size", SIZES, "A small step for a man and a very long one for all of us", None),
    ],
)
def test_a_short_reply_is_a_value_where_it_is_of_the_type(key, about, said, expected):
    assert value(key, about, said) == expected


def test_replies_are_values_of_what_each_was_asked_for():
    said = [
        UserMessage("Get me tickets."),
        AssistantMessage("Which city?"),
        UserMessage("Rome."),
        AssistantMessage("How many tickets?"),
        UserMessage("Just two."),
    ]
    assert asked_before(said, [TICKETS], "en").given == {"city": "Rome", "number_of_tickets": 2}
