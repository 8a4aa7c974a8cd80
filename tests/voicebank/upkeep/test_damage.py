"""Every kind of damage is told in one line, and repaired as far as anything is left."""

import hashlib
import json
import shutil
import sqlite3
from dataclasses import replace

import faiss
import numpy as np
import pytest
from support.crash_worker import without_syncing
from support.fakes import (
    MEASURED,
    assert_one_line,
    contents,
    filled,
    folder_in_memory,
    small_bank,
    small_voice,
)

from vivavoce.core.errors import StoreCorrupt, StoreError
from vivavoce.core.store.repair import RepairReport
from vivavoce.vectors.faiss_index import FaissIndexes
from vivavoce.voicebank.upkeep.repair import repair
from vivavoce.voicebank.upkeep.verify import verify

pytestmark = pytest.mark.unit
COUNT = 4
INDEXES = FaissIndexes(exact_rows=16)
GENERATION_FILES = ("catalogue.sqlite", "journal.jsonl", "facts.rows", "speaker.rows", "description.rows")


@pytest.fixture
def tmp_path(tmp_path):
    with folder_in_memory(tmp_path) as folder:
        yield folder


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("vivavoce.voicebank.bank.measure", lambda _: MEASURED)
    without_syncing(monkeypatch)


@pytest.fixture
def bank(tmp_path):
    """Four voices, and one that was removed."""
    bank = filled(tmp_path / "bank", COUNT)
    bank.add(small_voice("gone", 9))
    bank.remove("gone")
    return bank


def removed(path):
    path.unlink()


def emptied(path):
    path.write_bytes(b"")


