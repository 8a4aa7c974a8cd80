"""A server process of OpenAI's chat completions that lets no unknown field pass, and fails in every way a real one does.

The model's name chooses the scenario. ``/last`` returns the last request, ``/tries/{model}`` how often it was asked,
``/closed/{model}`` whether the client has gone away from an endless answer.
"""

import asyncio
import json
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any, Literal

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from pydantic import Field, ValidationError
from support.strict_messages import Strict, Text, faults, wav_of

KEY = "sk-loopback-0987654321"
app = FastAPI()
seen: dict[str, Any] = {}
tries: Counter[str] = Counter()
closed: set[str] = set()


class Parameters(Strict, extra="allow"):
    type: Literal["object"]
    properties: dict[str, Any]


class Described(Strict):
    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    description: Text
    parameters: Parameters


class Bound(Strict):
    type: Literal["function"]
    function: Described


class Body(Strict):
    model: Text
    messages: list[Any]
    stream: Literal[True]
    tools: list[Bound] = Field(default=[], min_length=1)
    temperature: float = 1.0


@app.get("/last")
async def last() -> dict[str, Any]:
    return seen


@app.get("/tries/{model}")
async def tried(model: str) -> int:
    return tries[model]


@app.get("/closed/{model}")
async def is_closed(model: str) -> bool:
    return model in closed


@app.get("/v1/models")
async def models(request: Request) -> Response:
    if request.headers.get("Authorization", "") not in ("", f"Bearer {KEY}"):
        return _error(401, "Incorrect API key provided")
    return JSONResponse({"object": "list", "data": [{"id": "plain"}, {"id": "echo:latest"}]})


@app.get("/{kind}/v1/models")
async def odd_models(kind: str) -> Response:
    """Servers that are up and do not list their models, or not in time."""
    if kind == "failing":
        return _error(503, "starting")
    if kind == "html":
        return HTMLResponse("<html>Welcome to the router</html>")
    if kind == "dripping":
        return StreamingResponse(_drops(), media_type="application/json")
    return JSONResponse({"data": kind})


async def _drops() -> AsyncIterator[bytes]:
    while True:
        yield b" "
        await asyncio.sleep(0.01)


@app.post("/v1/chat/completions")
async def chat(request: Request) -> Response:
    body = await request.json()
    seen.clear()
    seen.update(body)
    model = str(body.get("model"))
    tries[model] += 1
    if wrong := _wrong(body):
        return _error(400, wrong)
    if model == "deaf" and any(isinstance(message["content"], list) for message in body["messages"]):
        return _error(400, "Invalid content type. This model takes no\ninput_audio.")
    if refusal := _refusal(model, request):
        return refusal
    return StreamingResponse(_events(model, body), media_type="text/event-stream")


def _wrong(body: dict[str, Any]) -> str:
    try:
        Body.model_validate(body)
    except ValidationError as error:
        return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
    roles = [message["role"] for message in body["messages"]]
    found = faults(body["messages"])
    if "system" in roles[1:]:
        found.append("a system message stands among the others")
    if any(one == other != "tool" for one, other in pairwise(roles)):
        found.append("one speaks twice in a row")
    if "tools" not in body and {"tool"} & set(roles):
        found.append("results of tools, and no tools")
    return "; ".join(found)


def _error(status: int, message: str, **headers: str) -> Response:
    return JSONResponse({"error": {"message": message, "type": "error", "code": None}}, status, headers)


def _refusal(model: str, request: Request) -> Response | None:
    given = request.headers.get("Authorization", "")
    match model:
        case "guarded" if given != f"Bearer {KEY}":
            return _error(401, f"Incorrect API key provided: {given}")
        case "missing":
            return _error(404, "The model `missing` does not exist")
        case "busy" if tries[model] <= 2:
            return _error(429, "slow down", **{"Retry-After": "0"})
        case "always-busy":
            return _error(429, "You exceeded your quota", **{"Retry-After": "0"})
        case "echoes-key":
            return _error(400, f"sent {given} " + "x" * 1000)
        case "failing":
            return _error(500, "CUDA out of memory", **{"Retry-After": "0"})
        case "html":
            return HTMLResponse("<html>Welcome to the router</html>")
        case _:
            return None


