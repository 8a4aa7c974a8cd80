"""A model that judges answers, behind an OpenAI-compatible server; rules judge besides, and the two are compared."""

import hashlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx

from vivavoce.core.errors import ConfigError, ModelError
from vivavoce.core.settings import Settings

TIMEOUT_S = 120.0
MAX_BYTES = 1_000_000
MAX_TOKENS = 64


class Judge:
    """Asks for one of a few words. id: of the model. prompt_hash: of the template, so that a report says what was asked."""

    def __init__(self, client: httpx.AsyncClient, model: str, template: str, words: Sequence[str]) -> None:
        self._client = client
        self._template = template
        self._words = tuple(words)
        self.id = model
        self.prompt_hash = hashlib.sha256(template.encode()).hexdigest()[:12]

    async def verdict(self, **values: str) -> str:
        """The first of the words that the model writes. values: for the template's places.

        Raises:
            ModelError: the server cannot be reached, or answers nothing of the kind.
        """
        message = {"role": "user", "content": self._template.format(**values)}
        body = {"model": self.id, "messages": [message], "temperature": 0, "max_tokens": MAX_TOKENS}
        said = await self._said(body)
        found = {said.find(word): word for word in self._words if word in said}
        if not found:
            raise ModelError(f"the judge {self.id} said {said[:80]!r} instead of one of {', '.join(self._words)}")
        return found[min(found)]  # "correct" stands in "incorrect" too, but begins later

    async def _said(self, body: dict[str, Any]) -> str:
        try:
            async with self._client.stream("POST", "chat/completions", json=body) as response:
                response.raise_for_status()
                data = b""
                async for block in response.aiter_bytes():
                    data += block
                    if len(data) > MAX_BYTES:
                        raise ModelError(f"the judge {self.id} sent more than {MAX_BYTES} bytes; is it the right server?")
            answer: Any = httpx.Response(200, content=data).json()
            return str(answer["choices"][0]["message"]["content"]).strip().lower()
        except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
            raise ModelError(
                f"the judge {self.id} cannot be asked: {error}; unset VIVAVOCE_JUDGE_URL to go without"
            ) from error


@asynccontextmanager
async def open_judge(
    settings: Settings, template: str, words: Sequence[str], transport: httpx.AsyncBaseTransport | None = None
) -> AsyncGenerator[Judge | None]:
    """The judge that the settings name, None where they name none. words: a verdict is one of them, in small letters.

    Raises:
        ConfigError: an address without a model.
    """
    if settings.judge_url is None:
        yield None
        return
    if not settings.judge_model:
        raise ConfigError("VIVAVOCE_JUDGE_URL needs VIVAVOCE_JUDGE_MODEL beside it: a report says who judged")
    headers = {"Authorization": f"Bearer {settings.judge_key.get_secret_value()}"} if settings.judge_key else {}
    async with httpx.AsyncClient(
        base_url=settings.judge_url, headers=headers, timeout=TIMEOUT_S, transport=transport
    ) as client:
        yield Judge(client, settings.judge_model, template, words)
