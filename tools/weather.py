"""Weather now and in the next days, from Open-Meteo (data CC BY 4.0, no key)."""

import json
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, Field

from vivavoce.core.errors import ToolFailed
from vivavoce.core.messages import ToolOutput, ToolSpec
from vivavoce.tools.arguments import parse, schema_of
from vivavoce.tools.examples import WEATHER

GEOCODER = "https://geocoding-api.open-meteo.com/v1/search"
FORECAST = "https://api.open-meteo.com/v1/forecast"
MAX_BYTES = 200_000
UNREACHABLE = "the weather service could not be reached"
DESCRIPTION = "Tell the weather now and the forecast for a place.\n查询某地的当前天气和天气预报。"
SKY = {  # WMO weather interpretation codes
    0: "clear", 1: "mostly clear", 2: "partly cloudy", 3: "overcast", 45: "foggy", 48: "foggy with rime",
    51: "light drizzle", 53: "drizzle", 55: "heavy drizzle", 56: "freezing drizzle", 57: "freezing drizzle",
    61: "light rain", 63: "rain", 65: "heavy rain", 66: "freezing rain", 67: "freezing rain", 71: "light snow",
    73: "snow", 75: "heavy snow", 77: "snow grains", 80: "light showers", 81: "showers", 82: "violent showers",
    85: "snow showers", 86: "heavy snow showers", 95: "thunderstorms", 96: "thunderstorms with hail",
    99: "thunderstorms with heavy hail",
}  # fmt: skip


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
            found = await _get(client, GEOCODER, {"name": location, "count": 1})
            if not found.get("results"):
                raise ToolFailed(f"the weather service knows no place called {location}")
            place = found["results"][0]
            query = {
                "latitude": place["latitude"],
                "longitude": place["longitude"],
                "current": "temperature_2m,weather_code,wind_speed_10m",
                "daily": "temperature_2m_max,temperature_2m_min,precipitation_probability_max,weather_code",
                "timezone": "auto",
                "forecast_days": 2,
            }
            return _output(str(place["name"]), await _get(client, FORECAST, query))


async def _get(client: httpx.AsyncClient, url: str, query: dict[str, Any]) -> dict[str, Any]:
    try:
        async with client.stream("GET", url, params=query) as response:
            response.raise_for_status()
            body = b""
            async for block in response.aiter_bytes():
                body += block
                if len(body) > MAX_BYTES:
                    raise ToolFailed("the weather service sent too much data")
        return dict(json.loads(body))
    except httpx.HTTPStatusError as error:
        retryable = error.response.status_code >= 500
        raise ToolFailed(f"the weather service answered {error.response.status_code}", retryable=retryable) from error
    except httpx.HTTPError as error:
        raise ToolFailed(UNREACHABLE) from error
    except ValueError as error:
        raise ToolFailed("the weather service sent no valid data") from error


def _output(place: str, data: dict[str, Any]) -> ToolOutput:
    try:
        now, days = data["current"], data["daily"]
        sky, degrees = SKY.get(int(now["weather_code"]), "unclear"), round(float(now["temperature_2m"]))
        wind = round(float(now["wind_speed_10m"]))
        tomorrow = SKY.get(int(days["weather_code"][1]), "unclear")
        low, high = (round(float(days[key][1])) for key in ("temperature_2m_min", "temperature_2m_max"))
        rain = round(float(days["precipitation_probability_max"][1] or 0))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ToolFailed("the weather service sent data I cannot read") from error
    spoken = (
        f"In {place} it is {sky} at {degrees} degrees Celsius, with wind of {wind} kilometres an hour. "
        f"Tomorrow: {tomorrow}, {low} to {high} degrees, chance of rain {rain} percent."
    )
    return ToolOutput(f"{spoken}\nSource: Open-Meteo (CC BY 4.0)", spoken=spoken)
