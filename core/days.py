"""Days as people name them: "tomorrow", "in three weeks", "a month ago", "last Friday", 后天, 三天后, 下周五."""

import re
from collections.abc import Mapping
from datetime import date

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WEEK = 7
NEAR: Mapping[str, int] = {  # those that hold another first
    "day after tomorrow": 2,
    "day before yesterday": -2,
    "tomorrow": 1,
    "yesterday": -1,
    "大后": 3,
    "大前": -3,
    **dict.fromkeys(("后天", "后儿"), 2),
    **dict.fromkeys(("前天", "前儿"), -2),
    **dict.fromkeys(("明天", "明日", "明儿"), 1),
    **dict.fromkeys(("昨天", "昨日", "昨儿"), -1),
}
SMALL = (  # what text2num leaves as it is
    (re.compile(r"(?:\ba )?\bfortnight\b"), "2 weeks"),
    (re.compile(r"\ba couple(?: of)?\b|\btwo\b"), "2"),
    (re.compile(r"\b(?:an?|one|next|last)(?= (?:day|week|month|year)\b)"), "1"),
)
COUNTED = re.compile(r"\b(\d{1,4}) (day|week|month|year)s?\b")
PAST = re.compile(r"\b(?:ago|last|past|before|earlier|back)\b|前|上")
CHINESE_COUNTED = re.compile(r"(\d{1,4}|[一二两三四五六七八九十百]{1,5})\s*个?(天|日|周|星期|礼拜|月|年)")
CHINESE_WEEKDAY = re.compile(r"([上下]*)个?(?:周|星期|礼拜)([一二三四五六日天])?")
CHINESE_DIGITS: Mapping[str, int] = {
    **{digit: n for n, digit in enumerate("一二三四五六七八九", 1)},
    "两": 2,
    "日": 7,
    "天": 7,
}
UNITS = {"天": "day", "日": "day", "周": "week", "星期": "week", "礼拜": "week", "月": "month", "年": "year"}
NUMBER_WORDS = (
    "a couple of|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    "|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred"
)
NUMBER = rf"(?:\d{{1,4}}|(?:{NUMBER_WORDS})(?:[ -](?:{NUMBER_WORDS}|and)){{0,4}})"
LENGTH = rf"{NUMBER} (?:day|week|fortnight|month|year)s?"
CHINESE_LENGTH = r"(?:\d{1,4}|[一二两三四五六七八九十百]{1,5})(?:天|日|周|个?星期|个?礼拜|个月|年)"
PHRASES = re.compile(
    r"(?P<day>\b(?:the )?day (?:after tomorrow|before yesterday)\b|\b(?:tomorrow|yesterday)\b"
    rf"|\b{LENGTH} (?:ago|from (?:now|today)|before|earlier|later|hence|back)\b|\bin {LENGTH}\b"
    rf"|\b(?:next|last) (?:{'|'.join(WEEKDAYS)}|week|month|year)\b"
    rf"|大?[前后][天儿]|[明昨][天日儿]|再?过{CHINESE_LENGTH}(?:[之以]?后)?|{CHINESE_LENGTH}[之以]?[前后]"
    r"|[上下]+个?(?:周|星期|礼拜)[一二三四五六日天])"
    rf"|(?P<weekday>\b(?:{'|'.join(WEEKDAYS)})\b|[这本]?个?(?:周|星期|礼拜)[一二三四五六日天])"
    rf"|(?P<length>\b{LENGTH}\b|{CHINESE_LENGTH})",
    re.IGNORECASE,
)


def day_phrases(text: str) -> list[tuple[int, int, str]]:
    """Where days are named: ranges of characters, each a "day", a bare "weekday", or only the "length" of some days."""
    return [(*match.span(), str(match.lastgroup)) for match in PHRASES.finditer(text)]


def day_named(said: str, today: date) -> date | None:
    """The day that is meant; None where none is named or it is outside the calendar. English weekdays are the next ones."""
    text = " ".join(said.lower().replace("-", " ").split())
    if offset := next((offset for name, offset in NEAR.items() if name in text), 0):
        return _moved(today, offset, "day")
    return _english(text, today) if text.isascii() else _chinese(text, today)


def _english(text: str, today: date) -> date | None:
    from text_to_num import alpha2digit

    past = PAST.search(text) is not None
    text = alpha2digit(text, "en")
    for pattern, digits in SMALL:
        text = pattern.sub(digits, text)
    if counted := COUNTED.search(text):
        return _moved(today, -int(counted[1]) if past else int(counted[1]), counted[2])
    weekday = next((number for number, name in enumerate(WEEKDAYS) if name in text), None)
    if weekday is None:
        return None
    ahead = (weekday - today.weekday()) % WEEK
    return _moved(today, (ahead or WEEK) - (WEEK if past and ahead else 2 * WEEK if past else 0), "day")


def _chinese(text: str, today: date) -> date | None:
    """Chinese weeks begin on Monday, and 下周 is the one after this."""
    if counted := CHINESE_COUNTED.search(text):
        count = _number(counted[1])
        return _moved(today, -count if PAST.search(text) else count, UNITS[counted[2]])
    if weekday := CHINESE_WEEKDAY.search(text):
        weeks = weekday[1].count("下") - weekday[1].count("上")
        within = CHINESE_DIGITS[weekday[2]] - 1 - today.weekday() if weekday[2] else 0
        return _moved(today, WEEK * weeks + within, "day") if weeks or weekday[2] else None
    return None


def _number(said: str) -> int:
    """一 to 九百九十九, or digits."""
    if said.isdecimal():
        return int(said)
    hundreds, hundred, rest = said.rpartition("百")
    tens, ten, ones = rest.rpartition("十")
    return (
        (CHINESE_DIGITS.get(hundreds, 1) * 100 if hundred else 0)
        + (CHINESE_DIGITS.get(tens, 1) * 10 if ten else 0)
        + CHINESE_DIGITS.get(ones, 0)
    )


def _moved(today: date, count: int, unit: str) -> date | None:
    from dateutil.relativedelta import relativedelta

    steps = {"day": 0, "week": 0, "month": 0, "year": 0} | {unit: count}
    try:
        return today + relativedelta(days=steps["day"], weeks=steps["week"], months=steps["month"], years=steps["year"])
    except (ValueError, OverflowError):
        return None
