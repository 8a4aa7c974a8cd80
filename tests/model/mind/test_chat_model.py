"""A chat model as a mind, before a strict server that answers and fails in every way."""

import asyncio
from contextlib import aclosing

import httpx
import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from support.strict_server import KEY

from vivavoce.core.errors import ModelError
from vivavoce.core.messages import SystemMessage, TextDelta, ToolCall, ToolSpec, UserMessage
from vivavoce.core.protocols import TextModel
from vivavoce.model.mind.chat_model import ChatModelMind
from vivavoce.model.mind.opening import open_chat_model

pytestmark = pytest.mark.process
LOOK = ToolSpec("look", "Looks at something.", {"type": "object", "properties": {"at": {"type": "string"}}})
ASKED = [SystemMessage("Be brief."), UserMessage("look at a")]


@pytest.fixture
async def mind(strict_server):
    minds = []

    def opened(model, **options):
        chat_model = open_chat_model(f"openai:{model}", f"{strict_server}/v1", options.pop("key", None))
        minds.append(ChatModelMind(chat_model, name="the mind", is_own=True, **options))
        return minds[-1]

    yield opened
    for one in minds:
        await one.close()


async def told(address):
    async with httpx.AsyncClient() as client:
        return (await client.get(address)).json()


async def answered(mind, tools=(LOOK,), messages=ASKED):
    deltas = [delta async for delta in mind.stream(messages, tools)]
    said = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    return said, [(delta.name, delta.arguments) for delta in deltas if isinstance(delta, ToolCall)]


@pytest.mark.parametrize(
    ("model", "said", "calls"),
    [
        ("plain", "Grüß Gott, 世界.", []),
        ("markdown", "Sun in Oslo! warm. dry", []),
        ("calls", "Let me look. ", [("look", '{"at": "a"}'), ("look", '{"at": "b"}')]),
        ("call-broken", "", [("look", '{"at":')]),
        ("call-unknown", "", [("fly to/the moon", "[]")]),
        ("call-bare", "", [("look", "{}")]),
        ("call-as-text", "", [("look", '{"at": "a"}')]),
        ("calls-1000", "", [("look", '{"at": "a"}')] * 1_000),
        ("refuses", "I am sorry, I cannot help with that.", []),
        ("thinking", "Hello.", []),
        ("empty", "I am sorry, I have no answer to that.", []),
        ("refusal", "I am sorry, I have no answer to that.", []),
        ("busy", "Grüß Gott, 世界.", []),
        ("endless-arguments", "I am sorry, I have no answer to that.", []),
    ],
)
async def test_what_is_made_of_an_answer(mind, model, said, calls):
    assert await answered(mind(model)) == (said, calls)


async def test_the_request_is_what_a_strict_server_takes(mind, strict_server):
    await answered(mind("plain"))
    sent = await told(f"{strict_server}/last")
    assert sent["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "look at a"}]
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["look"]
    assert set(sent) == {"model", "messages", "tools", "stream"}
    await answered(mind("plain"), tools=())
    assert "tools" not in await told(f"{strict_server}/last")


async def test_text_is_given_while_it_is_written(mind):
    with pytest.raises(ModelError, match="the mind did not answer in time"):
        deltas = []
        async for delta in mind("stall", stall_timeout_s=0.5).stream(ASKED, []):
            deltas.append(delta)
    assert "".join(delta.text for delta in deltas) == "Half of"


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("guarded", r"the mind refuses the key \(401\); set the right one"),
        ("missing", r"\(404: The model `missing` does not exist\); correct the model's name"),
        ("always-busy", r"\(429: You exceeded your quota\); try again later"),
        ("echoes-key", r"\(400: sent Bearer \*\*\* xx"),
        ("failing", r"\(500: CUDA out of memory\); try again"),
        ("html", "sent nothing that is an answer; correct its address"),
        ("nothing", "sent nothing that is an answer"),
        ("reported", r"engine dead"),
        ("malformed", "the mind failed"),
        ("cut", "broke off its answer"),
    ],
)
async def test_a_failure_is_one_line_without_a_secret(mind, model, told):
    with pytest.raises(ModelError, match=told) as error:
        await answered(mind(model, key="sk-wrong-key"))
    assert "\n" not in str(error.value)
    assert "sk-wrong-key" not in str(error.value)


async def test_a_server_that_is_down_is_one_line():
    chat_model = open_chat_model("openai:m", "http://127.0.0.1:9/v1")
    with pytest.raises(ModelError, match="cannot be reached"):
        await answered(ChatModelMind(chat_model))


async def test_the_right_key_opens(mind):
    assert (await answered(mind("guarded", key=KEY)))[0].startswith("Grüß")


async def test_endless_text_is_cut_and_the_connection_closed(mind, strict_server):
    said, _ = await answered(mind("endless", max_spoken_chars=100))
    assert said[:100] == "on and on. " * 9 + "o"
    assert said[100:] == " There is more, but I stop reading here."
    await _closed(strict_server, "endless")


async def test_leaving_an_answer_closes_the_connection(mind, strict_server):
    async with aclosing(mind("endless-later").stream(ASKED, [LOOK])) as stream:
        await anext(stream)
    await _closed(strict_server, "endless-later")


async def _closed(server, model):
    while not await told(f"{server}/closed/{model}"):  # noqa: ASYNC110 - another process knows
        await asyncio.sleep(0.05)


async def test_it_is_a_text_model_that_has_nothing_to_load(mind):
    one = mind("plain")
    assert isinstance(one, TextModel)
    await one.warm_up([LOOK], [SystemMessage("Be brief.")])
    await one.close()
    await one.close()


class Whole(BaseChatModel):
    """Does not stream."""

    answer: AIMessage

    @property
    def _llm_type(self):
        return "whole"

    def bind_tools(self, tools, **kwargs):
        return self

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        return ChatResult(generations=[ChatGeneration(message=self.answer)])


@pytest.mark.parametrize(
    ("answer", "said", "calls"),
    [
        (AIMessage("Hello."), "Hello.", []),
        (AIMessage([{"type": "reasoning", "reasoning": "Hm."}, {"type": "text", "text": "Hello."}]), "Hello.", []),
        (AIMessage([{"type": "thinking", "thinking": "Hm."}, {"type": "refusal", "refusal": "No."}]), "No.", []),
        (AIMessage("", additional_kwargs={"refusal": "No."}), "No.", []),
        (AIMessage("", tool_calls=[{"name": "look", "args": {"at": "a"}, "id": "1"}]), "", [("look", '{"at": "a"}')]),
        (
            AIMessage("", invalid_tool_calls=[{"name": "look", "args": '{"at"', "id": "1", "error": None}]),
            "",
            [("look", '{"at"')],
        ),
    ],
)
async def test_a_model_that_does_not_stream_answers_too(answer, said, calls):
    assert await answered(ChatModelMind(Whole(answer=answer))) == (said, calls)


async def test_a_model_without_tools_is_told_before_the_first_question():
    mind = ChatModelMind(GenericFakeChatModel(messages=iter([AIMessage("Hello there.")])))
    with pytest.raises(ModelError, match=r"GenericFakeChatModel.* cannot call tools"):
        await mind.warm_up([LOOK])
    assert (await answered(mind, tools=()))[0] == "Hello there."


async def test_languages_have_their_own_sentences():
    mind = ChatModelMind(Whole(answer=AIMessage("")), language="zh")
    assert (await answered(mind))[0] == "抱歉，这个我答不上来。"
