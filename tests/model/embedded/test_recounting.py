"""What was done is told from the calls of the dialogue."""

import pytest

from vivavoce.core.messages import AssistantMessage, ToolCall, ToolMessage, ToolOutput, ToolResult, UserMessage
from vivavoce.model.embedded.recounting import recounted

pytestmark = pytest.mark.unit


def turn(said, name, result, status="done"):
    call = ToolCall.new(name, "{}")
    ended = ToolResult(call, status, ToolOutput(result))
    return [UserMessage(said), AssistantMessage("", (call,)), ToolMessage(ended), AssistantMessage("Well.")]


PAID = turn("Pay Anna.", "send_money", "5 euros were sent to Anna.")
WEIGHED = turn("Rex weighs twelve.", "record_weight", "Rex weighs 12 kilograms now.")
BROKE = turn("Water the plants.", "water_plants", "the pump is broken", "failed")
DECLINED = turn("Send a bill.", "send_bill", "the call was not begun", "cancelled")


@pytest.mark.parametrize(
    ("before", "asked", "told"),
    [
        (PAID + WEIGHED, "What did you just do?", "Rex weighs 12 kilograms now."),
        (PAID + WEIGHED, "what have you done", "Rex weighs 12 kilograms now."),
        (PAID + WEIGHED, "Did you send the money?", "5 euros were sent to Anna."),
        (PAID, "Did you call Ben?", "No, not that I know of."),
        (DECLINED, "did you send it?", "No, not that I know of."),
        (BROKE, "Did that work?", "I am sorry, the pump is broken."),
        (BROKE, "Did you water them?", "I am sorry, the pump is broken."),
        ([], "What did you do?", "I have done nothing yet."),
        ([], "Did you order the pizza?", "No, not that I know of."),
        (PAID, "Did you know that octopuses have three hearts?", ""),
        (PAID, "Did you sleep well?", ""),
        (PAID, "What did Newton do?", ""),
        ([], "Did that work?", ""),
    ],
)
def test_what_was_done_is_told_as_its_tool_told_it(before, asked, told):
    assert recounted(asked, [*before, UserMessage(asked)], "en") == told
