"""A model that judges answers, behind an OpenAI-compatible server; rules judge besides, and the two are compared."""

import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from vivavoce.core.errors import ConfigError, ModelError, reason
from vivavoce.eval.lab.page import table
from vivavoce.eval.lab.statistics import kappa

TIMEOUT_S = 120.0
MAX_BYTES = 1_000_000
MAX_TOKENS = 64


class JudgeSettings(BaseSettings):
    """Which model judges. Each field is the environment variable ``VIVAVOCE_JUDGE_<FIELD>``."""

    model_config = SettingsConfigDict(env_prefix="VIVAVOCE_JUDGE_", env_file=".env", extra="ignore", frozen=True)

    url: str | None = Field(default=None, description="address of a server whose model judges answers, with /v1")
    model: str | None = Field(default=None, description="the name of that model")
    key: SecretStr | None = Field(default=None, description="key of that server")


NO_JUDGE = JudgeSettings.model_construct()


class Judge:
    """Asks for one of a few words.

    id: of the model. prompt_hash: of the template, so that a report says what was asked. max_bytes: of an answer.
    """

    def __init__(
        self, client: httpx.AsyncClient, model: str, template: str, words: Sequence[str], max_bytes: int = MAX_BYTES
    ) -> None:
        self._client = client
        self._max_bytes = max_bytes
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
                    if len(data) > self._max_bytes:
                        raise ModelError(
                            f"the judge {self.id} sent more than {self._max_bytes} bytes; is it the right server?"
                        )
            answer: Any = httpx.Response(200, content=data).json()
            return str(answer["choices"][0]["message"]["content"]).strip().lower()
        except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
            raise ModelError(
                f"the judge {self.id} cannot be asked: {reason(error)}; unset VIVAVOCE_JUDGE_URL to go without"
            ) from error


@asynccontextmanager
async def open_judge(
    settings: JudgeSettings,
    template: str,
    words: Sequence[str],
    transport: httpx.AsyncBaseTransport | None = None,
    max_bytes: int = MAX_BYTES,
) -> AsyncGenerator[Judge | None]:
    """The judge that the settings name, None where they name none. words: a verdict is one of them, in small letters.

    Raises:
        ConfigError: an address without a model.
    """
    if settings.url is None:
        yield None
        return
    if not settings.model:
        raise ConfigError("VIVAVOCE_JUDGE_URL needs VIVAVOCE_JUDGE_MODEL beside it: a report says who judged")
    headers = {"Authorization": f"Bearer {settings.key.get_secret_value()}"} if settings.key else {}
    async with httpx.AsyncClient(base_url=settings.url, headers=headers, timeout=TIMEOUT_S, transport=transport) as client:
        yield Judge(client, settings.model, template, words, max_bytes)


async def second_opinion(judge: Judge, **values: str) -> dict[str, Any]:
    """What the judge says, for the record of a result; that it could not be asked is no fault of the agent."""
    try:
        said = await judge.verdict(**values)
    except ModelError as error:
        return {"judge_error": str(error)}
    return {"judge": said, "judge_id": judge.id, "judge_prompt": judge.prompt_hash}


def agreement(judged: Sequence[tuple[str, Mapping[str, Any]]], words: Sequence[str], what: str) -> str:
    """How far judge and rules agree, as Markdown; "" where no judge was asked.

    judged: the verdict of the rules and the record of each result. words: all verdicts there are. what: "answers", or
    whatever else was judged.
    """
    both = [(rule, record) for rule, record in judged if "judge" in record]
    if not both:
        return ""
    rules, said = [rule for rule, _ in both], [str(record["judge"]) for _, record in both]
    who = sorted({f"{record['judge_id']} (prompt {record['judge_prompt']})" for _, record in both})
    counts = Counter(zip(rules, said, strict=True))
    rows = [(rule, *(counts[rule, word] for word in words)) for rule in words]
    return (
        f"## The judge\n\n{', '.join(who)} judged {len(both)} {what}; "
        f"kappa with the rules is {kappa(rules, said):.3f}.\n\n"
        + table(("rules", *(f"judge: {word}" for word in words)), rows)
    )
