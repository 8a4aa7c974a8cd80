"""Every kind of damage is told in one line, and repaired as far as anything is left."""

import hashlib
import json
import os
import shutil
import sqlite3
from contextlib import contextmanager
from dataclasses import replace

import faiss
import numpy as np
import pytest
from support.crash_worker import without_syncing
from support.fakes import assert_one_line, folder_in_memory
from support.small_index import contents, document, filled
from support.word_embedder import WordEmbedder

from vivavoce.core.errors import DocumentError, StoreCorrupt, StoreError
from vivavoce.core.store.repair import RepairReport
from vivavoce.retrieval.index import DocumentIndex
from vivavoce.retrieval.upkeep.compaction import compact
from vivavoce.retrieval.upkeep.repair import repair
from vivavoce.retrieval.upkeep.verify import verify
from vivavoce.vectors.faiss_index import FaissIndexes

COUNT = 4
ADVICE = "run `vivavoce index repair`"
NOBODY = 65_534
INDEXES = FaissIndexes(exact_rows=16, gathered_rows=4, trials=10)
PAGE = {"x": document("X", "x")}
GENERATION_FILES = ("catalogue.sqlite", "journal.jsonl", "passage.rows")


pytestmark = [
    pytest.mark.unit,
    pytest.mark.filterwarnings("ignore:(invalid value|overflow) encountered in matmul:RuntimeWarning"),
]


@pytest.fixture
def tmp_path(tmp_path):
    with folder_in_memory(tmp_path) as folder:
        yield folder


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    without_syncing(monkeypatch)


@pytest.fixture
def index(tmp_path):
    """Four documents of two passages, and one that was removed."""
    index = filled(tmp_path / "index", COUNT)
    index.put({"gone": document("Gone", "was here", "for a while")})
    index.remove("gone")
    return index


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


def foreign(path):
    path.write_bytes(np.random.default_rng(0).bytes(path.stat().st_size or 100))


def turned_into_a_folder(path):
    path.unlink()
    (path / "something").mkdir(parents=True)


DAMAGES = (removed, emptied, halved, flipped, foreign, turned_into_a_folder)


def snapshot(folder):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def reopened(index, embedder="words-1"):
    return DocumentIndex(index.store.folder, WordEmbedder(embedder), large=INDEXES)


def generation(index):
    return index.store.folder / "generations" / "000001"


def changed(index, sql):
    """Damage that SQLite does not notice."""
    with sqlite3.connect(generation(index) / "catalogue.sqlite") as other:
        other.execute(sql)
    other.close()


def findings_of(index):
    """What is damaged, each in one line; who only reads is told the same or sees what is there."""
    found = [finding for finding in verify(index) if finding.damage]
    for finding in found:
        assert_one_line(finding.text)
    with at_most_corrupt(found):
        contents(reopened(index))
    with at_most_corrupt(found):
        assert all(0.0 <= passage.score <= 1.0 for passage in reopened(index).find("alpha begins", 3))
    return found


@contextmanager
def at_most_corrupt(found):
    """Nothing but one line about damage may come of this, and only where there is some."""
    try:
        yield
    except StoreCorrupt as error:
        assert_one_line(error, ADVICE)
        assert found


def assert_repaired(index, wanted, lost=()):
    """Repairs; what is wanted is back, what is lost is told, and all is whole and can be searched and written then."""
    report = repair(reopened(index))
    assert [what for what, _ in report.lost] == list(lost)
    for _, why in report.lost:
        assert_one_line(why)
    assert report.kept == len(wanted)
    fresh = reopened(index)
    assert contents(fresh) == wanted
    assert [finding for finding in verify(fresh) if finding.damage] == []
    before = snapshot(index.store.folder)
    assert repair(reopened(index)) == RepairReport(kept=len(wanted))
    assert snapshot(index.store.folder) == before
    fresh.put({"after": document("After", "gamma ray")})
    assert fresh.find("gamma ray", 1)[0].source == "after"
    fresh.remove("after")
    assert contents(fresh) == wanted
    for source, (_, passages) in wanted.items():
        assert fresh.find(f"{source} {passages[-1].text}", 1)[0].text == passages[-1].text
    return report


