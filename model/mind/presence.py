"""Whether the server of a mind is there, asked in a way that costs nothing: for the list of its models."""

import asyncio
import json
from typing import Any

import httpx

from vivavoce.core.untrusted import neutralise
from vivavoce.model.mind.failures import explained

PATIENCE_S = 5.0
MAX_LIST_BYTES = 1 << 20
NAME_CHARS = 80


async def models_at(url: str, key: str | None, mind: str) -> list[str] | None:
    """Names of the models that a server has; None where it answers and lists none. mind: what errors call it.

    Raises:
        ModelError: it cannot be reached, does not answer in time, refuses the key, or is out of order.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        async with (
            asyncio.timeout(PATIENCE_S),
            httpx.AsyncClient(headers=headers, timeout=None) as client,
            client.stream("GET", f"{url.strip().rstrip('/')}/models") as response,
        ):
            if response.status_code in (401, 403) or response.is_server_error:
                raise httpx.HTTPStatusError(response.reason_phrase, request=response.request, response=response)
            return _names(await _body(response)) if response.is_success else None
    except (httpx.HTTPError, TimeoutError, ValueError) as error:  # a key that no header can hold is a ValueError
        raise explained(error, mind, [key] if key else [], has_begun=False) from error


async def _body(response: httpx.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_LIST_BYTES:
            break
    return body


def _names(body: bytes) -> list[str] | None:
    try:
        listed: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    entries = listed.get("data") if isinstance(listed, dict) else None
    if not isinstance(entries, list):
        return None
    return [neutralise(str(entry["id"]), NAME_CHARS) for entry in entries if isinstance(entry, dict) and entry.get("id")]
