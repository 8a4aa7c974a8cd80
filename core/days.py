"""Days as people name them: "tomorrow", "in three weeks", "a month ago", "last Friday", 后天, 三天后, 下周五."""

import re
from collections.abc import Mapping
from datetime import date

WEEK = 7
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NEAR: Mapping[str, int] = {  # those that hold another first
    "day after tomorrow": 2,
    "day before yesterday": -2,
    "tomorrow": 1,
    "yesterday": -1,
    **dict.fromkeys(("大后天", "大后儿"), 3),
    **dict.fromkeys(("大前天", "大前儿"), -3),
    **dict.fromkeys(("后天", "后儿"), 2),
    **dict.fromkeys(("前天", "前儿"), -2),
    **dict.fromkeys(("明天", "明日", "明儿"), 1),
    **dict.fromkeys(("昨天", "昨日", "昨儿"), -1),
}

# English
SMALL = (  # what text2num leaves as it is
    (re.compile(r"\b(?:a|one) fortnight\b|\bfortnight\b"), "2 weeks"),
    (re.compile(r"\b(?:a couple|couple)(?: of)?\b|\btwo\b"), "2"),
    (re.compile(r"\b(?:an?|one|next|last)(?= (?:day|week|month|year|fortnight)s?\b)"), "1"),
    (re.compile(r"\b(\d+) fortnights\b"), r"\1 * 2 weeks"),
)
COUNTED = re.compile(r"\b(\d{1,4})( \* 2)? (day|week|month|year)s?\b")
PAST = re.compile(r"\b(?:ago|last|past|before|earlier|back)\b")
NUMBER_WORDS = (
    "a couple of|a couple|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    "|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand"
)
NUMBER = rf"(?:\d{{1,4}}|(?:{NUMBER_WORDS})(?:[ -](?:{NUMBER_WORDS}|and)){{0,4}})"
LENGTH = rf"{NUMBER} (?:day|week|fortnight|month|year)s?"
WEEKDAY = rf"(?:{'|'.join(WEEKDAYS)})"

# Chinese
DIGITS = {digit: n for n, digit in enumerate("零一二三四五六七八九")} | {"两": 2, "日": 7, "天": 7}
COUNT = r"(?:\d{1,4}|[零一二两三四五六七八九十百]{1,6})"
UNITS = {"天": "day", "日": "day", "周": "week", "星期": "week", "礼拜": "week", "月": "month", "年": "year"}
CHINESE_LENGTH = rf"{COUNT}(?:天|周|个?星期|个?礼拜|个月|年)"
CHINESE_COUNTED = re.compile(
    rf"(?P<over>再?过)?(?P<count>{COUNT})个?(?P<unit>天|周|星期|礼拜|月|年)(?:[之以]?(?P<way>[前后]))?"
)
CHINESE_WEEKDAY = re.compile(r"(?P<weeks>[上下]{0,3})个?(?:周|星期|礼拜)(?P<day>[一二三四五六日天])?")

PHRASES = re.compile(
    r"(?P<day>\b(?:the )?day (?:after tomorrow|before yesterday)\b|\b(?:tomorrow|yesterday)\b"
    rf"|\b{LENGTH} (?:ago|from (?:now|today|tomorrow)|before|earlier|later|hence|back)\b|\bin {LENGTH}\b"
    rf"|\b{WEEKDAY} (?:next|last) week\b|\b(?:next|last) (?:{WEEKDAY}|week|month|year)\b"
    rf"|大?[前后][天儿]|[明昨][天日儿]|再?过{CHINESE_LENGTH}(?:[之以]?后)?|{CHINESE_LENGTH}[之以]?[前后]"
    r"|[上下]{1,3}个?(?:周|星期|礼拜)[一二三四五六日天])"
    rf"|(?P<weekday>\b{WEEKDAY}\b|[这本]?个?(?:周|星期|礼拜)[一二三四五六日天])"
    rf"|(?P<length>\b{LENGTH}\b|{CHINESE_LENGTH})",
    re.IGNORECASE,
)


def day_phrases(text: str) -> list[tuple[int, int, str]]:
    """Where days are named: ranges of characters, each a "day", a bare "weekday", or only the "length" of some days."""
    return [(*match.span(), str(match.lastgroup)) for match in PHRASES.finditer(text)]


def day_named(said: str, today: date) -> date | None:
    """The day that is meant; None where none is named or it is outside the calendar.

    A weekday alone is the next one in English, and the one of this week in Chinese, whose weeks begin on Monday.
    """
    text = " ".join(said.lower().replace("-", " ").split())
    if offset := next((offset for name, offset in NEAR.items() if name in text), 0):
        counted_on = re.search(r"\b(?:from|after) tomorrow\b", text.replace("day after tomorrow", ""))
        return _moved(today, offset, "day") if counted_on is None else _english(text, today, offset)
    return _english(text, today) if re.search(r"[a-z]", text) else _chinese(text, today)


def _english(text: str, today: date, on: int = 0) -> date | None:
    """on: days after today from which is counted."""
    from text_to_num import alpha2digit

    past = PAST.search(text) is not None
    weekday = next((number for number, name in enumerate(WEEKDAYS) if name in text), None)
    if weekday is not None:
        if found := re.search(r"\b(next|last) week\b", text):
            return _moved(today, (WEEK if found[1] == "next" else -WEEK) + weekday - today.weekday(), "day")
        ahead = (weekday - today.weekday()) % WEEK
        return _moved(today, (ahead or WEEK) - (WEEK if past and ahead else 2 * WEEK if past else 0), "day")
    text = alpha2digit(text, "en")
    for pattern, digits in SMALL:
        text = pattern.sub(digits, text)
    counted = COUNTED.search(text)
    if counted is None:
        return None
    count, unit = int(counted[1]) * (2 if counted[2] else 1), counted[3]
    moved = _moved(today, -count if past else count, unit)
    return _moved(moved, on, "day") if moved and on else moved


def _chinese(text: str, today: date) -> date | None:
    counted = CHINESE_COUNTED.search(text)
    if counted and (counted["over"] or counted["way"]):
        count = _number(counted["count"])
        return _moved(today, -count if counted["way"] == "前" else count, UNITS[counted["unit"]])
    if weekday := CHINESE_WEEKDAY.search(text):
        weeks = weekday["weeks"].count("下") - weekday["weeks"].count("上")
        within = DIGITS[weekday["day"]] - 1 - today.weekday() if weekday["day"] else 0
        return _moved(today, WEEK * weeks + within, "day") if weeks or weekday["day"] else None
    return None


def _number(said: str) -> int:
    """一 to 九百九十九, or digits."""
    if said.isdecimal():
        return int(said)
    hundreds, hundred, rest = said.rpartition("百")
    tens, ten, ones = rest.rpartition("十")
    return (
        (DIGITS.get(hundreds, 1) * 100 if hundred else 0)
        + (DIGITS.get(tens.strip("零"), 1) * 10 if ten else 0)
        + DIGITS.get(ones.strip("零"), 0)
    )


def _moved(today: date, count: int, unit: str) -> date | None:
    from dateutil.relativedelta import relativedelta

    steps = {"day": 0, "week": 0, "month": 0, "year": 0} | {unit: count}
    try:
        return today + relativedelta(days=steps["day"], weeks=steps["week"], months=steps["month"], years=steps["year"])
    except (ValueError, OverflowError):
        return None
