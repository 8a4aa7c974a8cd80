"""The embedded speech language model: a cascade of recogniser, router and a small instruction model.

It writes its calls in Step-Audio 2's wire format and reads them back with the same parser, so that the controller sees
one thing from every model.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from vivavoce.core.errors import ModelError
from vivavoce.core.messages import (
    Heard,
    LMDelta,
    Message,
    TextDelta,
    ToolMessage,
    ToolResult,
    ToolSpec,
    UserMessage,
)
from vivavoce.model.embedded.choosing.looking_up import LookUp
from vivavoce.model.embedded.choosing.router import NO_TOOL, IntentRouter, Route
from vivavoce.model.embedded.choosing.spans import SpanFinders
from vivavoce.model.embedded.choosing.tool_choice import (
    argument_grammar,
    choice_grammar,
    copied_argument,
    example_prefix,
    grounded,
    request_suffix,
    said_arguments,
)
from vivavoce.model.embedded.hearing.recogniser import Recogniser
from vivavoce.model.embedded.llama import ANSWER_SLOT, TOOL_SLOT, LlamaServer
from vivavoce.model.embedded.prompts import answer_prompt, current_request, current_results
from vivavoce.model.step_audio2.dialect.tool_calls import ToolCallParser, render_tool_call

CONFIDENT = 0.5  # below this the language model chooses, where a tool without examples may be meant
CONFIDENT_PART = 0.75  # a part of a compound request, or a follow-up, must be surer: it is short
CERTAIN_TALK = 0.95  # "And who are you?" is no follow-up of a tool, "What about Athens?" is, though it looks like talk
FOLLOW_UP_WORDS = 7
ANSWER_TOKENS = 110
ARGUMENT_TOKENS = 64
PART_BORDER = re.compile(r"(?<=[.?!])\s+|,?\s+and then\s+|,?\s+then\s+|,?\s+and\s+", re.IGNORECASE)
FOLLOW_UP = re.compile(r"^(and|or|what about|how about|same for|now)\b|^那.{1,8}呢|^.{1,5}呢\W*$", re.IGNORECASE)
DO_NOT_KNOW = "I am sorry, I have no answer to that."


@dataclass(frozen=True, slots=True)
class Step:
    """A part of what the user wants, and the tool it needs (or `NO_TOOL`)."""

    label: str
    request: str


class EmbeddedLM:
    """Implements `SpeechLM` on two CPU cores."""

    def __init__(
        self,
        recogniser: Recogniser,
        router: IntentRouter,
        finders: SpanFinders,
        llama: LlamaServer,
        chat_examples: Sequence[str],
        look_up: LookUp = LookUp(),  # noqa: B008 - frozen
    ) -> None:
        self._look_up = look_up
        self._recogniser = recogniser
        self._router = router
        self._finders = finders
        self._llama = llama
        self._chat_examples = tuple(chat_examples)
        self._prefix = ""

    async def warm_up(self, tools: Sequence[ToolSpec]) -> None:
        """Load everything and read the tool prompt, so that the first turn is as fast as the next.

        Raises:
            ModelError: weights cannot be loaded.
        """
        await asyncio.gather(
            asyncio.to_thread(self._recogniser.warm_up),
            asyncio.to_thread(self._router.fit, tools),
            self._read_prefix(tools),
        )
        for tool in tools:  # the first grammar costs half a second, and so does learning what a tool takes from a request
            if tool.parameters.get("properties"):
                await self._arguments(Step(tool.name, tool.name), tool, tools)

    async def _read_prefix(self, tools: Sequence[ToolSpec]) -> None:
        await self._llama.start()
        prefix = example_prefix(tools, self._chat_examples)
        if tools and prefix != self._prefix:
            await self._llama.warm_prefix(prefix)
            self._prefix = prefix

    async def stream(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AsyncIterator[LMDelta]:
        """See `SpeechLM.stream`."""
        await asyncio.to_thread(self._router.fit, tools)
        user = current_request(messages)
        if user.text is None:
            if user.audio is None:
                raise ModelError("the last user message holds neither text nor audio")
            user = UserMessage(text=await asyncio.to_thread(self._recogniser.transcribe, user.audio))
            yield Heard(user.text or "")
        request = (user.text or "").strip()
        if not request:
            return
        steps = await self._plan(request, messages, tools)
        results = current_results(messages)
        label = steps[0].label if len(steps) == 1 else ""
        calls = [step for step in steps if step.label != NO_TOOL and not results]
        if source := self._look_up.next_source(request, label, results, tools):
            calls = [Step(source, request)]
        if calls:
            async for delta in self._calls(calls, tools):
                yield delta
            return
        telling = self._look_up.telling(request, label, results)
        messages = [message for message in messages if message not in results or message in telling]
        talk = "" if label and telling else " ".join(step.request for step in steps if step.label == NO_TOOL)
        async for delta in self._answer(messages, telling, request, talk):
            yield delta

    async def _plan(self, request: str, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> list[Step]:
        """What to do, in order. One step, unless the parts of the request clearly want different things."""
        if not tools:
            return [Step(NO_TOOL, request)]
        parts = [part for part in PART_BORDER.split(request) if len(part.split()) >= 2]
        if len(parts) > 1:
            routes = await asyncio.to_thread(lambda: [self._router.route(part) for part in parts])
            steps = _compound(parts, routes)
            if len({step.label for step in steps}) > 1 and not self._is_one_question(steps):
                return steps
        previous = _previous_tool(messages, tools)
        route = await asyncio.to_thread(self._router.route, request, previous)
        is_follow_up = FOLLOW_UP.match(request) and len(request.split()) <= FOLLOW_UP_WORDS
        is_sure = route.probability >= (CERTAIN_TALK if route.label == NO_TOOL else CONFIDENT_PART)
        if previous and is_follow_up and not is_sure:
            return [Step(previous, request)]
        unlearnt = any(not tool.examples for tool in tools)
        if unlearnt and (route.label == NO_TOOL or route.probability < CONFIDENT):
            return [Step(await self._choose(request, tools, route), request)]
        return [Step(route.label, request)]

    def _is_one_question(self, steps: Sequence[Step]) -> bool:
        """Whether one tool that knows facts stands beside talk: then the talk belongs to what is asked of it.

        "According to the lifeboat and book, how many make up a crew?" is what a recogniser made of a handbook.
        """
        labels = {step.label for step in steps} - {NO_TOOL}
        return len(labels) == 1 and labels <= set(self._look_up.sources)

    async def _choose(self, request: str, tools: Sequence[ToolSpec], route: Route) -> str:
        await self._read_prefix(tools)
        prompt = self._prefix + request_suffix(request)
        chosen = await self._llama.complete(prompt, TOOL_SLOT, max_tokens=16, grammar=choice_grammar(tools))
        name = chosen.strip()
        return name if name in {NO_TOOL, *(tool.name for tool in tools)} else route.label

    async def _calls(self, steps: Sequence[Step], tools: Sequence[ToolSpec]) -> AsyncIterator[LMDelta]:
        by_name = {tool.name: tool for tool in tools}
        parser = ToolCallParser(by_name, lenient=True)
        for step in steps:
            arguments = await self._arguments(step, by_name[step.label], tools)
            for delta in parser.push(render_tool_call(step.label, arguments)):
                yield delta
        for delta in parser.finish():
            yield delta

    async def _arguments(self, step: Step, tool: ToolSpec, tools: Sequence[ToolSpec]) -> str:
        if not tool.parameters.get("properties"):
            return "{}"
        if key := copied_argument(tool):
            return json.dumps({key: step.request}, ensure_ascii=False)
        finder = await asyncio.to_thread(self._finders.of, tool)
        said = said_arguments(finder, tool, step.request)
        if said is not None:
            return json.dumps(said, ensure_ascii=False)
        await self._read_prefix(tools)
        prompt = self._prefix + request_suffix(step.request, tool.name)
        raw = await self._llama.complete(
            prompt, TOOL_SLOT, max_tokens=ARGUMENT_TOKENS, stop=("\n",), grammar=argument_grammar(tool)
        )
        try:
            return json.dumps(grounded(json.loads(raw), finder, tool, step.request), ensure_ascii=False)
        except (ValueError, AttributeError):
            return raw  # the controller reports it

    async def _answer(
        self, messages: Sequence[Message], results: Sequence[ToolMessage], request: str, talk: str
    ) -> AsyncIterator[LMDelta]:
        """Sentences that tools bring are read out as they are; the model writes the rest."""
        open_results = [m for m in results if not _sentence(m.result)]
        ready = " ".join(_sentence(m.result) for m in results if _sentence(m.result))
        if ready:
            yield TextDelta(ready + " ")  # the space tells the decoder that the sentence is whole
        if results and not open_results and not talk:
            return
        lead_in = _lead_in(open_results)
        if lead_in:
            yield TextDelta(lead_in + " ")
        said = False
        prompt = answer_prompt(messages, request if open_results or not talk else talk, lead_in)
        async for piece in self._llama.stream(prompt, ANSWER_SLOT, max_tokens=ANSWER_TOKENS):
            if not said:
                piece = piece.lstrip()
            said = said or bool(piece.strip())
            yield TextDelta(piece)
        if not said:
            yield TextDelta(DO_NOT_KNOW)

    async def close(self) -> None:
        """Stop the language model's server."""
        await self._llama.close()


