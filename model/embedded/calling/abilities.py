"""What an agent can do, in a sentence: the answer to a request that none of its tools is for."""

import re
from collections.abc import Sequence

from vivavoce.core.language.sentences import CAN, CANNOT, CANNOT_BUT, LIST_AND, LIST_COMMA
from vivavoce.core.language.words import IS_CJK
from vivavoce.core.messages import ToolSpec
from vivavoce.core.untrusted import neutralise
from vivavoce.model.embedded.schemas import words_of_name
from vivavoce.model.embedded.wording.plain import plain

MOST_NAMED = 6
CHARS = 60
ASKS = re.compile(
    r"(?:so |and )?what (?:else )?(?:can|could) you (?:do|help (?:me )?with)(?: for me)?|what are you able to do|"
    r"what are your (?:abilities|skills|tools)|(?:你|您)?(?:都|还)?(?:会|能|可以)?(?:帮我)?(?:做|干)(?:些)?(?:什么|啥)"
)
NO_IMPERATIVE = re.compile(r"(?i:this|these|the|an?|it|function|tool|used)\b|\w*[a-z]s\b")
CLAUSE = re.compile(r"[.;:,(。；：，（]")


def cannot(tools: Sequence[ToolSpec], language: str) -> str:
    """That a request cannot be granted, and what can: a clause of each of the first tools."""
    abilities = _listed(tools, language)
    return CANNOT_BUT(language, abilities=abilities) if abilities else CANNOT(language)


def asks_abilities(request: str) -> bool:
    """Whether it is asked what the agent can do."""
    return ASKS.fullmatch(plain(request)) is not None


def can(tools: Sequence[ToolSpec], language: str) -> str:
    """What the agent can do."""
    return CAN(language, abilities=_listed(tools, language))


def _listed(tools: Sequence[ToolSpec], language: str) -> str:
    *most, last = [said for tool in tools[:MOST_NAMED] if (said := _ability(tool, language))] or [""]
    return LIST_COMMA(language).join(most) + LIST_AND(language) + last if most else last


def _ability(tool: ToolSpec, language: str) -> str:
    """The first clause of a description, of its line in this language where it has one; else the words of the name."""
    lines = [line.strip() for line in tool.description.strip().splitlines() if line.strip()]
    own = next((line for line in lines if bool(IS_CJK.search(line)) == (language == "zh")), None)
    clause = CLAUSE.split(own or (lines[0] if lines else ""), maxsplit=1)[0].strip()
    if not clause or len(clause) > CHARS or NO_IMPERATIVE.match(clause):
        return neutralise(" ".join(words_of_name(tool.name)), CHARS)
    verb, *rest = neutralise(clause, CHARS).replace("the user's", "your").split(" ")
    return " ".join([verb if verb[1:2].isupper() else verb.lower(), *rest])
