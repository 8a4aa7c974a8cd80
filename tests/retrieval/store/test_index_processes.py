"""Readers and writers in several processes: no error, no loss, nothing that was never committed."""

import os
import shutil
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import pytest
from support.crash_worker import without_syncing
from support.fakes import assert_one_line, folder_in_memory
from support.small_index import contents, document, filled, small_index
from support.word_embedder import WordEmbedder

from vivavoce.core.durable import exclusive
from vivavoce.core.errors import StoreError
from vivavoce.core.store import generations
from vivavoce.retrieval.index import DocumentIndex
from vivavoce.retrieval.search.ranking import SearchOptions
from vivavoce.retrieval.upkeep.compaction import compact, reembed
from vivavoce.retrieval.upkeep.repair import repair
from vivavoce.retrieval.upkeep.verify import verify
from vivavoce.vectors.faiss_index import FaissIndexes

pytestmark = pytest.mark.process
ROUNDS = 24
THREADS = 3
PAIR = ("one", "two")


@pytest.fixture
def tmp_path(tmp_path):
    with folder_in_memory(tmp_path) as folder:
        yield folder


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    without_syncing(monkeypatch)


@pytest.fixture
def elsewhere():
    """Other processes, forked when they are first asked for something."""
    with ProcessPoolExecutor(3, get_context("fork")) as pool:
        yield pool


def pair(number):
    """Two documents that always change together, of more or fewer passages."""
    texts = [f"paired text {part} of state {number}" for part in range(1 + number % 3)]
    return {name: document(name.title(), *texts) for name in PAIR}


INDEXED = FaissIndexes(exact_rows=16, gathered_rows=4, trials=4)


def opened(folder, large):
    """The index with the embedder that made it, whichever that is now."""
    made_by = DocumentIndex(folder, None).store.view().manifest.embeddings["passage"].model
    return DocumentIndex(folder, WordEmbedder(made_by), large=large)


