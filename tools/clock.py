"""Date and time, here or anywhere."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from babel.dates import format_date, format_time
from pydantic import BaseModel, ConfigDict, Field

from vivavoce.core.calls import current_call
from vivavoce.core.errors import ToolFailed
from vivavoce.core.language import sentences
from vivavoce.core.language.days import day_named, is_day
from vivavoce.core.language.places import place_of
from vivavoce.core.messages import ToolOutput, ToolSpec
from vivavoce.tools.arguments import parse, schema_of
from vivavoce.tools.examples import CLOCK
from vivavoce.tools.saying import say

ZONES = {  # as people name them
    "utc": "UTC",
    "gmt": "UTC",
    "greenwich": "Europe/London",
    "eastern time": "America/New_York",
    "eastern": "America/New_York",
    "central time": "America/Chicago",
    "mountain time": "America/Denver",
    "pacific time": "America/Los_Angeles",
    "pacific": "America/Los_Angeles",
}
HERE = frozenset(["", "here", "local", "local time", "this place", "today", "now", "这里", "本地", "今天", "现在"])
DESCRIPTION = "Tell the current date, time and weekday, here or in another place.\n查询当前日期、时间和星期，可指定地点。"


class ClockArguments(BaseModel):
    """What the clock is asked."""

    model_config = ConfigDict(extra="forbid")

    place: str | None = Field(None, max_length=100, description="city, country or time zone; none means here")
    day: str | None = Field(None, max_length=60, description="tomorrow, in three weeks, last Friday; none means today")


class DateTimeTool:
    """``get_date_time``. ``now`` gives the present moment with a zone."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self.spec = ToolSpec("get_date_time", DESCRIPTION, schema_of(ClockArguments), CLOCK, idempotent=True, timeout_s=5.0)

    async def call(self, arguments: str) -> ToolOutput:
        """The moment, machine-readable and as a sentence.

        Raises:
            ToolFailed: the place is not known.
        """
        asked = parse(arguments, ClockArguments)
        place, said = ((text or "").strip(" .?!。？！") for text in (asked.place, asked.day))
        if place.lower() in HERE:
            place = ""
        if not said and place_of(place) is None and is_day(place):
            said, place = place, ""  # small models put "tomorrow" into the place
        moment = self._now().astimezone(find_zone(place) if place else None)
        if (day := day_named(said, moment.date())) is not None:
            sentence = sentences.DAY_WAS if day < moment.date() else sentences.DAY_IS
            spoken = say(sentence, day=_spoken_day(said), date=_in_full(day))
            return ToolOutput(f"{day.isoformat()}, {_in_full(day)}", spoken=spoken)
        content = f"{moment.isoformat(timespec='minutes')} ({moment.tzname()}), {_in_full(moment)}"
        sentence = sentences.TIME_THERE if place else sentences.TIME_HERE
        time = format_time(moment, say(sentences.TIME_PATTERN), locale=_locale())
        return ToolOutput(content, spoken=say(sentence, place=_spoken_place(place), time=time, date=_in_full(moment)))


def find_zone(place: str) -> ZoneInfo:
    """The time zone of a city, country, alias or zone name.

    Raises:
        ToolFailed: none is known.
    """
    key = place.lower().replace("_", " ")
    for candidate in (key, key.split(",")[0].strip()):
        if candidate in ZONES:
            return ZoneInfo(ZONES[candidate])
        if known := place_of(candidate):
            return ZoneInfo(known.zone)
        if zone := _zones().get(candidate):
            return ZoneInfo(zone)
    raise ToolFailed(say(sentences.ZONE_UNKNOWN, place=place))


@cache
def _zones() -> dict[str, str]:
    zones = sorted(available_timezones())
    names = {zone.lower().replace("_", " "): zone for zone in zones}
    return {zone.rsplit("/", 1)[-1].lower().replace("_", " "): zone for zone in zones if "/" in zone} | names


def _spoken_place(place: str) -> str:
    city = place.rsplit("/", 1)[-1].replace("_", " ")
    return city.title() if city.islower() else city


def _spoken_day(said: str) -> str:
    """A day as the user called it, where that is the language to speak."""
    if said.isascii() != (_locale() == sentences.ENGLISH):
        return say(sentences.THAT_DAY)
    return f"{said[0].upper()}{said[1:]}"


def _in_full(day: date) -> str:
    return format_date(day, "full", locale=_locale())


def _locale() -> str:
    """Dates are written in the language of the sentence around them."""
    language = current_call().session.language
    return language if language in sentences.TIME_PATTERN.texts else sentences.ENGLISH
