"""Readers and writers in several processes: no error, no loss, nothing that was never committed."""

import asyncio
import mmap
import os
import struct
import threading
import traceback
from contextlib import contextmanager
from functools import partial

import pytest
from support.crash_worker import without_syncing
from support.fakes import MEASURED, assert_one_line, buzz, contents, filled, folder_in_memory, small_bank, small_voice

from vivavoce.core.durable import exclusive
from vivavoce.core.errors import StoreError
from vivavoce.core.store import generations
from vivavoce.vectors.faiss_index import FaissIndexes
from vivavoce.voicebank.store.records import encode
from vivavoce.voicebank.upkeep.compaction import compact, reembed
from vivavoce.voicebank.upkeep.verify import verify

pytestmark = pytest.mark.process
ROUNDS = 24
THREADS = 3


@pytest.fixture
def tmp_path(tmp_path):
    with folder_in_memory(tmp_path) as folder:
        yield folder


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("vivavoce.voicebank.bank.measure", lambda _: MEASURED)
    without_syncing(monkeypatch)


@contextmanager
def another_process(work, complaints):
    """Runs work in a forked process meanwhile; what goes wrong there goes wrong here."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:  # noqa: BLE001 - told to the parent
            complaints.write_text(traceback.format_exc())
        finally:
            os._exit(status)
    try:
        yield
    finally:
        _, status = os.waitpid(child, 0)
    assert status == 0, complaints.read_text() if complaints.exists() else status


class Counter:
    """A number that processes share, and whether they shall stop."""

    def __init__(self):
        self._memory = mmap.mmap(-1, 16)

    def get(self):
        return struct.unpack("q", self._memory[:8])[0]

    def count(self):
        self._memory[:8] = struct.pack("q", self.get() + 1)

    def stop(self):
        self._memory[8] = 1

    @property
    def stopped(self):
        return self._memory[8] == 1


def read_on(folder, seen, counter, options):
    """Searches in several threads until it is told to stop. Writes down every hit, and compares what one search found."""
    bank = small_bank(folder, texts=None, **options)
    lines, wrong = set(), []

    def searching(number):
        clip = buzz(number)
        vector = bank._speakers.embed(clip)
        while not counter.stopped and not wrong:
            try:
                hits = asyncio.run(bank.search(clip, 50)) if number % 2 else bank._search("voice", 50, None, clip)
                lines.update(encode(hit.voice) for hit in hits)
                found = {hit.voice.recipe for hit in hits if hit.voice.recipe}
                assert len(found) <= 1, f"one search found voices of the states {found}"
                listed = [entry for entry in bank.entries() if entry.recipe]
                assert len({entry.recipe for entry in listed}) == 1 and len(listed) == 2, listed
                assert bank.get("one").id == "one"
                bank.nearest_speakers(vector, 5)
                if number == 0:
                    counter.count()
            except BaseException:  # noqa: BLE001 - told to the parent
                wrong.append(traceback.format_exc())

    threads = [threading.Thread(target=searching, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[0]
    seen.write_text("\n".join(lines))


def pair(bank, number):
    """Two voices that always change together."""
    return [bank.analyse(small_voice(name, 10 * number + i, recipe=str(number))) for i, name in enumerate(("one", "two"))]


INDEXED = {"large": FaissIndexes(exact_rows=16, gathered_rows=4), "rank_all": 4}


@pytest.mark.parametrize("indexed", [False, True])
def test_a_reader_sees_committed_states_alone_while_a_writer_does_everything(tmp_path, indexed):
    options = INDEXED if indexed else {}
    folder, counter = tmp_path / "bank", Counter()
    bank = filled(folder, 20, **options)
    bank.add_all(pair(bank, 0))
    if indexed:
        assert bank.store.view().manifest.indexes
    committed = {encode(entry) for entry in bank.entries()}
    with another_process(lambda: read_on(folder, tmp_path / "seen", counter, options), tmp_path / "wrong"):
        try:
            number = 0
            while (number < ROUNDS or counter.get() < ROUNDS) and not (tmp_path / "wrong").exists():
                number += 1
                bank.add_all(pair(bank, number), replace_existing=True)
                bank.add(small_voice(f"extra-{number}", 5_000 + number))
                committed |= {encode(entry) for entry in bank.entries()}
                bank.remove(f"extra-{number}")
                if number % 3 == 0:
                    compact(bank)
                if number % 4 == 0:
                    bank = small_bank(folder, texts=f"letters-{number}", **options)
                    assert reembed(bank) == 22
                if indexed and number % 2:
                    with bank.store.writing():
                        bank.store.seal()
        finally:
            counter.stop()
    seen = set((tmp_path / "seen").read_text().split("\n"))
    assert len(seen) > 25
    assert seen <= committed
    assert [finding for finding in verify(bank) if finding.damage] == []


def test_two_writers_lose_nothing(tmp_path):
    folder = tmp_path / "bank"

    def write(name):
        bank = small_bank(folder)
        for number in range(12):
            bank.add(small_voice(f"{name}-{number}", hash_of(name) + number))
            if number % 3 == 2:
                bank.remove(f"{name}-{number - 1}")
            if number % 5 == 4:
                compact(bank)

    with another_process(lambda: write("a"), tmp_path / "a"), another_process(lambda: write("b"), tmp_path / "b"):
        write("c")
    kept = [number for number in range(12) if number % 3 != 1]
    bank = small_bank(folder)
    assert contents(bank).keys() == {f"{name}-{number}" for name in "abc" for number in kept}
    assert [finding for finding in verify(bank) if finding.damage] == []


def hash_of(name):
    return 100 * ord(name)


def test_of_two_writers_of_one_id_one_is_refused(tmp_path):
    folder = tmp_path / "bank"
    filled(folder, 1)

    def write(mine):
        refused = 0
        bank = small_bank(folder)
        for number in range(10):
            try:
                bank.add(small_voice(f"v-{number}", mine + number, source=str(mine)))
            except Exception as error:  # noqa: BLE001 - only one kind may come
                assert "there already" in str(error)
                refused += 1
        (tmp_path / f"refused-{mine}").write_text(str(refused))

    with another_process(lambda: write(200), tmp_path / "wrong"):
        write(300)
    assert sum(int((tmp_path / f"refused-{mine}").read_text()) for mine in (200, 300)) == 10
    assert len(contents(small_bank(folder))) == 11


def test_a_writer_that_waits_too_long_is_told_so_in_one_line(tmp_path, monkeypatch):
    folder = tmp_path / "bank"
    filled(folder, 1)
    (held_read, held_write), (free_read, free_write) = os.pipe(), os.pipe()

    def hold():
        os.close(free_write)
        with small_bank(folder).store.writing():
            os.write(held_write, b"x")
            os.read(free_read, 1)

    monkeypatch.setattr(generations, "exclusive", partial(exclusive, timeout_s=0.1))
    bank = small_bank(folder)
    with another_process(hold, tmp_path / "wrong"):
        os.read(held_read, 1)
        try:
            for use in (lambda: bank.add(small_voice("x", 9)), lambda: bank.remove("voice-0"), lambda: compact(bank)):
                with pytest.raises(StoreError) as refused:
                    use()
                assert_one_line(refused.value, small_bank(folder).store.busy)
            assert list(contents(bank)) == ["voice-0"]  # it can be read all the same
        finally:
            os.close(free_write)
    bank.add(small_voice("x", 9))
    assert list(contents(bank)) == ["voice-0", "x"]
    for handle in (held_read, held_write, free_read):
        os.close(handle)


def test_a_bank_that_is_deleted_and_made_again_is_seen_anew(tmp_path):
    import shutil

    folder = tmp_path / "bank"
    reader = filled(folder, 2)
    shutil.rmtree(folder)
    assert (len(reader), list(reader.entries())) == (0, [])
    with another_process(lambda: filled(folder, 3), tmp_path / "wrong"):
        pass
    assert len(contents(reader)) == 3