def test_repairing_a_healthy_index_writes_nothing(index):
    before = snapshot(index.store.folder)
    assert repair(reopened(index)) == RepairReport(kept=COUNT)
    assert snapshot(index.store.folder) == before


def test_repairing_where_there_is_no_index_makes_none(tmp_path):
    none = DocumentIndex(tmp_path / "none", WordEmbedder())
    assert (verify(none), repair(none)) == ([], RepairReport())
    assert not (tmp_path / "none" / "manifest.json").exists()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_manifest(index, damage):
    wanted = contents(index)
    damage(index.store.folder / "manifest.json")
    assert findings_of(reopened(index))
    assert assert_repaired(index, wanted).made_again == 0


@pytest.mark.parametrize("text", ["[]", "3", '{"version": 2}', '{"version": "new"}', "[" * 100_000])
def test_a_manifest_that_is_other_json(index, text):
    wanted = contents(index)
    (index.store.folder / "manifest.json").write_text(text)
    assert findings_of(reopened(index))
    assert_repaired(index, wanted)


@pytest.mark.parametrize("name", GENERATION_FILES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_of_a_generation(index, name, damage):
    wanted = contents(index)
    vectors = np.array(index.store.view().vectors["passage"])
    damage(generation(index) / name)
    assert findings_of(reopened(index))
    report = assert_repaired(index, wanted)
    assert (report.made_again > 0) == (name == "passage.rows")
    assert np.array_equal(reopened(index).store.view().vectors["passage"][: 2 * COUNT], vectors[: 2 * COUNT])


@pytest.mark.parametrize("damage", DAMAGES)
def test_catalogue_and_vectors_damaged_at_once(index, damage):
    wanted = contents(index)
    for name in ("catalogue.sqlite", "passage.rows"):
        damage(generation(index) / name)
    assert findings_of(reopened(index))
    assert assert_repaired(index, wanted).made_again > 0


@pytest.mark.parametrize("damage", DAMAGES)
def test_manifest_and_journal_damaged_at_once(index, damage):
    """The catalogue alone tells of everything, but for what made the vectors: that is taken to be this program's."""
    wanted, journal = contents(index), generation(index) / "journal.jsonl"
    damage(index.store.folder / "manifest.json")
    damage(journal)
    assert findings_of(reopened(index))
    assert_repaired(index, wanted)


def test_one_flipped_byte_of_a_vector_is_noticed_and_only_its_batch_made_again(index):
    wanted, path = contents(index), generation(index) / "passage.rows"
    index.put({"late": document("Late", "delta")})
    wanted = contents(index)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    assert [finding.text for finding in findings_of(reopened(index))] == [
        "rows 10 to 10 of passage.rows do not match their checksum"
    ]
    assert assert_repaired(index, wanted).made_again == 1


def test_a_catalogue_of_another_program(index):
    wanted, path = contents(index), generation(index) / "catalogue.sqlite"
    index.store.close()
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE state (number INTEGER)")
    other.close()
    with pytest.raises(StoreCorrupt, match="is no catalogue of the document index"):
        len(reopened(index))
    assert_repaired(index, wanted)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM state",
        "DROP TABLE document",
        "DROP TABLE passage",
        "DROP TABLE lexeme",
        "DROP TABLE word",
        "DROP TABLE total",
        "DROP TABLE removed",
        "DROP TABLE batch",
        "DELETE FROM total",
    ],
)
def test_a_catalogue_that_lacks_something(index, sql):
    wanted = contents(index)
    changed(index, sql)
    assert findings_of(reopened(index))
    assert_repaired(index, wanted)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE document SET json = replace(json, 'Doc 2', 'Doc X') WHERE source = 'doc-2'",
        "UPDATE passage SET json = replace(json, 'beta 2', 'beta X') WHERE row = 5",
        "UPDATE passage SET sum = NULL WHERE row = 5",
        "UPDATE passage SET json = x'ff' WHERE row = 5",
        "DELETE FROM passage WHERE row = 5",
        "DELETE FROM document WHERE source = 'doc-2'",
    ],
)
def test_a_changed_record_comes_back_from_the_journal(index, sql):
    wanted = contents(index)
    changed(index, sql)
    assert findings_of(reopened(index))
    assert assert_repaired(index, wanted).made_again == 0


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE word SET holding = holding + 1 WHERE word = 'alpha'",
        "DELETE FROM word WHERE word = 'alpha'",
        "UPDATE total SET lexemes = lexemes + 1",
        "UPDATE lexeme SET words = 'other' WHERE rowid = 0",
        "DELETE FROM lexeme WHERE rowid = 0",
    ],
)
def test_words_that_are_told_wrongly(index, sql):
    wanted = contents(index)
    changed(index, sql)
    assert findings_of(reopened(index))
    assert_repaired(index, wanted)
    assert reopened(index).store.view().catalogue.holding(["alpha"]) == {"alpha": COUNT}


