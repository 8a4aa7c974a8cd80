"""A process that is killed at any of its writes leaves the bank in its old or its new state, whole."""

import shutil

import pytest
from support.crash_worker import EXHAUSTIVE, deaths, dies_at, points, without_syncing
from support.fakes import MEASURED, LetterCounts, buzz, contents, filled, folder_in_memory, small_bank, small_voice

from vivavoce.core.errors import StoreCorrupt
from vivavoce.vectors.faiss_index import FaissIndexes
from vivavoce.voicebank.imports import archive, importing
from vivavoce.voicebank.imports.archive import export_bank, import_archive
from vivavoce.voicebank.imports.importing import import_voices
from vivavoce.voicebank.imports.layouts import Candidate
from vivavoce.voicebank.upkeep.compaction import compact, reembed
from vivavoce.voicebank.upkeep.repair import repair
from vivavoce.voicebank.upkeep.verify import verify

pytestmark = pytest.mark.process


@pytest.fixture
def tmp_path(tmp_path):
    with folder_in_memory(tmp_path) as folder:
        yield folder


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Recordings are not measured and nothing is synced: both take most of the time."""
    without_syncing(monkeypatch)
    monkeypatch.setattr("vivavoce.voicebank.bank.measure", lambda _: MEASURED)


def state_of(folder):
    """What a reader sees: the models and every entry with its clip, or why there is nothing to see."""
    bank = small_bank(folder)
    try:
        seen = bank.store.view()
        return (None if seen is None else seen.manifest.embeddings, contents(bank)) if seen else ("empty", {})
    except StoreCorrupt as error:
        assert "run `vivavoce voices repair`" in str(error)
        return ("to repair", {})


def bank_of(folder):
    """The bank, opened with the text embedder that made it."""
    seen = small_bank(folder).store.view()
    return small_bank(folder, texts=seen.manifest.embeddings["description"].model if seen else "letters-1")


def assert_nothing_is_left_over(bank):
    folder, seen = bank.store.folder, bank.store.view()
    wanted = {folder / "manifest.json", *(bank.store.clip_path(entry.clip) for entry in bank.entries())}
    names = ("catalogue.sqlite", "journal.jsonl", "facts.rows", "speaker.rows", "description.rows")
    wanted |= {seen.folder / name for name in names}
    wanted |= {seen.folder / sealed.file for sealed in seen.manifest.indexes.values()}
    assert {path for path in folder.rglob("*") if path.is_file()} - {folder / ".lock"} == wanted
    assert all(any(prefix.iterdir()) for prefix in (folder / "clips").iterdir())


def assert_whole_and_usable(folder, states):
    """Checks one death; which of the states it left."""
    state = state_of(folder)
    assert state in states
    which = states.index(state)
    bank = bank_of(folder) if state[0] != "to repair" else small_bank(folder)
    if state[0] == "to repair":
        report = repair(bank)
        assert (report.lost, state_of(folder)) == ((), states[-1])
        state = states[-1]
    assert [finding for finding in verify(bank) if finding.damage] == []
    bank.add(small_voice("after", 99))
    compact(bank)
    assert_nothing_is_left_over(bank)
    assert contents(bank).keys() == {*state[1], "after"}
    assert {voice: content for voice, content in contents(bank).items() if voice != "after"} == state[1]
    assert verify(bank) == []
    return which


def kill_at_every_write(tmp_path, work, between=(), step=1):
    """Kills the work at its writes. between: states of the steps that it consists of. step: 1 for each, see `deaths`."""
    template, whole = tmp_path / "template", tmp_path / "whole"
    copy(template, whole)
    work(whole)
    states = [state_of(template), *between, state_of(whole)]
    assert states[0] != states[-1]
    left = []
    for number, _ in deaths(tmp_path, work, step):  # noqa: B007 - the last is asked for below
        left.append(assert_whole_and_usable(tmp_path / "killed", states))
    assert number > 10
    assert left == sorted(left)  # once new, always new
    assert set(left) == set(range(len(states))) if EXHAUSTIVE else {0, len(states) - 1} <= set(left)
    return number


def copy(template, folder):
    if template.exists():
        shutil.copytree(template, folder)


def test_adding_to_an_empty_folder(tmp_path):
    def work(folder):
        bank = small_bank(folder)
        bank.add_all([bank.analyse(small_voice("one", 1)), bank.analyse(small_voice("two", 2))])

    made = small_bank(tmp_path / "made")
    made.store.start_generation(made.embeddings)
    kill_at_every_write(tmp_path, work, [state_of(tmp_path / "made")])


def test_adding(tmp_path):
    def work(folder):
        bank = small_bank(folder)
        bank.add_all([bank.analyse(small_voice("one", 11)), bank.analyse(small_voice("two", 12))])

    filled(tmp_path / "template", 2)
    kill_at_every_write(tmp_path, work)


def test_removing(tmp_path):
    filled(tmp_path / "template")
    kill_at_every_write(tmp_path, lambda folder: small_bank(folder).remove("voice-0", "voice-2"))


def test_replacing(tmp_path):
    filled(tmp_path / "template")
    voice = small_voice("voice-1", 50, name="Other")
    kill_at_every_write(tmp_path, lambda folder: small_bank(folder).add(voice, replace_existing=True))


def test_compacting_shows_the_same_voices_all_the_while(tmp_path):
    filled(tmp_path / "template", 4).remove("voice-1")
    before = state_of(tmp_path / "template")
    for number, _ in deaths(tmp_path, lambda folder: compact(small_bank(folder))):  # noqa: B007
        assert_whole_and_usable(tmp_path / "killed", [before])
    assert number > 20


def test_embedding_again(tmp_path):
    filled(tmp_path / "template")
    kill_at_every_write(tmp_path, lambda folder: reembed(small_bank(folder, texts="letters-2")))


@pytest.mark.parametrize("damaged", ["catalogue.sqlite", "description.rows"])
def test_repairing(tmp_path, damaged):
    bank = filled(tmp_path / "template")
    (bank.store.view().folder / damaged).unlink()
    step = 1 if damaged == "catalogue.sqlite" else 3
    kill_at_every_write(tmp_path, lambda folder: repair(small_bank(folder)), step=step)


def test_sealing(tmp_path):
    bank = small_bank(tmp_path / "template")
    bank.add_all([bank.analyse(small_voice(f"voice-{n}", n)) for n in range(20)])
    before = state_of(tmp_path / "template")
    assert not bank.store.view().manifest.indexes

    def opened(folder):
        return small_bank(folder, large=FaissIndexes(exact_rows=8))

    def work(folder):
        sealed = opened(folder).store
        with sealed.writing():
            sealed.seal()

    folder, sealed = tmp_path / "killed", []
    for number, died in deaths(tmp_path, work):
        sealed.append(sorted(opened(folder).store.view().manifest.indexes))
        if number % 4 == 0 or not died:  # learning takes its time
            assert_whole_and_usable(folder, [before])
        else:
            assert not [finding for finding in verify(opened(folder)) if finding.damage]
    assert [] in sealed and ["description", "speaker"] in sealed
    assert all(names in ([], ["description", "speaker"]) for names in sealed)


def test_importing_an_archive(tmp_path):
    filled(tmp_path / "template", 1)
    export_bank(filled(tmp_path / "other"), tmp_path / "voices.zip")
    kill_at_every_write(tmp_path, lambda folder: import_archive(small_bank(folder), tmp_path / "voices.zip"))


def test_importing_an_archive_in_steps(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "BATCH", 1)
    filled(tmp_path / "template", 1)
    export_bank(filled(tmp_path / "other", 3), tmp_path / "voices.zip")
    between = state_of(filled(tmp_path / "between", 2).store.folder)
    kill_at_every_write(
        tmp_path,
        lambda folder: import_archive(small_bank(folder), tmp_path / "voices.zip"),
        [between],
    )


def test_importing_recordings_in_steps_and_going_on_after_the_kill(tmp_path, monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 2)
    for number in range(3):
        buzz(number, 1.2).save(tmp_path / "clips" / f"{number}.wav")

    def candidates():
        for n in range(3):
            yield Candidate((tmp_path / "clips" / f"{n}.wav",), f"{n}.wav", id=f"clip-{n}", name="X", licence="MIT")

    def work(folder):
        assert not import_voices(small_bank(folder), candidates()).refused

    filled(tmp_path / "template", 1)
    copy(tmp_path / "template", tmp_path / "between")
    import_voices(small_bank(tmp_path / "between"), list(candidates())[:2])
    number = kill_at_every_write(tmp_path, work, [state_of(tmp_path / "between")], 2)
    whole = contents(small_bank(tmp_path / "whole"))
    for at in points(number - 1, 11):
        folder = tmp_path / f"resumed-{at}"
        copy(tmp_path / "template", folder)
        dies_at(at, lambda folder=folder: work(folder), tmp_path / "complaints")
        work(folder)
        assert contents(small_bank(folder)) == whole


def test_a_killed_writer_lets_the_lock_go(tmp_path):
    filled(tmp_path / "bank", 1)
    assert dies_at(12, lambda: small_bank(tmp_path / "bank").add(small_voice("x", 70)), tmp_path / "complaints")
    small_bank(tmp_path / "bank").add(small_voice("y", 71))
    assert LetterCounts().id == small_bank(tmp_path / "bank").embeddings["description"].model
