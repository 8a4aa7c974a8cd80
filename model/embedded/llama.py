"""A small instruction model under llama.cpp, served on a loopback port of this process.

Two slots keep what was read last: 0 for arguments, 1 for answers. No request has a deadline, since a slow machine is no
failure: the server lives in this process, and where it ends, its connections end with it.
"""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any
from weakref import WeakSet

import httpx

from vivavoce.core.errors import ModelError, reason

ARGUMENT_SLOT, ANSWER_SLOT = 0, 1
CONTEXT_TOKENS = 8192  # shared by the two slots
BATCH_TOKENS = 128  # read at once; between two batches the other slot has its turn, and a request that was left ends
START_ATTEMPTS = 3
EVENTS = ("data", "error")  # lines that hold something; others are pings
logger = logging.getLogger(__name__)


class LlamaServer:
    """One model, loaded by `start` or the first question, asked by `complete` and `stream`.

    Several minds of one event loop may share it: each joins it and leaves it, and it stops with the last of them.
    """

    def __init__(self, weights: Path, threads: int) -> None:
        self._weights = weights
        self._threads = threads
        self._server: Any = None
        self._client: httpx.AsyncClient | None = None
        self._users: WeakSet[object] = WeakSet()
        self._starting = asyncio.Lock()

    def join(self, user: object) -> None:
        """Count somebody who will ask, until it leaves."""
        self._users.add(user)

    async def start(self) -> None:
        """Load the weights and open the port. Does nothing when already running.

        Raises:
            ModelError: the weights cannot be loaded.
        """
        async with self._starting:
            if self._client is None:
                logger.info("loading the language model")
                address = await asyncio.to_thread(self._start)
                # A connection is not kept, since the server may end it the moment that the next request is sent.
                limits = httpx.Limits(max_keepalive_connections=0)
                self._client = httpx.AsyncClient(base_url=address, timeout=None, limits=limits, trust_env=False)

    def _start(self) -> str:
        import xllamacpp

        if not self._weights.is_file():
            raise ModelError(f"{self._weights}: no such weights; run `vivavoce models pull`")
        failure = ""
        for _ in range(START_ATTEMPTS):  # another process may take the free port between looking and opening
            params = xllamacpp.CommonParams()  # pyright: ignore[reportAttributeAccessIssue]
            params.model.path = str(self._weights)
            params.n_ctx = CONTEXT_TOKENS
            params.n_parallel = 2
            params.n_batch = params.n_ubatch = BATCH_TOKENS
            params.port = _free_port()
            params.verbosity = 0
            params.cache_ram_mib = 0
            params.warmup = False
            params.cpuparams.n_threads = params.cpuparams_batch.n_threads = self._threads
            try:
                self._server = xllamacpp.Server(params)  # pyright: ignore[reportAttributeAccessIssue]
                return str(self._server.listening_address)
            except (RuntimeError, ValueError) as error:
                failure = reason(error)
        raise ModelError(f"{self._weights} cannot be loaded: {failure}; run `vivavoce models verify`")

    async def complete(
        self, prompt: str, slot: int, *, max_tokens: int, stop: tuple[str, ...] = (), grammar: str = ""
    ) -> str:
        """The greedy continuation of a prompt.

        Raises:
            ModelError: the server failed.
        """
        pieces = self._pieces(_request(prompt, slot, max_tokens, stop) | ({"grammar": grammar} if grammar else {}))
        return "".join([piece async for piece in pieces])

    async def stream(self, prompt: str, slot: int, *, max_tokens: int, stop: tuple[str, ...] = ()) -> AsyncGenerator[str]:
        """The same, piece by piece; closing the iterator stops the model within one token, or one batch of the prompt.

        Raises:
            ModelError: the server failed.
        """
        # Small models repeat themselves.
        body = _request(prompt, slot, max_tokens, stop) | {"repeat_penalty": 1.1}
        async with aclosing(self._pieces(body)) as pieces:
            async for piece in pieces:
                yield piece

    async def _pieces(self, body: Mapping[str, Any]) -> AsyncGenerator[str]:
        await self.start()
        try:
            async with self._require().stream("POST", "/completion", json={**body, "stream": True}) as response:
                if response.is_error:
                    _check(json.loads(await response.aread()))
                async for line in response.aiter_lines():
                    name, _, value = line.partition(": ")
                    if name in EVENTS and (piece := _check(json.loads(value)).get("content")):
                        yield str(piece)
        except (httpx.HTTPError, ValueError) as error:
            raise ModelError(f"the language model failed: {reason(error)}") from error

    def _require(self) -> httpx.AsyncClient:
        if self._client is None:
            raise ModelError("the language model is closed; open a new agent")
        return self._client

    async def leave(self, user: object) -> None:
        """Stop the server and free the weights, unless others still use them. May be called twice."""
        self._users.discard(user)
        if self._users:
            return
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
        self._server = None


def _request(prompt: str, slot: int, max_tokens: int, stop: tuple[str, ...]) -> dict[str, Any]:
    return {
        "prompt": prompt,
        "id_slot": slot,
        "n_predict": max_tokens,
        "stop": ["<|im_end|>", *stop],
        "temperature": 0,
        "cache_prompt": True,
    }


def _check(event: Any) -> Mapping[str, Any]:  # noqa: ANN401 - any JSON
    """An event of the server.

    Raises:
        ModelError: it tells of an error, such as a prompt that is longer than the context.
    """
    if not isinstance(event, Mapping):
        raise ModelError("the language model sent something that is no event")
    if error := event.get("error", event if "message" in event else None):
        raise ModelError(f"the language model refused: {error.get('message') or error}")
    return event


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
