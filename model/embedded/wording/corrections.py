"""What people take back as they speak: "in Bergen, no, Stavanger" asks about Stavanger."""

import re

from vivavoce.core.language.chinese_numbers import DIGITS
from vivavoce.core.language.days import NUMBER_WORDS
from vivavoce.core.language.words import HAN
from vivavoce.model.embedded.wording.named import PLACES, known_phrases, tokens_of

ENGLISH_MARK = (
    r"(?:oh |ah |uh |um |er )?(?:no,? wait(?:,? no)?|wait,? no|actually,? no|no,? actually|no,? sorry|sorry,? no|"
    r"(?:no,? |sorry,? )?i mea(?:n|nt)|or rather|make that|scratch that|correction|no|sorry)"
)
OH, NOT_SO = "[哦噢啊嗯呃]*", "不对不对|不对|不不不?|不|错了|我?说错了|抱歉|对不起"
CHINESE_MARK = rf"(?:{OH}(?:{NOT_SO})?[，,]?(?:我是说|我的意思是|应该是|不是)|{OH}(?:{NOT_SO}))"
DASH = r"\s*(?:[,;.…\u2014\u2013，。；]+|\s-+\s)\s*"
MARK = re.compile(
    rf"(?P<before>{DASH}|\s+)(?P<mark>\b{ENGLISH_MARK}\b)(?P<behind>{DASH}|\s+)|"
    rf"(?P<cut>[，,。…\s]+)(?P<sign>{CHINESE_MARK})(?P<after>[，,。…\s]*(?:是|要)?)",
    re.IGNORECASE,
)
NUMBER = re.compile(rf"\b(?:\d+(?:[.,:]\d+)*|(?:{NUMBER_WORDS})(?:[ -](?:{NUMBER_WORDS}))*)\b", re.IGNORECASE)
CHINESE_NUMBER = re.compile(rf"\d+|[{''.join(DIGITS)}十百千]+(?=[点个位人张分钟小时块元度份]|$)")
RESTARTS = re.compile(
    r"(?:in|at|for|to|on|from|with|of|a|an|the|my|your|what|what's|when|where|who|which|how|is|are|will|does|do|did|can|set|"
    r"turn|tell|give|send|call|book|play|search|speak)\b",
    re.IGNORECASE,
)
NAME = re.compile(r"\b[A-Z\u00c0-\u00de][\w'\u2019-]*(?: [A-Z\u00c0-\u00de][\w'\u2019-]*)*")
NO_NAMES = re.compile(r"(?:I|I'\w+|That|It|You|We|He|She|They|This)\b")
LED = re.compile(rf"(?:in|at|for|to|on|of|it's|the|在|是|去|[{HAN}]??在)?\s*", re.IGNORECASE)
Span = tuple[int, int]

MOST_CHARS, MOST_MARKS = 400, 4


def corrected(utterance: str) -> str:
    """The utterance without what was taken back in it; where that is not clear, as it is."""
    if len(utterance) > MOST_CHARS or len(MARK.findall(utterance)) > MOST_MARKS:
        return utterance  # whoever goes on like that is not understood by rules
    start = 0
    while mark := MARK.search(utterance, start):
        said, instead = utterance[: mark.start()], utterance[mark.end() :].strip()
        is_set_off = bool(re.search(r"\S", mark["before"] or mark["cut"] or ""))
        better = _put_right(said, instead, is_set_off=is_set_off) if said.strip() and instead else None
        if better is None:
            start = mark.end() - 1
        else:
            utterance, start = better, 0
    return utterance


def _put_right(said: str, instead: str, *, is_set_off: bool) -> str | None:
    """What was meant; None where it cannot be told what is to be replaced."""
    for kind, spans in _named(said).items():
        new = next((span for span in _named(instead).get(kind, []) if LED.fullmatch(instead[: span[0]])), None)
        if new is None or not spans or (not is_set_off and spans[-1][1] != len(said.rstrip())):
            continue
        old = spans[-1]
        rest = said[old[1] :]
        if not said[: old[0]].strip() and not (rest.strip() and instead[new[1] :].strip(" .?!。？！") == ""):
            return instead[new[0] :]  # "Bergen, no, Stavanger tomorrow"
        added = instead[new[0] :].rstrip(".?!。？！") if rest.strip() else instead[new[0] :]
        return f"{said[: old[0]]}{_without_repeated(added, rest)}{rest}{_ending(instead) if rest.strip() else ''}"
    if is_set_off and (restart := _restart(said, instead)) is not None:
        return f"{said[:restart]}{instead}"
    return _other_name(said, instead) if is_set_off else None


def _named(text: str) -> dict[str, list[Span]]:
    """Where places, days and numbers stand."""
    tokens = tokens_of(text)
    found: dict[str, list[Span]] = {"place": [], "day": [], "number": []}
    for (first, after), kind in sorted(known_phrases(text, tokens).items()):
        found["place" if kind in PLACES else "day"].append((tokens[first].start, tokens[after - 1].end))
    taken = [*found["place"], *found["day"]]
    numbers = [match.span() for pattern in (NUMBER, CHINESE_NUMBER) for match in pattern.finditer(text)]
    found["number"] = sorted(n for n in set(numbers) if not any(n[0] < end and start < n[1] for start, end in taken))
    return found


def _restart(said: str, instead: str) -> int | None:
    """Where the words begin that are said anew: "in Oslo, no, in Bergen"."""
    first = RESTARTS.match(instead)
    if first is None:
        return None
    found = list(re.finditer(rf"\b{re.escape(first.group())}(?!\w)", said, re.IGNORECASE))
    return found[-1].start() if found else None


def _other_name(said: str, instead: str) -> str | None:
    """A name in the place of the one just said: "Call Anna, no, Maria"."""
    new = NAME.match(instead)
    old = max(NAME.finditer(said, said.find(" ") + 1), key=re.Match.start, default=None)  # a first word is a capital anyway
    if new is None or NO_NAMES.match(instead) or old is None or old.end() != len(said.rstrip()):
        return None
    return f"{said[: old.start()]}{instead}"


def _without_repeated(new: str, rest: str) -> str:
    """What is said anew, without the words that follow anyway: "five minutes, no, ten minutes"."""
    most = min(len(new), len(rest))
    return next((new[:-n] for n in range(most, 0, -1) if new[-n:].lower() == rest[:n].lower()), new)


def _ending(text: str) -> str:
    return text[-1] if text and text[-1] in ".?!。？！" else ""
