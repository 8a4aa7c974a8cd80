"""A model hub on sockets of this machine: one repository, large files on a second server as the real one has them."""

import hashlib
import json
import socket
import struct
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

LARGE = (".safetensors", ".pt", ".gguf")
BLOCK = 10 << 20  # bytes that the library writes at once, see `huggingface_hub.constants`


@dataclass
class Hub:
    """What it holds, what was asked, and how it misbehaves; ``list`` is the list of files.

    asked: names and ranges. cut: bytes after which the next answer ends. reset: whether it ends by a reset. held: names
    whose next answer waits in the middle until ``go_on``. status: answered instead. lies: sent instead. sent: the headers of
    all requests, by server.
    """

    files: dict[str, bytes]
    commit: str = "a" * 40
    repo: str = "maker/tiny"
    address: str = ""
    storage: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    cut: dict[str, int] = field(default_factory=dict)
    reset: bool = False
    held: dict[str, int] = field(default_factory=dict)
    go_on: threading.Event = field(default_factory=threading.Event)
    status: dict[str, int] = field(default_factory=dict)
    lies: dict[str, bytes] = field(default_factory=dict)
    listed: bytes | None = None
    ignores_ranges: bool = False
    sent: dict[str, list] = field(default_factory=lambda: {"hub": [], "storage": []})

    def asked_for(self, name):
        return [wanted for asked, wanted in self.asked if asked == name]

    def entry(self, name):
        content = self.files[name]
        entry = {"rfilename": name, "size": len(content), "blobId": blob_of(content)}
        if name.endswith(LARGE):
            entry["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
        return entry


def blob_of(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@contextmanager
def running_hub(files, **options):
    hub = Hub(dict(files), **options)
    servers = [Server(hub, kind) for kind in ("hub", "storage")]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    hub.address, hub.storage = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    try:
        yield hub
    finally:
        hub.go_on.set()
        for server in servers:
            server.shutdown()
            server.server_close()


class Server(ThreadingHTTPServer):
    def __init__(self, hub, kind):
        super().__init__(("127.0.0.1", 0), Handler)
        self.hub, self.kind = hub, kind


class Handler(BaseHTTPRequestHandler):
    @property
    def hub(self):
        return self.server.hub

    def do_GET(self):
        self.hub.sent[self.server.kind].append(self.headers)
        url = urlsplit(self.path)
        if url.path == f"/api/models/{self.hub.repo}/revision/main":
            assert parse_qs(url.query)["blobs"] == ["true"]
            self.answer_list()
        elif self.server.kind == "storage":
            self.answer_file(url.path.removeprefix("/"))
        elif url.path.startswith(f"/{self.hub.repo}/resolve/{self.hub.commit}/"):
            self.resolve(url.path.split(f"/resolve/{self.hub.commit}/")[1])
        else:
            self.refuse(404)

    def answer_list(self):
        self.hub.asked.append(("list", None))
        if "list" in self.hub.status:
            self.refuse(self.hub.status["list"])
            return
        siblings = [self.hub.entry(name) for name in self.hub.files]
        listed = {"id": self.hub.repo, "modelId": self.hub.repo, "sha": self.hub.commit, "siblings": siblings}
        self.send_whole(self.hub.listed if self.hub.listed is not None else json.dumps(listed).encode())

    def resolve(self, name):
        if name.endswith(LARGE) and name not in self.hub.status:
            self.send_response(302)
            self.send_header("Location", f"{self.hub.storage}/{name}")
            self.send_header("X-Repo-Commit", self.hub.commit)
            self.send_header("X-Linked-Size", str(len(self.hub.files[name])))
            self.send_header("X-Linked-ETag", f'"{hashlib.sha256(self.hub.files[name]).hexdigest()}"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.answer_file(name)

    def answer_file(self, name):
        wanted = self.headers.get("Range")
        self.hub.asked.append((name, wanted))
        if name in self.hub.status:
            self.refuse(self.hub.status[name])
            return
        content = self.hub.lies.get(name, self.hub.files[name])
        start = int(wanted[6:-1]) if wanted and not self.hub.ignores_ranges else 0
        if start >= len(content) > 0:
            self.refuse(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("X-Repo-Commit", self.hub.commit)
        self.send_header("ETag", f'"{blob_of(self.hub.files[name])}"')
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.send_body(name, content[start:])

    def send_body(self, name, body):
        if (held := self.hub.held.pop(name, None)) is not None:
            self.wfile.write(body[:held])
            self.wfile.flush()
            self.hub.go_on.wait()
            return
        cut = self.hub.cut.pop(name, None)
        self.wfile.write(body[:cut])
        if cut is not None and self.hub.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def send_whole(self, content):
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def refuse(self, status):
        said = f"refused, though you sent {self.headers.get('Authorization')}".encode()
        self.send_response(status)
        self.send_header("X-Error-Message", said.decode())
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        pass

    def handle(self):
        with suppress(BrokenPipeError, ConnectionResetError):  # the client was ended, or had enough
            super().handle()
