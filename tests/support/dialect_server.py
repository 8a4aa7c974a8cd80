"""A server process that speaks the HTTP dialects of Step-Audio 2, and fails in every way a real one does.

The address chooses the dialect (``/fork/v1``, ``/omni/v1``), the model's name chooses the scenario. Each request is checked
against the dialect and refused where it breaks it. ``/last`` returns the last request, ``/closed/{model}`` whether the
client has gone away from an endless answer.
"""

import asyncio
import base64
import io
import json
import re
import socket
import sys
import wave
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

KEY = "sk-loopback-1234567890"
ROLES = {"fork": {"system", "human", "assistant", "input"}, "omni": {"system", "user", "assistant", "tool"}}
CONTROL = re.compile(r"<\|\w+\|>|</?tool_call>|<(?:tts|audio)_\w+>")
SLOW = {"drip": 0.002}
app = FastAPI()
seen: dict[str, Any] = {}
tries: Counter[str] = Counter()
closed: set[str] = set()


@app.get("/last")
async def last() -> dict[str, Any]:
    return seen


@app.get("/closed/{model}")
async def is_closed(model: str) -> bool:
    return model in closed


@app.get("/tries/{model}")
async def tried(model: str) -> int:
    return tries[model]


@app.get("/{dialect}/v1/models")
async def models(dialect: str) -> dict[str, Any]:
    return {"object": "list", "data": [{"id": "plain", "object": "model"}, {"id": "speech", "object": "model"}]}


@app.post("/{dialect}/v1/chat/completions")
async def chat(dialect: str, request: Request) -> Response:
    body = await request.json()
    model = body["model"]
    seen.clear()
    seen.update(body)
    tries[model] += 1
    if dialect not in ROLES or model.startswith("no-such"):
        message = f"The model `{model}` does not exist."
        return JSONResponse({"object": "error", "message": message, "code": 404}, 404)
    if wrong := _wrong(dialect, body):
        return JSONResponse({"error": {"message": wrong, "type": "BadRequestError", "code": 400}}, 400)
    if refusal := _refusal(model, request):
        return refusal
    return StreamingResponse(_paced(model, dialect, body), media_type="text/event-stream")


def _wrong(dialect: str, body: dict[str, Any]) -> str | None:
    """What breaks the dialect."""
    try:
        _check(dialect, body)
    except (AssertionError, KeyError, TypeError, ValueError, wave.Error) as error:
        return f"{type(error).__name__}: {error}"
    return None


def _check(dialect: str, body: dict[str, Any]) -> None:
    messages = body["messages"]
    adds, goes_on = body.get("add_generation_prompt", False), body.get("continue_final_message", False)
    assert adds != goes_on, "either add_generation_prompt or continue_final_message"
    assert not goes_on or messages[-1]["role"] == "assistant", "nothing to go on with"
    assert body["stream"] is True
    assert isinstance(body["max_tokens"], int)
    if dialect == "fork":
        assert body.get("skip_special_tokens") is False, "not of this dialect"
        assert messages[0]["role"] == "system", "tools without a system message are rendered wrongly"
    else:
        assert body.get("modalities") == ["text"], "not of this dialect"
    for tool in body.get("tools", []):
        assert tool["type"] == "function"
        assert tool["function"]["name"]
        assert tool["function"]["parameters"]["type"] == "object"
    calls = {call["id"] for message in messages for call in message.get("tool_calls", [])}
    for message in messages[:-1] if goes_on else messages:
        assert message["role"] in ROLES[dialect], f"role {message['role']} is unknown"
        assert message["role"] not in ("input", "tool") or message["tool_call_id"] in calls
        _check_message(message)


def _check_message(message: dict[str, Any]) -> None:
    content = message["content"]
    if content is None:
        assert message["tool_calls"], "neither content nor calls"
        content = []
    for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        if part["type"] == "text":
            assert not CONTROL.search(part["text"]), f"control marker in {message['role']}"
        else:
            assert part["type"] == "input_audio"
            assert part["input_audio"]["format"] == "wav"
            _check_wav(base64.b64decode(part["input_audio"]["data"], validate=True))
    for call in message.get("tool_calls", []):
        assert isinstance(json.loads(call["function"]["arguments"]), dict)
    if spoken := message.get("tts_content"):
        assert content == ""
        assert spoken["tts_text"]
        assert re.fullmatch(r"(<audio_\d+>)+", spoken["tts_audio"])


def _check_wav(data: bytes) -> None:
    with wave.open(io.BytesIO(data)) as file:
        form = (file.getframerate(), file.getnchannels(), file.getsampwidth())
        assert form == (16_000, 1, 2), f"not 16 kHz, mono, 16 bit: {form}"
        assert 320 < file.getnframes() <= 25 * 16_000, f"{file.getnframes()} samples"


def _refusal(model: str, request: Request) -> Response | None:
    name, count = model.partition(":")[0], tries[model]
    if name == "guarded" and request.headers.get("Authorization") != f"Bearer {KEY}":
        return JSONResponse({"error": f"key {request.headers.get('Authorization')} is wrong"}, 401)
    if name == "busy" and count <= 2:
        return JSONResponse({"error": {"message": "queue is full"}}, 429, {"Retry-After": "0"})
    if name == "html":
        return HTMLResponse("<html><body>Welcome to the router</body></html>")
    if name == "not-streamed":
        return JSONResponse({"error": {"message": "no stream\nhere"}})
    if name == "echoes-key":
        raise HTTPException(400, "sent " + request.headers["Authorization"] + "x" * 1000)
    if name == "failing":
        return JSONResponse({"error": {"message": "CUDA out of memory"}}, 500)
    return None