def read_on(folder, large):
    """Looks in several threads until there is a file `stop`; what each look found."""
    looks, wrong = set(), []

    def looking():
        index = opened(folder / "index", large)
        while not (folder / "stop").exists() and not wrong:
            try:
                looks.add(look(index))
                (folder / "looked").touch()
            except StoreError as error:
                if "vivavoce index reembed" in str(error):
                    index = opened(folder / "index", large)
                else:
                    wrong.append(error)
            except BaseException as error:  # noqa: BLE001 - raised for the test
                wrong.append(error)

    threads = [threading.Thread(target=looking) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise wrong[0]
    return looks


def look(index):
    """What a search finds of the pair; the listing and each document are whole."""
    assert {record.source for record in index.documents()} >= {*PAIR, "doc-0"}
    record, passages = index.document("one")
    assert len(passages) == record.passages
    assert index.find("alpha 0 begins", 1)[0].source == "doc-0"
    found = index.find("paired text of state", 20, SearchOptions(distinct=False))
    return frozenset((passage.source, passage.text) for passage in found if passage.source in PAIR)


def paired(index):
    return frozenset((name, passage.text) for name in PAIR for passage in index.document(name)[1])


@pytest.mark.parametrize("large", [FaissIndexes(), INDEXED], ids=["exact", "indexed"])
def test_a_reader_sees_committed_states_alone_while_a_writer_does_everything(tmp_path, elsewhere, large):
    filled(tmp_path / "index", 12)
    index = opened(tmp_path / "index", large)
    index.put(pair(0))
    committed = {paired(index)}
    reading = elsewhere.submit(read_on, tmp_path, large)
    number = 0
    while (number < ROUNDS or not (tmp_path / "looked").exists()) and not reading.done():
        number += 1
        index.put(pair(number))
        committed.add(paired(index))
        index.put({"extra": document("Extra", f"extra {number}", "paired with nothing")})
        index.remove("extra")
        if number % 3 == 0:
            compact(index)
        if number % 4 == 0:
            index = DocumentIndex(tmp_path / "index", WordEmbedder(f"words-{number}"), large=large)
            assert reembed(index) == len(index)
        if large is INDEXED:
            with index.store.writing():
                index.store.seal()
    (tmp_path / "stop").touch()
    looks = reading.result(timeout=300)
    assert len(looks & committed) > ROUNDS // 4  # whole states
    assert all(any(found <= state for state in committed) for found in looks)
    assert [finding for finding in verify(index) if finding.damage] == []


def write(folder, name):
    """Puts, replaces, removes and compacts."""
    index = small_index(folder)
    for number in range(12):
        index.put({f"{name}-{number}": document(name, f"{name} {number}", "more")})
        if number % 3 == 1:
            index.put({f"{name}-{number - 1}": document(name, f"{name} {number} instead")})
        if number % 3 == 2:
            index.remove(f"{name}-{number - 1}")
        if number % 5 == 4:
            compact(index)
    return os.getpid()


def test_two_writers_lose_nothing(tmp_path, elsewhere):
    others = [elsewhere.submit(write, tmp_path / "index", name) for name in "ab"]
    mine = write(tmp_path / "index", "c")
    assert mine not in {other.result(timeout=300) for other in others}
    index = small_index(tmp_path / "index")
    wanted = {f"{name}-{number}": 1 if number % 3 == 0 else 2 for name in "abc" for number in range(12) if number % 3 != 1}
    assert {record.source: record.passages for record in index.documents()} == wanted
    assert [finding for finding in verify(index) if finding.damage] == []


def add_folder(folder, index):
    return len(small_index(index).add([folder]).failed)


def test_two_that_add_the_same_folder_end_with_one_of_each(tmp_path, elsewhere):
    (tmp_path / "files").mkdir()
    for number in range(20):
        (tmp_path / "files" / f"{number}.txt").write_text(f"text number {number}")
    others = [elsewhere.submit(add_folder, tmp_path / "files", tmp_path / "index") for _ in range(3)]
    assert [other.result(timeout=300) for other in others] == [0, 0, 0]
    index = small_index(tmp_path / "index")
    assert sorted(passages[0].text for _, passages in contents(index).values()) == sorted(
        f"text number {n}" for n in range(20)
    )
    assert index.find("text number 7", 1)[0].text == "text number 7"
    assert [finding for finding in verify(index) if finding.damage] == []


def hold(folder):
    with small_index(folder / "index").store.writing():
        (folder / "held").touch()
        while not (folder / "stop").exists():
            time.sleep(0.01)


def test_a_writer_that_waits_too_long_is_told_so_in_one_line(tmp_path, monkeypatch, elsewhere):
    index = filled(tmp_path / "index", 1)
    before = contents(index)
    monkeypatch.setattr(generations, "exclusive", partial(exclusive, timeout_s=0.1))
    holding = elsewhere.submit(hold, tmp_path)
    while not (tmp_path / "held").exists() and not holding.done():
        time.sleep(0.01)
    page = {"x": document("X", "delta")}
    other = small_index(tmp_path / "index", "words-2")
    uses = (lambda: index.put(page), lambda: index.remove("doc-0"), lambda: compact(index), lambda: repair(index))
    for use in (*uses, lambda: reembed(other)):
        with pytest.raises(StoreError) as refused:
            use()
        assert_one_line(refused.value, index.store.busy)
    assert contents(index) == before  # it can be read all the same
    assert index.find("alpha 0", 1)[0].source == "doc-0"
    (tmp_path / "stop").touch()
    holding.result(timeout=300)
    index.put(page)
    assert contents(index).keys() == {*before, "x"}


def refill(folder):
    filled(folder, 3)


def test_an_index_that_is_deleted_and_made_again_is_seen_anew(tmp_path, elsewhere):
    reader = filled(tmp_path / "index", 2)
    shutil.rmtree(tmp_path / "index")
    assert (len(reader), contents(reader), reader.find("alpha", 1)) == (0, {}, [])
    elsewhere.submit(refill, tmp_path / "index").result(timeout=300)
    assert len(contents(reader)) == 3
    assert reader.find("alpha 2 begins", 1)[0].source == "doc-2"
