"""What asks for a deed, and what names one and asks for none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.model.embedded.wording.deeds import (
    asks_state,
    does_something,
    forbids,
    is_denied,
    is_taken_back,
    only_looks,
    only_tells,
    without_forbidden,
)

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "said",
    ["Don't pay the rent.", "I don't want you to pay it.", "You must not water the plants.", "Please never call Ben."],
)
def test_what_forbids(said):
    assert forbids(said)
    assert is_denied(said)


@pytest.mark.parametrize(
    "said", ["Don't forget to call Anna.", "Pay the rent.", "I need a cab.", "Why don't you call Anna?"]
)
def test_what_does_not_forbid(said):
    assert not is_denied(said) or said.startswith("Why")
    assert not only_tells(said)


@pytest.mark.parametrize("said", ["I already paid the rent.", "I paid it yesterday.", "Did you pay it?", "前门锁了吗"])
def test_what_was_done_is_not_to_be_done(said):
    assert is_denied(said)


@pytest.mark.parametrize(
    "said",
    [
        "How do I lock the door?",
        "Is the back door locked?",
        "What is Anna's number?",
        "Tell me a story about a man who deleted a folder.",
        "When does the taxi come?",
    ],
)
def test_what_orders_nothing(said):
    assert only_tells(said)


@pytest.mark.parametrize("said", ["Can you lock the door?", "What about Oslo?", "Could I get a pizza?", "Mind opening it?"])
def test_what_may_order_something(said):
    assert not only_tells(said)


@pytest.mark.parametrize(
    ("said", "looks"),
    [
        ("Find a theatre event in Rome.", True),
        ("I'm bored. Can you help me find a salon?", True),
        ("I'm looking for a Music event.", True),
        ("Find a table and book it.", False),
        ("Check me in for the flight.", False),
        ("Reserve a seat.", False),
    ],
)
def test_what_only_looks_for_something(said, looks):
    assert only_looks(said) == looks


def test_how_something_stands_is_a_question_of_its_own():
    assert asks_state("So is my room booked?")
    assert not asks_state("Who built the house?")


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("Lock the front door, but don't pay the rent.", "Lock the front door"),
        ("Don't pay the rent, but lock the door.", "lock the door."),
        ("Call Anna and don't call Ben and then lock the door.", "Call Anna and then lock the door."),
        ("Pay the rent.", "Pay the rent."),
        ("Don't pay.", "Don't pay."),
    ],
)
def test_what_is_forbidden_is_left_out(said, wanted):
    assert without_forbidden(said) == wanted


@pytest.mark.parametrize("said", ["Pay the rent. Actually, no, don't.", "Call Anna, no, don't.", "给安娜打电话，算了"])
def test_a_request_may_be_taken_back_at_its_end(said):
    assert is_taken_back(said)


@pytest.mark.parametrize("said", ["Call Anna.", "Play music, please don't stop", "Don't."])
def test_other_requests_are_not_taken_back(said):
    assert not is_taken_back(said)


@pytest.mark.parametrize(
    ("words", "acts"),
    [
        ("Send money to somebody.", True),
        ("Locks a door.", True),
        ("Switches it off.", True),
        ("The weather in a city.", False),
        ("Find a flight.", False),
    ],
)
def test_a_tool_says_whether_it_acts(words, acts):
    assert does_something(words) == acts


@given(st.text(max_size=200))
def test_whatever_is_said_a_part_of_it_is_left(said):
    assert len(without_forbidden(said)) <= len(said)
