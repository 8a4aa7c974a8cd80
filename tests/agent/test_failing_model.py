"""A model that fails costs one answer: the user hears a sentence, the developer reads a line, and the session goes on."""

import pytest
from support.strict_messages import faults

from vivavoce.agent import AudioChunk, ModelFailed, SpokenText, ToolFinished, ToolStarted, TurnDone
from vivavoce.agent.grounding import Guard
from vivavoce.agent.testing import call
from vivavoce.core.errors import AudioError, ModelError, WeightsError
from vivavoce.core.messages import Heard, ToolCall, ToolMessage, ToolOutput, ToolSpec, UserMessage
from vivavoce.core.passage import Passage
from vivavoce.model.remote.wire import chat_request
from vivavoce.tools.adapters import tool

pytestmark = pytest.mark.unit
WHY = "the server at http://host/v1 is down; start it"
FAILED = "I am sorry, I cannot answer right now: my model has failed."
STOPPED = "I am sorry, I have to stop here: my model has failed."
UNTOLD = "I am sorry, I cannot tell you what came of it: my model has failed."


class Failing:
    """Gives deltas and fails, as often as it is asked; "again" is answered. Keeps what it was given to read."""

    def __init__(self, *deltas, error=None):
        self.deltas, self.error, self.seen = deltas, error or ModelError(WHY), []

    def __call__(self, messages, tools):
        self.seen.append(list(messages))
        user = [message for message in messages if isinstance(message, UserMessage)][-1]
        if user.text == "again":
            yield "Well."
            return
        yield from self.deltas
        raise self.error


def counted(made):
    def count() -> str:
        """Count."""
        made.append(1)
        return "One."

    return count


async def test_the_user_hears_a_sentence_the_developer_reads_why_and_the_next_turn_is_as_ever(open_one):
    script = Failing()
    async with open_one(script) as agent:
        events = [event async for event in agent.stream("hello", session="a")]
        turn = events[-1].turn
        after = await agent.ask("again", session="a")
        history = await agent.history("a")
    assert [type(event) for event in events] == [ModelFailed, SpokenText, AudioChunk, TurnDone]
    assert (events[0].why, events[1].text, events[2].text) == (WHY, FAILED, FAILED)
    assert (turn.answer_text, turn.error, turn.interrupted) == (FAILED, WHY, False)
    assert turn.answer_audio.duration_s > 0
    assert (after.answer_text, after.error) == ("Well.", "")
    assert [(past.heard, past.answer, past.interrupted) for past in history] == [
        ("hello", FAILED, False),
        ("again", "Well.", False),
    ]
    request = chat_request(script.seen[-1], (), "vllm-omni", speaking=False)["messages"]
    assert faults(request) == []
    assert [message["role"] for message in request] == ["system", "user", "assistant", "user"]


async def test_an_apology_is_no_answer_for_whom_it_is_none(open_one):
    async with open_one(Failing()) as agent:
        turn = await agent.ask("hello", session="a")
        with pytest.raises(ModelError, match=WHY):
            turn.check_answered()
        good = await agent.ask("again", session="a")
        assert good.check_answered() is good


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (["Half of"], f"Half of... {STOPPED}"),
        (["All of it. "], f"All of it. {STOPPED}"),
        (["  "], FAILED),
    ],
)
async def test_an_answer_that_breaks_off_says_so(open_one, written, said):
    async with open_one(Failing(*written)) as agent:
        turn = await agent.ask("hello", session="a")
        assert (turn.answer_text, turn.error) == (said, WHY)
        assert (await agent.history("a"))[0].answer == said


async def test_it_is_told_in_the_language_of_the_session(open_one):
    async with open_one(Failing("一半"), language="zh") as agent:
        turn = await agent.ask("你好", session="a")
    assert turn.answer_text == "一半... 抱歉，我只能说到这里：我的模型出了问题。"


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (WeightsError("w.gguf: no such weights; run `vivavoce models pull`"), "w.gguf: no such weights; run"),
        (AudioError("the recording holds no sound; speak"), "the recording holds no sound; speak"),
        (ValueError("line one\nline two"), r"the model failed \(line one line two\)"),
        (KeyError(), r"the model failed \(KeyError\)"),
    ],
)
async def test_every_kind_of_failure_is_one_line(open_one, error, why):
    async with open_one(Failing(error=error)) as agent:
        turn = await agent.ask("hello", session="a")
        assert turn.answer_text == FAILED
        with pytest.raises(ModelError, match=why):
            turn.check_answered()


