"""Asks for a required argument that nobody has said, and knows its own question again when the answer comes.

What was asked stands in the dialogue itself, so an answer fills the call also after a restart.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vivavoce.core.language.replies import refuses
from vivavoce.core.language.sentences import (
    ASK_DAY,
    ASK_FROM_WHICH,
    ASK_HOW_MANY,
    ASK_TIME,
    ASK_TO_WHICH,
    ASK_WHAT,
    ASK_WHICH,
    ASK_WHICH_OF,
    ASK_YES_OR_NO,
)
from vivavoce.core.language.words import words
from vivavoce.core.messages import AssistantMessage, Message, ToolMessage, ToolSpec, UserMessage
from vivavoce.core.untrusted import neutralise
from vivavoce.model.embedded.calling.changing import changed_argument
from vivavoce.model.embedded.calling.grounding import NOTHING, Parameter
from vivavoce.model.embedded.calling.stated import Stated
from vivavoce.model.embedded.calling.values import bare, value_of
from vivavoce.model.embedded.schemas import options_of, properties_of, required_of, words_of_name
from vivavoce.model.embedded.wording.changes import change_in
from vivavoce.model.embedded.wording.corrections import corrected
from vivavoce.model.embedded.wording.parts import asks


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


MOST_OPTIONS = 6
COUNT_WORDS = 3  # of an answer that is only a number: "twenty five minutes"
MOST_WORDS = 6  # of a description that is read out
NAME_CHARS = 80
READ_OUT_CHARS = 60
COUNTED = _set("number num count amount quantity no how many total of")
COUNTABLE = _set("num number count quantity people guests persons adults children nights tickets")
LEAD = re.compile(r"^(?:the|an?|your|user'?s?|desired|required|specific|unique)\s+", re.IGNORECASE)
REST = re.compile(
    r"[.;:,(]|\s(?:for example|such as|e\.g|in the format|in format|formatted|for which|that|which|to be|you)\b",
    re.IGNORECASE,
)
PLACE_NAMES = _set("city town place location country state region destination street address area")


NOUNS = {"to": ["destination"], "from": ["starting", "point"]}
CHANGED_MIND = re.compile(
    r"^\W*(?:(?:oh|no|ah|well|actually|sorry|okay|ok)\W+)*(?:never ?mind|forget (?:it|that|about)|"
    r"i(?:'ve| have)? changed my mind|don't bother|do not bother|not any ?more|leave it|cancel(?: (?:it|that))?\W*$|"
    r"(?:stop|abort|quit|exit|undo|enough|nothing|nobody|no one|none|neither|hang up|drop it|forget everything)\W*$|"
    r"i don't want)"
    r"|^\W*(?:哦|嗯|那)?\W*(?:算了|不用了|不要了|别(?:弄|做|订|管)?了|取消吧?\W*$)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was asked.

    said: what the user said of the call so far, the answer last. parameters: what each but the first of these was asked for.
    """

    tool: ToolSpec
    parameter: str
    said: tuple[str, ...]
    parameters: tuple[str, ...] = ()

    @property
    def is_cancelled(self) -> bool:
        """Whether the answer takes the request back."""
        reply = self.said[-1].replace("\u2019", "'")
        changed = CHANGED_MIND.search(reply)
        if changed is None:
            return refuses(reply) and not self._is_flag
        return not asks(reply[changed.end() :].strip(" ,.!"))  # who wants something else says so: "forget it, order hay"

    @property
    def given(self) -> dict[str, Any]:
        """The arguments that the answers are by themselves, this one and those before."""
        return {key: value for reply in self._replies for key, value in reply.items()}

    @property
    def told(self) -> list[str]:
        """What the user said, without answers that put right what was said before."""
        asked = zip(self.said[1:], self.parameters, self._replies, strict=True)
        return [
            self.said[0],
            *(
                corrected(text)
                for text, parameter, reply in asked
                if reply.keys() <= {parameter} and not _is_count(text, reply)
            ),
        ]

    @property
    def is_answered(self) -> bool:
        """Whether the answer is such an argument, of this parameter or, put right, of another."""
        return bool(self._replies[-1:] and self._replies[-1])

    @property
    def _replies(self) -> list[dict[str, Any]]:
        """The argument that each answer is by itself."""
        return [self._argument(*one) for one in zip(self.parameters, map(corrected, self.said[1:]), strict=True)]

    def _argument(self, parameter: str, reply: str) -> dict[str, Any]:
        about = properties_of(self.tool.parameters).get(parameter, {})
        value = value_of(Parameter(self.tool.name, parameter, about), reply)
        if value is not NOTHING:
            return {parameter: value}
        change = change_in(reply)
        return changed_argument(self.tool, {}, change) if change else {}

    @property
    def _is_flag(self) -> bool:
        return properties_of(self.tool.parameters).get(self.parameter, {}).get("type") == "boolean"


