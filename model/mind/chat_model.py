"""Any of LangChain's chat models as a mind."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.runnables import Runnable

from vivavoce.core.errors import ModelError
from vivavoce.core.language.sentences import CODE_LEFT_OUT, NO_ANSWER, THERE_IS_MORE
from vivavoce.core.messages import LMDelta, Message, SystemMessage, TextDelta, ToolSpec
from vivavoce.model.mind.calls import CallPieces
from vivavoce.model.mind.failures import explained, secrets_of
from vivavoce.model.mind.requests import chat_prompt, newest_spoken, tool_schemas
from vivavoce.model.mind.spoken_form import SpokenForm
from vivavoce.model.mind.written_calls import WrittenCalls

MAX_SPOKEN_CHARS = 8_000  # ten minutes of speech
MAX_WRITTEN_CHARS = 200_000  # thoughts and code included
MAX_ARGUMENT_CHARS = 20_000  # of all calls; LangChain reads broken ones in a time that grows with their square


class ChatModelMind:
    """Implements `TextModel` over a `BaseChatModel`: tools are bound, answers streamed and turned into what can be said.

    name: what errors call it. language: of its own sentences. stall_timeout_s: longest silence of the model, which
    includes the wait for its first word. max_spoken_chars: where a longer answer is cut, which is told. hears: the model
    is given the sound of what was just spoken. is_own: nobody else has it, so that its connections close with the mind.
    """

    def __init__(
        self,
        model: BaseChatModel,
        *,
        name: str = "",
        language: str = "en",
        stall_timeout_s: float = 90.0,
        max_spoken_chars: int = MAX_SPOKEN_CHARS,
        hears: bool = False,
        is_own: bool = False,
    ) -> None:
        self._model = model
        self._name = name or f"the mind ({type(model).__name__})"
        self._language = language
        self._stall_timeout_s = stall_timeout_s
        self._max_spoken_chars = max_spoken_chars
        self._hears = hears
        self._is_own = is_own

    async def warm_up(self, tools: Sequence[ToolSpec], instructions: Sequence[SystemMessage] = ()) -> None:
        """Nothing is loaded here; that a model takes no tools is told before the first question.

        Raises:
            ModelError: it takes none.
        """
        self._with(tools)

    async def stream(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AsyncGenerator[LMDelta]:
        """See `TextModel.stream`. Closing the iterator closes the connection. Calls come last, arguments as written."""
        form, pieces = SpokenForm(CODE_LEFT_OUT(self._language)), CallPieces()
        text = WrittenCalls({tool.name for tool in tools})
        said, written = 0, 0
        spoken = newest_spoken(messages) if self._hears else None
        prompt = chat_prompt(messages, with_tools=bool(tools), spoken=spoken)
        async with aclosing(self._chunks(prompt, tools, has_sound=spoken is not None)) as chunks:
            async for chunk in chunks:
                pieces.push(chunk.tool_call_chunks)
                written += len(str(chunk.content))
                if spoken := form.push(text.push(_text_of(chunk)))[: self._max_spoken_chars - said]:
                    said += len(spoken)
                    yield TextDelta(spoken)
                if text.held_chars >= self._max_spoken_chars:
                    break
                is_endless = written >= MAX_WRITTEN_CHARS or pieces.chars >= MAX_ARGUMENT_CHARS
                if said >= self._max_spoken_chars or is_endless:
                    yield TextDelta(f" {THERE_IS_MORE(self._language)}" if said else NO_ANSWER(self._language))
                    return  # calls may be cut, so none is made
        held, calls = text.finish()
        if rest := (form.push(held) + form.finish())[: self._max_spoken_chars - said]:
            yield TextDelta(rest)
        calls += pieces.calls()
        for call in calls:
            yield call
        if not (said or rest or calls):
            yield TextDelta(NO_ANSWER(self._language))

    async def _chunks(
        self, prompt: list[BaseMessage], tools: Sequence[ToolSpec], *, has_sound: bool
    ) -> AsyncGenerator[AIMessageChunk]:
        has_begun = False
        async with aclosing(cast(AsyncGenerator[BaseMessage], self._with(tools).astream(prompt))) as stream:
            while True:
                try:
                    async with asyncio.timeout(self._stall_timeout_s):
                        message = await anext(stream)
                except StopAsyncIteration:
                    return
                except Exception as error:
                    raise self._failed(error, has_begun=has_begun, has_sound=has_sound) from error
                has_begun = True
                yield _as_chunk(message)

    def _with(self, tools: Sequence[ToolSpec]) -> Runnable[Any, Any]:
        try:
            return self._model.bind_tools(tool_schemas(tools)) if tools else self._model
        except Exception as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception, *, has_begun: bool = False, has_sound: bool = False) -> ModelError:
        return explained(error, self._name, secrets_of(self._model), has_begun=has_begun, has_sound=has_sound)

    async def close(self) -> None:
        """See `TextModel.close`. A model that was given belongs to whoever made it."""
        if self._is_own and (client := getattr(self._model, "http_async_client", None)) is not None:
            await client.aclose()


def _as_chunk(message: BaseMessage) -> AIMessageChunk:
    """A model that does not stream gives its answer as one message."""
    if isinstance(message, AIMessageChunk) or not isinstance(message, AIMessage):
        return cast(AIMessageChunk, message)
    return AIMessageChunk(
        content=message.content,
        additional_kwargs=message.additional_kwargs,
        tool_calls=message.tool_calls,
        invalid_tool_calls=message.invalid_tool_calls,
    )


def _text_of(chunk: AIMessageChunk) -> str:
    """What is to be said of a chunk: text and refusals, no thoughts."""
    text = str(chunk.text)
    blocks = chunk.content if isinstance(chunk.content, list) else []
    refusals = [block.get("refusal") for block in blocks if isinstance(block, dict)]
    refusals.append(chunk.additional_kwargs.get("refusal"))
    return text + "".join(refusal for refusal in refusals if isinstance(refusal, str))
