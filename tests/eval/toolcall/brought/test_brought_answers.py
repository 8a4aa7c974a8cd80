"""What an answer without a call does: it asks back, refuses honestly, or neither."""

import pytest

from vivavoce.core.messages import ToolCall
from vivavoce.eval.toolcall.brought.answers import outcome

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "said",
    [
        "For how many people?",
        "I can book that. Which day do you want?",
        "Could you tell me the city? I need it for the weather.",
        "\u54ea\u4e00\u5929\uff1f",
    ],
)
def test_a_question_asks(said):
    assert outcome((), said) == "ask"


@pytest.mark.parametrize(
    "said",
    [
        "I can't do that.",
        "I\u2019m sorry, but I cannot book flights.",
        "I am sorry, I have no tool for that.",
        "I'm sorry, but I'm not able to play music. I can set an alarm or read the news.",
        "Unfortunately, I don't have access to your calendar. Please check it yourself.",
        "I am unable to send messages. You could try the app of your phone.",
        "None of my tools can do this. Is there anything else that you need?",
        "I can't do that, but I can look up the weather. How can I help you?",
        "That is not something I can do.",
        "I don't know that, sorry.",
        "抱歉，这个我做不到。我能做的有：set an alarm和play music。",
        "对不起，我无法打开灯。您可以用手机打开。",
    ],
)
def test_a_refusal_that_claims_nothing_is_a_cannot(said):
    assert outcome((), said) == "cannot"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "The kitchen lights are turned on.",
        "Sorry, the flight is booked.",
        "I can't do that. The hotel is booked.",
        "I'm sorry, but I cannot check the weather, it is 20 degrees in Paris.",
        "I cannot do this with the app, but your alarm is set for seven.",
        "I can't call him, so I have texted him.",
        "I can confirm that the table is reserved. I cannot say more.",
        "The hotel cannot be booked, since it is full.",
        "Sure, I'll do that! How can I help you?",
        "I am sorry.",
        "I don't think so. It rains.",
        "Done.",
        "抱歉，我无法打开灯，但已经发了短信。",
        "好的，门锁好了。",
    ],
)
def test_what_claims_or_does_not_refuse_is_an_answer(said):
    assert outcome((), said) == "answer"


def test_a_call_is_a_call_whatever_is_said():
    assert outcome((ToolCall("1", "book", "{}"),), "I can't do that. Or can I?") == "call"
