"""Step-Audio 2 behind a server that speaks chat completions (specification, section 6)."""

import asyncio
import email.utils
import json
import random
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from typing import Any

import httpx

from vivavoce.core.errors import ConfigError, ModelError, reason
from vivavoce.core.messages import LMDelta, Message, SystemMessage, ToolSpec
from vivavoce.model.remote.stream import AnswerReader, reported
from vivavoce.model.remote.wire import Dialect, chat_request
from vivavoce.model.step_audio2.dialect.delta_parser import Delta

QUOTED_CHARS = 200
MAX_REPORT_BYTES = 1 << 18  # of an error page, or of the list of models
MAX_PAUSE_S = 8.0
MAX_RETRY_AFTER_S = 30.0
DRAIN_S = 0.2
MAX_PORT = 65_535
PASSING = {429, 500, 502, 503, 504}
UNSUITABLE = {400, 413, 422}
SUFFIXES = re.compile(r"(/chat/completions|/models)?/*$")


class _Unavailable(ModelError):
    """The server cannot answer now; a moment later it may. retry_after_s: when, as it says itself."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RemoteLM:
    """A `SpeechLM` over ``POST {base_url}/chat/completions``.

    Dialect "step-audio-2" is StepFun's fork of vLLM: text, tool calls and audio tokens. It wants a server started with
    ``--enable-auto-tool-choice``, ``--tool-call-parser step_audio_2`` and ``--audio-parser step_audio_2_tts_ta4``.
    Dialect "vllm-omni" is vLLM-Omni, and any server of standard chat completions that hears: text and tool calls only,
    because such a server decodes audio tokens itself and sends sound in its own voice. Tool calls that a server leaves in
    the text are read in both.

    base_url: with or without ``/v1``. model: its name; None asks the server and takes the first. speak_tokens: let the
    model speak; False for text only. stall_timeout_s: longest silence of the server, which includes the wait for its
    first word. retries: of an attempt that failed before anything of the answer was passed on. retry_pause_s: before the
    first of them; it doubles. transport, sleep: stand in for the network and the clock.

    Raises:
        ConfigError: the address or the key cannot be one.
    """

    def __init__(
        self,
        base_url: str,
        *,
        model: str | None = None,
        api_key: str | None = None,
        dialect: Dialect = "step-audio-2",
        speak_tokens: bool = True,
        temperature: float = 0.7,
        seed: int | None = None,
        top_p: float = 0.9,
        repetition_penalty: float = 1.05,
        max_tokens: int = 2048,
        connect_timeout_s: float = 5.0,
        stall_timeout_s: float = 60.0,
        retries: int = 3,
        retry_pause_s: float = 0.5,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._address = _checked_address(base_url)
        self._key = _checked_key(api_key)
        self._model = model
        self._dialect: Dialect = dialect
        self._speaking = speak_tokens and dialect == "step-audio-2"
        self._options = {
            "temperature": temperature,
            "top_p": top_p,
            "repetition_penalty": repetition_penalty,
            "max_tokens": max_tokens,
            "stream": True,
            **({} if seed is None else {"seed": seed}),
        }
        self._connect_timeout_s, self._stall_timeout_s = connect_timeout_s, stall_timeout_s
        self._retries, self._retry_pause_s, self._sleep = retries, retry_pause_s, sleep
        self._client = httpx.AsyncClient(
            headers={"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {self._key}"} if self._key else {}),
            timeout=httpx.Timeout(stall_timeout_s, connect=connect_timeout_s),
            transport=transport,
        )

    async def warm_up(self, tools: Sequence[ToolSpec], instructions: Sequence[SystemMessage] = ()) -> None:
        """Nothing to do: the weights are the server's."""

    async def stream(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AsyncGenerator[LMDelta]:
        """See `SpeechLM.stream`. Closing the iterator closes the connection, which ends the server's work."""
        # Sound is resampled and encoded here, which would hold up the loop.
        request = await asyncio.to_thread(chat_request, messages, tools, self._dialect, speaking=self._speaking)
        begun = False
        for attempt in range(self._retries + 1):
            try:
                async with aclosing(self._answer(request)) as deltas:
                    async for delta in deltas:
                        begun = True
                        yield delta
                return
            except _Unavailable as error:
                if begun:
                    raise ModelError(f"the server at {self._shown} broke off its answer; ask again") from error
                if attempt == self._retries:
                    raise
                await self._sleep(self._pause_s(attempt, error.retry_after_s))

    async def close(self) -> None:
        """Close the connections. May be called twice."""
        await self._client.aclose()

    async def _answer(self, request: dict[str, Any]) -> AsyncGenerator[Delta]:
        """One attempt."""
        if self._client.is_closed:
            raise ModelError("the model has been closed; open the agent again")
        reader = AnswerReader(speaking=self._speaking, quote=self._quoted)
        try:
            model = self._model or await self._first_model()
            body = await asyncio.to_thread(json.dumps, {"model": model, **self._options, **request})
            headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
            url = self._address.copy_with(path=self._address.path + "/chat/completions")
            async with self._client.stream("POST", url, content=body.encode(), headers=headers) as response:
                await self._check(response, "text/event-stream")
                chunks = response.aiter_bytes()
                async for chunk in chunks:
                    for delta in reader.push(chunk):
                        yield delta
                    if reader.done:
                        await _drain(chunks)
                        break
        except httpx.HTTPError as error:
            raise self._explained(error) from error
        rest = reader.finish()
        if rest is None:
            raise _Unavailable(f"the server at {self._shown} broke off its answer; ask again, or look at its log")
        for delta in rest:
            yield delta

    async def models(self) -> list[str]:
        """Names of the models that the server has.

        Raises:
            ModelError: it cannot be asked.
        """
        url = self._address.copy_with(path=self._address.path + "/models")
        try:
            async with self._client.stream("GET", url) as response:
                await self._check(response, "application/json")
                listed = _parsed(await _body(response)).get("data")
        except httpx.HTTPError as error:
            raise self._explained(error) from error
        entries = listed if isinstance(listed, list) else []
        return [str(entry["id"]) for entry in entries if isinstance(entry, dict) and entry.get("id")]

    async def _first_model(self) -> str:
        names = await self.models()
        if not names:
            raise ModelError(f"the server at {self._shown} lists no model; name one, or correct its address")
        self._model = names[0]
        return names[0]

    async def _check(self, response: httpx.Response, wanted: str) -> None:
        """Raise what a response that is not the wanted one means."""
        kind = response.headers.get("Content-Type", wanted).partition(";")[0].strip().lower()
        if response.status_code == 200 and kind == wanted:
            return
        body = await _body(response)
        if response.status_code != 200:
            said = f": {self._quoted(reported(_parsed(body)))}" if "json" in kind else ""
            raise self._refused(response, said)
        if (answer := _parsed(body)).get("error"):
            raise ModelError(
                f"the server at {self._shown} reports an error: {self._quoted(reported(answer))}; look at its log"
            )
        raise ModelError(
            f"the server at {self._shown} sent {self._quoted(kind)} instead of {wanted}; "
            "correct its address, it does not speak chat completions"
        )

    def _refused(self, response: httpx.Response, said: str) -> ModelError:
        """The error of a status that is not 200. said: the server's own message, after a colon, or nothing."""
        status, server = response.status_code, f"the server at {self._shown}"
        if status in PASSING:
            wait_s = _retry_after_s(response.headers.get("Retry-After"))
            advice = "try again later" if status in (429, 503) else "try again, or look at its log"
            return _Unavailable(f"{server} could not answer ({status}{said}); {advice}", wait_s)
        if status in (401, 403):
            refuses = "refuses the API key" if self._key else "asks for an API key"
            return ModelError(f"{server} {refuses} ({status}); set the right one")
        if status == 404:
            name = f"no model {self._quoted(self._model)} or " if self._model else ""
            return ModelError(f"{server} has {name}no chat completions there (404{said}); correct address or model")
        hint = "ask something shorter, or choose the dialect that it speaks"
        advice = hint if status in UNSUITABLE else "correct its address"
        return ModelError(f"{server} refused the request ({status}{said}); {advice}")

    def _explained(self, error: httpx.HTTPError) -> ModelError:
        """An error of the connection in our own terms."""
        server, why = f"the server at {self._shown}", self._quoted(reason(error))
        match error:
            case httpx.ConnectTimeout():
                return ModelError(
                    f"{server} could not be reached in {self._connect_timeout_s:g} s; is it up, is the address right?"
                )
            case httpx.TimeoutException():
                return ModelError(
                    f"{server} was silent for {self._stall_timeout_s:g} s; it is stuck or overloaded, try again later"
                )
            case httpx.ConnectError():
                return _Unavailable(f"no server answers at {self._shown} ({why}); start it, or correct the address")
            case httpx.NetworkError() | httpx.RemoteProtocolError():
                return _Unavailable(f"{server} broke the connection ({why}); ask again, or look at its log")
            case _:
                return ModelError(f"{server} could not be asked ({why}); correct the address")

    def _pause_s(self, attempt: int, retry_after_s: float | None) -> float:
        if retry_after_s is not None:
            return min(retry_after_s, MAX_RETRY_AFTER_S)
        # Half of it is random, so that clients that failed together do not come back together.
        return min(self._retry_pause_s * 2**attempt, MAX_PAUSE_S) * random.uniform(0.5, 1.0)

    def _quoted(self, text: str) -> str:
        """The server's words on one line, cut, and without the key."""
        if self._key:
            text = text.replace(self._key, "***")
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return line if len(line) <= QUOTED_CHARS else line[:QUOTED_CHARS].rstrip() + "..."

    @property
    def _shown(self) -> str:
        """The address without user and password."""
        return str(self._address.copy_with(userinfo=b""))


def _checked_address(base_url: str) -> httpx.URL:
    problem = "the server's address is not usable; give one such as http://localhost:8000/v1"
    try:
        url = httpx.URL(base_url.strip())
    except httpx.InvalidURL as error:
        raise ConfigError(problem) from error
    if url.scheme not in ("http", "https") or not url.host or not 0 < (url.port or 80) <= MAX_PORT:
        raise ConfigError(problem)
    path = SUFFIXES.sub("", url.path)
    return url.copy_with(path=path if path.endswith("/v1") else f"{path}/v1", query=None, fragment=None)


def _checked_key(api_key: str | None) -> str | None:
    key = (api_key or "").strip()
    if not key.isascii() or any(not c.isprintable() or c.isspace() for c in key):
        raise ConfigError("the API key holds blanks or characters that a key cannot have; copy it again")
    return key or None


def _retry_after_s(header: str | None) -> float | None:
    """Seconds to wait, from a number of seconds or a date."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header[:9])
    with suppress(ValueError):
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    return None


async def _body(response: httpx.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_REPORT_BYTES:
            break
    return body


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read the end of a response where it comes at once, so that the connection can be used again."""
    with suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            async for _ in chunks:
                pass


def _parsed(body: bytes) -> dict[str, Any]:
    """A JSON object, empty where it is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
