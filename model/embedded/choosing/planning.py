"""What a request wants done, in order: one step, or several where it clearly asks for several things."""

import asyncio
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from vivavoce.core.messages import Message, ToolMessage, ToolSpec, UserMessage
from vivavoce.model.embedded.choosing.described import DescribedTools
from vivavoce.model.embedded.choosing.router import BEYOND, NO_TOOL, IntentRouter, Route

CONFIDENT = 0.5  # below this a tool without examples may be meant
CONFIDENT_PART = 0.75  # a part of a compound request, or a follow-up, must be surer: it is short
CERTAIN_TALK = 0.95  # "And who are you?" is no follow-up of a tool, "What about Athens?" is, though it looks like talk
FOLLOW_UP_WORDS = 7
PART_BORDER = re.compile(r"(?<=[.?!])\s+|,?\s+and then\s+|,?\s+then\s+|,?\s+and\s+", re.IGNORECASE)
FOLLOW_UP = re.compile(r"^(and|or|what about|how about|same for|now)\b|^那.{1,8}呢|^.{1,5}呢\W*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Step:
    """A part of what the user wants, and the tool it needs (or `NO_TOOL` or `BEYOND`)."""

    label: str
    request: str


class Planner:
    """Prepared by `fit`, asked by `plan`. sources: tools that know facts."""

    def __init__(self, router: IntentRouter, described: DescribedTools, sources: Collection[str] = ()) -> None:
        self._router = router
        self._described = described
        self._sources = frozenset(sources)

    def fit(self, tools: Sequence[ToolSpec]) -> None:
        """Learn what the tools are for. Blocking."""
        self._router.fit(tools)
        self._described.fit(tools)

    async def plan(self, request: str, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> list[Step]:
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
        is_unsure = learnt.label in (NO_TOOL, BEYOND) or learnt.probability < CONFIDENT
        return described if described.probability >= (CONFIDENT if is_unsure else 1.0) else learnt

    def _is_one_question(self, steps: Sequence[Step]) -> bool:
        """Whether one tool that knows facts stands beside talk: then the talk belongs to what is asked of it.

        "According to the lifeboat and book, how many make up a crew?" is what a recogniser made of a handbook.
        """
        labels = {step.label for step in steps} - {NO_TOOL}
        return len(labels) == 1 and labels <= set(self._sources)


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