def test_any_flipped_part_of_the_catalogue_is_one_line_and_repaired(index):
    wanted, path = contents(index), generation(index) / "catalogue.sqlite"
    whole, rng = path.read_bytes(), np.random.default_rng(1)
    index.store.close()
    for _ in range(60):
        data = bytearray(whole)
        start = int(rng.integers(100, len(data) - 64))
        data[start : start + 64] = rng.bytes(64)
        path.write_bytes(bytes(data))
        for use in (contents, lambda index: index.find("alpha begins", 5), lambda index: index.document("doc-1")):
            try:
                use(reopened(index))
            except (StoreError, DocumentError) as error:
                assert_one_line(error)
        verify(reopened(index))
    assert_repaired(index, wanted)


def test_a_document_damaged_in_both_copies_is_lost_alone(index):
    wanted, path = contents(index), generation(index) / "journal.jsonl"
    changed(index, "UPDATE passage SET json = replace(json, 'beta 2', 'beta X') WHERE row = 5")
    path.write_text(path.read_text().replace("beta 2", "beta Y"))
    del wanted["doc-2"]
    assert_repaired(index, wanted, ["doc-2"])


def test_documents_whose_names_are_lost_too_are_counted(index):
    wanted = contents(index)
    del wanted["doc-1"], wanted["doc-2"]
    changed(index, "DELETE FROM document WHERE source IN ('doc-1', 'doc-2')")
    (generation(index) / "journal.jsonl").unlink()
    assert findings_of(reopened(index))
    assert_repaired(index, wanted, ["documents of 4 passages"])


def test_what_was_never_committed_does_not_come_back(index, tmp_path):
    """A batch that reached the journal and not the catalogue, beside a damaged record."""
    wanted, journal = contents(index), generation(index) / "journal.jsonl"
    copy = tmp_path / "copy"
    shutil.copytree(index.store.folder, copy)
    DocumentIndex(copy, WordEmbedder()).put({"doc-0": document("Doc 0", "new"), "never": document("Never", "committed")})
    shutil.copy(copy / journal.relative_to(index.store.folder), journal)
    changed(index, "UPDATE passage SET json = replace(json, 'beta', 'BETA') WHERE row IN (1, 5)")
    assert_repaired(index, wanted)


def test_without_catalogue_the_journal_is_followed_up_to_its_first_damage(index):
    index.put({"doc-1": document("Doc 1", "alpha again"), "late": document("Late", "delta")})
    wanted, path = contents(index), generation(index) / "journal.jsonl"
    (generation(index) / "catalogue.sqlite").unlink()
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))  # the closing line of the last batch
    report = repair(reopened(index))
    assert contents(reopened(index)).keys() == wanted.keys() - {"late"}
    assert contents(reopened(index))["doc-1"] != wanted["doc-1"]  # as it was before the last batch
    assert [finding for finding in verify(reopened(index)) if finding.damage] == []
    ((what, why),) = report.lost
    assert what == "what came after doc-3"
    assert "add again what is missing" in why


def test_neither_catalogue_nor_journal_says_that_all_is_lost(index):
    for name in ("catalogue.sqlite", "journal.jsonl"):
        foreign(generation(index) / name)
    assert findings_of(reopened(index))
    report = repair(reopened(index))
    assert (report.kept, len(report.lost)) == (0, 1)
    assert "add the documents again" in report.lost[0][1]
    assert verify(reopened(index)) == []


