"""What an agent can do, in a sentence: the answer to a request that none of its tools is for."""

import re
from collections.abc import Sequence

from vivavoce.core.language.sentences import CANNOT, CANNOT_BUT, LIST_AND, LIST_COMMA
from vivavoce.core.language.words import IS_CJK
from vivavoce.core.messages import ToolSpec
from vivavoce.core.untrusted import neutralise
from vivavoce.model.embedded.choosing.schemas import words_of_name

MOST_NAMED = 4
CHARS = 60
LEAST_VERB = 3
NO_VERB = re.compile(r"(?:this|these|the|an?|it|is|function|tool|used)\b", re.IGNORECASE)
CLAUSE = re.compile(r"[.;:,(。；：，（]")


def cannot(tools: Sequence[ToolSpec], language: str) -> str:
    """That a request cannot be granted, and what can: a clause of each of the first tools."""
    *most, last = [_ability(tool, language) for tool in tools[:MOST_NAMED]] or [""]
    if not last:
        return CANNOT(language)
    abilities = LIST_COMMA(language).join(most) + LIST_AND(language) + last if most else last
    return CANNOT_BUT(language, abilities=abilities)


def _ability(tool: ToolSpec, language: str) -> str:
    """The first clause of a description, of its line in this language where it has one; else the words of the name."""
    lines = [line.strip() for line in tool.description.strip().splitlines() if line.strip()]
    own = next((line for line in lines if bool(IS_CJK.search(line)) == (language == "zh")), None)
    clause = CLAUSE.split(own or (lines[0] if lines else ""), maxsplit=1)[0].strip()
    if not clause or len(clause) > CHARS or NO_VERB.match(clause):
        return neutralise(" ".join(words_of_name(tool.name)), CHARS)
    verb, *rest = neutralise(clause, CHARS).replace("the user's", "your").split(" ")
    return " ".join([_infinitive(verb), *rest])


def _infinitive(verb: str) -> str:
    """The verb that a description begins with: "Books a table." is book, as is "Book a table."."""
    word = verb if verb[1:2].isupper() else verb.lower()
    if word.endswith(("ches", "shes", "sses", "xes", "zes")):
        return word.removesuffix("es")
    if word.endswith("ies"):
        return f"{word.removesuffix('ies')}y"
    return word.removesuffix("s") if len(word) > LEAST_VERB and not word.endswith("ss") else word
