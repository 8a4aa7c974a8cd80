"""Toolsets compose; what changes is how models see a tool."""

import pytest

from vivavoce.core.errors import ConfigError
from vivavoce.tools.adapters import tool
from vivavoce.tools.registry import ToolRegistry
from vivavoce.tools.toolsets import Toolset

pytestmark = pytest.mark.unit


def book(day: str) -> str:
    """Book a room."""
    return f"booked {day}"


def cancel(day: str) -> str:
    """Cancel a room."""
    return f"cancelled {day}"


@tool(confirm=True)
def pay(day: str) -> str:
    """Pay."""
    return f"paid {day}"


HOTEL = Toolset([book, cancel, pay])


def names(tools):
    return [spec.name for spec in tools.specs]


def test_it_is_a_sequence_of_tools():
    assert (len(HOTEL), HOTEL[2], HOTEL[-1] in HOTEL, list(HOTEL)[2]) == (3, pay, True, pay)
    assert [one.spec.name for one in HOTEL[:2]] == ["book", "cancel"]
    assert (HOTEL.get("pay"), HOTEL.get("sleep")) == (pay, None)
    assert names(Toolset()) == []


async def test_tools_are_filtered_prefixed_renamed_and_merged():
    assert names(HOTEL.filtered(["pay", "book"])) == ["book", "pay"]
    assert names(HOTEL.filtered("pay")) == ["pay"]
    assert names(HOTEL.filtered(lambda spec: spec.confirm)) == ["pay"]
    assert names(HOTEL.prefixed("hotel_")) == ["hotel_book", "hotel_cancel", "hotel_pay"]
    assert names(HOTEL.renamed({"book": "cancel", "cancel": "book"})) == ["cancel", "book", "pay"]
    both = HOTEL.prefixed("inn_").merged(HOTEL)
    assert names(both) == names(HOTEL.prefixed("inn_") + HOTEL) == [*names(HOTEL.prefixed("inn_")), *names(HOTEL)]
    assert names(HOTEL.merged([tool(book, name="reserve")])) == ["book", "cancel", "pay", "reserve"]
    assert names(HOTEL) == ["book", "cancel", "pay"]


async def test_calls_reach_the_tool_and_the_rest_of_its_spec_stays():
    renamed = HOTEL.prefixed("hotel_").renamed({"hotel_pay": "settle"}).get("settle")
    assert (await renamed.call('{"day": "Monday"}')).spoken == "paid Monday"
    assert (renamed.spec.confirm, renamed.spec.parameters) == (True, pay.spec.parameters)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Toolset([book, book]), "a tool called book already"),
        (lambda: HOTEL + HOTEL, "a tool called book already"),
        (lambda: HOTEL.merged([pay]), "a tool called pay already"),
        (lambda: HOTEL.renamed({"book": "pay"}), "a tool called pay already"),
        (lambda: HOTEL.renamed({"sleep": "rest"}), "no tool called sleep; there are: book, cancel, pay"),
        (lambda: HOTEL.renamed({"book": "book it"}), "tool name 'book it'"),
        (lambda: HOTEL.prefixed("the hotel's "), "tool name"),
        (lambda: HOTEL.prefixed("x" * 64), "tool name"),
        (lambda: HOTEL.filtered(["book", "sleep"]), "no tool called sleep"),
        (lambda: Toolset().filtered("sleep"), "there are: none"),
        (lambda: Toolset([lambda: 1]), "lambda"),
    ],
)
def test_a_name_that_is_taken_or_does_not_exist_is_one_line(make, said):
    with pytest.raises(ConfigError, match=said) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_a_registry_takes_tools_and_toolsets_alike_and_all_of_a_set_or_nothing():
    registry = ToolRegistry()
    added = registry.add(book)
    assert registry.get("book") is added
    assert registry.add(HOTEL.prefixed("hotel_")).get("hotel_pay") is registry.get("hotel_pay")
    with pytest.raises(ConfigError, match="already"):
        registry.add(Toolset([cancel, book]))
    assert names(registry) == ["book", "hotel_book", "hotel_cancel", "hotel_pay"]
