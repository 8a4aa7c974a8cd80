"""A request cut where it may ask for several things: at the ends of sentences, at "and", "then", commas, 然后, 顺便."""

import re

from vivavoce.core.language.words import HAN, is_in_pairs
from vivavoce.model.embedded.wording.plain import plain

BORDER = re.compile(
    r"(?P<end>(?<=[.?!])\s+|(?<=[。？！；;])\s*)|,?\s+(?:and|but)\s+(?:then\s+|also\s+)?|[,.]?\s+then\s+|,\s+also\s+|"
    rf"(?<=[{HAN}])[，,]?(?:然后|顺便|另外|并且|接着|还有)|(?<=[{HAN}])[，,](?:再|也)?",
    re.IGNORECASE,
)
ASKS = re.compile(
    r"(?:and |then |now |also |but )*(?:what|when|where|who|whose|whom|why|which|how|is|are|am|was|were|will|would|does|do|"
    r"did|can|could|should|shall|may|has|have|had|isn't|aren't|don't|doesn't|"
    r"tell|show|give|say|search|look|find|google|check|speak|talk|sound|use|switch|change|turn|set|put|play|send|call|phone|"
    r"ring|text|message|email|mail|book|reserve|order|buy|pay|transfer|cancel|remind|wake|read|write|compare|list|make|open|"
    r"close|shut|start|stop|pause|skip|add|remove|delete|move|take|bring|get|go|let's|let|explain|describe|translate|sing|"
    r"count|spell|recite|name|recommend|suggest|calculate|convert|lock|unlock|dim|navigate|drive|print|save|create|schedule|"
    r"note|write|answer|reply|forward|post|share|download|install|restart|ask|help|summarise|summarize|repeat|invent|"
    r"imagine|pretend|choose|pick|take|try|restore|reset|provide|fetch|retrieve|compute|determine|estimate|generate|identify|"
    r"analyse|analyze|track|update|order|prepare|arrange)(?:'s|'re|'ll)?\b"
)
ASKS_IN_CHINESE = re.compile(
    r"什么|怎么|怎样|吗|几|谁|哪|多少|为什么|如何|多久|多远|会不会|是不是|有没有|呢$|"
    r"^(?:再|也|那|就|先)?(?:给|帮|讲|说|告诉|唱|翻译|解释|写|念|读|打开|打电话|关|开|放|播|发|订|预订|买|叫|设|定|提醒|查|搜|看|换|用|"
    r"把|转|取消|加|删|导航|推荐|介绍|比较|列|恢复|变|改|拨|记|报)"
)
Span = tuple[int, int]
LINK = r"(?:for|at|to|in|on|from|with|of|by|called|named)"
ONE = r"(?:a(?:nother| second| third| further)? one|one(?: more)?|another|a (?:second|third)|the other(?: one)?)"
ONE_MORE = re.compile(rf"(?:(?:\s*,)?\s+(?:and|plus|then)\s+(?:then |also )?|\s*,\s*){ONE}(?= {LINK}\b)", re.IGNORECASE)
PHRASE = re.compile(rf"\s+(?={LINK}\b)", re.IGNORECASE)
COUNTED = re.compile(r"\b(?:two|three|four|five|six|\d) (?=[a-z-]+s$)", re.IGNORECASE)


def parts_of(request: str) -> list[Span]:
    """Ranges of characters that may be wants by themselves, in order. A fragment belongs to the part beside it."""
    cuts = list(BORDER.finditer(request))
    starts = [0, *(cut.end() for cut in cuts)]
    ends = [*(cut.start() for cut in cuts), len(request)]
    spans = [span for span in zip(starts, ends, strict=True) if request[slice(*span)].strip()]
    joined: list[Span] = []
    is_whole = False  # whether the last of them asks already
    for start, end in spans:
        asks_too = asks(request[start:end])
        if joined and not (is_whole and asks_too):
            joined[-1] = (joined[-1][0], end)
            is_whole = is_whole or asks_too
        else:
            joined.append((start, end))
            is_whole = asks_too
    return joined


def wishes_of(request: str) -> list[str]:
    """A request once for each thing that it asks for by "one": of "a table for four and one for six" both tables.

    Only itself where it asks for one thing.
    """
    first, *others = (piece.strip(" ,.?!") for piece in ONE_MORE.split(request))
    if not others:
        return [request]
    wishes = [joined for other in others if (joined := _instead(first, other))]
    if len(wishes) < len(others):
        return [request]
    return wishes if COUNTED.search(first) else [first, *wishes]


def _instead(first: str, other: str) -> str:
    """The first wish with the phrases of another one in place of its own; "" where it has none such."""
    head, *phrases = PHRASE.split(COUNTED.sub("", first))
    others = PHRASE.split(other)
    kept = list(phrases)
    for phrase in others:
        link = phrase.split(" ", 1)[0].lower()
        at = next((at for at in reversed(range(len(kept))) if kept[at].split(" ", 1)[0].lower() == link), None)
        kept = kept if at is None else [*kept[:at], *kept[at + 1 :]]
    return " ".join([head, *kept, *others]) if len(kept) < len(phrases) or COUNTED.search(first) else ""


def asks(text: str) -> bool:
    """Whether words are a question or a request by themselves, as far as their form tells."""
    said = plain(text)
    if is_in_pairs(said):
        return len(said) > 2 and ASKS_IN_CHINESE.search(said) is not None
    return len(said.split()) > 1 and ASKS.match(said) is not None
