"""Hostile formats are parsed in a process of its own, which may hang, swell or die without harm to this one.

The process is kept for many files and is started anew after one that broke it. What goes between is JSON and bytes over
its pipes: nothing that comes back can run here. It ends by itself when this process does.
"""

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from threading import Lock, Timer
from typing import IO, Any

from vivavoce.core.errors import DocumentError
from vivavoce.retrieval.documents.document import Document, Limits, Section

MEMORY_BYTES = 2_000_000_000
FILES_PER_PROCESS = 1_000  # then a fresh one: parsers keep caches
SIZES = struct.Struct("<IQ")  # bytes of the request's head and of the document; the reply has the second alone
SIZE = struct.Struct("<Q")
JSON_BYTES = 8  # at most, for one character of text

Reader = Callable[[bytes, str, Limits], Document]


class ParserProcess:
    """One process that parses one document after the other. Safe to use from several threads.

    memory_bytes: of address space; it takes about 110 MB with all parsers loaded.
    """

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        self._memory_bytes = memory_bytes
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = self._parsed = 0

    def read(self, kind: str, data: bytes, name: str, limits: Limits) -> Document:
        """What the reader of a format makes of a document.

        Raises:
            DocumentError: the format's own, or it took too long, too much memory, or broke the process.
        """
        head = json.dumps({"kind": kind, "name": name, "limits": asdict(limits)}).encode()
        with self._lock:
            reply = self._exchange(head, data, limits)
        value: dict[str, Any] = json.loads(reply)
        if "refused" in value:
            raise DocumentError(value["refused"])
        sections: list[dict[str, Any]] = value["sections"]
        return Document(value["title"], tuple(map(_section, sections)), value["metadata"])

    def close(self) -> None:
        """End the process; the next document starts another."""
        with self._lock:
            self._end()

    def _exchange(self, head: bytes, data: bytes, limits: Limits) -> bytes:
        process = self._started()
        late: list[bool] = []

        def end_late() -> None:
            late.append(True)
            process.kill()

        timer = Timer(limits.seconds, end_late)
        timer.start()
        reply = b""
        try:
            stdin, stdout = _pipe(process.stdin), _pipe(process.stdout)
            stdin.write(SIZES.pack(len(head), len(data)) + head)
            stdin.write(data)
            stdin.flush()
            reply = _received(stdout, JSON_BYTES * limits.bytes + 1_000_000)
        except OSError:
            reply = b""
        finally:
            timer.cancel()
            if not reply:
                self._end()
        if reply and not late:
            return reply
        self._end()
        if late:
            raise DocumentError(f"took longer than {limits.seconds:g} s to read; it may be damaged, else split it")
        raise DocumentError("broke the program that reads it; it is damaged or needs too much memory")

    def _started(self) -> subprocess.Popen[bytes]:
        """The process at hand, unless it is worn out, dead or a parent's from before a fork."""
        process = self._process
        if process is None or self._owner != os.getpid() or process.poll() is not None or self._parsed >= FILES_PER_PROCESS:
            if self._owner == os.getpid():
                self._end()
            command = [sys.executable, "-P", "-m", "vivavoce.retrieval.documents.parsing", str(self._memory_bytes)]
            pipe, none = subprocess.PIPE, subprocess.DEVNULL
            process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=none)
            self._process, self._owner, self._parsed = process, os.getpid(), 0
        self._parsed += 1
        return process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _section(value: dict[str, Any]) -> Section:
    headings: list[str] = value.pop("headings")
    return Section(headings=tuple(headings), **value)


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise OSError("no pipe")
    return stream


def _received(stream: IO[bytes], most: int) -> bytes:
    """A reply; empty when the process ended or would send more than ``most`` bytes."""
    head = stream.read(SIZE.size)
    size = SIZE.unpack(head)[0] if len(head) == SIZE.size else 0
    reply = stream.read(size) if 0 < size <= most else b""
    return reply if len(reply) == size else b""
