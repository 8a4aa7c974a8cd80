"""What can be said of a tool's result without a language model, which would read a failure as a success, or deny a deed."""

import json
import re
from collections.abc import Iterator
from typing import Any

from vivavoce.core.language.sentences import DONE, GAVE_NOTHING, SORRY, TOLD
from vivavoce.core.language.words import IS_CJK
from vivavoce.core.messages import ToolResult
from vivavoce.core.untrusted import neutralise, unfenced
from vivavoce.model.embedded.schemas import words_of_name

NAME_CHARS = 80
READY_CHARS = 240  # of a text that is read out as it is
MOST_VALUES = 10
# What only says that all went well: the small model, which reads no deed in it, would deny that anything was done.
GONE_WELL = re.compile(
    r"\W*(?:status\W+)?(?:ok|okay|done|success(?:ful|fully)?|completed?)\W*|\W*(?:success|ok|done)\W+true\W*",
    re.IGNORECASE,
)
NO_MORE = re.compile(r"true|none|null", re.IGNORECASE)  # of a deed; of what looks something up it is the answer
EMPTY = re.compile(r"\s*(?:\[\s*\]|\{\s*\}|\"\")\s*")
SENTENCE = re.compile(r"[^\s{\[<\"].*[.!?。！？]", re.DOTALL)


def sentence(result: ToolResult, language: str, *, acts: bool) -> str:
    """A sentence for a result, or "" where a model has to find one. acts: of a tool that does something."""
    if result.status != "done":
        return SORRY(language, why=result.output.content.rstrip(".。"))
    if result.output.spoken:
        return result.output.spoken
    said = unfenced(result.call.name, result.output.content).strip()
    name = neutralise(" ".join(words_of_name(result.call.name)), NAME_CHARS)
    told = _listed(said) if acts else ""
    if EMPTY.fullmatch(said):
        return GAVE_NOTHING(language, name=name)
    if not said or GONE_WELL.fullmatch(said) or (acts and NO_MORE.fullmatch(said)):
        return DONE(language, what=name)
    if _is_ready(said):
        return said
    return TOLD(language, name=name[:1].upper() + name[1:], told=told) if told else ""


def _is_ready(said: str) -> bool:
    """Whether a text is a sentence or a few already."""
    is_short = len(said) <= READY_CHARS and "\n" not in said
    return is_short and SENTENCE.fullmatch(said) is not None and (len(said.split()) > 2 or IS_CJK.search(said) is not None)


def _listed(said: str) -> str:
    """The values of a result as words, or "" where they are too many: "status error, code 51"."""
    try:
        values = json.loads(said)
    except (ValueError, RecursionError):
        return ""
    found = list(_values(values))
    if not 0 < len(found) <= MOST_VALUES or sum(map(len, found)) > READY_CHARS:
        return ""
    return ", ".join(found)


def _values(values: Any, name: str = "") -> Iterator[str]:  # noqa: ANN401 - any JSON
    match values:
        case dict():
            for key, value in values.items():
                yield from _values(value, " ".join(words_of_name(str(key))))
        case list():
            for value in values:
                yield from _values(value, name)
        case bool():
            yield f"{name} {'yes' if values else 'no'}".strip()
        case None:
            yield f"{name} none".strip()
        case _:
            yield neutralise(f"{name} {values}", READY_CHARS).strip()
