"""A process that is killed at any of its writes leaves the index in its old or its new state, whole."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support.crash_worker import EXHAUSTIVE, deaths, dies_at, without_syncing
from support.small_index import contents, document, filled, small_index, state_of
from support.word_embedder import WordEmbedder

from vivavoce.retrieval import index as index_module
from vivavoce.retrieval.index import DocumentIndex
from vivavoce.retrieval.upkeep.compaction import compact, reembed
from vivavoce.retrieval.upkeep.repair import repair
from vivavoce.retrieval.upkeep.verify import verify
from vivavoce.vectors.faiss_index import FaissIndexes

pytestmark = pytest.mark.process


@pytest.fixture
def tmp_path(tmp_path):
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path, prefix="vivavoce-test-") as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Nothing is synced: that takes most of the time."""
    without_syncing(monkeypatch)


def index_of(folder):
    """The index, opened with the embedder that made it."""
    model = state_of(folder)[0]
    return small_index(folder, model if model.startswith("words") else "words-1")


def assert_whole_and_usable(folder, states):
    """Checks one death; which of the states it left."""
    state = state_of(folder)
    assert state in states
    which = states.index(state)
    index = index_of(folder)
    if state[0] == "to repair":
        report = repair(index)
        assert (report.lost, state_of(folder)) == ((), states[-1])
        state, index = states[-1], index_of(folder)
    assert [finding for finding in verify(index) if finding.damage] == []
    index.put({"after": document("After", "gamma ray")})
    compact(index)
    now = contents(index)
    assert now.pop("after")
    assert now == state[1]
    assert verify(index) == []
    assert index.find("gamma ray", 1)[0].source == "after"
    return which


def kill_at_every_write(tmp_path, work, between=()):
    template, whole = tmp_path / "template", tmp_path / "whole"
    if template.exists():
        shutil.copytree(template, whole)
    work(whole)
    states = [state_of(template), *between, state_of(whole)]
    assert states[0] != states[-1]
    left = []
    for number, _ in deaths(tmp_path, work):  # noqa: B007 - the last is asked for below
        left.append(assert_whole_and_usable(tmp_path / "killed", states))
    assert number > 10
    assert left == sorted(left)  # once new, always new
    assert set(left) == set(range(len(states))) if EXHAUSTIVE else {0, len(states) - 1} <= set(left)


def test_adding_to_an_empty_folder(tmp_path):
    made = small_index(tmp_path / "made")
    with made.store.writing():
        made.store.start_generation(made.embeddings)
    kill_at_every_write(tmp_path, lambda folder: filled(folder, 2), [state_of(tmp_path / "made")])


def test_adding_and_replacing(tmp_path):
    filled(tmp_path / "template")
    pages = {"doc-1": document("Doc 1", "another text"), "new": document("New", "one", "two", "three")}
    kill_at_every_write(tmp_path, lambda folder: small_index(folder).put(pages))


def test_removing(tmp_path):
    filled(tmp_path / "template")
    kill_at_every_write(tmp_path, lambda folder: small_index(folder).remove("doc-0"))


def test_embedding_again(tmp_path):
    filled(tmp_path / "template")
    kill_at_every_write(tmp_path, lambda folder: reembed(small_index(folder, "words-2")))


@pytest.mark.parametrize("damaged", ["catalogue.sqlite", "passage.rows", "journal.jsonl"])
def test_repairing(tmp_path, damaged):
    filled(tmp_path / "template", 4).remove("doc-2")
    path = small_index(tmp_path / "template").store.view().folder / damaged
    path.unlink()
    if damaged == "journal.jsonl":  # only told by a look at everything: readers see the documents all the while
        before = state_of(tmp_path / "template")
        for _ in deaths(tmp_path, lambda folder: repair(small_index(folder))):
            assert state_of(tmp_path / "killed") == before
        assert verify(small_index(tmp_path / "killed")) == []
        return
    kill_at_every_write(tmp_path, lambda folder: repair(small_index(folder)))


def test_compacting_shows_the_same_documents_all_the_while(tmp_path):
    filled(tmp_path / "template", 4).remove("doc-1")
    before = state_of(tmp_path / "template")
    for number, _ in deaths(tmp_path, lambda folder: compact(small_index(folder))):  # noqa: B007
        assert_whole_and_usable(tmp_path / "killed", [before])
    assert number > 20


def test_sealing(tmp_path):
    filled(tmp_path / "template", 20)
    before, sealed = state_of(tmp_path / "template"), []

    def opened(folder):
        return DocumentIndex(folder, WordEmbedder(), large=FaissIndexes(exact_rows=8))

    def work(folder):
        store = opened(folder).store
        with store.writing():
            store.seal()

    for _ in deaths(tmp_path, work):
        index = opened(tmp_path / "killed")
        sealed.append(bool(index.store.view().manifest.indexes))
        assert [finding for finding in verify(index) if finding.damage] == []
        assert index.find("alpha 3 begins", 1)[0].source == "doc-3"
        assert contents(index) == before[1]
    assert sealed == sorted(sealed)
    assert set(sealed) == {False, True}


def test_a_killed_add_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(index_module, "BATCH", 2)
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.txt").write_text(f"text number {number}")
    assert dies_at(60, lambda: small_index(tmp_path / "index").add([folder]), tmp_path / "complaints")
    index = small_index(tmp_path / "index")
    there = len(list(index.documents()))
    assert 0 < there < 6
    report = index.add([folder])
    assert (len(report.added), len(report.unchanged)) == (6 - there, there)
    assert len(list(index.documents())) == 6
