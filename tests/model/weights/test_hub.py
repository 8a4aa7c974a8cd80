"""Whole checkpoints from a hub that is a function."""

import hashlib
import json
import os

import httpx
import pytest

from vivavoce.core.errors import WeightsError
from vivavoce.model.weights.checkpoints import RECORD, CheckpointStore
from vivavoce.model.weights.transfer import bytes_of

pytestmark = pytest.mark.unit
COMMIT = "a" * 40
FILES = {
    "config.json": b'{"model_type": "step_audio_2"}',
    "model-00001-of-00002.safetensors": os.urandom(300_000),
    "model-00002-of-00002.safetensors": os.urandom(200_000),
    "model.safetensors.index.json": b"{}",
    "tokenizer.json": b"{}" * 50,
    "token2wav/flow.pt": os.urandom(5000),
    "modeling_step_audio_2.py": b"raise SystemExit",
    "assets/default_female.wav": b"sound",
}


class Hub:
    """A repository; counts what is asked, and can break off, lie or refuse."""

    def __init__(self, files=FILES, commit=COMMIT):
        self.files, self.commit = dict(files), commit
        self.asked: list[tuple[str, str | None]] = []
        self.break_after: dict[str, int] = {}
        self.status: dict[str, int] = {}
        self.lies: dict[str, bytes] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.startswith("/api/"):
            self.asked.append(("list", None))
            if "list" in self.status:
                return httpx.Response(self.status["list"])
            assert request.url.params["blobs"] == "true"
            return httpx.Response(200, json={"sha": self.commit, "siblings": [self.entry(n) for n in self.files]})
        name = path.split(f"/resolve/{self.commit}/")[1]
        wanted = request.headers.get("Range")
        self.asked.append((name, wanted))
        if name in self.status:
            return httpx.Response(self.status[name])
        content = self.lies.get(name, self.files[name])
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if start >= len(content):
            return httpx.Response(416)
        return httpx.Response(206 if wanted else 200, stream=Body(content[start:], self.break_after.pop(name, None)))

    def entry(self, name):
        content = self.files[name]
        blob = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
        entry = {"rfilename": name, "size": len(content), "blobId": blob}
        if name.endswith((".safetensors", ".pt")):
            entry["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
        return entry


class Body(httpx.SyncByteStream):
    def __init__(self, content, break_after):
        self.content, self.break_after = content, break_after

    def __iter__(self):
        if self.break_after is None:
            yield self.content
        else:
            yield self.content[: self.break_after]
            raise httpx.ReadError("connection reset")


def store(folder, hub, *, allowed=True):
    transport = httpx.MockTransport(hub)
    return CheckpointStore(folder, allowed, checkpoints={"tiny": "maker/tiny"}, transport=transport, sleep=lambda _: None)


def test_a_checkpoint_is_fetched_whole_and_without_code(tmp_path):
    hub, seen = Hub(), []
    checkpoints = store(tmp_path, hub)
    assert checkpoints.status("tiny").state == "missing"
    folder = checkpoints.pull("tiny", lambda done, total: seen.append((done, total)))
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert names == {name for name in FILES if not name.endswith((".py", ".wav"))} | {RECORD}
    assert all((folder / name).read_bytes() == FILES[name] for name in names - {RECORD})
    assert checkpoints.status("tiny").path == folder
    assert seen[-1][0] == seen[-1][1]
    assert seen == sorted(seen)
    checkpoints.verify("tiny")
    asked = len(hub.asked)
    assert checkpoints.pull("tiny") == folder
    assert len(hub.asked) == asked, "what is complete is not asked for again"


def test_a_broken_connection_is_taken_up_where_it_broke(tmp_path):
    hub, name = Hub(), "model-00001-of-00002.safetensors"
    hub.break_after[name] = 100_000
    store(tmp_path, hub).pull("tiny")
    assert [wanted for asked, wanted in hub.asked if asked == name] == [None, "bytes=100000-"]


def test_a_pull_that_was_cut_off_goes_on_later_with_the_same_commit(tmp_path):
    hub, name = Hub(), "model-00002-of-00002.safetensors"
    hub.status[name] = 503
    with pytest.raises(WeightsError, match=r"cannot answer now \(503\)"):
        store(tmp_path, hub).pull("tiny")
    assert store(tmp_path, hub).status("tiny").state == "partial"
    with pytest.raises(WeightsError, match="not complete"):
        store(tmp_path, hub).verify("tiny")
    later = Hub()
    later.files["config.json"] = b"moved on"
    record = json.loads((tmp_path / "tiny" / RECORD).read_text())
    assert record["commit"] == COMMIT
    folder = store(tmp_path, later).pull("tiny")
    asked = [asked for asked, _ in later.asked]
    assert "list" not in asked
    assert "config.json" not in asked
    assert (folder / "config.json").read_bytes() == FILES["config.json"]


def test_wrong_content_is_not_kept(tmp_path):
    hub, name = Hub(), "model-00001-of-00002.safetensors"
    hub.lies[name] = os.urandom(300_000)
    with pytest.raises(WeightsError, match="wrong checksum"):
        store(tmp_path, hub).pull("tiny")
    assert not list((tmp_path / "tiny").glob(f"*{name}*"))
    hub.lies[name] = os.urandom(900_000)
    with pytest.raises(WeightsError, match="sent more than"):
        store(tmp_path, hub).pull("tiny")
    hub.lies = {"tokenizer.json": b"x" * 100}
    with pytest.raises(WeightsError, match=r"tokenizer\.json .* wrong checksum"):
        store(tmp_path, hub).pull("tiny")


def test_files_without_a_record_are_not_taken_for_another_commits(tmp_path):
    shard, same = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    folder = store(tmp_path, Hub()).pull("tiny")
    (folder / RECORD).unlink()
    moved = Hub(FILES | {shard: os.urandom(300_000)}, commit="b" * 40)
    moved.status[shard] = 503
    with pytest.raises(WeightsError, match="503"):
        store(tmp_path, moved).pull("tiny")
    assert not (folder / shard).exists(), "the other commit's shard must not pass for a finished one"
    moved.status.clear()
    store(tmp_path, moved).pull("tiny")
    assert (folder / shard).read_bytes() == moved.files[shard]
    assert same not in [asked for asked, _ in moved.asked], "what is the same is kept"
    store(tmp_path, moved).verify("tiny")


def test_a_moved_hub_does_not_move_an_unfinished_checkpoint(tmp_path):
    hub, name = Hub(), "model-00002-of-00002.safetensors"
    hub.status[name] = 503
    with pytest.raises(WeightsError):
        store(tmp_path, hub).pull("tiny")
    moved, urls = Hub(commit="b" * 40), []

    def both(request):
        urls.append(request.url.path)
        return moved(request) if moved.commit in request.url.path else Hub()(request)

    store(tmp_path, both).pull("tiny")
    assert urls
    assert all(f"/resolve/{COMMIT}/" in url for url in urls)


def test_a_commit_that_is_gone_says_how_to_begin_anew(tmp_path):
    hub, name = Hub(), "model-00002-of-00002.safetensors"
    hub.status[name] = 404
    with pytest.raises(WeightsError, match=r"commit \(404\); delete .*vivavoce\.json and pull again"):
        store(tmp_path, hub).pull("tiny")


@pytest.mark.parametrize(
    "change", [{"commit": 7}, {"version": 99}, {"files": [{"name": "config.json", "size": "2"}]}, {"files": 1}]
)
def test_a_record_that_is_none_is_written_anew(tmp_path, change):
    folder = store(tmp_path, Hub()).pull("tiny")
    record = json.loads((folder / RECORD).read_text())
    (folder / RECORD).write_text(json.dumps({**record, "complete": False, **change}))
    checkpoints = store(tmp_path, Hub())
    assert checkpoints.status("tiny").state in ("missing", "partial")
    checkpoints.pull("tiny")
    checkpoints.verify("tiny")


def test_a_changed_file_is_found(tmp_path):
    checkpoints = store(tmp_path, Hub())
    path = checkpoints.pull("tiny") / "model-00001-of-00002.safetensors"
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match="is damaged"):
        checkpoints.verify("tiny")
    path.unlink()
    assert checkpoints.status("tiny").state == "partial"
    checkpoints.pull("tiny")
    checkpoints.verify("tiny")


