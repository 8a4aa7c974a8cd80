"""Weather now and in the next days, from Open-Meteo (data CC BY 4.0, no key)."""

from functools import partial
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, Field

from vivavoce.core.calls import current_call
from vivavoce.core.errors import ToolFailed
from vivavoce.core.language import sentences
from vivavoce.core.messages import ToolOutput, ToolSpec
from vivavoce.tools.arguments import parse, schema_of
from vivavoce.tools.examples import WEATHER
from vivavoce.tools.fetching import get_json
from vivavoce.tools.saying import say

GEOCODER = "https://geocoding-api.open-meteo.com/v1/search"
FORECAST = "https://api.open-meteo.com/v1/forecast"
MAX_BYTES = 200_000
DESCRIPTION = "Tell the weather now and the forecast for a place.\n查询某地的当前天气和天气预报。"


class WeatherArguments(BaseModel):
    """What the weather is asked for."""

    model_config = ConfigDict(extra="forbid")

    location: str = Field(min_length=1, max_length=100, description="city, as the user said it")


class WeatherTool:
    """``get_weather``. transport: replaces the network."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self.spec = ToolSpec(
            "get_weather", DESCRIPTION, schema_of(WeatherArguments), WEATHER, idempotent=True, timeout_s=8.0
        )

    async def call(self, arguments: str) -> ToolOutput:
        """The weather as data and as a sentence.

        Raises:
            ToolFailed: the place is unknown, or the service cannot be reached.
        """
        location = parse(arguments, WeatherArguments).location
        async with httpx.AsyncClient(transport=self._transport, timeout=3.0) as client:
            get = partial(get_json, client, service=sentences.WEATHER_SERVICE, max_bytes=MAX_BYTES)
            language = current_call().session.language
            found = await get(GEOCODER, {"name": location, "count": 1, "language": language})
            if not found.get("results"):
                raise ToolFailed(say(sentences.WEATHER_NO_PLACE, place=location))
            place = found["results"][0]
            query = {
                "latitude": place["latitude"],
                "longitude": place["longitude"],
                "current": "temperature_2m,weather_code,wind_speed_10m",
                "daily": "temperature_2m_max,temperature_2m_min,precipitation_probability_max,weather_code",
                "timezone": "auto",
                "forecast_days": 2,
            }
            return _output(str(place["name"]), await get(FORECAST, query))


def _output(place: str, data: dict[str, Any]) -> ToolOutput:
    try:
        now, days = data["current"], data["daily"]
        low, high = (round(float(days[key][1])) for key in ("temperature_2m_min", "temperature_2m_max"))
        spoken = say(
            sentences.WEATHER,
            place=place,
            sky=_sky(now["weather_code"]),
            degrees=round(float(now["temperature_2m"])),
            wind=round(float(now["wind_speed_10m"])),
            tomorrow=_sky(days["weather_code"][1]),
            low=low,
            high=high,
            rain=round(float(days["precipitation_probability_max"][1] or 0)),
        )
    except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        raise ToolFailed(say(sentences.WEATHER_UNREADABLE)) from error
    return ToolOutput(f"{spoken}\nSource: Open-Meteo (CC BY 4.0)", spoken=spoken)


def _sky(code: Any) -> str:  # noqa: ANN401 - as it was sent
    return say(sentences.SKY.get(int(code), sentences.SKY_UNCLEAR))
