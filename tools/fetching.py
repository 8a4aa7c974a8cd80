"""JSON from a service on the network, within limits of time and size."""

import json
from collections.abc import Mapping
from typing import Any

import httpx

from vivavoce.core.errors import ToolFailed
from vivavoce.core.language import sentences
from vivavoce.core.language.sentences import Sentence
from vivavoce.tools.saying import say


async def get_json(
    client: httpx.AsyncClient, url: str, query: Mapping[str, Any], *, service: Sentence, max_bytes: int
) -> dict[str, Any]:
    """The JSON object that a GET request is answered with. service: its name in sentences.

    Raises:
        ToolFailed: it could not be reached, refused, or sent more than ``max_bytes`` or no object.
    """
    name = say(service)
    try:
        async with client.stream("GET", url, params=query) as response:
            response.raise_for_status()
            body = b""
            async for block in response.aiter_bytes():
                body += block
                if len(body) > max_bytes:
                    raise ToolFailed(say(sentences.SERVICE_SENT_TOO_MUCH, service=name))
        found = json.loads(body)
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        raise ToolFailed(say(sentences.SERVICE_ANSWERED, service=name, status=status), retryable=status >= 500) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ToolFailed(say(sentences.SERVICE_UNREACHABLE, service=name)) from error
    except (ValueError, RecursionError) as error:
        raise ToolFailed(say(sentences.SERVICE_SENT_NO_DATA, service=name)) from error
    if not isinstance(found, dict):
        raise ToolFailed(say(sentences.SERVICE_SENT_NO_DATA, service=name))
    return found
