"""The process behind `isolation`: takes documents on its standard input and answers with their text."""

import importlib
import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import IO

from vivavoce.core.errors import DocumentError
from vivavoce.retrieval.documents.document import Limits
from vivavoce.retrieval.documents.isolation import SIZE, SIZES, Reader

READERS = {
    "pdf": ("vivavoce.retrieval.documents.formats.pdf", "read_pdf"),
    "docx": ("vivavoce.retrieval.documents.formats.docx", "read_docx"),
    "html": ("vivavoce.retrieval.documents.formats.html", "read_html"),
    "markdown": ("vivavoce.retrieval.documents.formats.markdown", "read_markdown"),
}


def serve(requests: IO[bytes], replies: IO[bytes]) -> None:
    """Answer until the requests end. What a parser throws beyond its own errors ends the process, on purpose."""
    while len(sizes := requests.read(SIZES.size)) == SIZES.size:
        head_size, size = SIZES.unpack(sizes)
        head = json.loads(requests.read(head_size))
        reply = _reply(head["kind"], requests.read(size), head["name"], Limits(**head["limits"]))
        replies.write(SIZE.pack(len(reply)) + reply)
        replies.flush()


def _reply(kind: str, data: bytes, name: str, limits: Limits) -> bytes:
    try:
        document = _reader(kind)(data, name, limits)
        if sum(len(section.text) for section in document.sections) > limits.bytes:
            raise DocumentError(f"holds more than {limits.bytes // 1_000_000} MB of text; split it")
        value = asdict(document)
    except DocumentError as error:
        value = {"refused": str(error)}
    except MemoryError:
        value = {"refused": "needs too much memory to read; it is damaged, else split it"}
    return json.dumps(value).encode()


def _reader(kind: str) -> Reader:
    module, function = READERS[kind]
    return getattr(importlib.import_module(module), function)


def _limit_memory(most: int) -> None:
    """Where the system has such limits."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Serve the parent over pipes that no library can write to by accident."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt ends
    _limit_memory(int(sys.argv[1]))
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(sys.stdin.buffer, replies)


if __name__ == "__main__":
    main()