async def _paced(model: str, dialect: str, body: dict[str, Any]) -> AsyncIterator[bytes]:
    name = model.partition(":")[0]
    async for event in _events(name, model, dialect, body):
        if name in SLOW:
            for at in range(0, len(event), 7):
                yield event[at : at + 7]
                await asyncio.sleep(SLOW[name])
        else:
            yield event


async def _events(name: str, model: str, dialect: str, body: dict[str, Any]) -> AsyncIterator[bytes]:
    yield _event({"role": "assistant", "content": ""})
    if name == "cut-before" and tries[model] == 1:
        raise ConnectionAbortedError
    if name in ANSWERS:
        for delta in ANSWERS[name]:
            yield _event(delta) if isinstance(delta, dict) else delta
            await asyncio.sleep(0)
    elif name == "echo":
        for delta in _echoed(body):
            yield _event(delta)
    if name in ("cut", "stall", "endless"):
        async for event in _broken(name, model):
            yield event
    if name in ("malformed", "reported", "unfinished"):
        return
    yield _event({}, "stop")
    yield b'data: {"object": "chat.completion.chunk", "choices": [], "usage": {"total_tokens": 7}}\n\n'
    yield b"data: [DONE]\n\n"


async def _broken(name: str, model: str) -> AsyncIterator[bytes]:
    if name == "cut":
        raise ConnectionAbortedError
    try:
        while True:
            await asyncio.sleep(30 if name == "stall" else 0.005)
            yield _event({"content": "on and "})
    finally:
        closed.add(model)


def _echoed(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The scripted model's manners: ``tool NAME {json}`` calls a tool, results are read out, the rest is repeated."""
    last = next(message for message in reversed(body["messages"]) if message["role"] != "assistant")
    text = last["content"] if isinstance(last["content"], str) else "something"
    command, _, rest = text.partition(" ")
    name, _, arguments = rest.partition(" ")
    if command == "tool" and last["role"] in ("user", "human"):
        return [_call(0, name), _call(0, None, arguments or "{}")]
    return [{"content": word + " "} for word in f"You said: {text}.".split()]


def _call(index: int, name: str | None, arguments: str | None = None) -> dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    head = {"id": f"chatcmpl-tool-{index}", "type": "function"} if name else {}
    return {"tool_calls": [{"index": index, **head, "function": function}]}


def _event(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice]}
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()


def _spoken(text: str, audio: str) -> dict[str, Any]:
    return {"content": "", "tts_content": {"tts_text": text, "tts_audio": audio}}


PLAIN: list[dict[str, Any] | bytes] = [{"content": "Grüß "}, {"content": "Gott, "}, {"content": "世界.<|EOT|>"}]
WAVE = {"choices": [{"index": 0, "delta": {"content": "UklGRgAAAAA="}, "finish_reason": "stop"}], "modality": "audio"}
ANSWERS: dict[str, list[dict[str, Any] | bytes]] = {
    "plain": PLAIN,
    "drip": PLAIN,
    "busy": PLAIN,
    "guarded": PLAIN,
    "cut-before": PLAIN,
    "speech": [
        _spoken("<tts_start>Good", "<audio_1><audio_2><audio_3><audi"),
        _spoken(" day", "o_4><audio_6561><audio_65"),
        _spoken("", "60>"),
        {"content": "<tts_end>"},
    ],
    "stray-sound": [{"content": "One<audio_5>"}, {"content": "<audio_"}, {"content": "7> two"}],
    "call": [{"content": "Let me look. "}, _call(0, "get_weather", '{"location": "Linz"}')],
    "call-in-pieces": [_call(0, "get_weather"), _call(0, None, '{"loca'), _call(0, None, 'tion": "Linz"}')],
    "calls": [_call(1, "get_date_time", "{}"), _call(0, "get_weather", "{"), _call(0, None, '"location": 1}')],
    "call-broken": [_call(0, "get_weather", '{"location": ')],
    "call-nameless": [_call(0, None, "{}")],
    "call-as-text": [{"content": "Hm. <tool"}, {"content": "_call>function\nf\n"}, {"content": '{"a": 1}</tool_call> so'}],
    "wave": [{"content": "Hello."}, b"data: " + json.dumps(WAVE).encode() + b"\n\n"],
    "thinking": [{"content": "<think>They greet"}, {"content": " me.</th"}, {"content": "ink>Hello."}],
    "odd-events": [
        b": ping\r\n\r\n",
        b"event: x\nid: 1\ndata:" + json.dumps({"choices": [{"delta": {"content": "One "}}]}).encode() + b"\r\n\r\n",
        b'data: {"choices":\ndata: [{"delta": {"content": "two"}}]}\n\n\n\n',
    ],
    "cut": [{"content": "Half of"}],
    "unfinished": [{"content": "Half of"}],
    "stall": [{"content": "Half of"}],
    "malformed": [{"content": "Half of"}, b"data: {not json\n\n"],
    "reported": [b'data: {"error": {"message": "engine\\ndead", "code": 500}}\n\n'],
    "huge": [b"data: " + b"x" * (2 << 20) + b"\n\n"],
}


def main() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(app, log_level="critical")).run([listening])


if __name__ == "__main__":
    main()
