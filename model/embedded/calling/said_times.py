"""Times of day and numbers as they are said: "half past seven", "two and a half thousand", 晚上七点半."""

import re

from vivavoce.core.language.days import NUMBER_WORDS, WEEKDAY

HOURS = 12
CLOCK = re.compile(r"\b(\d{1,2})[:. ](\d\d)(?::\d\d)?\b")
HOUR = re.compile(r"\b(\d{1,2})(?= ?(?:o'?clock|[ap]\.?m\b)|\b)", re.IGNORECASE)
SURE_HOUR = re.compile(
    r"\b(?:at|by|around|until|till|before|after) (\d{1,2})\b|\b(\d{1,2}) ?(?:o'?clock|[ap]\.?m\b)", re.IGNORECASE
)
SAID_AS_HOUR = re.compile(  # and not as a number of something
    r"\b(?:at|by|until|till|before|after) \d{1,2}\b(?!\.\d| ?%| (?:people|per ?cent|[a-z]+s)\b)"
    r"|\b\d{1,2} ?(?:o'?clock|[ap]\.?m\b)",
    re.IGNORECASE,
)
PAST = re.compile(r"\b(half|(?:a )?quarter|\d{1,2})(?: minutes?)? (past|to|after|before) (\d{1,2})\b", re.IGNORECASE)
CHINESE = re.compile(r"(\d{1,2})[点點时時](?:(半)|(\d{1,2})分?|(一刻)|(三刻))?")
NAMED = {"noon": 0, "midday": 0, "midnight": 0, "中午": 0, "午夜": 0}
MINUTES = {"half": 30, "quarter": 15, "a quarter": 15}
IS_TIME = re.compile(r"T?\d{1,2}(?::\d\d){0,2} ?(?:[ap]\.?m\.?|o'?clock)?", re.IGNORECASE)
SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000, "k": 1_000}
SCALED = re.compile(
    rf"(?<![\d.])(\d+(?:\.\d+)?)( and a half)? ?({'|'.join(SCALES)}|100|1000|1000000|1000000000)\b", re.IGNORECASE
)
HALF = re.compile(r"\b(\d+) and a half\b|\ban? (hour|minute|day|week|year|month) and a half\b", re.IGNORECASE)
HALF_A = re.compile(r"\bhalf an? (hour|minute|day|year)\b", re.IGNORECASE)


DAY_BEHIND = re.compile(
    r"(?<=\S)[\s,]+(?:(?:for|on) )?(?P<day>today|tonight|(?:the )?day after tomorrow|"
    r"tomorrow(?: (?:morning|afternoon|evening|night))?|"
    rf"this (?:morning|afternoon|evening)|(?:(?<=on )|(?:this|next|coming) ){WEEKDAY})$",
    re.IGNORECASE,
)
TIME_BEHIND = re.compile(
    rf"(?<=\S)[\s,]+(?:at|by|from) (?P<time>(?:half past |(?:a )?quarter (?:past|to) )?"
    rf"(?:\d{{1,2}}(?:[:.]\d\d)?|{NUMBER_WORDS})(?:[ -](?:{NUMBER_WORDS}))*"
    r"(?: ?(?:o'?clock|[ap]\.?m\.?))?|noon|midnight|midday)$",
    re.IGNORECASE,
)


def times_in(text: str) -> frozenset[int]:
    """Times of day that a text with digits names, in minutes on a clock of twelve hours."""
    lower = text.lower()
    found = {minute for name, minute in NAMED.items() if name in lower}
    found |= {_on_clock(int(hour), int(minute)) for hour, minute in CLOCK.findall(lower)}
    found |= {_on_clock(int(one or other), 0) for one, other in SURE_HOUR.findall(PAST.sub(" ", CLOCK.sub(" ", lower)))}
    for said, way, hour in PAST.findall(lower):
        minutes = MINUTES.get(said) or int(said)
        found.add(_on_clock(int(hour), minutes if way in ("past", "after") else -minutes))
    for hour, half, minute, quarter, three in CHINESE.findall(lower):
        found.add(_on_clock(int(hour), 30 if half else 15 if quarter else 45 if three else int(minute or 0)))
    return frozenset(found)


def without_times(text: str) -> str:
    """A text with digits without its times of day."""
    for pattern in (CLOCK, PAST, SAID_AS_HOUR):
        text = pattern.sub(" ", text)
    return text


def name_and_time(value: str, *, has_day: bool, has_time: bool, is_words: bool) -> tuple[str, str, str]:
    """A name, and the day and the time of day that were said behind it: "Nando's tomorrow at seven".

    has_day, has_time: whether the call takes them by themselves. is_words: whether the value may be about them.
    """
    day = time = ""
    rest = value
    while True:
        if (found := DAY_BEHIND.search(rest)) and (has_day or not is_words):
            day = found["day"]
        elif (found := TIME_BEHIND.search(rest)) and has_time:
            time = found["time"]
        else:
            return rest, day, time
        rest = rest[: found.start()]


def time_of(value: str) -> int | None:
    """The time of day that a value is, on a clock of twelve hours; None where it is none."""
    if not IS_TIME.fullmatch(value.strip()):
        return None
    clock = CLOCK.search(value) or HOUR.search(value.lower().replace("t", " ", 1) if value[:1] in "Tt" else value)
    if clock is None:
        return None
    return _on_clock(int(clock[1]), int(clock[2]) if clock.re is CLOCK else 0)


def clock(time: int, *, late: bool = False) -> str:
    """A time of day in minutes as it is written: 7:30. late: in the second half of the day, as 19:30."""
    return f"{time // 60 + HOURS * late or HOURS}:{time % 60:02}"


def written_out(text: str) -> str:
    """A text with digits, with what is said around them put in: "1.5 million" is 1500000, "2 and a half" is 2.5."""
    text = SCALED.sub(_scaled, text)
    text = HALF.sub(lambda found: f"{found[1]}.5" if found[1] else f"1.5 {found[2]}s", text)
    return HALF_A.sub(lambda found: f"0.5 {found[1]}s", text)


def _scaled(found: re.Match[str]) -> str:
    scale = SCALES.get(found[3].lower()) or int(found[3])
    value = (float(found[1]) + (0.5 if found[2] else 0)) * scale
    return f"{value:.0f}" if value == int(value) else f"{value}"


def _on_clock(hour: int, minute: int) -> int:
    return (hour * 60 + minute) % (HOURS * 60)