@pytest.mark.parametrize("which", ["generations/000001", "generations"])
def test_missing_generations_say_that_all_is_lost(index, which):
    shutil.rmtree(index.store.folder / which)
    assert findings_of(reopened(index))
    report = repair(reopened(index))
    assert (report.kept, len(report.lost)) == (0, 1)
    assert contents(reopened(index)) == {}
    assert [finding for finding in verify(reopened(index)) if finding.damage] == []


@pytest.mark.parametrize("which", ["generations/000001", "generations"])
def test_a_file_in_place_of_a_folder_is_one_line(index, which):
    shutil.rmtree(index.store.folder / which)
    (index.store.folder / which).write_text("no folder")
    assert findings_of(reopened(index))
    if which == "generations":
        with pytest.raises(StoreError) as refused:
            repair(reopened(index))
        assert_one_line(refused.value, "cannot")
    else:
        assert len(repair(reopened(index)).lost) == 1
        assert verify(reopened(index)) == []


@pytest.fixture
def sealed(index):
    again = reopened(index)
    again.put({f"more-{n}": document(f"More {n}", f"delta {n}", f"omega {n}") for n in range(12)})
    assert set(again.store.view().manifest.indexes) == {"passage"}
    return again


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_index_file_is_noticed_when_searched_and_made_again(sealed, damage):
    wanted = contents(sealed)
    damage(next(generation(sealed).glob("passage-*.index")))
    assert len(findings_of(reopened(sealed))) == 1
    with pytest.raises(StoreCorrupt) as refused:
        reopened(sealed).find("delta", 3)
    assert_one_line(refused.value, ADVICE)
    assert contents(reopened(sealed)) == wanted  # what needs no search is there all the same
    assert assert_repaired(sealed, wanted).made_again == 0


def test_an_index_file_of_other_rows_is_noticed(sealed):
    manifest, folder = sealed.store.view().manifest, generation(sealed)
    index = faiss.read_index(str(folder / manifest.indexes["passage"].file))
    INDEXES.extend(index, np.tile(np.eye(64, dtype=np.float32)[:1], (index.ntotal + 3, 1)))
    data = INDEXES.serialised(index)
    (folder / "passage-99.index").write_bytes(data)
    wrong = replace(manifest.indexes["passage"], file="passage-99.index", sha256=hashlib.sha256(data).hexdigest())
    sealed.store.publish(replace(manifest, indexes={"passage": wrong}))
    assert "instead of" in findings_of(reopened(sealed))[0].text
    assert_repaired(sealed, contents(sealed))


def test_an_index_file_outside_of_the_generation_is_not_opened(sealed):
    manifest = sealed.store.view().manifest
    wrong = replace(manifest.indexes["passage"], file="../../passage-1.index")
    sealed.store.publish(replace(manifest, indexes={"passage": wrong}))
    assert "is no file of it" in findings_of(reopened(sealed))[0].text
    assert_repaired(sealed, contents(sealed))


def assert_left_alone(index, *words, todo="use the program that wrote it"):
    before = snapshot(index.store.folder)
    for use in (len, contents, repair, lambda index: index.put(PAGE)):
        with pytest.raises(StoreCorrupt) as refused:
            use(reopened(index))
        assert_one_line(refused.value, *words, todo)
    (finding,) = verify(reopened(index))
    assert_one_line(finding.text, *words)
    assert snapshot(index.store.folder) == before


def test_a_manifest_of_another_version_is_left_alone(index):
    path = index.store.folder / "manifest.json"
    whole = json.loads(path.read_text())
    for version, todo in ((3, "use the program that wrote it"), (1, "make it again")):
        path.write_text(json.dumps(whole | {"version": version}))
        assert_left_alone(index, f"is of version {version}, this program reads 2", todo=todo)


def test_a_catalogue_of_a_later_version_is_left_alone(index):
    changed(index, "PRAGMA user_version = 2")
    assert_left_alone(index, "is of version 2, this program reads 1")


def test_a_catalogue_of_a_later_version_is_left_alone_even_where_the_manifest_is_gone(index):
    changed(index, "PRAGMA user_version = 2")
    index.store.close()
    (index.store.folder / "manifest.json").unlink()
    before = snapshot(index.store.folder)
    with pytest.raises(StoreCorrupt) as refused:
        repair(reopened(index))
    assert_one_line(refused.value, "is of version 2, this program reads 1; use the program that wrote it")
    assert snapshot(index.store.folder) == before