@pytest.mark.parametrize("name", ["../../evil.safetensors", "/etc/config.json", "a\\b.safetensors", "token2wav/../x.pt"])
def test_names_that_leave_the_folder_are_not_fetched(tmp_path, name):
    hub = Hub(FILES | {name: b"evil"})
    store(tmp_path, hub).pull("tiny")
    assert name not in [asked for asked, _ in hub.asked]


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (401, "asks for a login"),
        (403, "refuses access"),
        (404, "no such repository"),
        (429, "come back later"),
        (500, "now"),
    ],
)
def test_a_refusal_is_one_line(tmp_path, status, line):
    hub = Hub()
    hub.status["list"] = status
    with pytest.raises(WeightsError, match=line) as caught:
        store(tmp_path, hub).pull("tiny")
    assert "\n" not in str(caught.value)
    assert len(hub.asked) == (4 if status >= 500 else 1)


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        b"[]",
        b'{"sha": "x", "siblings": []}',
        b'{"sha": "abcdef0", "siblings": [{}]}',
        b'{"sha": "abcdef0", "siblings": [{"rfilename": "config.json", "size": 2, "lfs": "x"}]}',
        b'{"sha": "abcdef0", "siblings": [{"rfilename": "config.json", "size": 2, "lfs": {"size": 2}}]}',
    ],
)
def test_a_list_that_is_none_is_one_line(tmp_path, answer):
    checkpoints = CheckpointStore(
        tmp_path,
        True,
        checkpoints={"tiny": "maker/tiny"},
        transport=httpx.MockTransport(lambda request: httpx.Response(200, content=answer)),
    )
    with pytest.raises(WeightsError, match="check its address"):
        checkpoints.pull("tiny")


def test_a_hub_that_is_down_or_forbidden_and_a_full_disk(tmp_path, monkeypatch):
    def down(request):
        raise httpx.ConnectError("no route")

    with pytest.raises(WeightsError, match=r"cannot be reached \(no route\)"):
        store(tmp_path, down).pull("tiny")
    with pytest.raises(WeightsError, match="VIVAVOCE_HUB is off"):
        store(tmp_path, Hub(), allowed=False).pull("tiny")
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000}))
    with pytest.raises(WeightsError, match="are free in"):
        store(tmp_path, Hub()).pull("tiny")
    with pytest.raises(WeightsError, match="no checkpoint is called 'huge'"):
        store(tmp_path, Hub()).status("huge")


def test_a_file_that_a_pull_elsewhere_renames_is_no_error(tmp_path):
    (tmp_path / "here").write_bytes(b"1234")
    assert bytes_of([tmp_path / "renamed", tmp_path / "here"]) == 4
