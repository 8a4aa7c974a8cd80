"""A tool that asks before it acts: what is asked, what a reply means, and that a restart in between loses nothing."""

import asyncio

import pytest
from support.agent_parts import noise

from vivavoce.agent import ConfirmationAsked
from vivavoce.agent.session.history import Unfinished
from vivavoce.agent.state import user_record
from vivavoce.core.errors import SessionError
from vivavoce.core.language.replies import agrees, refuses
from vivavoce.core.language.sentences import DECLINED
from vivavoce.core.messages import (
    AssistantMessage,
    Heard,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolOutput,
    ToolSpec,
    UserMessage,
)
from vivavoce.tools.adapters import tool

pytestmark = pytest.mark.unit


class Bank:
    """Counts what was paid."""

    def __init__(self, confirm=True):
        self.paid = []

        def send_money(amount: int, name: str) -> str:
            """Send money."""
            self.paid.append((amount, name))
            return f"{amount} euros are on their way to {name}"

        self.tool = tool(send_money, confirm=confirm)


def pays(messages, tools):
    """Pay 50 to Anna; 60 where the user says so; read results out; else talk."""
    last = messages[-1]
    if isinstance(last, ToolMessage):
        yield last.result.output.spoken or last.result.output.content
        return
    text = last.text
    if text is None:
        text = "Pay Anna 50" if last.audio.duration_s < 1.5 else "yes"
        yield Heard(text)
    if "60" in text or "50" in text:
        yield ToolCall("1", "send_money", f'{{"amount": {60 if "60" in text else 50}, "name": "Anna"}}')
    else:
        yield f"You said: {text}."


async def test_it_asks_says_yes_and_acts_once(open_one):
    bank = Bank()
    async with open_one(pays, tools=(bank.tool,)) as agent:
        events = [event async for event in agent.stream("Pay Anna 50", session="a")]
        asked = next(event for event in events if isinstance(event, ConfirmationAsked))
        turn = events[-1].turn
        assert asked.question == turn.answer_text == "Shall I send money, with amount 50 and name Anna?"
        assert (bank.paid, turn.tool_calls, [call.name for call in turn.awaiting]) == ([], (), ["send_money"])
        turn = await agent.ask("Yes, please.", session="a")
        assert turn.answer_text == "50 euros are on their way to Anna"
        assert [result.status for result in turn.tool_calls] == ["done"]
        assert turn.awaiting == ()
        await agent.ask("yes", session="a")
    assert bank.paid == [(50, "Anna")]


async def test_a_question_of_the_tools_own_is_asked(open_one):
    bank = Bank("Shall I send {amount} euros to {name}?")
    async with open_one(pays, tools=(bank.tool,)) as agent:
        assert (await agent.ask("Pay Anna 50", session="a")).answer_text == "Shall I send 50 euros to Anna?"


async def test_no_is_no(open_one):
    bank = Bank()
    async with open_one(pays, tools=(bank.tool,)) as agent:
        await agent.ask("Pay Anna 50", session="a")
        assert (await agent.ask("No, thanks.", session="a")).answer_text == DECLINED()
        await agent.ask("yes", session="a")
    assert bank.paid == []


async def test_a_correction_is_asked_about_anew(open_one):
    bank = Bank()
    async with open_one(pays, tools=(bank.tool,)) as agent:
        await agent.ask("Pay Anna 50", session="a")
        turn = await agent.ask("No, make it 60.", session="a")
        assert turn.answer_text == "Shall I send money, with amount 60 and name Anna?"
        await agent.ask("ok", session="a")
    assert bank.paid == [(60, "Anna")]


async def test_another_subject_drops_it(open_one):
    bank = Bank()
    async with open_one(pays, tools=(bank.tool,)) as agent:
        await agent.ask("Pay Anna 50", session="a")
        assert (await agent.ask("How are you?", session="a")).answer_text == "You said: How are you?."
        await agent.ask("yes", session="a")
    assert bank.paid == []


async def test_it_survives_a_restart(open_one):
    bank = Bank()
    async with open_one(pays, tools=(bank.tool,)) as agent:
        await agent.ask("Pay Anna 50", session="a")
    async with open_one(pays, tools=(bank.tool,)) as agent:
        await agent.ask("hello", session="b")
        turn = await agent.ask("Go ahead", session="a")
    assert (bank.paid, turn.answer_text) == ([(50, "Anna")], "50 euros are on their way to Anna")