async def test_what_was_heard_is_kept_when_the_model_fails_after_it_has_heard(open_one, tone):
    async with open_one(Failing(Heard("what time is it"))) as agent:
        turn = await agent.ask(tone, session="a")
        assert (turn.heard, turn.answer_text) == ("what time is it", FAILED)
        await agent.ask("again", session="a")
        assert [past.heard for past in await agent.history("a")] == ["what time is it", "again"]


async def test_calls_of_an_answer_that_broke_off_are_not_made(open_one):
    made = []
    async with open_one(Failing("Let me see. ", call("count")), tools=[counted(made)]) as agent:
        turn = await agent.ask("count", session="a")
    assert (made, turn.tool_calls) == ([], ())
    assert turn.answer_text == f"Let me see. {STOPPED}"


async def test_a_call_that_was_made_is_not_talked_away(open_one):
    made = []

    def calls_and_fails(messages, tools):
        if isinstance(messages[-1], ToolMessage):
            raise ModelError(WHY)
        yield from (call("count"),) if messages[-1].text == "count" else ("Well.",)

    async with open_one(calls_and_fails, tools=[counted(made)]) as agent:
        events = [event async for event in agent.stream("count", session="a")]
        turn = events[-1].turn
        assert (await agent.ask("and now?", session="a")).answer_text == "Well."
        records = (await agent.services.values_of("a"))["messages"]
    kinds = [type(event) for event in events]
    assert kinds == [ToolStarted, ToolFinished, ModelFailed, SpokenText, AudioChunk, TurnDone]
    assert (made, turn.answer_text, turn.error) == ([1], UNTOLD, WHY)
    assert [result.status for result in turn.tool_calls] == ["done"]
    assert [record["role"] for record in records] == ["user", "assistant", "tool", "assistant", "user", "assistant"]


async def test_a_failure_is_no_consent(open_one):
    made = []

    def script(messages, tools):
        if messages[-1].text != "pay":
            raise ModelError(WHY)
        yield call("count")

    async with open_one(script, tools=[tool(counted(made), confirm="Shall I pay?")]) as agent:
        assert (await agent.ask("pay", session="a")).awaiting
        turn = await agent.ask("well, is it dear?", session="a")
        assert (turn.answer_text, turn.awaiting) == (FAILED, ())
        assert (await agent.ask("yes", session="a")).awaiting == ()
    assert made == []


async def test_half_a_sentence_that_waited_for_its_check_is_not_spoken(open_one):
    class Search:
        spec = ToolSpec("search", "Search.", {"type": "object", "properties": {}})

        async def call(self, arguments):
            return ToolOutput("found", passages=(Passage("It opens at ten.", "/a.md", "A", "line 1", 0.9),))

    class Check:
        def check(self, sentence, passages, question=""):
            raise AssertionError("half a sentence was checked")

    def script(messages, tools):
        if not isinstance(messages[-1], ToolMessage):
            yield call("search")
            return
        yield "It opens at "
        raise ModelError(WHY)

    async with open_one(script, tools=[Search()], guard=Guard(Check(), "drop")) as agent:
        turn = await agent.ask("when?", session="a")
    assert (turn.answer_text, turn.provenance) == (UNTOLD, ())


def for_ever(*calls):
    def script(messages, tools):
        yield from [ToolCall(str(place), *one) for place, one in enumerate(calls)]

    return script


@pytest.mark.parametrize(
    ("calls", "told"),
    [
        ([("count", "{}")], "done"),
        ([("nothing of the kind", "{}")], "failed"),
        ([("count", '{"a": ')], "failed"),
        ([("count", "[1]")], "failed"),
    ],
)
async def test_only_calls_come_to_an_end_in_one_sentence(open_one, calls, told):
    async with open_one(for_ever(*calls), tools=[counted([])]) as agent:
        turn = await agent.ask("count", session="a")
        records = await agent.services.values_of("a")
    assert [result.status for result in turn.tool_calls] == [told] * 4
    assert turn.answer_text == "I am sorry, I could not finish that in the steps I am allowed."
    assert turn.error == ""
    assert records["messages"][-1]["text"] == turn.answer_text
