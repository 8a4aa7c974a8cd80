"""What a tool gave back is told as what it is: a failure as a failure, nothing as nothing."""

import pytest

from vivavoce.core.messages import ToolCall, ToolOutput, ToolResult
from vivavoce.core.untrusted import fence
from vivavoce.model.embedded.results import sentence

pytestmark = pytest.mark.unit


def told(content, *, acts, status="done"):
    return sentence(
        ToolResult(ToolCall.new("pay_rent", "{}"), status, ToolOutput(fence("pay_rent", content))), "en", acts=acts
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("50 euros sent to Anna.", "50 euros sent to Anna."),
        ("true", "Done: pay rent."),
        ("", "Done: pay rent."),
        ("false", "Pay rent: no."),
        ("[]", "The pay rent tool gave back nothing."),
        ("{}", "The pay rent tool gave back nothing."),
        (
            '{"status": "error", "code": 51, "transaction": "declined"}',
            "Pay rent: status error, code 51, transaction declined.",
        ),
        ('{"deleted": 0, "errors": ["permission denied"]}', "Pay rent: deleted 0, errors permission denied."),
        ('{"accepted": false, "eta_minutes": null}', "Pay rent: accepted no, eta minutes none."),
        ('{"rows": ["%s"]}' % ("x" * 500), ""),
        ("declined", ""),
    ],
)
def test_a_deed_is_told_as_its_tool_told_it(content, said):
    assert told(content, acts=True) == said


@pytest.mark.parametrize("content", ["true", "none", '{"price": 12}', "12.5", "It says:\nall is well."])
def test_what_was_looked_up_is_put_into_words_by_the_model(content):
    assert told(content, acts=False) == ""


def test_a_failure_is_never_told_as_done():
    failed = ToolResult(ToolCall.new("pay_rent", "{}"), "failed", ToolOutput("the bank is closed."))
    assert sentence(failed, "en", acts=True) == "I am sorry, the bank is closed."
