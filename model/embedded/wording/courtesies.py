"""Thanks and greetings, which ask for nothing: "Thanks for telling me the time.", "Thanks. What about Bergen?"."""

import re

from vivavoce.model.embedded.wording.parts import asks

GREETING = re.compile(r"(?:hello|hi|hey|good (?:morning|afternoon|evening))\b[\s,.!]*", re.IGNORECASE)
ONLY = re.compile(
    r"(?:\w+[,.!] )?(?:thanks|thank you)(?: \w+)* for \w+ing[^,.?!]*[.!]?|"
    r"(?:[^，。？！]{1,4}[，,])?(?:谢谢|多谢|感谢)你[^，。？！吗呢]+[。！]?",
    re.IGNORECASE,
)
FIRST = re.compile(
    r"^(?:\w+[,.!] )?(?:thanks|thank you)(?: (?:so|very) much| a lot)?[,.!] +(?=\w)|"
    r"^(?:好的?[，,])?(?:谢谢|多谢)你?[，。,！]\s*(?=\w)",
    re.IGNORECASE,
)


def only_thanks(said: str) -> bool:
    """Whether words thank for something that was done, and say no more."""
    return ONLY.fullmatch(said) is not None


def without_thanks(said: str) -> str:
    """A request without the thanks before it."""
    return FIRST.sub("", said)


def only_greets(said: str) -> bool:
    """Whether words begin with a greeting, and what follows is no question or request as far as its form tells."""
    greeting = GREETING.match(said)
    return greeting is not None and not asks(said[greeting.end() :])
