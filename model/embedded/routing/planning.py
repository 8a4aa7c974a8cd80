"""What a request wants done, in order: one step, or several where it clearly asks for several things."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vivavoce.core.language.places import place_of
from vivavoce.core.language.stems import stem
from vivavoce.core.language.words import words
from vivavoce.core.messages import Message, ToolSpec
from vivavoce.model.embedded.calling.stated import Stated
from vivavoce.model.embedded.routing.arguments import copied_argument
from vivavoce.model.embedded.routing.changing_facts import changing_kind
from vivavoce.model.embedded.routing.described import NAMED, DescribedTools
from vivavoce.model.embedded.routing.router import BEYOND, NO_TOOL, IntentRouter, Route
from vivavoce.model.embedded.routing.spans import SpanFinder, SpanFinders
from vivavoce.model.embedded.schemas import words_of_name
from vivavoce.model.embedded.wording.corrections import corrected
from vivavoce.model.embedded.wording.courtesies import only_greets, only_thanks, without_thanks
from vivavoce.model.embedded.wording.deeds import (
    ACTS,
    asks_state,
    forbids,
    is_denied,
    only_looks,
    only_tells,
    without_forbidden,
)
from vivavoce.model.embedded.wording.follow_ups import (
    REMEMBERED,
    Values,
    is_value,
    leaves_out,
    place_in,
    previous_calls,
    values_of,
    wants_more,
    wants_other,
    with_place,
)
from vivavoce.model.embedded.wording.named import PLACES
from vivavoce.model.embedded.wording.parts import parts_of
from vivavoce.model.embedded.wording.plain import QUESTION, plain

CONFIDENT = 0.5  # below this a tool without examples may be meant
# Likeness of a request and a tool without examples that is enough: to call it where the router knows no tool for a deed, or
# for what sounds like talk; to ask for what the call lacks; to go before what the router has learnt. The first and the third
# were set on the development half of When2Call.
LIKE_DEED, LIKE_TALK, CLEAR, CERTAIN = 0.3, 0.35, 0.4, 0.55
NAME_WORDS = 2
LIKE_NAMED = 0.25  # for a question in which a word of the tool's name was said
CONFIDENT_PART = 0.75  # a part of a compound request must be surer: it is short
# "And who are you?" is no follow-up of a tool, "What about Athens?" is, though it looks like talk
SURE_OF = {NO_TOOL: 0.95, BEYOND: CONFIDENT_PART}
AGAIN = re.compile(r"\b(?:the same|likewise|repeat)\b|一样|同样", re.IGNORECASE)
# What somebody else is to be told is no talk: "Tell Jonas that dinner is ready."
TELLS_OTHERS = re.compile(
    r"(?:(?:please|can you|could you|would you)\W+)*(?:tell|let|inform|notify) "
    r"(?:(?-i:[A-Z]\w+)|(?:my|our) \w+|him|her|them)\b.*\b(?:that|know)\b",
    re.IGNORECASE,
)
TELL = re.compile(r"(?:(?:tell|show|explain to)(?: me| us)? )?(?:how|what|why|who|when|where|which)\b")
Tools = Mapping[str, ToolSpec]


@dataclass(frozen=True, slots=True)
class Step:
    """A part of what the user wants, and the tool it needs (or `NO_TOOL` or `BEYOND`).

    known: arguments from the call before, which hold where the request says nothing else. otherwise: the label of a request
    that a tool without examples is not certainly meant by; "" where it is. is_clear: whether it is worth asking for what the
    call lacks.
    """

    label: str
    request: str
    known: Values = field(default_factory=dict[str, Any])
    otherwise: str = ""
    is_clear: bool = True


class Planner:
    """Prepared by `fit`, asked by `plan`. sources: tools that know facts, the one that knows today's last."""

    def __init__(
        self, router: IntentRouter, described: DescribedTools, finders: SpanFinders, sources: Sequence[str] = ()
    ) -> None:
        self._router = router
        self._described = described
        self._finders = finders
        self._sources = tuple(sources)
        self._live = BEYOND

    def fit(self, tools: Sequence[ToolSpec]) -> None:
        """Learn what the tools are for. Blocking."""
        self._router.fit(tools)
        self._described.fit(tools)
        names = {tool.name for tool in tools}
        self._live = self._sources[-1] if names.intersection(self._sources[-1:]) else BEYOND

    async def plan(self, request: str, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> list[Step]:
        """What to do, in order. One step, unless the parts of the request clearly want different things."""
        return await asyncio.to_thread(
            self._planned,
            without_forbidden(without_thanks(corrected(request))),
            messages,
            {tool.name: tool for tool in tools},
        )

    def _planned(self, request: str, messages: Sequence[Message], tools: Tools) -> list[Step]:
        steps = self._compound(request, tools) or [self._single(request, messages, tools)]
        steps = [replace(step, label=BEYOND) if self._is_of_the_users(step, messages) else step for step in steps]
        place = next(filter(None, (place_in(values_of(call)) for call in previous_calls(messages, REMEMBERED))), "")
        placed = [replace(step, request=with_place(step.request, place)) if step.label in tools else step for step in steps]
        return [each for step in placed for each in self._each(step, tools)]

    def _single(self, request: str, messages: Sequence[Message], tools: Tools) -> Step:
        """A request as one step, which may lean on the call before."""
        previous = next((call for call in previous_calls(messages) if call.name in tools), None)
        if previous and self._takes_any_words(tools[previous.name]) and (wants_other(request) or wants_more(request)):
            return Step(previous.name, request)
        if wants_other(request) or only_thanks(request):
            return Step(NO_TOOL, request)  # another joke
        if previous is None:
            return self._first(request)
        route, before = self._route(request, previous.name), values_of(previous)
        is_sure = route.probability >= SURE_OF.get(route.label, CONFIDENT)
        if is_value(request) or (leaves_out(request) and not is_sure):
            return Step(previous.name, request, before)
        if route.label not in tools:
            return Step(route.label, request)
        return Step(route.label, request, self._known(tools[route.label], request, previous.name, before))

    def _first(self, request: str) -> Step:
        """A request that leans on no call."""
        learnt, described = self._routes(request)
        route = _surer(learnt, described)
        if route.label != described.label or described.probability >= CERTAIN:
            return Step(route.label, request)
        return Step(route.label, request, otherwise=learnt.label, is_clear=described.probability >= CLEAR)

    def described(self, request: str) -> str:
        """The tool without examples that is most like a request."""
        return self._described.route(request).label

    def _is_of_the_users(self, step: Step, messages: Sequence[Message]) -> bool:
        """Whether it asks memory for what only the user can know: of a name that a call for them had."""
        if step.label != NO_TOOL or not QUESTION.match(plain(step.request)):
            return False
        calls = [call for call in previous_calls(messages, len(messages)) if self._described.acts(call.name)]
        values = {value for call in calls for value in values_of(call).values() if isinstance(value, str)}
        names = [value for value in values if 0 < len(value.split()) <= NAME_WORDS and place_of(value) is None]
        return any(Stated(step.request).count(name) for name in names)

    def needs_english(self, request: str) -> bool:
        """Whether a request in Chinese may be for a tool that is described in English. Blocking."""
        return self._described.needs_english(request) and self._router.route(request).label == BEYOND

    def acting(self, tools: Sequence[ToolSpec]) -> list[str]:
        """The tools without examples that do something."""
        return [tool.name for tool in tools if self._described.acts(tool.name)]

    def is_forbidden(self, request: str) -> bool:
        """Whether it forbids what a tool without examples would do."""
        if not forbids(request):
            return False
        route = self._described.route(request)
        return self._described.acts(route.label) and route.probability >= LIKE_DEED

    def _known(self, tool: ToolSpec, request: str, previous: str, before: Values) -> Values:
        """What of the call before still holds in a call of a tool."""
        if tool.name == previous:
            required = tool.parameters.get("required", ()) if tool.examples else ()
            return before if leaves_out(request) else {name: before[name] for name in required if name in before}
        place = place_in(before) if leaves_out(request) else ""
        return {name: place for name in self._places(tool) if place}

    def _compound(self, request: str, tools: Tools) -> list[Step]:
        """Steps of a request of several parts; none where it is one, or a part is unsure."""
        spans = parts_of(request)
        if len(spans) < 2:
            return []
        routes = [self._route(request[slice(*span)]) for span in spans]
        if any(route.probability < CONFIDENT_PART for route in routes):
            return []
        if all(route.label in tools and not tools[route.label].examples for route in routes):
            return []  # the language model, which writes their calls, reads the request as a whole
        joined = [(routes[0].label, spans[0])]
        for route, span in zip(routes[1:], spans[1:], strict=True):
            label, before = joined[-1]
            part, tool = request[slice(*span)], tools.get(label)
            is_more = label == route.label and not self._ask_about_two(request[slice(*before)], part, tool)
            if is_more or _tells_more(part, route.label, tool):
                joined[-1] = (label, (before[0], span[1]))
            else:
                joined.append((route.label, span))
        steps = [Step(label, request[slice(*span)].strip()) for label, span in joined]
        return steps if len(steps) > 1 and not self._is_one_question(steps) else []

    def _ask_about_two(self, one: str, other: str, tool: ToolSpec | None) -> bool:
        """Whether two requests for a tool name different things: "What is it like in Oslo, and will it rain in Rome?"."""
        if tool is None:
            return False
        finder = self._finder(tool)
        found = finder.find(one), finder.find(other)
        return all(found) and found[0] != found[1]

    def _each(self, step: Step, tools: Tools) -> list[Step]:
        """A step for each of several things that it asks a tool about."""
        if step.label not in tools:
            return [step]
        return [replace(step, request=request) for request in self._finder(tools[step.label]).apart(step.request)]

    def _route(self, request: str, previous: str = "") -> Route:
        return _surer(*self._routes(request, previous))

    def _routes(self, request: str, previous: str = "") -> tuple[Route, Route]:
        """What the router has learnt, and the tool without examples that is most like it.

        A deed is likely meant for a tool of whose name a word was said. What changes by the day is no talk, and is asked for
        in other words than those in which a tool says that it knows it.
        """
        learnt, kind = self._router.route(request, previous), changing_kind(request)
        described = self._described.route(request)
        if learnt.label in self._sources and self._is_a_deed(request, described):
            learnt = Route(BEYOND, CONFIDENT_PART)  # "Book a check-up for Bello." is nothing to be looked up
        asks, seeks = only_tells(request), only_looks(request)
        if is_denied(request) and not (asks or kind):
            described = Route(NO_TOOL, 0.0)
        elif self._described.acts(described.label) and (asks or seeks):
            is_like = described.probability >= LIKE_DEED
            if learnt.label == NO_TOOL and is_like and (seeks or asks_state(request)):
                learnt = Route(BEYOND, CONFIDENT_PART)
            described = self._described.route(request, acting=False)
        if learnt.label == NO_TOOL and TELLS_OTHERS.match(request):
            learnt = Route(BEYOND, CONFIDENT_PART)
        if learnt.probability < CONFIDENT_PART and only_greets(request):
            learnt = Route(NO_TOOL, CONFIDENT_PART)  # misheard, such as "Hello, teller you."
        if learnt.label in (NO_TOOL, BEYOND) and self._described.is_named(described.label, request):
            described = Route(described.label, _of_named(described.probability, learnt.label, request))
        if learnt.label not in (NO_TOOL, BEYOND) or not kind:
            return learnt, described
        hinted = self._described.route(f"{request} {kind}")
        live = Route(self._live, CONFIDENT_PART) if learnt.label == NO_TOOL else learnt
        return live, max(described, hinted, key=lambda route: route.probability)

    def _is_a_deed(self, request: str, described: Route) -> bool:
        """Whether a request begins with a deed, and a tool without examples does such things."""
        is_like = described.probability >= LIKE_NAMED and self._described.is_named(described.label, request)
        return is_like and self._described.acts(described.label) and ACTS.match(plain(request)) is not None

    def _is_one_question(self, steps: Sequence[Step]) -> bool:
        """Whether one tool that knows facts stands beside talk: then the talk belongs to what is asked of it.

        "According to the lifeboat and book, how many make up a crew?" is what a recogniser made of a handbook.
        """
        labels = {step.label for step in steps if not _is_talk(step)}
        return len(labels) == 1 and labels <= {*self._sources}

    def _takes_any_words(self, tool: ToolSpec) -> bool:
        """Whether a tool makes sense of "another one" by itself; one that looks up facts does not."""
        return bool(copied_argument(tool)) and tool.name not in self._sources

    def _places(self, tool: ToolSpec) -> list[str]:
        """The parameters of a tool that are places."""
        return sorted({name for name, kind in self._finder(tool).kinds if kind in PLACES})

    def _finder(self, tool: ToolSpec) -> SpanFinder:
        return self._finders.of(tool)


def _is_talk(step: Step) -> bool:
    """Whether nothing is to be done for it; to be told how something is done is no deed."""
    return step.label == NO_TOOL or (step.label == BEYOND and TELL.match(plain(step.request)) is not None)


def _tells_more(part: str, label: str, tool: ToolSpec | None) -> bool:
    """Whether a part that is for no tool adds to the request for a described one before it.

    It asks for the same once more, or names a parameter: "Give me detailed information.".
    """
    if tool is None or tool.examples or label not in (NO_TOOL, BEYOND):
        return False
    named = {stem(word) for key in tool.parameters.get("properties", {}) for word in words_of_name(key)}
    names_parameter = not named.isdisjoint(map(stem, words(part)))
    return AGAIN.search(part) is not None or (label == NO_TOOL and names_parameter)


def _of_named(likeness: float, label: str, request: str) -> float:
    """The likeness of a tool whose name was said. Memory is a worse answer to "Who discovered it?" than `get_discoverer`."""
    if label == BEYOND:
        return likeness + NAMED
    is_question = QUESTION.match(plain(request)) is not None
    return max(likeness, LIKE_TALK) if is_question and likeness >= LIKE_NAMED else likeness


def _surer(learnt: Route, described: Route) -> Route:
    """What the router has learnt, unless the request is for a tool that it knows no examples of."""
    if learnt.label == BEYOND:
        least = LIKE_DEED
    elif learnt.label == NO_TOOL or learnt.probability < CONFIDENT:
        least = LIKE_TALK
    else:
        least = CERTAIN
    if described.label == NO_TOOL or described.probability < least:
        return learnt
    is_sure = described.probability >= CERTAIN
    return Route(described.label, 1.0 if is_sure else CONFIDENT_PART if described.probability >= CLEAR else CONFIDENT)