async def test_a_yes_to_what_was_not_asked_yet_is_asked_about(open_one):
    bank = Bank()
    async with open_one(pays, tools=(bank.tool,)) as agent:
        stream = agent.stream(noise(1, seconds=1), session="a")
        await anext(stream)
        await asyncio.sleep(0.05)  # the turn has ended, and nobody heard any of it
        await stream.interrupt()
        turn = await agent.ask("Yes", session="a")
        assert (bank.paid, turn.answer_text) == ([], "Shall I send money, with amount 50 and name Anna?")
        await agent.ask("Yes", session="a")
    assert bank.paid == [(50, "Anna")]


async def test_a_reply_whose_process_died_is_gone_on_with(open_one):
    bank = Bank()
    async with open_one(pays, tools=(bank.tool,)) as agent:
        await agent.ask("Pay Anna 50", session="a")
        log = agent.services.sessions.log  # dies when the reply is on disk, and nothing else
        (asked,) = await agent.history("a")
        await log.put("a", [user_record("reply", "Yes", None)])
    async with open_one(pays, tools=(bank.tool,)) as agent:
        assert (await agent.unfinished("a")) == Unfinished()
        turn = [event async for event in agent.resume("a")][-1].turn
        assert (turn.id, turn.answer_text) == ("reply", "50 euros are on their way to Anna")
        assert [turn.id for turn in await agent.history("a")] == [asked.id, "reply"]
    assert bank.paid == [(50, "Anna")]


async def test_a_reply_after_one_that_was_cut_off_is_none(open_one):
    bank = Bank()
    async with open_one(pays, tools=(bank.tool,)) as agent:
        await agent.ask("Pay Anna 50", session="a")
        await agent.services.sessions.log.put("a", [user_record("reply", "No", None)])
        assert "Shall I" in (await agent.ask("Yes", session="a")).answer_text
    assert bank.paid == []


async def test_leaving_at_the_question_leaves_it_waiting(open_one):
    bank = Bank()
    async with open_one(pays, tools=(bank.tool,)) as agent:
        async for event in agent.stream("Pay Anna 50", session="a"):
            if isinstance(event, ConfirmationAsked):
                break
        await agent.ask("yes", session="a")
    assert bank.paid == [(50, "Anna")]


@pytest.mark.parametrize("arguments", ["null", "[]", '{"a":1,}', "nothing"])
async def test_a_tool_of_ones_own_is_not_run_with_arguments_that_cannot_be_read(open_one, arguments):
    ran = []

    class Own:
        spec = ToolSpec("own", "Act.", {"type": "object", "properties": {}}, confirm=True)

        async def call(self, arguments):
            ran.append(arguments)
            return ToolOutput("done")

    def wrong(messages, tools):
        yield "Well." if isinstance(messages[-1], ToolMessage) else ToolCall("1", "own", arguments)

    async with open_one(wrong, tools=(Own(),)) as agent:
        (result,) = (await agent.ask("go", session="a")).tool_calls
        assert (result.status, "not a JSON object" in result.output.content) == ("failed", True)
    assert ran == []


async def test_calls_that_were_held_in_two_steps_are_both_asked_about(open_one):
    def two(messages, tools):
        results = sum(isinstance(m, ToolMessage) for m in messages)
        if results == 0:
            yield ToolCall("1", "send_money", '{"amount": 1, "name": "Anna"}')
            yield ToolCall("2", "look", "{}")
        elif results == 1:
            yield ToolCall("3", "send_money", '{"amount": 2, "name": "Bo"}')
            yield ToolCall("4", "send_money", '{"name": "Anna", "amount": 1}')  # once more
        else:
            yield "All sent."

    def look() -> str:
        """Look."""
        return "well"

    bank = Bank()
    async with open_one(two, tools=(bank.tool, look)) as agent:
        asked = (await agent.ask("go", session="a")).answer_text
        assert "amount 1 and name Anna" in asked
        assert "amount 2 and name Bo" in asked
        await agent.ask("yes", session="a")
    assert bank.paid == [(1, "Anna"), (2, "Bo")]


async def test_a_tool_that_is_gone_after_a_restart_is_told_of(open_one):
    async with open_one(pays, tools=(Bank().tool,)) as agent:
        await agent.ask("Pay Anna 50", session="a")
    async with open_one(pays) as agent:
        assert (await agent.unfinished("a")).question == "Shall I send money, with amount 50 and name Anna?"
        with pytest.raises(SessionError, match="waits for your answer"):
            await anext(agent.resume("a"))
        (result,) = (await agent.ask("yes", session="a")).tool_calls
        assert (result.status, "no tool called send_money" in result.output.content) == ("failed", True)


async def test_it_can_be_asked_and_answered_aloud(open_one):
    bank = Bank()
    async with open_one(pays, tools=(bank.tool,)) as agent:
        await agent.ask(noise(1, seconds=1), session="a")
        await agent.ask(noise(2, seconds=2), session="a")
    assert bank.paid == [(50, "Anna")]