def halved(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flipped(path):
    data = bytearray(path.read_bytes())
    for place in range(len(data) // 7, len(data), max(1, len(data) // 700)):
        data[place] ^= 0xFF
    path.write_bytes(bytes(data))


def randomised(path):
    path.write_bytes(np.random.default_rng(0).bytes(path.stat().st_size or 100))


def turned_into_a_folder(path):
    path.unlink()
    (path / "something").mkdir(parents=True)


DAMAGES = (removed, emptied, halved, flipped, randomised, turned_into_a_folder)


def snapshot(folder):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def reopened(bank):
    return small_bank(bank.store.folder, large=INDEXES)


def findings_of(bank):
    """What is damaged; each in one line, and the same line when it is opened."""
    found = [finding for finding in verify(bank) if finding.damage]
    for finding in found:
        assert_one_line(finding.text)
    try:
        list(bank.entries())
    except StoreCorrupt as error:
        assert_one_line(error, "run `vivavoce voices repair`")
        assert found
    return found


def assert_repaired(bank, wanted, lost=()):
    """Repairs; what is wanted is back, what is lost is told, and all is whole then."""
    report = repair(reopened(bank))
    assert [what for what, _ in report.lost] == list(lost)
    for _, why in report.lost:
        assert_one_line(why)
    assert report.kept == len(wanted)
    fresh = reopened(bank)
    assert contents(fresh) == wanted
    assert [finding for finding in verify(fresh) if finding.damage] == []
    before = snapshot(bank.store.folder)
    assert repair(reopened(bank)) == RepairReport(kept=len(wanted))
    assert snapshot(bank.store.folder) == before
    fresh.add(small_voice("after", 77))
    fresh.remove("after")
    assert contents(fresh) == wanted
    return report


def test_repairing_a_healthy_bank_writes_nothing(bank):
    before = snapshot(bank.store.folder)
    assert repair(reopened(bank)) == RepairReport(kept=COUNT)
    assert snapshot(bank.store.folder) == before


def test_repairing_where_there_is_no_bank_makes_none(tmp_path):
    assert repair(small_bank(tmp_path / "none")) == RepairReport()
    assert not (tmp_path / "none" / "manifest.json").exists()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_manifest(bank, damage):
    wanted = contents(bank)
    damage(bank.store.folder / "manifest.json")
    assert findings_of(reopened(bank))
    report = assert_repaired(bank, wanted)
    assert report.made_again == 0


@pytest.mark.parametrize("name", GENERATION_FILES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_of_a_generation(bank, name, damage):
    wanted = contents(bank)
    vectors = {space: np.array(rows) for space, rows in bank.store.view().vectors.items()}
    damage(bank.store.view().folder / name)
    assert findings_of(reopened(bank))
    report = assert_repaired(bank, wanted)
    again = {"speaker.rows", "description.rows"} & {name}
    assert (report.made_again > 0) == bool(again)
    for space, rows in reopened(bank).store.view().vectors.items():
        assert np.allclose(rows[:COUNT], vectors[space][:COUNT], atol=1e-4)  # clips are stored in 16 bits


def test_a_catalogue_of_another_program(bank):
    wanted, path = contents(bank), bank.store.view().folder / "catalogue.sqlite"
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE state (number INTEGER)")
    other.close()
    with pytest.raises(StoreCorrupt, match="is no catalogue of the voice bank"):
        len(reopened(bank))
    assert_repaired(bank, wanted)


@pytest.mark.parametrize("sql", ["DELETE FROM state", "DROP TABLE entry", "DROP TABLE removed", "DROP TABLE batch"])
def test_a_catalogue_that_lacks_something(bank, sql):
    wanted, path = contents(bank), bank.store.view().folder / "catalogue.sqlite"
    with sqlite3.connect(path) as other:
        other.execute(sql)
    other.close()
    assert findings_of(reopened(bank))
    assert_repaired(bank, wanted)


def test_any_flipped_page_of_the_catalogue_is_one_line_and_repaired(bank, tmp_path):
    wanted, path = contents(bank), bank.store.view().folder / "catalogue.sqlite"
    whole, rng = path.read_bytes(), np.random.default_rng(1)
    bank.store.close()
    for _ in range(60):
        data = bytearray(whole)
        start = int(rng.integers(100, len(data) - 64))
        data[start : start + 64] = rng.bytes(64)
        path.write_bytes(bytes(data))
        for use in (lambda b: list(b.entries()), lambda b: b.entry("voice-1"), lambda b: b.ids_of_clip("0" * 64)):
            try:
                use(reopened(bank))
            except StoreError as error:
                assert_one_line(error)
        verify(reopened(bank))
    assert_repaired(bank, wanted)


def test_an_entry_that_was_changed_comes_back_from_the_journal(bank):
    wanted, path = contents(bank), bank.store.view().folder / "catalogue.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("UPDATE entry SET json = replace(json, 'MIT', 'GPL') WHERE id = 'voice-2'")
    other.close()
    with pytest.raises(StoreCorrupt, match="does not match its checksum; run `vivavoce voices repair`"):
        reopened(bank).entry("voice-2")
    assert_repaired(bank, wanted)


def test_an_entry_damaged_in_both_copies_is_lost_alone_and_its_recording_stays(bank):
    wanted, folder = contents(bank), bank.store.view().folder
    clip = bank.store.clip_path(wanted.pop("voice-3")[0].clip)
    with sqlite3.connect(folder / "catalogue.sqlite") as other:
        other.execute("UPDATE entry SET json = replace(json, 'MIT', 'GPL') WHERE id = 'voice-3'")
    other.close()
    text = (folder / "journal.jsonl").read_text()
    (folder / "journal.jsonl").write_text(text.replace('"id":"voice-3"', '"id":"voice-x"'))
    assert_repaired(bank, wanted, ["row 3"])
    assert clip.exists()


def test_without_catalogue_the_entries_beyond_a_cut_journal_are_told_by_their_recordings(bank):
    wanted, folder = contents(bank), bank.store.view().folder
    (folder / "catalogue.sqlite").unlink()
    lines = (folder / "journal.jsonl").read_text().splitlines(keepends=True)
    (folder / "journal.jsonl").write_text("".join(lines[:5]))  # two batches of two lines, and a half
    clips = sorted(wanted.pop(voice)[0].clip for voice in ("voice-2", "voice-3"))
    report = assert_repaired(bank, wanted, [f"the voice of clip {clip[:12]}" for clip in clips])
    assert all(bank.store.clip_path(clip).exists() and clip in " ".join(map(str, report.lost)) for clip in clips)


@pytest.mark.parametrize("which", ["generations/000001", "generations"])
def test_a_missing_generation_leaves_the_recordings(bank, which):
    clips = sorted(entry.clip for entry in bank.entries())
    shutil.rmtree(bank.store.folder / which)
    assert findings_of(reopened(bank))
    assert_repaired(bank, {}, [f"the voice of clip {clip[:12]}" for clip in clips])
    assert all(bank.store.clip_path(clip).exists() for clip in clips)


@pytest.mark.parametrize("which", ["generations/000001", "generations"])
def test_a_file_in_place_of_a_generation_is_one_line(bank, which):
    shutil.rmtree(bank.store.folder / which)
    (bank.store.folder / which).write_text("no folder")
    assert findings_of(reopened(bank))
    if which == "generations":
        with pytest.raises(StoreError) as refused:
            repair(reopened(bank))
        assert_one_line(refused.value, "cannot")
    else:
        repair(reopened(bank))
        assert verify(reopened(bank))[0].damage is False


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_clip_takes_its_voice_alone(bank, damage):
    wanted = contents(bank)
    damage(bank.store.clip_path(wanted.pop("voice-1")[0].clip))
    found = findings_of(reopened(bank))
    assert len(found) == 1
    assert_one_line(found[0].text, "voice-1", "run `vivavoce voices repair`")
    with pytest.raises(StoreCorrupt, match="voice-1"):
        reopened(bank).get("voice-1")
    assert_repaired(bank, wanted, ["voice-1"])
    fresh = reopened(bank)
    if damage is not turned_into_a_folder:
        fresh.add(small_voice("voice-1", 1))
        assert contents(fresh).keys() == {*wanted, "voice-1"}


def test_swapped_clips_take_their_voices(bank):
    wanted = contents(bank)
    one, two = (bank.store.clip_path(wanted.pop(voice)[0].clip) for voice in ("voice-1", "voice-2"))
    data = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(data)
    assert len(findings_of(reopened(bank))) == 2
    assert_repaired(bank, wanted, ["voice-1", "voice-2"])


def test_adding_a_voice_again_mends_its_clip(bank):
    wanted = contents(bank)
    bank.store.clip_path(wanted["voice-1"][0].clip).write_bytes(b"noise")
    bank.add(small_voice("voice-1", 1), replace_existing=True)
    assert contents(bank)["voice-1"] == wanted["voice-1"]


@pytest.fixture
def sealed(bank):
    bank = reopened(bank)
    bank.add_all([bank.analyse(small_voice(f"more-{n}", 20 + n)) for n in range(20)])
    assert set(bank.store.view().manifest.indexes) == {"speaker", "description"}
    return bank


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_index_is_noticed_when_searched_and_made_again(sealed, damage):
    wanted = contents(sealed)
    damage(next(sealed.store.view().folder.glob("speaker-*.index")))
    assert len(findings_of(reopened(sealed))) == 1
    with pytest.raises(StoreCorrupt) as refused:
        reopened(sealed).nearest_speakers(np.ones(64, np.float32), 3)
    assert_one_line(refused.value, "run `vivavoce voices repair`")
    assert_repaired(sealed, wanted)
    assert reopened(sealed).nearest_speakers(np.ones(64, np.float32), 3)


def test_an_index_of_other_rows_is_noticed(sealed):
    manifest, folder = sealed.store.view().manifest, sealed.store.view().folder
    index = faiss.read_index(str(folder / manifest.indexes["speaker"].file))
    INDEXES.extend(index, np.tile(np.eye(64, dtype=np.float32)[:1], (index.ntotal + 3, 1)))
    data = INDEXES.serialised(index)
    (folder / "speaker-99.index").write_bytes(data)
    wrong = replace(manifest.indexes["speaker"], file="speaker-99.index", sha256=hashlib.sha256(data).hexdigest())
    sealed.store.publish(replace(manifest, indexes={**manifest.indexes, "speaker": wrong}))
    assert "instead of" in findings_of(reopened(sealed))[0].text
    assert_repaired(sealed, contents(sealed))


def test_an_index_outside_of_the_generation_is_not_opened(sealed):
    manifest = sealed.store.view().manifest
    wrong = replace(manifest.indexes["speaker"], file="../../speaker-1.index")
    sealed.store.publish(replace(manifest, indexes={**manifest.indexes, "speaker": wrong}))
    assert "is no file of it" in findings_of(reopened(sealed))[0].text
    assert_repaired(sealed, contents(sealed))


@pytest.mark.parametrize(("version", "todo"), [(3, "use the program that wrote it"), (1, "make it again")])
def test_a_manifest_of_another_version_is_left_alone(bank, version, todo):
    path = bank.store.folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": version}))
    before = snapshot(bank.store.folder)
    for use in (len, repair, lambda b: b.add(small_voice("x", 70))):
        with pytest.raises(StoreCorrupt) as refused:
            use(reopened(bank))
        assert_one_line(refused.value, f"is of version {version}, this program reads 2; ", todo)
    assert snapshot(bank.store.folder) == before


def test_a_catalogue_of_a_later_version_is_left_alone(bank):
    with sqlite3.connect(bank.store.view().folder / "catalogue.sqlite") as later:
        later.execute("PRAGMA user_version = 2")
    later.close()
    before = snapshot(bank.store.folder)
    for use in (len, repair):
        with pytest.raises(StoreCorrupt) as refused:
            use(reopened(bank))
        assert_one_line(refused.value, "is of version 2, this program reads 1; use the program that wrote it")
    assert snapshot(bank.store.folder) == before


def test_a_leftover_generation_does_not_bring_removed_voices_back(bank):
    left = bank.store.folder / "generations" / "000009"
    shutil.copytree(bank.store.view().folder, left)  # as a crash may leave it
    bank.remove("voice-0", "voice-1")
    wanted = contents(bank)
    (bank.store.view().folder / "facts.rows").unlink()
    assert_repaired(bank, wanted)
    assert not left.exists()


def test_vectors_of_another_model_are_not_made_again_by_this_one(bank):
    (bank.store.view().folder / "description.rows").unlink()
    before = snapshot(bank.store.folder)
    with pytest.raises(StoreError) as refused:
        repair(small_bank(bank.store.folder, texts="letters-2"))
    assert_one_line(refused.value, "description vectors of the voice bank", "letters-1", "use the program that made it")
    assert snapshot(bank.store.folder) == before


def test_a_repair_that_finds_the_disk_full_leaves_the_bank_as_it_was(bank, monkeypatch):
    (bank.store.view().folder / "facts.rows").unlink()
    before = snapshot(bank.store.folder)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("vivavoce.core.store.journal.os.fsync", full)
        with pytest.raises(StoreError) as refused:
            repair(reopened(bank))
    assert_one_line(refused.value, "No space left on device")
    assert snapshot(bank.store.folder) == before


def test_a_commit_refused_by_a_reader_leaves_nothing_half_done(bank, monkeypatch):
    monkeypatch.setattr("vivavoce.core.store.catalogue.BUSY_S", 0.05)
    writer, wanted = reopened(bank), contents(bank)
    reader = sqlite3.connect(bank.store.view().folder / "catalogue.sqlite", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM state").fetchone()
    with pytest.raises(StoreError) as refused:
        writer.add(small_voice("late", 60))
    assert_one_line(refused.value, "try again in a moment")
    reader.execute("COMMIT")
    reader.close()
    assert contents(reopened(bank)) == wanted
    writer.add(small_voice("late", 60))
    assert contents(reopened(bank)).keys() == {*wanted, "late"}
    assert findings_of(reopened(bank)) == []


def test_a_bank_of_an_earlier_version_says_what_to_do_and_is_left_alone(tmp_path):
    bank = small_bank(tmp_path / "bank")
    bank.store.folder.mkdir()
    (bank.store.folder / "voices.json").write_text('{"version": 1, "voices": []}')
    for use in (len, repair, lambda b: b.add(small_voice("x", 70))):
        with pytest.raises(StoreCorrupt) as refused:
            use(bank)
        assert_one_line(refused.value, "is of an earlier version; move it away and run `vivavoce voices build`")
    assert [finding.damage for finding in verify(bank)] == [True]
    assert [path.name for path in bank.store.folder.iterdir() if not path.name.startswith(".")] == ["voices.json"]
