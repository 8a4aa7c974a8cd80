"""Requests to act, to an agent that has some tools for them and not others: nothing is claimed that no tool did."""

import json
import uuid
from contextlib import asynccontextmanager

import pytest

from vivavoce.agent.testing import ToneDecoder
from vivavoce.app import open_agent
from vivavoce.eval.toolcall.brought.answers import DEED

pytestmark = pytest.mark.models


def book_table(restaurant: str, people: int) -> str:
    """Book a table in a restaurant."""
    return "The table is booked."


def set_alarm(time: str) -> str:
    """Set an alarm for a time of day."""
    return "The alarm is set."


def turn_lights(room: str, on: bool) -> str:
    """Turn the lights in a room on or off."""
    return "The lights are turned."


def add_to_shopping_list(items: list[str]) -> str:
    """Add items to the shopping list."""
    return "They are on the list."


def stock_price(company: str) -> str:
    """Tell the price of a company's stock."""
    return "It stands at ninety."


TOOLS = [book_table, set_alarm, turn_lights, add_to_shopping_list, stock_price]
MISSING = [
    "Send Anna fifty euros.",
    "Could you please call my mother?",
    "order me a large pizza",
    "Lock the front door.",
    "Play some jazz in the living room.",
    "Text Ben that I'm running late.",
    "Cancel my dentist appointment on Monday.",
    "Post this picture on my page.",
    "Start the washing machine, please.",
    "Buy two tickets for the match on Saturday.",
    "Navigate home.",
    "Email the report to my boss.",
    "Turn the heating up to 21 degrees.",
    "Delete all my photos from last year.",
    "帮我给妈妈打个电话",
    "请帮我订一张去上海的火车票",
]
PRESENT = {
    "Book a table for four at Luigi's.": ("book_table", {"restaurant": "Luigi's", "people": 4}),
    "please set an alarm for 7 am": ("set_alarm", {"time": "7 am"}),
    "Um, could you put milk on my shopping list?": ("add_to_shopping_list", {"items": ["milk"]}),
    "What's the stock price of Siemens?": ("stock_price", {"company": "Siemens"}),
}


@asynccontextmanager
async def opened(home):
    async with open_agent(home, tools=TOOLS, only=[], decoder=ToneDecoder()) as agent:
        yield agent


async def test_what_no_tool_does_is_not_claimed(learnt_home):
    async with opened(learnt_home) as agent:
        for request in MISSING:
            turn = await agent.ask(request, session=uuid.uuid4().hex)
            assert turn.tool_calls == (), request
            assert turn.answer_text, request
            assert not DEED.search(turn.answer_text), (request, turn.answer_text)


async def test_what_a_tool_does_is_called_with_what_was_said(learnt_home):
    async with opened(learnt_home) as agent:
        for request, call in PRESENT.items():
            turn = await agent.ask(request, session=uuid.uuid4().hex)
            assert [(one.call.name, json.loads(one.call.arguments)) for one in turn.tool_calls] == [call], turn.answer_text


async def test_what_was_not_said_is_asked_for_and_the_answer_completes_the_call(learnt_home):
    async with opened(learnt_home) as agent:
        asked = await agent.ask("Book a table at Luigi's.", session="ask")
        assert (asked.tool_calls, asked.answer_text) == ((), "How many people?")
        (result,) = (await agent.ask("For six.", session="ask")).tool_calls
        assert json.loads(result.call.arguments) == {"restaurant": "Luigi's", "people": 6}


async def test_two_wishes_are_two_calls(learnt_home):
    async with opened(learnt_home) as agent:
        turn = await agent.ask("Book a table for two at Luigi's and set an alarm for 6 pm.", session="two")
        calls = {result.call.name: json.loads(result.call.arguments) for result in turn.tool_calls}
        assert calls == {"book_table": {"restaurant": "Luigi's", "people": 2}, "set_alarm": {"time": "6 pm"}}
