"""Whole checkpoints from a hub on a socket."""

import json
import os
import threading

import pytest
from support.hub_server import BLOCK, running_hub

from vivavoce.core.errors import WeightsError
from vivavoce.model.weights.checkpoints import RECORD, CheckpointStore
from vivavoce.model.weights.files import bytes_of
from vivavoce.model.weights.hub import ModelHub

pytestmark = pytest.mark.unit
COMMIT = "a" * 40
SHARD, OTHER = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
FILES = {
    "config.json": b'{"model_type": "step_audio_2"}',
    SHARD: os.urandom(300_000),
    OTHER: os.urandom(200_000),
    "model.safetensors.index.json": b"{}",
    "tokenizer.json": b"{}" * 50,
    "token2wav/flow.pt": os.urandom(5000),
    "modeling_step_audio_2.py": b"raise SystemExit",
    "assets/default_female.wav": b"sound",
}


LONG = os.urandom(BLOCK + 300_000)  # more than the library writes at once


@pytest.fixture
def hub():
    with running_hub(FILES) as hub:
        yield hub


def store(folder, address, **options):
    hub = ModelHub(address, sleep=lambda _: None) if address else None
    return CheckpointStore(folder, hub, checkpoints={"tiny": "maker/tiny"}, **options)


def test_a_checkpoint_is_fetched_whole_and_without_code(tmp_path, hub):
    seen = []
    checkpoints = store(tmp_path, hub.address)
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


@pytest.mark.parametrize("ignores_ranges", [False, True])
def test_a_broken_connection_is_taken_up_where_it_broke(tmp_path, hub, ignores_ranges):
    hub.files[SHARD], hub.cut[SHARD], hub.ignores_ranges = LONG, BLOCK + 100_000, ignores_ranges
    checkpoints = store(tmp_path, hub.address)
    checkpoints.pull("tiny")
    checkpoints.verify("tiny")
    assert hub.asked_for(SHARD) == [None, f"bytes={BLOCK}-"]


def test_a_connection_that_was_reset_is_opened_again(tmp_path, hub):
    hub.cut[SHARD], hub.reset = 100_000, True
    checkpoints = store(tmp_path, hub.address)
    checkpoints.pull("tiny")
    checkpoints.verify("tiny")
    assert len(hub.asked_for(SHARD)) == 2


def test_a_pull_that_was_cut_off_goes_on_later_with_the_same_commit(tmp_path, hub):
    hub.status[OTHER] = 503
    with pytest.raises(WeightsError, match=r"cannot answer now \(503\)"):
        store(tmp_path, hub.address).pull("tiny")
    assert len(hub.asked_for(OTHER)) == 4
    assert store(tmp_path, hub.address).status("tiny").state == "partial"
    with pytest.raises(WeightsError, match="not complete"):
        store(tmp_path, hub.address).verify("tiny")
    record = json.loads((tmp_path / "tiny" / RECORD).read_text())
    assert record["commit"] == COMMIT
    with running_hub(FILES | {"config.json": b"moved on"}) as later:
        folder = store(tmp_path, later.address).pull("tiny")
        asked = [asked for asked, _ in later.asked]
    assert "list" not in asked
    assert "config.json" not in asked
    assert (folder / "config.json").read_bytes() == FILES["config.json"]


def test_what_came_of_a_file_is_not_fetched_again_by_a_later_pull(tmp_path, hub):
    hub.status[SHARD] = 404
    with pytest.raises(WeightsError):
        store(tmp_path, hub.address).pull("tiny")
    hub.status.clear()
    partial = tmp_path / "tiny" / f".{SHARD}.partial"
    partial.write_bytes(FILES[SHARD][:1234])
    store(tmp_path, hub.address).pull("tiny")
    assert hub.asked_for(SHARD) == [None, "bytes=1234-"]
    assert not partial.exists()
    whole = tmp_path / "tiny" / SHARD
    whole.rename(partial)
    assert store(tmp_path, hub.address).pull("tiny").joinpath(SHARD).read_bytes() == FILES[SHARD]
    assert len(hub.asked_for(SHARD)) == 2, "all of it had come"


