"""Long texts are read out in parts that end where a sentence does."""

import re

PART_CHARS = 600
ENDS = (  # the best place to stop first
    re.compile(r"[.!?]+[\"')\]]*(?=\s)|[。！？]+[”」]*"),
    re.compile(r"[,;:](?=\s)|[，；：、]"),
    re.compile(r"\S(?=\s)"),
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