@pytest.fixture
def unprivileged(index, tmp_path):
    """Nothing is forbidden to root, who may run the tests."""
    if os.geteuid():
        yield
        return
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    yield
    os.seteuid(0)


@pytest.mark.parametrize("name", ["manifest.json", "generations/000001/catalogue.sqlite", "generations/000001/passage.rows"])
def test_missing_rights_are_no_damage(index, unprivileged, name):
    wanted, path = contents(index), index.store.folder / name
    path.chmod(0)
    for use in (contents, verify, repair, lambda index: index.find("alpha", 1), lambda index: index.put(PAGE)):
        with pytest.raises(StoreError) as refused:
            use(reopened(index))
        assert_one_line(refused.value, path.name, "rights")
        assert not isinstance(refused.value, StoreCorrupt)
    path.chmod(0o600)
    assert contents(reopened(index)) == wanted
    assert findings_of(reopened(index)) == []


def test_a_journal_that_may_not_be_read_is_told_and_repair_writes_it_again(index, unprivileged):
    wanted, path = contents(index), generation(index) / "journal.jsonl"
    path.chmod(0)
    assert_one_line(findings_of(reopened(index))[0].text, "rights")
    with pytest.raises(StoreError, match="rights"):
        reopened(index).put(PAGE)
    assert_repaired(index, wanted)


def test_an_index_that_may_only_be_read_can_be_read(index, unprivileged):
    wanted = contents(index)
    for path in (index.store.folder, *index.store.folder.rglob("*")):
        path.chmod(0o500 if path.is_dir() else 0o400)
    assert contents(reopened(index)) == wanted
    assert reopened(index).find("alpha 1 begins", 1)[0].source == "doc-1"
    for use in (repair, compact, lambda index: index.put(PAGE), lambda index: index.remove("doc-1")):
        with pytest.raises(StoreError) as refused:
            use(reopened(index))
        assert_one_line(refused.value)
    for path in (index.store.folder, *index.store.folder.rglob("*")):
        path.chmod(0o700)
    assert contents(reopened(index)) == wanted


def test_a_leftover_generation_does_not_bring_removed_documents_back(index):
    left = index.store.folder / "generations" / "000009"
    shutil.copytree(generation(index), left)  # as a crash may leave it
    index.remove("doc-0")
    index.remove("doc-1")
    wanted = contents(index)
    (generation(index) / "passage.rows").unlink()
    assert_repaired(index, wanted)
    assert not left.exists()


def test_vectors_of_another_model_are_not_made_again_by_this_one(index):
    (generation(index) / "passage.rows").unlink()
    before = snapshot(index.store.folder)
    with pytest.raises(StoreError) as refused:
        repair(reopened(index, "words-2"))
    assert_one_line(refused.value, "passage vectors of the document index", "words-1", "use the program that made it")
    assert snapshot(index.store.folder) == before


def test_a_repair_that_finds_the_disk_full_leaves_the_index_as_it_was(index, monkeypatch):
    wanted = contents(index)
    (generation(index) / "passage.rows").unlink()
    before = snapshot(index.store.folder)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("vivavoce.core.store.journal.os.fsync", full)
        with pytest.raises(StoreError) as refused:
            repair(reopened(index))
    assert_one_line(refused.value, "No space left on device")
    assert snapshot(index.store.folder) == before
    assert_repaired(index, wanted)


def test_a_commit_refused_by_a_reader_leaves_nothing_half_done(index, monkeypatch):
    monkeypatch.setattr("vivavoce.core.store.catalogue.BUSY_S", 0.05)
    writer, wanted = reopened(index), contents(index)
    reader = sqlite3.connect(generation(index) / "catalogue.sqlite", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM state").fetchone()
    with pytest.raises(StoreError) as refused:
        writer.put({"late": document("Late", "delta")})
    assert_one_line(refused.value, "try again in a moment")
    reader.execute("COMMIT")
    reader.close()
    assert contents(reopened(index)) == wanted
    writer.put({"late": document("Late", "delta")})
    assert contents(reopened(index)).keys() == {*wanted, "late"}
    assert findings_of(reopened(index)) == []