def test_wrong_content_is_not_kept(tmp_path, hub):
    hub.lies[SHARD] = os.urandom(len(FILES[SHARD]))
    with pytest.raises(WeightsError, match="wrong checksum"):
        store(tmp_path, hub.address).pull("tiny")
    assert not list((tmp_path / "tiny").glob(f"*{SHARD}*"))
    hub.lies[SHARD] = os.urandom(len(FILES[SHARD]) + 600_000)
    with pytest.raises(WeightsError, match="sent more than"):
        store(tmp_path, hub.address).pull("tiny")
    assert bytes_of((tmp_path / "tiny").glob(f"*{SHARD}*")) == 0
    hub.lies = {"tokenizer.json": b"x" * 100}
    with pytest.raises(WeightsError, match=r"tokenizer\.json .* wrong checksum"):
        store(tmp_path, hub.address).pull("tiny")
    hub.lies.clear()
    store(tmp_path, hub.address).pull("tiny")
    store(tmp_path, hub.address).verify("tiny")


def test_a_file_that_is_shorter_than_listed_is_not_taken(tmp_path, hub):
    hub.lies[OTHER] = FILES[OTHER][:1000]
    for line in ("sent less", r"refuses \(416\)"):
        with pytest.raises(WeightsError, match=line) as caught:
            store(tmp_path, hub.address).pull("tiny")
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "tiny" / OTHER).exists()
    hub.lies.clear()
    folder = store(tmp_path, hub.address).pull("tiny")
    assert (folder / OTHER).read_bytes() == FILES[OTHER]


def test_files_without_a_record_are_not_taken_for_another_commits(tmp_path, hub):
    folder = store(tmp_path, hub.address).pull("tiny")
    (folder / RECORD).unlink()
    with running_hub(FILES | {SHARD: os.urandom(len(FILES[SHARD]))}, commit="b" * 40) as moved:
        moved.status[SHARD] = 503
        with pytest.raises(WeightsError, match="503"):
            store(tmp_path, moved.address).pull("tiny")
        assert not (folder / SHARD).exists(), "the other commit's shard must not pass for a finished one"
        moved.status.clear()
        store(tmp_path, moved.address).pull("tiny")
        assert (folder / SHARD).read_bytes() == moved.files[SHARD]
        assert moved.asked_for(OTHER) == [], "what is the same is kept"
        store(tmp_path, moved.address).verify("tiny")


def test_a_moved_hub_does_not_move_an_unfinished_checkpoint(tmp_path, hub):
    hub.status[OTHER] = 503
    with pytest.raises(WeightsError):
        store(tmp_path, hub.address).pull("tiny")
    with running_hub({name: b"moved" for name in FILES}, commit="b" * 40) as moved:
        with pytest.raises(WeightsError, match=r"commit \(404\)"):
            store(tmp_path, moved.address).pull("tiny")
        assert moved.asked == [], "only the commit that was begun is asked for"
    hub.status.clear()
    store(tmp_path, hub.address).pull("tiny")
    store(tmp_path, hub.address).verify("tiny")


def test_a_commit_that_is_gone_says_how_to_begin_anew(tmp_path, hub):
    hub.status[OTHER] = 404
    with pytest.raises(WeightsError, match=r"commit \(404\); delete .*vivavoce\.json and pull again"):
        store(tmp_path, hub.address).pull("tiny")


@pytest.mark.parametrize(
    "change", [{"commit": 7}, {"version": 99}, {"files": [{"name": "config.json", "size": "2"}]}, {"files": 1}]
)
def test_a_record_that_is_none_is_written_anew(tmp_path, hub, change):
    folder = store(tmp_path, hub.address).pull("tiny")
    record = json.loads((folder / RECORD).read_text())
    (folder / RECORD).write_text(json.dumps({**record, "complete": False, **change}))
    checkpoints = store(tmp_path, hub.address)
    assert checkpoints.status("tiny").state in ("missing", "partial")
    checkpoints.pull("tiny")
    checkpoints.verify("tiny")