def _is_count(said: str, reply: Mapping[str, Any]) -> bool:
    """Whether an answer is a number and no more, which says nothing of other parameters."""
    is_number = any(isinstance(value, int | float) and not isinstance(value, bool) for value in reply.values())
    return is_number and len(words(bare(said))) <= COUNT_WORDS and not Stated(said).days


def question(tool: ToolSpec, parameter: str, language: str) -> str:
    """What asks for a required parameter."""
    about = properties_of(tool.parameters).get(parameter, {})
    name = words_of_name(parameter)
    name = NOUNS.get(parameter.lower(), name)
    described = neutralise(_described(about, name), NAME_CHARS)
    options = [option.replace("_", " ") for option in options_of(about)]
    if about.get("type") == "boolean":
        return ASK_YES_OR_NO(language, what=described)
    if 1 < len(options) <= MOST_OPTIONS:
        return ASK_WHICH_OF(language, what=neutralise(" ".join(name), NAME_CHARS), options=", ".join(options))
    if about.get("type") in ("integer", "number") and (COUNTABLE & set(name) or (name[-1:] and name[-1].endswith("s"))):
        things = " ".join(word for word in name if word not in COUNTED)
        return ASK_HOW_MANY(language, what=things) if things else ASK_WHAT(language, what=described)
    if name[-1:] in (["date"], ["day"]):
        return " ".join(ASK_DAY(language, what=" ".join(name[:-1])).split())
    if name == ["when"]:
        name = ["time"]
    if name[-1:] == ["time"]:
        return " ".join(ASK_TIME(language, what=" ".join(name[:-1])).split())
    if set(name) & PLACE_NAMES:
        asks = {"from": ASK_FROM_WHICH, "to": ASK_TO_WHICH}.get(name[0])
        return asks(language, what=" ".join(name[1:])) if asks else ASK_WHICH(language, what=" ".join(name))
    return ASK_WHAT(language, what=described)


def asked_before(messages: Sequence[Message], tools: Sequence[ToolSpec], language: str) -> Asked | None:
    """What the last answer asked for, if it was a question of this kind; None where it was not."""
    said: list[str] = []
    parameters: list[str] = []
    tool: ToolSpec | None = None
    for user, answer in _backwards(messages):
        said.insert(0, user)
        wanted = _asked_in(answer, tools, language)
        if wanted is None or (tool and wanted[0] != tool):
            break
        tool = wanted[0]
        parameters.insert(0, wanted[1])
    return Asked(tool, parameters[-1], tuple(said), tuple(parameters)) if tool else None


def _backwards(messages: Sequence[Message]) -> list[tuple[str, str]]:
    """What the user said, newest first, each with the answer that stands before it."""
    pairs: list[tuple[str, str]] = []
    for message in reversed(messages):
        if isinstance(message, UserMessage):
            pairs.append((" ".join((message.text or "").split()), ""))
        elif isinstance(message, AssistantMessage) and message.text and pairs and not pairs[-1][1]:
            pairs[-1] = (pairs[-1][0], message.text.strip())
        elif isinstance(message, ToolMessage) and pairs and _was_read_out(message, pairs[-1][1]):
            pairs[-1] = (pairs[-1][0], "")
    return pairs


def _was_read_out(message: ToolMessage, answer: str) -> bool:
    """Whether an answer ends as a result does, so that it is no question of the agent's own."""
    return bool(answer) and answer[-READ_OUT_CHARS:] in message.result.output.content


def _asked_in(answer: str, tools: Sequence[ToolSpec], language: str) -> tuple[ToolSpec, str] | None:
    if not answer.endswith(("?", "\uff1f")):
        return None
    for tool in tools:
        for parameter in required_of(tool.parameters):
            if answer.endswith(question(tool, parameter, language)):
                return tool, parameter
    return None


def _described(about: Mapping[str, Any], name: Sequence[str]) -> str:
    """A few words for a parameter: of its description where that is short, else its name."""
    first = REST.split(str(about.get("description", "")).strip(), maxsplit=1)[0].strip()
    told = LEAD.sub("", first).split()
    if not 1 <= len(told) <= MOST_WORDS or len(first) > NAME_CHARS:
        return " ".join(name)
    start = told[0] if any(c.isupper() for c in told[0][1:]) else told[0].lower()
    return " ".join([start, *told[1:]])
