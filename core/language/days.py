"""Days as people name them: "tomorrow", "in three weeks", "a month ago", "last Friday", 后天, 三天后, 下周五."""

import re
from collections.abc import Mapping
from datetime import date

from vivavoce.core.language.chinese_numbers import DIGITS, number_of

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

# Units of a language by their words, as relativedelta counts them: "two fortnights" are four weeks.
ENGLISH_UNITS = {
    "day": ("days", 1),
    "week": ("weeks", 1),
    "fortnight": ("weeks", 2),
    "month": ("months", 1),
    "year": ("years", 1),
}
CHINESE_UNITS = {"天": "days", "周": "weeks", "星期": "weeks", "礼拜": "weeks", "月": "months", "年": "years"}

# English
UNIT = rf"(?:{'|'.join(ENGLISH_UNITS)})s?"
NUMBER_WORDS = (
    "a couple of|a couple|an?|zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    "|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand"
)
LENGTH = rf"(?:\d{{1,4}}|(?:{NUMBER_WORDS})(?:[ -](?:{NUMBER_WORDS}|and)){{0,4}}) {UNIT}"
WEEKDAY = rf"(?:{'|'.join(WEEKDAYS)})"
SMALL = (  # what text2num leaves as it is
    (re.compile(r"\bzero\b"), "0"),
    (re.compile(r"\b(?:a couple|couple)(?: of)?\b|\btwo\b"), "2"),
    (re.compile(rf"\b(?:an?|one|next|last)(?= {UNIT}\b)|(?<!\d )(?=\bfortnight\b)"), "1 "),
)
COUNTED = re.compile(rf"\b(\d{{1,4}}) +({'|'.join(ENGLISH_UNITS)})s?\b")
PAST = re.compile(r"\b(?:ago|last|past|before|earlier|back)\b")
WEEK_OF_WEEKDAY = re.compile(r"\b(next|last) week\b")
FROM_TOMORROW = re.compile(rf"({LENGTH}) (?:from|after) tomorrow\b")

# Chinese
WEEKDAY_DIGITS = DIGITS | {"日": 7, "天": 7}
COUNT = r"(?:\d{1,4}|[零一二两三四五六七八九十百]{1,6})"
CHINESE_LENGTH = rf"{COUNT}(?:天|周|个?星期|个?礼拜|个月|年)"
CHINESE_COUNTED = re.compile(
    rf"(?P<over>再?过)?(?P<count>{COUNT})个?(?P<unit>{'|'.join(CHINESE_UNITS)})(?:[之以]?(?P<way>[前后]))?"
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


def is_day(text: str) -> bool:
    """Whether a text is the name of a day, and nothing else."""
    return PHRASES.fullmatch(text.strip()) is not None


def day_named(said: str, today: date) -> date | None:
    """The day that is meant; None where none is named or it is outside the calendar.

    A weekday alone is the next one in English, and the one of this week in Chinese, whose weeks begin on Monday.
    """
    text = " ".join(said.lower().replace("-", " ").split())
    tomorrow = _moved(today, 1, "days")
    if (counted := FROM_TOMORROW.search(text)) and tomorrow:
        return _english_count(counted[1], tomorrow)
    if offset := next((offset for name, offset in NEAR.items() if name in text), 0):
        return _moved(today, offset, "days")
    return _english(text, today) if re.search(r"[a-z]", text) else _chinese(text, today)


def _english(text: str, today: date) -> date | None:
    weekday = next((number for number, name in enumerate(WEEKDAYS) if name in text), None)
    if weekday is None:
        return _english_count(text, today)
    if week := WEEK_OF_WEEKDAY.search(text):
        return _moved(today, (WEEK if week[1] == "next" else -WEEK) + weekday - today.weekday(), "days")
    ahead = (weekday - today.weekday()) % WEEK or WEEK
    return _moved(today, (ahead - WEEK or -WEEK) if PAST.search(text) else ahead, "days")


def _english_count(text: str, today: date) -> date | None:
    from text_to_num import alpha2digit

    figures = alpha2digit(text, "en")
    for pattern, digits in SMALL:
        figures = pattern.sub(digits, figures)
    counted = COUNTED.search(figures)
    if counted is None:
        return None
    unit, length = ENGLISH_UNITS[counted[2]]
    count = int(counted[1]) * length
    return _moved(today, -count if PAST.search(text) else count, unit)


def _chinese(text: str, today: date) -> date | None:
    counted = CHINESE_COUNTED.search(text)
    if counted and (counted["over"] or counted["way"]):
        count = number_of(counted["count"])
        return _moved(today, -count if counted["way"] == "前" else count, CHINESE_UNITS[counted["unit"]])
    weekday = CHINESE_WEEKDAY.search(text)
    if weekday is None or not (weekday["weeks"] or weekday["day"]):
        return None
    weeks = weekday["weeks"].count("下") - weekday["weeks"].count("上")
    within = WEEKDAY_DIGITS[weekday["day"]] - 1 - today.weekday() if weekday["day"] else 0
    return _moved(today, WEEK * weeks + within, "days")


def _moved(today: date, count: int, unit: str) -> date | None:
    """unit: an argument of relativedelta."""
    from dateutil.relativedelta import relativedelta

    try:
        return today + relativedelta(**{unit: count})  # pyright: ignore[reportArgumentType]
    except (ValueError, OverflowError):
        return None
