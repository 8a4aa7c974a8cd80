"""Any ears and any mind make a model that hears."""

import pytest

from vivavoce.agent.testing import ScriptedLM
from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError
from vivavoce.core.messages import AssistantMessage, Heard, SystemMessage, TextDelta, ToolCall, ToolSpec, UserMessage
from vivavoce.core.protocols import Recogniser, SpeechLM, TextModel
from vivavoce.model.cascade import Cascade

pytestmark = pytest.mark.contract
CLOCK = ToolSpec("clock", "Tells the time.", {"type": "object", "properties": {}})


class Ears:
    """Hears what it is told to."""

    def __init__(self, *heard):
        self.heard, self.listened, self.log = list(heard), [], []

    async def warm_up(self):
        self.log.append("warm")

    async def transcribe(self, audio):
        self.listened.append(audio)
        return self.heard.pop(0)

    async def close(self):
        self.log.append("closed")


class Mind:
    """Calls a tool, and then says what it read."""

    def __init__(self):
        self.read, self.log = [], []

    async def warm_up(self, tools, instructions=()):
        self.log.append(("warm", tuple(tools), tuple(instructions)))

    async def stream(self, messages, tools):
        self.read.append(list(messages))
        yield TextDelta(f"You said {messages[-1].text}.")
        for tool in tools:
            yield ToolCall.new(tool.name, "{}")

    async def close(self):
        self.log.append("closed")


def clip(tone, pitch=1.0):
    return AudioClip(tone.samples * pitch, tone.sample_rate)


async def answered(cascade, messages, tools=()):
    return [delta async for delta in cascade.stream(messages, tools)]


async def test_what_was_heard_is_told_and_then_read_by_the_mind(tone):
    ears, mind = Ears("what time is it"), Mind()
    cascade = Cascade(ears, mind)
    assert (isinstance(ears, Recogniser), isinstance(mind, TextModel), isinstance(cascade, SpeechLM)) == (True, True, True)
    before = [SystemMessage("Be brief."), UserMessage("hello", tone), AssistantMessage("Hi.")]
    heard, said, call = await answered(cascade, [*before, UserMessage(audio=tone)], [CLOCK])
    assert (heard, said) == (Heard("what time is it"), TextDelta("You said what time is it."))
    assert (call.name, call.arguments) == ("clock", "{}")
    assert mind.read == [[*before, UserMessage("what time is it", tone)]]
    assert ears.listened == [tone]


async def test_calls_have_ids_of_their_own(tone):
    calls = [(await answered(Cascade(Ears("now"), Mind()), [UserMessage(audio=tone)], [CLOCK]))[-1] for _ in range(3)]
    assert len({call.id for call in calls}) == 3


async def test_what_was_typed_is_not_listened_to(tone):
    ears, mind = Ears(), Mind()
    for message in (UserMessage("hello"), UserMessage("hello", tone)):
        assert await answered(Cascade(ears, mind), [message]) == [TextDelta("You said hello.")]
    assert ears.listened == []


@pytest.mark.parametrize("heard", ["", "  "])
async def test_where_nobody_spoke_the_mind_is_not_asked(heard, tone):
    mind = Mind()
    assert await answered(Cascade(Ears(heard), mind), [UserMessage(audio=tone)], [CLOCK]) == [Heard(heard)]
    assert await answered(Cascade(Ears(), mind), [UserMessage(" ")], [CLOCK]) == []
    assert mind.read == []


async def test_a_dialogue_that_another_model_heard_is_written_down_once(tone):
    ears, mind = Ears("first", "now", "later"), Mind()
    cascade = Cascade(ears, mind)
    begun = [UserMessage(audio=clip(tone, 0.5)), AssistantMessage("Yes.")]
    first = await answered(cascade, [*begun, UserMessage(audio=tone)])
    assert [delta for delta in first if isinstance(delta, Heard)] == [Heard("now")]
    assert mind.read[0][0] == UserMessage("first")
    await answered(cascade, [*begun, UserMessage("now"), AssistantMessage("No."), UserMessage(audio=tone)])
    assert [message.text for message in mind.read[1]] == ["first", "Yes.", "now", "No.", "later"]


async def test_a_message_of_nothing_is_one_line():
    with pytest.raises(ModelError, match="neither text nor audio"):
        await answered(Cascade(Ears(), Mind()), [UserMessage()])


async def test_both_are_warmed_up_and_closed():
    ears, mind = Ears(), Mind()
    cascade = Cascade(ears, mind)
    await cascade.warm_up([CLOCK], [SystemMessage("Be brief.")])
    await cascade.close()
    assert ears.log == ["warm", "closed"]
    assert mind.log == [("warm", (CLOCK,), (SystemMessage("Be brief."),)), "closed"]


async def test_a_model_that_hears_can_be_a_mind(tone):
    assert await answered(Cascade(Ears("tool clock {}"), ScriptedLM()), [UserMessage(audio=tone)]) != []


async def test_an_error_of_either_comes_through(tone):
    class Deaf(Ears):
        async def transcribe(self, audio):
            raise ModelError("deaf")

    class Mute(Mind):
        async def stream(self, messages, tools):
            yield TextDelta("Well, ")
            raise ModelError("mute")

    with pytest.raises(ModelError, match="deaf"):
        await answered(Cascade(Deaf(), Mind()), [UserMessage(audio=tone)])
    deltas = []
    with pytest.raises(ModelError, match="mute"):
        async for delta in Cascade(Ears(), Mute()).stream([UserMessage("hello")], []):
            deltas.append(delta)
    assert deltas == [TextDelta("Well, ")]


async def test_leaving_an_answer_leaves_the_mind():
    left = []

    class Talkative(Mind):
        async def stream(self, messages, tools):
            try:
                while True:
                    yield TextDelta("and ")
            finally:
                left.append(True)

    answer = Cascade(Ears(), Talkative()).stream([UserMessage("go on")], [])
    await anext(answer)
    await answer.aclose()
    assert left == [True]
