"""Whether a question is looked up before it is answered, and where next.

A router that learns from examples sends a question to the documents where it sounds like one about them. Whether they answer
it, the search tells better: its score is fitted for that. So a user may want every question of fact looked up first.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vivavoce.core.language.words import HAN
from vivavoce.core.messages import ToolMessage, ToolResult, ToolSpec
from vivavoce.model.embedded.routing.router import NO_TOOL

Mode = Literal["asked", "first", "only"]

# Small talk is about the two who talk. Titles have capitals ("My Fair Lady"), so only small letters count.
ABOUT_US = re.compile(r"\b(?:you|your|yours|yourself|my|mine|me)\b|[你您我咱]")
CHINESE = re.compile(rf"[{HAN}]")
FEWEST_WORDS = 3


@dataclass(frozen=True, slots=True)
class LookUp:
    """mode: see `Settings.look_up`. sources: tools that know facts, in the order in which they are asked."""

    mode: Mode = "asked"
    sources: tuple[str, ...] = ()

    def next_source(self, request: str, label: str, results: Sequence[ToolMessage], tools: Sequence[ToolSpec]) -> str:
        """The tool to ask now, "" for none. label: what the router chose. results: of the calls of this turn so far."""
        if not self._looks_up(request, label) or any(_found(message.result) for message in results):
            return ""
        asked = {message.result.call.name for message in results}
        left = {tool.name for tool in tools} - asked
        return next((name for name in sorted(self.sources, key=lambda name: name != label) if name in left), "")

    def telling(self, request: str, label: str, results: Sequence[ToolMessage]) -> list[ToolMessage]:
        """The results that the answer is made from; none of several sources that found nothing, where memory may answer."""
        if not self._looks_up(request, label):
            return list(results)
        found = [message for message in results if _found(message.result)]
        return found or ([] if self.mode == "first" and label == NO_TOOL else list(results))

    def _looks_up(self, request: str, label: str) -> bool:
        if self.mode == "asked":
            return False
        return label in self.sources or (label == NO_TOOL and asks_for_facts(request))


def asks_for_facts(request: str) -> bool:
    """Whether it may be looked up at all; greetings and talk about the two who talk are not."""
    long_enough = len(request.split()) >= FEWEST_WORDS or len(CHINESE.findall(request)) >= 2 * FEWEST_WORDS
    return long_enough and not ABOUT_US.search(request)


def _found(result: ToolResult) -> bool:
    return result.status == "done" and bool(result.output.passages or result.output.sources)
