"""Date and time, here or anywhere."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field

from vivavoce.core.days import day_named
from vivavoce.core.errors import ToolFailed
from vivavoce.core.messages import ToolOutput, ToolSpec
from vivavoce.core.places import place_of
from vivavoce.tools.arguments import parse, schema_of
from vivavoce.tools.examples import CLOCK

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
        self.spec = ToolSpec("get_date_time", DESCRIPTION, schema_of(ClockArguments), CLOCK, timeout_s=5.0)

    async def call(self, arguments: str) -> ToolOutput:
        """The moment, machine-readable and as a sentence.

        Raises:
            ToolFailed: the place is not known.
        """
        asked = parse(arguments, ClockArguments)
        place = (asked.place or "").strip(" .?!")
        if place.lower() in ("", "here", "local", "local time", "this place", "today", "now"):
            place = ""
        said = (asked.day or "").strip(" .?!")
        if not said and day_named(place, date.min.replace(year=2000)):
            said, place = place, ""  # small models put "tomorrow" into the place
        now = self._now().astimezone(find_zone(place) if place else None)
        day = day_named(said, now.date())
        moment = now if day is None else now.replace(year=day.year, month=day.month, day=day.day)
        full = f"{moment:%A}, {moment:%B} {moment.day}, {moment.year}"
        content = f"{moment.isoformat(timespec='minutes')} ({moment.tzname()}), {full}"
        if day is not None:
            name = f"{said[0].upper()}{said[1:]}" if said.isascii() else "That"  # the decoder speaks English
            return ToolOutput(content, spoken=f"{name} {'was' if day < now.date() else 'is'} {full}.")
        clock = f"{moment.hour % 12 or 12}:{moment.minute:02d} {'AM' if moment.hour < 12 else 'PM'}"
        where = f"In {_spoken_place(place)} it is" if place else "It is"
        return ToolOutput(content, spoken=f"{where} {clock} on {full}.")


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
    raise ToolFailed(f"I do not know the time zone of {place}")


@cache
def _zones() -> dict[str, str]:
    zones = sorted(available_timezones())
    names = {zone.lower().replace("_", " "): zone for zone in zones}
    return {zone.rsplit("/", 1)[-1].lower().replace("_", " "): zone for zone in zones if "/" in zone} | names


def _spoken_place(place: str) -> str:
    city = place.rsplit("/", 1)[-1].replace("_", " ")
    return city.title() if city.islower() else city
