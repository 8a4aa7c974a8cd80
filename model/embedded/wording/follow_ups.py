"""What leans on the call of the turn before: "and tomorrow?", "what time is it there?", "another one"."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vivavoce.core.language.places import place_of
from vivavoce.core.language.words import is_in_pairs
from vivavoce.core.messages import Message, ToolCall, ToolMessage, UserMessage
from vivavoce.model.embedded.wording.named import PLACES, known_phrases, tokens_of
from vivavoce.model.embedded.wording.parts import asks
from vivavoce.model.embedded.wording.plain import plain

LONGEST = 7  # words
REMEMBERED = 3  # turns in which "there" has its place
LEAD = re.compile(r"^(?:and|or|what about|how about|same for|now|那|那么|还有)(?:\b|(?=\W|[^\x00-\x7f]))\s*", re.IGNORECASE)
CHINESE = re.compile(r"^那.{1,8}呢\W*$|^.{1,5}呢\W*$")
# fmt: off
AROUND_VALUES = frozenset((
    "and", "or", "what", "about", "how", "same", "for", "now", "in", "at", "on", "the", "then", "no", "not",
    "sorry", "i", "mean", "meant", "said", "it's", "rather", "instead", "it", "is", "ok", "okay", "but", "那", "么",
    "呢", "在", "是", "不", "对", "和", "还", "有", "再", "看", "的", "换", "成", "去", "我", "说", "错", "了",
))
# fmt: on
THERE = re.compile(
    r"(?<!is )(?<!are )(?<!was )(?<!were )(?<!will )(?<!be )(?<!isn't )(?<!aren't )\b(?:over |up |down |out )?there\b(?!'s)",
    re.IGNORECASE,
)
CHINESE_THERE = re.compile(r"那里|那边|那儿|当地")
VOICE_IS = (
    "deep|high|low|loud|soft|quiet|young|old|warm|dark|bright|slow|fast|quick|rough|calm|clear|light|thick|thin|sweet|strong|"
    "weak|gentl|nic|husk|rasp|friendl|happ|cheek"
)
BEFORE_OTHER = (
    r"(?:(?:no|not|now|and|then|just|maybe|try|use|take|give me|let me hear|i'd like|i want|make it|go|be|sound) )*"
)
OTHER = (
    r"another(?: one)?|(?:(?:the|a) )?(?:first|second|third|fourth|last|next|previous|other|different) one|"
    r"(?:the )?(?:next|previous)"
)
MORE = (
    r"(?:someone|somebody) else|(?:(?:a (?:little |tiny )?bit|a little|slightly|somewhat|much|even|far|way|still|rather) )*"
    rf"(?:(?:more|less) \w+|(?:{VOICE_IS})i?e?r)"
)
BEHIND_OTHER = r"(?: than (?:that|this))?(?: again| now| then| instead)*"
CHINESE_BEFORE = "(?:那|就|还是|我要|我想要|给我|用|来|试试|不)*"
CHINESE_OTHER = "再?换(?:另|下|别的)?一?个(?:别的)?|再来一?个|另一?个|别的|下一?个|上一?个|第[一二两三四五六1-9]个"
CHINESE_MORE = (
    "(?:再|更|稍微?|还要)*(?:高|低|粗|细|尖|老|年轻|成熟|温柔|低沉|沉|甜|软|亮|深|慢|快|活泼|可爱|沙哑|清脆|柔|轻|响|大声|小声)"
    "(?:一?点儿?|一?些|的)?"
)
CHINESE_BEHIND = "(?:吧|试试|看看|的)*"
Patterns = tuple[re.Pattern[str], re.Pattern[str]]
WANTS_OTHER: Patterns = (
    re.compile(f"{BEFORE_OTHER}(?:{OTHER}){BEHIND_OTHER}"),
    re.compile(f"{CHINESE_BEFORE}(?:{CHINESE_OTHER}){CHINESE_BEHIND}"),
)
WANTS_MORE: Patterns = (
    re.compile(f"{BEFORE_OTHER}(?:{MORE}){BEHIND_OTHER}"),
    re.compile(f"{CHINESE_BEFORE}(?:{CHINESE_MORE}){CHINESE_BEHIND}"),
)
Values = Mapping[str, Any]


def previous_calls(messages: Sequence[Message], turns: int = 1) -> Iterator[ToolCall]:
    """Calls of so many turns before this one, the latest first, whatever became of them."""
    seen_user = 0
    for message in reversed(messages):
        if isinstance(message, UserMessage):
            seen_user += 1
            if seen_user > turns:
                return
        elif isinstance(message, ToolMessage) and seen_user:
            yield message.result.call


def values_of(call: ToolCall | None) -> Values:
    """A call's arguments; none where they cannot be read."""
    try:
        values = json.loads(call.arguments or "{}") if call else {}
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def place_in(values: Values) -> str:
    """The first value that is a place, "" for none."""
    return next((value for value in values.values() if isinstance(value, str) and place_of(value) is not None), "")


def is_led(request: str) -> bool:
    """Whether a short request begins as one that leans on what was before: "and ...", "what about ...", 那……呢."""
    return bool(LEAD.match(request) or CHINESE.match(request)) and len(request.split()) <= LONGEST


def leaves_out(request: str) -> bool:
    """Whether it is led so, and is no question by itself: "and the weather tomorrow?", not "and what day is it?"."""
    return is_led(request) and not asks(LEAD.sub("", LEAD.sub("", request)))


def is_value(request: str) -> bool:
    """Whether nothing is said but a place or a day: "What about Osaka?", "and tomorrow?", "Sorry, Stavanger", 那上海呢."""
    said = LEAD.sub("", LEAD.sub("", plain(request)))
    tokens = tokens_of(said)
    phrases = known_phrases(said, tokens)
    sure = ("written", "sound", "day", "weekday", "length") if is_led(request) else ("written", "day")
    named = {at for span, kind in phrases.items() if kind in sure for at in range(*span)}
    return bool(named) and all(at in named or token.text in AROUND_VALUES for at, token in enumerate(tokens))


def wants_other(request: str) -> bool:
    """Whether it asks for another of what was before, and says nothing else: "another one", "the second one", 换一个."""
    return _is_all_of(WANTS_OTHER, request)


def wants_more(request: str) -> bool:
    """Whether it only says how it should be instead: "a bit deeper, please", 再低一点."""
    return _is_all_of(WANTS_MORE, request)


def _is_all_of(patterns: Patterns, request: str) -> bool:
    said = plain(request)
    return patterns[is_in_pairs(said)].fullmatch(said) is not None


def with_place(request: str, place: str) -> str:
    """The request with "there" as the place; as it is where it names one itself or does not say so."""
    chinese = is_in_pairs(request)
    pattern = CHINESE_THERE if chinese else THERE
    if not place or not pattern.search(request) or any(kind in PLACES for kind in _kinds(request)):
        return request
    return pattern.sub(lambda _: place if chinese else f"in {place}", request, count=1)


def _kinds(text: str) -> set[str]:
    return set(known_phrases(text, tokens_of(text)).values())