async def test_a_model_that_writes_down_nothing_agrees_by_calling_again(open_one):
    def deaf(messages, tools):
        last = messages[-1]
        if isinstance(last, ToolMessage):
            yield "Paid."
        else:
            yield ToolCall("1", "send_money", '{"amount": 50, "name": "Anna"}')

    bank = Bank()
    async with open_one(deaf, tools=(bank.tool,)) as agent:
        assert "Shall I" in (await agent.ask(noise(1), session="a")).answer_text
        assert (await agent.ask(noise(2), session="a")).answer_text == "Paid."
    assert bank.paid == [(50, "Anna")]


async def test_what_needs_no_consent_is_done_first(open_one):
    def both(messages, tools):
        last = messages[-1]
        if isinstance(last, UserMessage) and last.text == "go":
            yield ToolCall("1", "look", "{}")
            yield ToolCall("2", "send_money", '{"amount": 5, "name": "Bo"}')
        elif isinstance(last, ToolMessage):
            yield " ".join(m.result.output.spoken for m in messages if isinstance(m, ToolMessage)) + "."

    def look() -> str:
        """Look."""
        return "It is sunny"

    bank = Bank()
    async with open_one(both, tools=(bank.tool, tool(look))) as agent:
        turn = await agent.ask("go", session="a")
        assert turn.answer_text == "It is sunny. Shall I send money, with amount 5 and name Bo?"
        await agent.ask("yes", session="a")
    assert bank.paid == [(5, "Bo")]


async def test_what_is_awaited_is_a_call_that_was_not_begun_until_the_user_agrees(open_one):
    bank, seen = Bank(), []

    def watched(messages, tools):
        seen.append(list(messages))
        yield from pays(messages, tools)

    async with open_one(watched, tools=(bank.tool,)) as agent:
        await agent.ask("Pay Anna 50", session="a")
        await agent.ask("What?", session="a")
        await agent.ask("Pay Anna 50", session="a")
        await agent.ask("yes", session="a")
    assert [m.result.status for m in seen[1] if isinstance(m, ToolMessage)] == ["cancelled"]
    assert [len(m.tool_calls) for m in seen[1] if isinstance(m, AssistantMessage)] == [1, 0]  # the call, then the question
    calls = [call for m in seen[-1] if isinstance(m, AssistantMessage) for call in m.tool_calls]
    results = [m.result for m in seen[-1] if isinstance(m, ToolMessage)]
    assert [call.id for call in calls] == [result.call.id for result in results]
    assert len(calls) == 1


async def test_arguments_that_cannot_be_read_are_not_asked_about(open_one):
    def wrong(messages, tools):
        last = messages[-1]
        yield TextDelta(last.result.output.content) if isinstance(last, ToolMessage) else ToolCall("1", "send_money", "{")

    bank = Bank()
    async with open_one(wrong, tools=(bank.tool,)) as agent:
        assert [result.status for result in (await agent.ask("go")).tool_calls] == ["failed"]


async def test_at_most_so_many_calls_are_made_and_the_user_is_told(open_one):
    ran = []

    def count(n: int) -> str:
        """Count."""
        ran.append(n)
        return str(n)

    def many(messages, tools):
        if isinstance(messages[-1], UserMessage):
            yield from (ToolCall(str(n), "count", f'{{"n": {n}}}') for n in range(40))
        else:
            yield "Counted."

    async with open_one(many, tools=(tool(count),)) as agent:
        turn = await agent.ask("go")
    assert sorted(ran) == list(range(16))
    assert len(turn.tool_calls) == 16
    assert "at most 16" in turn.answer_text


YES = ["Yes.", "yes, please", "Okay, do it!", "Sure, go ahead", "Right, thank you.", "That’s right.", "好的", "可以，谢谢"]
NO = ["No.", "no thanks", "Don't do that!", "Never mind", "Cancel that, please", "Don’t.", "不要", "算了吧"]
NEITHER = [
    "Sure?",
    "yes?",
    "嗯？",
    "",
    "please",
    "that",
    "thank you",
    "yes, but sixty",
    "no, to Bob",
    "what?",
    "maybe",
    "okay, no",
    "不，六十",
]


@pytest.mark.parametrize("reply", YES)
def test_yes(reply):
    assert agrees(reply)
    assert not refuses(reply)


@pytest.mark.parametrize("reply", NO)
def test_no(reply):
    assert refuses(reply)
    assert not agrees(reply)


@pytest.mark.parametrize("reply", NEITHER)
def test_neither(reply):
    assert not agrees(reply)
    assert not refuses(reply)
