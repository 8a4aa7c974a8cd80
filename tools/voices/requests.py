"""What a request about voices wants: a new voice, the old one back, or only to talk about voices."""

import re
from typing import Literal

Action = Literal["switch", "default", "list", "compare", "explain", "who", "manner"]


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


BACK = _any_of(
    r"\b(normal|default|original|usual|regular|standard|first|own|old|previous|your)\s+(original\s+|normal\s+|own\s+)?voice\b",
    r"\bback to (normal|default|yourself|your)\b",
    r"\b(reset|restore|undo)\b.*\bvoice\b",
    r"\b(sound|talk|speak|be) (like|as) (you|yourself)\b",
    r"\bspeak normally\b",
    "默认|原来的声音|恢复|正常的声音|变回",
)
NOT_BACK = _any_of(
    r"\b(like|as) (a|an|the) ",
    r"\bold voice of\b",
    r"\b(change|make|turn) your voice\b",
    r"\byour voice (to|in|into|more|a)\b",
)
WHO = _any_of(
    r"^\W*(and )?(who|whose|which|what)\b.*\b(speaking|talking|am i hearing|is this|is that|do i hear|are you using)\b",
    r"\bwhose voice\b",
    r"\bname of (this|that|your) voice\b",
    "谁在说话|这是谁的声音",
)
WHY = _any_of(r"\bwhy\b.*\b(voice|him|her|one|choose|chose|pick|picked|take|took)\b", "为什么.*(声音|音色)")
COMPARE = _any_of(
    r"\bcompare\b",
    r"\bdifference between\b",
    r"\b(differ|differs|different) from\b",
    r"\bcompared (to|with)\b",
    "比较|有什么(区别|不同)",
)
LIST = _any_of(
    r"\b(what|which|list|name|tell me|show me|do you have|are there|any)\b.*\bvoices\b",
    r"\b(list|name|give me|tell me|any)\b.*\b(alternatives|other options|choices)\b",
    r"\bhow many\b.*\bvoices\b",
    r"\bwho else\b",
    "(有哪些|有什么|列出|其他).*(声音|音色)",
)
MANNER = _any_of(
    r"\b(louder|quieter|slower|faster|slow down|speed up|speak up|volume|turn (it )?(up|down))\b",
    r"\bmore (slowly|quickly|loudly|quietly)\b",
    "大声|小声|说慢|说快|慢一点|快一点|音量",
)
A_VOICE = _any_of(r"\b(man|woman|girl|boy|male|female|guy|lady|robot|child|person|voice)\b", "声音|音色|男|女")
ANOTHER = _any_of(
    r"\b(another|different|some other|someone else|somebody else|(other|next) (one|voice))\b", "换一?个|别的|另一?个|下一?个"
)
NTH = _any_of(r"\b(first|second|third|fourth)(?= (one|voice)\b)", "第[一二三四](?=个)")
COUNTED = {"first": 1, "second": 2, "third": 3, "fourth": 4, "第一": 1, "第二": 2, "第三": 3, "第四": 4}
COMPARED_ALONE = re.compile(
    r"\W*(?:(?:no|now|and|just|please|make it|go|be|sound|speak|a (?:little |tiny )?bit|a little|slightly|"
    r"much|even|far|still|rather)\W+)*(?:(?:more|less) \w+|\w+er)(?: than (?:that|this))?(?:\W+(?:please|again|now))*\W*"
    r"|\W*(?:请|再|更|稍微?|还要|要)*[^请再更]{1,3}(?:一?点儿?|一?些)的?\W*",
    re.IGNORECASE,
)
LOWER = _any_of(r"\b(deeper|lower|darker)\b", "[低沉粗]")
HIGHER = _any_of(r"\b(higher|brighter)\b", "[高尖细]")
FILLERS = frozenset(
    re.split(
        " ",
        "please can could would you i want like to d now then let me hear use try take switch change speak talk in with "
        "into your the my a an another different some other someone else somebody voice voices it one next give no not and",
    )
)
ANY_OTHER_CHINESE = re.compile(r"(请|你|可以|用|再)*(换?(一个)?别的|换?[另下]一?个|换一?个(别的)?)(声音|音色)?(吧|吗)?")
LEAD = re.compile(r"\b(?:compare|between)\b|比较", re.IGNORECASE)
FILLING = _any_of(
    r"\b(compared|different|differs?|how|is|does|do|are|the|voices?|please|what|s)\b", r"\?", "有什么(区别|不同)"
)
PARTS = re.compile(r"\b(?:and|with|to|versus|vs|than|or|from)\b|和|跟|与|,", re.IGNORECASE)
CURRENT = _any_of(r"\b(this|your|current|present)\b", r"\bthe one you\b", "现在|这个")


def action_of(request: str) -> Action:
    """What a request wants, from its words."""
    if wants_default(request):
        return "default"
    for action, pattern in _TALK:
        if pattern.search(request):
            return action
    return "manner" if MANNER.search(request) and not A_VOICE.search(request) else "switch"


def wants_default(request: str) -> bool:
    """Whether the request is to go back rather than to find a voice."""
    talked_about = any(pattern.search(request) for _, pattern in _TALK)
    return bool(BACK.search(request)) and not NOT_BACK.search(request) and not talked_about


def wants_another(request: str) -> bool:
    """Whether the voice that speaks now is not meant."""
    return bool(ANOTHER.search(request))


def wants_any_other(request: str) -> bool:
    """Whether any other voice will do."""
    words = re.findall(r"[^\W_]+", request.lower())
    return wants_another(request) and (FILLERS.issuperset(words) or ANY_OTHER_CHINESE.fullmatch("".join(words)) is not None)


def nth(request: str) -> int:
    """The one of several voices that is meant, from 1; 0 where none is counted."""
    found = NTH.search(request)
    return COUNTED[found.group().lower()] if found else 0


def leans_on(request: str, asked: str) -> str:
    """What to search for: of "another one" what was asked before, of "a bit deeper" both, else the request."""
    if asked and (nth(request) or wants_any_other(request)):
        return asked
    return f"{asked}, {request}" if asked and COMPARED_ALONE.fullmatch(request) else request


def changes_pitch(request: str) -> int:
    """-1 for "deeper", 1 for "higher", where it only says how the voice should be instead; else 0."""
    if not COMPARED_ALONE.fullmatch(request):
        return 0
    return -1 if LOWER.search(request) else int(bool(HIGHER.search(request)))


def compared(request: str) -> tuple[str, str] | None:
    """The two voices of a comparison as they were called; "" for the one that speaks now. None where fewer are named."""
    said = FILLING.sub(" ", LEAD.split(request, maxsplit=1)[-1])
    parts = [" ".join(part.split()).strip(" .'") for part in PARTS.split(said)]
    named = ["" if CURRENT.search(part) else part for part in parts if part]
    if len(named) == 1 and named[0]:
        named.append("")
    return (named[0], named[1]) if len(named) > 1 else None


_TALK: tuple[tuple[Action, re.Pattern[str]], ...] = (("explain", WHY), ("compare", COMPARE), ("who", WHO), ("list", LIST))
