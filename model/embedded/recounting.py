"""Tells what was done, from the dialogue's calls and not from memory: "What did you just do?", "Did you send it?"."""

import re
from collections.abc import Iterator, Sequence

from vivavoce.core.language.sentences import DONE_NOTHING, NOT_DONE
from vivavoce.core.language.stems import are_alike, stem
from vivavoce.core.language.words import words
from vivavoce.core.messages import Message, ToolMessage, ToolResult, UserMessage
from vivavoce.model.embedded.calling.stated import FUNCTION
from vivavoce.model.embedded.results import sentence
from vivavoce.model.embedded.schemas import words_of_name
from vivavoce.model.embedded.wording.deeds import ACTS
from vivavoce.model.embedded.wording.plain import plain

WHAT = re.compile(
    r"(?:(?:so|and|ok|okay) )*what (?:exactly )?(?:did|have) you (?:just |actually |really )?(?:do|done)"
    r"(?: just now| now| for me| so far)?|"
    r"(?:你)?(?:刚才|刚刚)?(?:都)?(?:做|干)了(?:些)?(?:什么|啥)"
)
IT_WENT = re.compile(
    r"(?:(?:so|and|but) )*(?:did (?:it|that) (?:work|go through|go well)|(?:is|was) (?:it|that|everything) (?:all )?"
    r"(?:done|booked|sent|ordered|set|paid|saved|finished)(?: now| already| yet)?|成功了[吗没]?)"
)
WHETHER = re.compile(
    r"(?:(?:so|and|but) )*(?:(?:what|which \w+|whom?|how much|how many) )?(?:did|have) you "
    r"(?:really |already |just |actually )?(?P<deed>(?!know|hear|see|like|ever|have|think|feel)\w+.*)"
)


def recounted(request: str, messages: Sequence[Message], language: str) -> str:
    """The answer to a question for what was done; "" where it is none.

    What was done last is told as its tool told it, or that it failed; of something else, that nothing is known of it.
    """
    said = plain(request)
    wants_all = WHAT.fullmatch(said) is not None
    about = None if wants_all else WHETHER.fullmatch(said)
    if not (wants_all or IT_WENT.fullmatch(said) or about):
        return ""
    turns = list(_turns(messages))
    if about:
        deed = about["deed"]
        meant = next((turn for turn in turns if any(_is_meant(result, deed) for result in turn)), None)
        if meant is None and not ACTS.search(deed):
            return ""
        return _told([result for result in meant or [] if _is_meant(result, deed)], language) or NOT_DONE(language)
    if not turns:
        return DONE_NOTHING(language) if wants_all else ""
    return _told(turns[0], language)


def _turns(messages: Sequence[Message]) -> Iterator[list[ToolResult]]:
    """The results of each earlier turn that made calls, the last turn first."""
    found: list[ToolResult] = []
    for message in reversed(messages):
        if isinstance(message, ToolMessage):
            found.insert(0, message.result)
        elif isinstance(message, UserMessage):
            if found:
                yield found
            found = []


def _told(results: Sequence[ToolResult], language: str) -> str:
    return " ".join(
        dict.fromkeys(sentence(result, language, acts=True) for result in results if result.status != "cancelled")
    )


def _is_meant(result: ToolResult, deed: str) -> bool:
    own = {stem(word) for word in words_of_name(result.call.name)}
    said = {stem(word) for word in words(deed) if word not in FUNCTION}
    return any(one == other or are_alike(one, other) for one in own for other in said)
