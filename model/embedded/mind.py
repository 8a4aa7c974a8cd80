"""The embedded mind: a router and a small instruction model choose tools and answer."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from vivavoce.core.language.sentences import CANNOT, DECLINED, NOT_KNOWN
from vivavoce.core.messages import AssistantMessage, LMDelta, Message, SystemMessage, TextDelta, ToolMessage, ToolSpec
from vivavoce.model.embedded.answering import AnswerWriter
from vivavoce.model.embedded.calling.abilities import asks_abilities, can, cannot
from vivavoce.model.embedded.calling.asking import Asked, asked_before, question
from vivavoce.model.embedded.calling.caller import Caller
from vivavoce.model.embedded.calling.changing import changed_calls
from vivavoce.model.embedded.calling.values import only_hums
from vivavoce.model.embedded.calling.writing import CallWriter
from vivavoce.model.embedded.llama import LlamaServer
from vivavoce.model.embedded.prompts import REFUSALS, current_request, current_results
from vivavoce.model.embedded.recounting import recounted
from vivavoce.model.embedded.routing.described import DescribedTools
from vivavoce.model.embedded.routing.looking_up import LookUp
from vivavoce.model.embedded.routing.planning import Planner, Step
from vivavoce.model.embedded.routing.router import BEYOND, NO_TOOL, IntentRouter
from vivavoce.model.embedded.routing.spans import SpanFinders
from vivavoce.model.embedded.translating import in_english
from vivavoce.model.embedded.wording.deeds import is_taken_back, only_tells
from vivavoce.model.embedded.wording.parts import asks, parts_of

REFUSALS_KEPT = 4  # answers after which it may be said again


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
        self._described = described
        self._planner = Planner(router, described, finders, look_up.sources)
        self._caller = Caller(described, finders, CallWriter(llama), language)
        self._answers = AnswerWriter(llama, language)
        self._finders = finders
        self._llama = llama
        llama.join(self)

    async def warm_up(self, tools: Sequence[ToolSpec], instructions: Sequence[SystemMessage] = ()) -> None:
        """Load everything and learn what the tools are for, so that the first turn is as fast as the next."""
        await asyncio.gather(asyncio.to_thread(self._learn, tools), self._llama.start())

    def _learn(self, tools: Sequence[ToolSpec]) -> None:
        self._planner.fit(tools)
        for tool in tools:
            if tool.examples:
                self._finders.of(tool)

    async def stream(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AsyncGenerator[LMDelta]:
        """See `TextModel.stream`."""
        await asyncio.to_thread(self._planner.fit, tools)
        request = " ".join((current_request(messages).text or "").split())
        results = current_results(messages)
        if not results and tools and (is_taken_back(request) or self._planner.is_forbidden(request)):
            yield TextDelta(DECLINED(self._language))
            return
        if not results and tools and (told := recounted(request, messages, self._language)):
            yield TextDelta(told)
            return
        asked = self._asked(messages, tools)
        changed = [] if asked else changed_calls(request, messages, tools, self._look_up.sources)
        meant = asked.tool.name if asked else changed[0].name if changed else ""
        replied: Sequence[LMDelta] = await self._replied(asked, messages, tools) if asked and not results else changed
        if replied and not results:
            for delta in replied:
                yield delta
            return
        if not results and await asyncio.to_thread(self._planner.needs_english, request):
            self._described.read_as(request, await in_english(self._llama, request))
        steps = [Step(meant, request)] if meant and results else await self._planner.plan(request, messages, tools)
        steps, wanted = await self._calls(request, steps, results, tools)
        if wanted:
            for delta in wanted:
                yield delta
            return
        async with aclosing(self._answer(request, steps, results, messages, tools)) as pieces:
            async for piece in pieces:
                yield TextDelta(piece)
        if left := await self._left(steps, results, tools):
            yield TextDelta(f" {left}")

    async def _left(self, steps: Sequence[Step], results: Sequence[ToolMessage], tools: Sequence[ToolSpec]) -> str:
        """The question for what a part of the request lacks that was not called for, when the calls of others have ended."""
        called = {message.result.call.name for message in results}
        if any(message.result.status == "interrupted" for message in results):
            return ""
        by_name = {tool.name: tool for tool in tools if tool.name not in called}
        for step in steps if len(steps) > 1 and results else ():
            if tool := by_name.get(step.label):
                return (await self._caller.calls(tool, step.request, tools, step.known)).question
        return ""

    def _asked(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Asked | None:
        """The question that the last answer was, of the tool that is meant where several have the same one."""
        asked = asked_before(messages, tools, self._language)
        if asked is None:
            return None
        meant = self._planner.described(asked.said[0])
        return asked_before(messages, [tool for tool in tools if tool.name == meant], self._language) or asked

    async def _replied(self, asked: Asked, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> list[LMDelta]:
        """What comes of a reply to a question for an argument; nothing where it is a request of its own."""
        if asked.is_cancelled:
            return [TextDelta(DECLINED(self._language))]
        reply = asked.said[-1]
        if only_hums(reply):
            return [TextDelta(question(asked.tool, asked.parameter, self._language))]
        if not asked.is_answered and any(asks(reply[slice(*span)]) for span in parts_of(reply)):
            return []
        first, *more = asked.told
        steps = await self._planner.plan(first, messages, tools)
        own = [step.request for step in steps if step.label == asked.tool.name] or [first]
        found = await self._caller.completed(asked.tool, [*own, *more], asked.given)
        return [] if found.missing == (asked.tool.name, asked.parameter) and not asked.is_answered else found.deltas

    async def _calls(
        self, request: str, steps: Sequence[Step], results: Sequence[ToolMessage], tools: Sequence[ToolSpec]
    ) -> tuple[list[Step], list[LMDelta]]:
        """The steps as they can be taken, and calls to be made before the answer, or the question for what they lack."""
        by_name = {tool.name: tool for tool in tools}
        if source := self._look_up.next_source(request, _label(steps), results, tools):
            return list(steps), (await self._caller.calls(by_name[source], request, tools)).deltas
        taken: list[Step] = []
        calls: list[LMDelta] = []
        question = ""
        for step in steps:
            if step.label in by_name and not results:
                found = await self._caller.calls(by_name[step.label], step.request, tools, step.known)
                if step.otherwise and (found.is_bare or (found.question and not step.is_clear)):
                    step = replace(step, label=step.otherwise)
                else:
                    question = question or found.question
                    calls += found.calls
            taken.append(step)
        return taken, calls or ([TextDelta(question)] if question else [])

    async def _answer(
        self,
        request: str,
        steps: Sequence[Step],
        results: Sequence[ToolMessage],
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],
    ) -> AsyncGenerator[str]:
        """Pieces of the answer, when all calls have ended."""
        label = _label(steps)
        telling = [m for m in self._look_up.telling(request, label, results) if m.result.status != "interrupted"]
        if results and not telling and any(m.result.status == "interrupted" for m in results):
            return  # the agent has told of them
        if tools and not results and asks_abilities(request):
            yield can(tools, self._language)
            return
        refusal = CANNOT(self._language) if _has_refused(messages) else cannot(tools, self._language)
        if any(step.label == BEYOND for step in steps):
            yield (NOT_KNOWN(self._language) if only_tells(request) else refusal) + " "
            if all(step.label == BEYOND for step in steps):
                return
        read = [message for message in messages if message not in results or message in telling]
        talk = "" if label and telling else " ".join(step.request for step in steps if step.label == NO_TOOL)
        async with aclosing(
            self._answers.write(read, telling, request, talk, refusal, self._planner.acting(tools))
        ) as pieces:
            async for piece in pieces:
                yield piece

    async def close(self) -> None:
        """Let go of the language model, which stops with the last mind that uses it."""
        await self._llama.leave(self)


def _has_refused(messages: Sequence[Message]) -> bool:
    """Whether it was said in one of the last answers what can be done: nobody hears the list over and over."""
    answers = [message.text for message in messages if isinstance(message, AssistantMessage) and message.text]
    return any(refusal in text for text in answers[-REFUSALS_KEPT:] for refusal in REFUSALS)


def _label(steps: Sequence[Step]) -> str:
    """The label of a request that is one step, "" of others."""
    return steps[0].label if len(steps) == 1 else ""