def test_a_changed_file_is_found(tmp_path, hub):
    checkpoints = store(tmp_path, hub.address)
    path = checkpoints.pull("tiny") / SHARD
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
def test_names_that_leave_the_folder_are_not_fetched(tmp_path, hub, name):
    hub.files[name] = b"evil"
    store(tmp_path / "weights", hub.address).pull("tiny")
    assert name not in [asked for asked, _ in hub.asked]
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes() == b"evil"]
    record = json.loads((tmp_path / "weights" / "tiny" / RECORD).read_text())
    record["files"].append({"name": name, "size": 4, "sha256": "", "git_blob": ""})
    (tmp_path / "weights" / "tiny" / RECORD).write_text(json.dumps(record))
    assert store(tmp_path / "weights", hub.address).status("tiny").state == "missing", "nor from a record"


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (401, "asks for a login"),
        (403, "refuses access"),
        (404, "no such file, repository"),
        (429, "come back later"),
        (500, "now"),
    ],
)
def test_a_refusal_is_one_line(tmp_path, hub, status, line):
    hub.status["list"] = status
    with pytest.raises(WeightsError, match=line) as caught:
        store(tmp_path, hub.address).pull("tiny")
    assert "\n" not in str(caught.value)
    assert len(hub.asked) == (4 if status >= 500 else 1)


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        b"[]",
        b'{"id": "maker/tiny", "sha": "x", "siblings": []}',
        b'{"id": "maker/tiny", "sha": "abcdef0", "siblings": [{}]}',
        b'{"id": "m/t", "sha": "%s", "siblings": []}' % COMMIT.encode(),
        b'{"id": "m/t", "sha": "%s", "siblings": [{"rfilename": "config.json"}]}' % COMMIT.encode(),
        b'{"id": "m/t", "sha": "abcdef0", "siblings": [{"rfilename": "config.json", "size": 2, "lfs": "x"}]}',
        b'{"id": "m/t", "sha": "abcdef0", "siblings": [{"rfilename": "config.json", "size": 2, "lfs": {"size": 2}}]}',
    ],
)
def test_a_list_that_is_none_is_one_line(tmp_path, hub, answer):
    hub.listed = answer
    with pytest.raises(WeightsError, match="check its address"):
        store(tmp_path, hub.address).pull("tiny")


def test_a_hub_that_is_down_or_forbidden_and_a_full_disk(tmp_path, hub, monkeypatch):
    with pytest.raises(WeightsError, match=r"http://127.0.0.1:1 cannot be reached \(.*refused\)"):
        store(tmp_path, "http://127.0.0.1:1").pull("tiny")
    for address in ("no address", "http://[", "ftp://127.0.0.1"):
        with pytest.raises(WeightsError, match="cannot be reached"):
            store(tmp_path, address).pull("tiny")
    with pytest.raises(WeightsError, match="VIVAVOCE_HUB is off"):
        store(tmp_path, None).pull("tiny")
    with pytest.raises(WeightsError, match="are free in"):
        store(tmp_path, hub.address, free_bytes=lambda folder: 1000).pull("tiny")
    with pytest.raises(WeightsError, match="no checkpoint is called 'huge'"):
        store(tmp_path, hub.address).status("huge")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match="HF_HUB_OFFLINE keeps the model hub"):
        store(tmp_path / "offline", hub.address).pull("tiny")


def test_two_pulls_at_once_fetch_once(tmp_path, hub):
    pulls = [threading.Thread(target=store(tmp_path, hub.address).pull, args=("tiny",)) for _ in range(3)]
    for pull in pulls:
        pull.start()
    for pull in pulls:
        pull.join()
    store(tmp_path, hub.address).verify("tiny")
    assert len(hub.asked_for(SHARD)) == 1


@pytest.mark.parametrize("status", [None, 401, 403, 404, 500])
def test_a_token_is_sent_to_the_hub_alone_and_never_shown(tmp_path, hub, monkeypatch, status):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    if status is None:
        store(tmp_path, hub.address).pull("tiny")
        assert {headers["Authorization"] for headers in hub.sent["hub"]} == {"Bearer hf_secret"}
        assert not any("Authorization" in headers for headers in hub.sent["storage"])
        assert {headers["User-Agent"] for headers in hub.sent["hub"] + hub.sent["storage"]} == {"vivavoce"}
        return
    hub.status[SHARD] = status
    with pytest.raises(WeightsError) as caught:
        store(tmp_path, hub.address.replace("//", "//user:password@")).pull("tiny")
    assert "secret" not in str(caught.value)
    assert "password" not in str(caught.value)


def test_a_file_that_a_pull_elsewhere_renames_is_no_error(tmp_path):
    (tmp_path / "here").write_bytes(b"1234")
    assert bytes_of([tmp_path / "renamed", tmp_path / "here"]) == 4
