"""A small instruction model under llama.cpp, served on a loopback port of this process.

Two slots keep two prompt prefixes warm: 0 for tool choice and arguments, 1 for answers. The states of slot 0 are saved
to disk, so that neither a new process nor a mind with other tools reads a long example prompt again.
"""

import asyncio
import hashlib
import json
import socket
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from weakref import WeakSet

import httpx

from vivavoce.core.errors import ModelError

TOOL_SLOT, ANSWER_SLOT = 0, 1
CONTEXT_TOKENS = 8192  # shared by the two slots
START_ATTEMPTS = 3
STATE_FILES_KEPT = 4


class LlamaServer:
    """One model, loaded by `start` or the first question, asked by `continued`, `complete` and `stream`.

    Several minds of one event loop may share it: each joins it and leaves it, and it stops with the last of them.
    """

    def __init__(self, weights: Path, threads: int, state_dir: Path) -> None:
        self._weights = weights
        self._threads = threads
        self._state_dir = state_dir
        self._server: Any = None
        self._client: httpx.AsyncClient | None = None
        self._users: WeakSet[object] = WeakSet()
        self._held = ""  # the prefix that the tool slot holds
        self._starting, self._tool_slot = asyncio.Lock(), asyncio.Lock()

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
                address = await asyncio.to_thread(self._start)
                self._client = httpx.AsyncClient(
                    base_url=address, timeout=httpx.Timeout(120.0, connect=5.0), trust_env=False
                )

    def _start(self) -> str:
        import xllamacpp

        if not self._weights.is_file():
            raise ModelError(f"{self._weights}: no such weights; run `vivavoce models pull`")
        self._state_dir.mkdir(parents=True, exist_ok=True)
        failure: Exception | None = None
        for _ in range(START_ATTEMPTS):  # another process may take the free port between looking and opening
            params = xllamacpp.CommonParams()  # pyright: ignore[reportAttributeAccessIssue]
            params.model.path = str(self._weights)
            params.n_ctx = CONTEXT_TOKENS
            params.n_parallel = 2
            params.port = _free_port()
            params.verbosity = 0
            params.cache_ram_mib = 0
            params.warmup = False
            params.slot_save_path = f"{self._state_dir}/"
            params.cpuparams.n_threads = params.cpuparams_batch.n_threads = self._threads
            try:
                self._server = xllamacpp.Server(params)  # pyright: ignore[reportAttributeAccessIssue]
                return str(self._server.listening_address)
            except (RuntimeError, ValueError) as error:
                failure = error
        raise ModelError(f"{self._weights} cannot be loaded: {failure}; run `vivavoce models verify`") from failure

    async def hold(self, prefix: str) -> None:
        """Have the tool slot hold a prompt prefix, until somebody asks with another one.

        Raises:
            ModelError: the server failed.
        """
        async with self._tool_slot:
            await self._hold(prefix)

    async def continued(
        self, prefix: str, suffix: str, *, max_tokens: int, stop: tuple[str, ...] = (), grammar: str = ""
    ) -> str:
        """The greedy continuation of both in the tool slot, which keeps the prefix.

        Raises:
            ModelError: the server failed.
        """
        async with self._tool_slot:
            await self._hold(prefix)
            return await self.complete(prefix + suffix, TOOL_SLOT, max_tokens=max_tokens, stop=stop, grammar=grammar)

    async def _hold(self, prefix: str) -> None:
        """From disk where the prefix was read before, else by reading it now."""
        await self.start()
        if prefix == self._held:
            return
        self._held = ""  # whatever becomes of what follows
        key = hashlib.sha256(f"{self._weights.name}:{self._weights.stat().st_size}:{prefix}".encode()).hexdigest()[:24]
        name = f"prefix-{key}.bin"
        if (self._state_dir / name).exists():
            restored = await self._post(f"/slots/{TOOL_SLOT}?action=restore", {"filename": name}, check=False)
            if restored.is_success:
                self._held = prefix
                return
        await self.complete(prefix, TOOL_SLOT, max_tokens=1)
        self._held = prefix
        await self._post(f"/slots/{TOOL_SLOT}?action=save", {"filename": name}, check=False)
        kept = sorted(self._state_dir.glob("prefix-*.bin"), key=lambda file: file.stat().st_mtime, reverse=True)
        for old in kept[STATE_FILES_KEPT:]:
            old.unlink(missing_ok=True)

    async def complete(
        self, prompt: str, slot: int, *, max_tokens: int, stop: tuple[str, ...] = (), grammar: str = ""
    ) -> str:
        """The greedy continuation of a prompt.

        Raises:
            ModelError: the server failed.
        """
        body = _request(prompt, slot, max_tokens, stop) | ({"grammar": grammar} if grammar else {})
        return str((await self._post("/completion", body)).json()["content"])

    async def stream(self, prompt: str, slot: int, *, max_tokens: int, stop: tuple[str, ...] = ()) -> AsyncGenerator[str]:
        """The same, piece by piece; closing the iterator stops the model within one token.

        Raises:
            ModelError: the server failed.
        """
        await self.start()
        client = self._require()
        body = _request(prompt, slot, max_tokens, stop) | {"stream": True, "repeat_penalty": 1.1}
        try:
            async with client.stream("POST", "/completion", json=body) as response:
                response.raise_for_status()
                async for line in response.aiter_lines():
                    if line.startswith("data: ") and (piece := json.loads(line[6:]).get("content")):
                        yield str(piece)
        except (httpx.HTTPError, ValueError) as error:
            raise ModelError(f"the language model stopped answering: {error or type(error).__name__}") from error

    async def _post(self, path: str, body: dict[str, Any], *, check: bool = True) -> httpx.Response:
        await self.start()
        client = self._require()
        try:
            response = await client.post(path, json=body)
            if check:
                response.raise_for_status()
        except httpx.HTTPError as error:
            raise ModelError(f"the language model failed: {error or type(error).__name__}") from error
        return response

    def _require(self) -> httpx.AsyncClient:
        if self._client is None:
            raise ModelError("the language model is closed; open a new agent")
        return self._client

    async def leave(self, user: object) -> None:
        """Stop the server and free the weights, unless others still use them. May be called twice."""
        self._users.discard(user)
        if self._users:
            return
        self._held = ""
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
