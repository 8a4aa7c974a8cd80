"""One language model for several minds: what it is asked, how slow it may be, and when it stops."""

import asyncio
import json
from contextlib import aclosing

import httpx
import pytest

from vivavoce.core.errors import ModelError
from vivavoce.model.embedded.llama import ANSWER_SLOT, ARGUMENT_SLOT, LlamaServer

pytestmark = pytest.mark.unit


class Served(LlamaServer):
    """A model whose server is a double: it answers each request with lines, each after a pause."""

    def __init__(self, folder):
        weights = folder / "tiny.gguf"
        weights.write_bytes(b"weights")
        super().__init__(weights, 1)
        self.asked, self.starts, self.left = [], 0, asyncio.Event()
        self.status, self.lines, self.pause_s, self.breaks = 200, [], 0.0, False

    async def open(self):
        self.port = await asyncio.start_server(self._answer, "127.0.0.1", 0)

    def _start(self):
        self.starts += 1
        return f"http://127.0.0.1:{self.port.sockets[0].getsockname()[1]}"

    async def _answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length:")[1].split()[0])
        self.asked.append(json.loads(await reader.readexactly(length)))
        more = 9 if self.breaks else 0
        length = sum(len(line.encode()) + 2 for line in self.lines) + more
        writer.write(f"HTTP/1.1 {self.status} X\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n".encode())
        try:
            for line in self.lines:
                await asyncio.sleep(self.pause_s)
                writer.write(f"{line}\n\n".encode())
                await writer.drain()
        except ConnectionError:
            self.left.set()
        writer.close()


def data(*pieces):
    return [f"data: {json.dumps({'content': piece})}" for piece in pieces]


@pytest.fixture
async def llama(tmp_path):
    llama = Served(tmp_path)
    await llama.open()
    yield llama
    await llama.leave(llama)
    llama.port.close()


async def asked(llama):
    return await llama.complete("say", ARGUMENT_SLOT, max_tokens=5, grammar="root ::= x")


async def test_it_says_what_it_is_asked_to(llama):
    llama.lines = data("Good", " morning")
    assert await asked(llama) == "Good morning"
    async with aclosing(llama.stream("say", ANSWER_SLOT, max_tokens=5)) as pieces:
        assert [piece async for piece in pieces] == ["Good", " morning"]
    told, streamed = llama.asked
    assert (told["prompt"], told["id_slot"], told["n_predict"], told["grammar"]) == ("say", 0, 5, "root ::= x")
    assert (streamed["id_slot"], "grammar" in streamed) == (1, False)
    assert llama.starts == 1


async def test_no_request_has_a_deadline(llama):
    """However slow the machine is: nothing depends on its speed."""
    await llama.start()
    assert set(llama._require().timeout.as_dict().values()) == {None}


async def test_what_comes_slowly_is_waited_for(llama, monkeypatch):
    """A server that takes longer for each piece than any deadline: those that there are last a thousandth of their time."""
    client = httpx.AsyncClient

    def quick(timeout, **options):
        deadlines = {kind: s and s / 1000 for kind, s in httpx.Timeout(timeout).as_dict().items()}
        return client(timeout=httpx.Timeout(**deadlines), **options)

    monkeypatch.setattr(httpx, "AsyncClient", quick)
    llama.lines, llama.pause_s = [*data("at"), ": ping", *data(" last")], 0.3
    assert await asked(llama) == "at last"


@pytest.mark.parametrize(
    ("status", "lines", "told"),
    [
        (400, ['{"error": {"message": "request (6001 tokens) exceeds the available context size"}}'], "6001 tokens"),
        (500, ["no JSON"], "the language model failed: "),
        (500, ["[]"], "no event"),
        (200, [*data("begun"), 'error: {"code": 500, "message": "it broke"}'], "refused: it broke"),
        (200, [*data("begun"), 'data: {"error": {"code": 500}}'], "refused: .*500"),
        (200, ["data: {"], "the language model failed: "),
    ],
)
async def test_what_it_refuses_is_one_line(llama, status, lines, told):
    llama.status, llama.lines = status, lines
    with pytest.raises(ModelError, match=told):
        await asked(llama)


async def test_a_failure_without_a_text_names_its_kind(llama, monkeypatch):
    await llama.start()

    def silent(*_, **__):
        raise httpx.ReadError("")

    monkeypatch.setattr(llama._require(), "stream", silent)
    with pytest.raises(ModelError, match=r"the language model failed: ReadError$"):
        await asked(llama)


async def test_a_server_that_ends_is_an_error_and_no_wait(llama):
    llama.lines, llama.breaks = data("begun"), True
    with pytest.raises(ModelError, match=r"the language model failed: \w+"):
        await asked(llama)


async def test_leaving_a_stream_ends_the_request(llama):
    llama.lines, llama.pause_s = data(*"abcdefgh"), 1.5
    async with aclosing(llama.stream("say", ANSWER_SLOT, max_tokens=5)) as pieces:
        assert await anext(pieces) == "a"
    await asyncio.wait_for(llama.left.wait(), 30)


async def test_it_stops_with_the_last_that_uses_it(llama):
    class Mind:
        pass

    one, two = Mind(), Mind()
    llama.lines = data("yes")
    llama.join(one)
    llama.join(two)
    await asked(llama)
    await llama.leave(one)
    await llama.leave(one)
    await asked(llama)
    assert llama.starts == 1, "the other one still uses it"
    await llama.leave(two)
    await asked(llama)
    assert llama.starts == 2
    await llama.leave(two)


async def test_weights_that_are_missing_are_one_line(tmp_path):
    server = LlamaServer(tmp_path / "absent.gguf", 1)
    with pytest.raises(ModelError, match=r"absent.gguf: no such weights; run `vivavoce models pull`"):
        await server.complete("x", ARGUMENT_SLOT, max_tokens=1)
