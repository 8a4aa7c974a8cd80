"""The embedded mind: a router and a small instruction model choose tools and answer."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import json_repair

from vivavoce.core.language.sentences import ACCORDING_TO, NO_ANSWER, SORRY
from vivavoce.core.messages import (
    LMDelta,
    Message,
    SystemMessage,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolResult,
    ToolSpec,
    UserMessage,
)
from vivavoce.model.embedded.choosing.arguments import (
    argument_grammar,
    arguments_prompt,
    copied_argument,
    grounded,
    said_arguments,
)
from vivavoce.model.embedded.choosing.described import DescribedTools
from vivavoce.model.embedded.choosing.looking_up import LookUp
from vivavoce.model.embedded.choosing.router import NO_TOOL, IntentRouter, Route
from vivavoce.model.embedded.choosing.spans import SpanFinders
from vivavoce.model.embedded.llama import ANSWER_SLOT, ARGUMENT_SLOT, LlamaServer
from vivavoce.model.embedded.prompts import answer_prompt, current_request, current_results

CONFIDENT = 0.5  # below this a tool without examples may be meant
CONFIDENT_PART = 0.75  # a part of a compound request, or a follow-up, must be surer: it is short
CERTAIN_TALK = 0.95  # "And who are you?" is no follow-up of a tool, "What about Athens?" is, though it looks like talk
FOLLOW_UP_WORDS = 7
ANSWER_TOKENS = 110
ARGUMENT_TOKENS = 96
PART_BORDER = re.compile(r"(?<=[.?!])\s+|,?\s+and then\s+|,?\s+then\s+|,?\s+and\s+", re.IGNORECASE)
FOLLOW_UP = re.compile(r"^(and|or|what about|how about|same for|now)\b|^那.{1,8}呢|^.{1,5}呢\W*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Step:
    """A part of what the user wants, and the tool it needs (or `NO_TOOL`)."""

    label: str
    request: str


class EmbeddedMind:
    """Implements `TextModel` on two CPU cores. llama: may be shared with other minds. language: of its own sentences."""

    def __init__(
        self,
        router: IntentRouter,
        described: DescribedTools,
        finders: SpanFinders,
        llama: LlamaServer,
        look_up: LookUp = LookUp(),  # noqa: B008 - frozen
        language: str = "en",
    ) -> None:
        self._language = language
        self._look_up = look_up
        self._router = router
        self._described = described
        self._finders = finders
        self._llama = llama
        llama.join(self)

    async def warm_up(self, tools: Sequence[ToolSpec], instructions: Sequence[SystemMessage] = ()) -> None:
        """Load everything and learn what the tools are for, so that the first turn is as fast as the next."""
        await asyncio.gather(asyncio.to_thread(self._learn, tools), self._llama.start())

    def _learn(self, tools: Sequence[ToolSpec]) -> None:
        self._fit(tools)
        for tool in tools:
            if tool.examples:
                self._finders.of(tool)

    def _fit(self, tools: Sequence[ToolSpec]) -> None:
        self._router.fit(tools)
        self._described.fit(tools)

    async def stream(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AsyncGenerator[LMDelta]:
        """See `TextModel.stream`."""
        await asyncio.to_thread(self._fit, tools)
        request = (current_request(messages).text or "").strip()
        steps = await self._plan(request, messages, tools)
        results = current_results(messages)
        label = steps[0].label if len(steps) == 1 else ""
        calls = [step for step in steps if step.label != NO_TOOL and not results]
        if source := self._look_up.next_source(request, label, results, tools):
            calls = [Step(source, request)]
        by_name = {tool.name: tool for tool in tools}
        for step in calls:
            yield ToolCall.new(step.label, await self._arguments(step, by_name[step.label]))
        if calls:
            return
        telling = [m for m in self._look_up.telling(request, label, results) if m.result.status != "interrupted"]
        if results and not telling and any(m.result.status == "interrupted" for m in results):
            return  # the agent has told of them
        messages = [message for message in messages if message not in results or message in telling]
        talk = "" if label and telling else " ".join(step.request for step in steps if step.label == NO_TOOL)
        async with aclosing(self._answer(messages, telling, request, talk)) as deltas:
            async for delta in deltas:
                yield delta

    async def _plan(self, request: str, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> list[Step]:
        """What to do, in order. One step, unless the parts of the request clearly want different things."""
        if not tools:
            return [Step(NO_TOOL, request)]
        parts = [part for part in PART_BORDER.split(request) if len(part.split()) >= 2]
        if len(parts) > 1:
            routes = await asyncio.to_thread(lambda: [self._route(part) for part in parts])
            steps = _compound(parts, routes)
            if len({step.label for step in steps}) > 1 and not self._is_one_question(steps):
                return steps
        previous = _previous_tool(messages, tools)
        route = await asyncio.to_thread(self._route, request, previous)
        is_follow_up = FOLLOW_UP.match(request) and len(request.split()) <= FOLLOW_UP_WORDS
        is_sure = route.probability >= (CERTAIN_TALK if route.label == NO_TOOL else CONFIDENT_PART)
        if previous and is_follow_up and not is_sure:
            return [Step(previous, request)]
        return [Step(route.label, request)]

    def _route(self, request: str, previous: str = "") -> Route:
        """What the router has learnt, unless the request is for a tool that it knows no examples of. Blocking."""
        learnt, described = self._router.route(request, previous), self._described.route(request)
        is_unsure = learnt.label == NO_TOOL or learnt.probability < CONFIDENT
        return described if described.probability >= (CONFIDENT if is_unsure else 1.0) else learnt

    def _is_one_question(self, steps: Sequence[Step]) -> bool:
        """Whether one tool that knows facts stands beside talk: then the talk belongs to what is asked of it.

        "According to the lifeboat and book, how many make up a crew?" is what a recogniser made of a handbook.
        """
        labels = {step.label for step in steps} - {NO_TOOL}
        return len(labels) == 1 and labels <= set(self._look_up.sources)

    async def _arguments(self, step: Step, tool: ToolSpec) -> str:
        """A call's arguments as JSON. What was written and cannot be read stays, for the controller to report."""
        if not tool.parameters.get("properties"):
            return "{}"
        if key := copied_argument(tool):
            return _as_json({key: step.request})
        finder = await asyncio.to_thread(self._finders.of, tool)
        said = said_arguments(finder, tool, step.request)
        if said is not None:
            return _as_json(said)
        raw = await self._llama.complete(
            arguments_prompt(tool, step.request),
            ARGUMENT_SLOT,
            max_tokens=ARGUMENT_TOKENS,
            grammar=argument_grammar(tool),
        )
        written = json_repair.loads(raw)  # it may be cut off at the limit
        return _as_json(grounded(written, finder, tool, step.request)) if isinstance(written, dict) else raw.strip()

    async def _answer(
        self, messages: Sequence[Message], results: Sequence[ToolMessage], request: str, talk: str
    ) -> AsyncGenerator[LMDelta]:
        """Sentences that tools bring are read out as they are; the model writes the rest."""
        open_results = [m for m in results if not _sentence(m.result, self._language)]
        ready = " ".join(_sentence(m.result, self._language) for m in results if _sentence(m.result, self._language))
        if ready:
            yield TextDelta(ready + " ")  # the space tells the decoder that the sentence is whole
        if results and not open_results and not talk:
            return
        lead_in = _lead_in(open_results, self._language)
        if lead_in:
            yield TextDelta(lead_in + " ")
        said = False
        prompt = answer_prompt(messages, request if open_results or not talk else talk, lead_in)
        async with aclosing(self._llama.stream(prompt, ANSWER_SLOT, max_tokens=ANSWER_TOKENS)) as pieces:
            async for piece in pieces:
                if not said:
                    piece = piece.lstrip()
                said = said or bool(piece.strip())
                yield TextDelta(piece)
        if not said:
            yield TextDelta(NO_ANSWER(self._language))

    async def close(self) -> None:
        """Let go of the language model, which stops with the last mind that uses it."""
        await self._llama.leave(self)


def _as_json(arguments: Mapping[str, Any]) -> str:
    """Arguments as JSON; half a character, which nothing after this could write, becomes a question mark."""
    return json.dumps(arguments, ensure_ascii=False).encode("utf-8", "replace").decode()


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


def _sentence(result: ToolResult, language: str) -> str:
    """What can be said of a result without a language model, or ""."""
    if result.status == "done":
        return result.output.spoken or ""
    return SORRY(language, why=result.output.content.rstrip(".。"))


def _lead_in(results: Sequence[ToolMessage], language: str) -> str:
    """The answer's first words name its source: true, and sound while the model is still reading."""
    sources = [source for m in results for source in m.result.output.sources]
    return ACCORDING_TO(language, source=sources[0]) if sources else ""