async def _events(model: str, body: dict[str, Any]) -> AsyncIterator[bytes]:
    if model == "nothing":
        yield b"data: [DONE]\n\n"
        return
    yield _event({"role": "assistant", "content": ""})
    for delta in _answer(model, body):
        yield delta if isinstance(delta, bytes) else _event(delta)
        await asyncio.sleep(0)
    if model == "cut":
        raise ConnectionAbortedError
    if model in ("stall", "endless", "endless-later", "endless-arguments"):
        async for event in _unending(model):
            yield event
    yield _event({}, "tool_calls" if "call" in model else "stop")
    yield b"data: [DONE]\n\n"


async def _unending(model: str) -> AsyncIterator[bytes]:
    try:
        while True:
            await asyncio.sleep(30 if model == "stall" else 0.01)
            if model in ("endless", "endless-later"):
                yield _event({"content": "on and on. "})
            else:
                yield _event({"tool_calls": [{"index": 0, "function": {"arguments": "x" * 5_000}}]})
    finally:
        closed.add(model)


def _answer(model: str, body: dict[str, Any]) -> list[dict[str, Any] | bytes]:
    if model == "call-on-sound" and body["messages"][-1]["role"] == "user":
        return [_call(0, "look", '{"at": "a"}')]
    return _echoed(body) if model in ("echo", "deaf", "call-on-sound") else ANSWERS.get(model, ANSWERS["plain"])


def _echoed(body: dict[str, Any]) -> list[dict[str, Any] | bytes]:
    """``tool NAME {json}`` calls a tool, results are read out, the rest is repeated, sound as its length."""
    last = body["messages"][-1]
    said = _said(last["content"])
    command, _, rest = said.partition(" ")
    name, _, arguments = rest.partition(" ")
    if command == "tool" and last["role"] == "user":
        return [{"content": "Let me *see*. "}, _call(0, name), _call(0, None, arguments or "{}")]
    return [{"content": word + " "} for word in f"You said: {said}".split()]


def _said(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part["text"] if part["type"] == "text" else _length(part["input_audio"]["data"]) for part in content)


def _length(data: str) -> str:
    with wav_of(data) as file:
        return f"{file.getnframes() / file.getframerate():.3f} s of sound"


def _call(index: int, name: str | None, arguments: str = "") -> dict[str, Any]:
    head = {"id": f"call_{index}", "type": "function"} if name is not None else {}
    function = ({"name": name} if name is not None else {}) | {"arguments": arguments}
    return {"tool_calls": [{"index": index, **head, "function": function}]}


def _event(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n".encode()


ANSWERS: dict[str, list[dict[str, Any] | bytes]] = {
    "plain": [{"content": "Grüß "}, {"content": "Gott, "}, {"content": "世界."}],
    "markdown": [{"content": "**Sun** in [Os"}, {"content": "lo](https://y"}, {"content": "r.no) 🎉!\n- warm\n- dry"}],
    "calls": [
        {"content": "Let me look. "},
        _call(0, "look", '{"at"'),
        _call(1, "look", '{"at": "b"}'),
        _call(0, None, ': "a"}'),
    ],
    "call-broken": [_call(0, "look", '{"at": ')],
    "call-unknown": [_call(0, "fly to/the moon", "[]")],
    "call-bare": [_call(0, "look")],
    "call-as-text": [{"content": '```json\n{"name": "lo'}, {"content": 'ok", "arguments": {"at": "a"}}\n```'}],
    "calls-1000": [_call(number, "look", '{"at": "a"}') for number in range(1_000)],
    "empty": [{"content": ""}],
    "refuses": [{"content": "I am sorry, "}, {"content": "I cannot help with that."}],
    "refusal": [{"refusal": "No."}],
    "thinking": [
        {"reasoning_content": "They greet me."},
        {"content": "<think>They gre"},
        {"content": "et me.</th"},
        {"content": "ink>\nHello."},
    ],
    "cut": [{"content": "Half of"}],
    "stall": [{"content": "Half of"}],
    "endless": [],
    "endless-later": [],
    "endless-arguments": [_call(0, "look", "")],
    "reported": [{"content": "Half of"}, b'data: {"error": {"message": "engine\\ndead", "code": 500}}\n\n'],
    "malformed": [{"content": "Half of"}, b"data: {not json\n\n"],
}


def main() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(app, log_level="critical")).run([listening])


if __name__ == "__main__":
    main()
