"""Long results are read out in parts, whole, and the rest when the user wants it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.agent_parts import NO_ARGUMENTS, noise

from vivavoce.agent.reading_out import next_part
from vivavoce.core.language.replies import wants_more
from vivavoce.core.language.sentences import SHALL_I_GO_ON, THERE_IS_MORE
from vivavoce.core.messages import Heard, ToolMessage, ToolOutput, ToolSpec

pytestmark = pytest.mark.unit
STORY = " ".join(f"Sentence number {n} tells of a fox and a crow." for n in range(40))


class Story:
    spec = ToolSpec("story", "Tell a story.", NO_ARGUMENTS)

    async def call(self, arguments):
        return ToolOutput(STORY, spoken=STORY)


@given(st.text(alphabet="ab,. 。，!\n", max_size=400), st.integers(5, 60))
def test_parts_lose_nothing_and_are_short(text, limit):
    parts, left = [], text
    while left.strip():
        part, left = next_part(left, limit)
        assert 0 < len(part) <= limit
        parts.append(part)
    assert "".join("".join(parts).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One is here. Two is there. Three", "One is here. Two is there."),
        ("一只狐狸在这里。一只乌鸦在那里，它们在说话", "一只狐狸在这里。"),
        ("one, two, three, four, five six seven", "one, two, three, four,"),
        ("no stop in here at all but words", "no stop in here at all but"),
        ("x" * 40, "x" * 28),
        ("3.14159 is pi and 2.71828 is e", "3.14159 is pi and 2.71828 is"),
    ],
)
def test_a_part_ends_where_it_is_best(text, first):
    assert next_part(text, 28 if text.isascii() else 12)[0] == first


@pytest.mark.parametrize("reply", ["Yes.", "yes please", "Go on!", "OK, continue", "好的，请继续。", "嗯", "要"])
def test_agreement(reply):
    assert wants_more(reply)


@pytest.mark.parametrize("reply", ["", "No.", "Yes, what time is it?", "stop", "不要", "继续教育是什么？", "."])
def test_no_agreement(reply):
    assert not wants_more(reply)


async def test_a_long_result_is_read_out_to_its_end(open_one):
    async with open_one(tools=(Story(),)) as agent:
        turns = [await agent.ask("tool story {}", session="a")]
        while turns[-1].answer_text.endswith(SHALL_I_GO_ON()):
            turns.append(await agent.ask("Yes, please.", session="a"))
        heard = " ".join(turn.answer_text.removesuffix(SHALL_I_GO_ON()).strip() for turn in turns)
        assert heard == STORY
        assert len(turns) > 2
        assert (await agent.ask("Yes.", session="a")).answer_text == "You said: Yes.."


async def test_the_offer_lapses_with_another_question(open_one):
    async with open_one(tools=(Story(),)) as agent:
        await agent.ask("tool story {}", session="a")
        await agent.ask("hello", session="a")
        assert (await agent.ask("Go on.", session="a")).answer_text == "You said: Go on.."


async def test_the_offer_survives_a_restart_and_can_be_taken_by_voice(open_one):
    def script(messages, tools):
        if isinstance(messages[-1], ToolMessage):
            yield messages[-1].result.output.spoken
        elif messages[-1].text is None:
            yield Heard("yes please")
            yield "This must not be said."
        else:
            yield "<tool_call>function\nstory\n{}</tool_call>"

    async with open_one(script, tools=(Story(),)) as agent:
        await agent.ask("a story", session="a")
    async with open_one(script, tools=(Story(),)) as agent:
        turn = await agent.ask(noise(1), session="a")
    assert turn.heard == "yes please"
    assert turn.answer_text.startswith("Sentence number 13")


async def test_beyond_the_limit_it_ends_at_a_sentence_and_says_that_there_is_more(open_one):
    sentence = "This is one of a great many sentences. "

    def saga() -> str:
        """Tell a saga."""
        return sentence * 1000

    async with open_one(tools=(saga,)) as agent:
        heard = [(await agent.ask("tool saga {}", session="a")).answer_text]
        while heard[-1].endswith(SHALL_I_GO_ON()):
            heard.append((await agent.ask("Yes.", session="a")).answer_text)
    whole = " ".join(part.removesuffix(SHALL_I_GO_ON()).strip() for part in heard)
    assert whole == sentence * (20_000 // len(sentence)) + THERE_IS_MORE()
