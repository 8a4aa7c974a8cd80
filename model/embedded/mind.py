"""The embedded mind: a router and a small instruction model choose tools and answer."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import json_repair

from vivavoce.core.language.sentences import ACCORDING_TO, CANNOT, NO_ANSWER, SORRY
from vivavoce.core.messages import (
    LMDelta,
    Message,
    SystemMessage,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolResult,
    ToolSpec,
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
from vivavoce.model.embedded.choosing.planning import Planner, Step
from vivavoce.model.embedded.choosing.router import BEYOND, NO_TOOL, IntentRouter
from vivavoce.model.embedded.choosing.spans import SpanFinders
from vivavoce.model.embedded.llama import ANSWER_SLOT, ARGUMENT_SLOT, LlamaServer
from vivavoce.model.embedded.prompts import answer_prompt, current_request, current_results

ANSWER_TOKENS = 110
ARGUMENT_TOKENS = 96


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
        self._planner = Planner(router, described, finders, look_up.sources)
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
        request = (current_request(messages).text or "").strip()
        steps = await self._planner.plan(request, messages, tools)
        results = current_results(messages)
        label = steps[0].label if len(steps) == 1 else ""
        calls = [step for step in steps if step.label not in (NO_TOOL, BEYOND) and not results]
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
        if any(step.label == BEYOND for step in steps):
            yield TextDelta(CANNOT(self._language) + " ")
            if all(step.label == BEYOND for step in steps):
                return
        messages = [message for message in messages if message not in results or message in telling]
        talk = "" if label and telling else " ".join(step.request for step in steps if step.label == NO_TOOL)
        async with aclosing(self._answer(messages, telling, request, talk)) as deltas:
            async for delta in deltas:
                yield delta

    async def _arguments(self, step: Step, tool: ToolSpec) -> str:
        """A call's arguments as JSON. What was written and cannot be read stays, for the controller to report."""
        if not tool.parameters.get("properties"):
            return "{}"
        if key := copied_argument(tool):
            return _as_json({key: step.request})
        finder = await asyncio.to_thread(self._finders.of, tool)
        known = {name: value for name, value in step.known.items() if name in tool.parameters["properties"]}
        said = said_arguments(finder, tool, step.request, known)
        if said is not None:
            return _as_json(said)
        raw = await self._llama.complete(
            arguments_prompt(tool, step.request),
            ARGUMENT_SLOT,
            max_tokens=ARGUMENT_TOKENS,
            grammar=argument_grammar(tool),
        )
        written = json_repair.loads(raw)  # it may be cut off at the limit
        if not isinstance(written, dict):
            return raw.strip()
        said = grounded(written, finder, tool, step.request)
        return _as_json(known | {name: value for name, value in said.items() if name not in known or value != step.request})

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


def _sentence(result: ToolResult, language: str) -> str:
    """What can be said of a result without a language model, or ""."""
    if result.status == "done":
        return result.output.spoken or ""
    return SORRY(language, why=result.output.content.rstrip(".。"))


def _lead_in(results: Sequence[ToolMessage], language: str) -> str:
    """The answer's first words name its source: true, and sound while the model is still reading."""
    sources = [source for m in results for source in m.result.output.sources]
    return ACCORDING_TO(language, source=sources[0]) if sources else ""