def _compound(parts: Sequence[str], routes: Sequence[Route]) -> list[Step]:
    """Steps of a compound request; unsure parts make it one request (an empty list)."""
    if any(route.probability < CONFIDENT_PART for route in routes):
        return []
    steps: list[Step] = []
    for part, route in zip(parts, routes, strict=True):
        if steps and steps[-1].label == route.label:
            steps[-1] = Step(route.label, f"{steps[-1].request} and {part}")
        else:
            steps.append(Step(route.label, part))
    return steps


def _previous_tool(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> str:
    """The tool of the turn before this one, if it used one that still is there."""
    seen_user = 0
    for message in reversed(messages):
        if isinstance(message, UserMessage):
            seen_user += 1
        elif isinstance(message, ToolMessage) and seen_user == 1:
            name = message.result.call.name
            return name if name in {tool.name for tool in tools} else ""
        if seen_user == 2:
            break
    return ""


def _sentence(result: ToolResult) -> str:
    """What can be said of a result without a language model, or ""."""
    if result.status == "done":
        return result.output.spoken or ""
    return f"I am sorry, {result.output.content.rstrip('.')}."


def _lead_in(results: Sequence[ToolMessage]) -> str:
    """The answer's first words name its source: true, and sound while the model is still reading."""
    sources = [source for m in results for source in m.result.output.sources]
    return f"According to {sources[0]}," if sources else ""
