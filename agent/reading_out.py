"""Long texts are read out in parts that end where a sentence does."""

import re

PART_CHARS = 600
ENDS = (  # the best place to stop first
    re.compile(r"[.!?]+[\"')\]]*(?=\s)|[。！？]+[”」]*"),
    re.compile(r"[,;:](?=\s)|[，；：、]"),
    re.compile(r"\S(?=\s)"),
)
YES = (
    re.compile(
        r"(?:(?:yes|yeah|yep|sure|okay|ok|please|certainly|of course|go on|go ahead|continue|keep going|more|do|carry on|"
        r"read on|the rest|and then)\W*)+",
        re.IGNORECASE,
    ),
    re.compile(r"(?:(?:好的?|是的?|对|嗯|行|可以|要|请|继续|接着|往下|说|讲|读|吧|啊|呀|下去|当然)\W*)+"),
)


def next_part(text: str, limit: int = PART_CHARS) -> tuple[str, str]:
    """(what is said now, what is left). The first has at most ``limit`` characters; neither begins or ends with space."""
    text = text.strip()
    if len(text) <= limit:
        return text, ""
    for end in ENDS:
        stops = [match.end() for match in end.finditer(text, 0, limit + 1) if match.end() <= limit]
        if stops:
            return text[: stops[-1]].strip(), text[stops[-1] :].strip()
    return text[:limit], text[limit:].strip()


def is_yes(reply: str) -> bool:
    """Whether a reply agrees to go on, and says nothing else."""
    return any(pattern.fullmatch(reply.strip()) for pattern in YES)
