"""Bring back what can be brought back of a damaged bank, and say what was lost.

Entries come from the catalogue, and where that is damaged from the journal; vectors from their files where the checksum
holds, otherwise they are made again; a clip that is gone takes its entry with it.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vivavoce.core.errors import StoreCorrupt, StoreError
from vivavoce.core.store import journal
from vivavoce.core.store.manifest import Embedding, Manifest, load
from vivavoce.core.store.repairing import move_folder_away
from vivavoce.core.store.rows import RowFile
from vivavoce.core.store.vector_index import Matrix
from vivavoce.core.voice import VoiceEntry
from vivavoce.voicebank.bank import FolderVoiceBank
from vivavoce.voicebank.store.batches import Vectors, append, row_files
from vivavoce.voicebank.store.catalogue import ADVICE, Catalogue
from vivavoce.voicebank.store.records import decode
from vivavoce.voicebank.store.view import SPACES
from vivavoce.voicebank.upkeep.compaction import BATCH, batched, sweep_clips
from vivavoce.voicebank.upkeep.verify import verify

MOST_ROWS = 100_000_000  # a damaged catalogue may claim any number


@dataclass(frozen=True, slots=True)
class Report:
    """kept: voices that are there. made_again: vectors. lost: (voice, why) of those that are not."""

    kept: int = 0
    made_again: int = 0
    lost: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class _Salvage:
    """What a generation still tells. vectors: by space, by row, where checksums hold."""

    entries: dict[int, VoiceEntry]
    embeddings: dict[str, Embedding]
    sound: dict[str, set[int]]
    files: dict[str, RowFile]
    unreadable: list[tuple[str, str]]
    known: set[str]  # clips that an entry tells or told of
    counted: bool  # the catalogue still says how many entries there are


def repair(bank: FolderVoiceBank) -> Report:
    """Make a bank whole. Nothing is written where nothing is wrong. Blocking.

    Raises:
        StoreError: the bank is being written, or the disk is full; it is then as it was.
        ModelError: vectors must be made again and the embedder cannot be loaded.
    """
    with bank.store.writing():
        bank.store.check_layout()
        if not any(finding.damage for finding in verify(bank)):
            return Report(kept=len(bank))
        bank.store.close()
        move_folder_away(bank.store.folder / "manifest.json")
        return _rewritten(bank, _best_salvage(bank))


def _best_salvage(bank: FolderVoiceBank) -> _Salvage:
    """Of the generation that counts, if that is known and tells anything; otherwise of the one that tells most."""
    folders, current = bank.store.generations, ""
    with suppress(StoreError):
        manifest = load(bank.store.folder / "manifest.json", ADVICE)
        current = bank.store.generation_folder(manifest).name if manifest else ""
    salvages = [(folder.name, _salvage(bank, folder)) for folder in folders]
    if not salvages:
        return _Salvage({}, bank.embeddings, {space: set() for space in SPACES}, {}, [], set(), counted=False)
    return max(salvages, key=lambda s: (s[0] == current and bool(s[1].known), len(s[1].entries), s[0]))[1]


def _rewritten(bank: FolderVoiceBank, salvage: _Salvage) -> Report:
    lost = [*salvage.unreadable, *_untold(bank, salvage)]
    kept: list[tuple[int, VoiceEntry]] = []
    for row, entry in sorted(salvage.entries.items()):
        try:
            bank.clip(entry)
            kept.append((row, entry))
        except StoreCorrupt as error:
            lost.append((entry.id, str(error).split(";")[0]))
    made_again = 0
    embeddings = {space: salvage.embeddings.get(space, bank.embeddings[space]) for space in SPACES}

    def fill(folder: Path, manifest: Manifest, catalogue: Catalogue) -> None:
        nonlocal made_again
        for batch in batched(iter(kept), BATCH):
            vectors: dict[str, Matrix] = {}
            for space in SPACES:
                if embeddings[space].dimension:
                    vectors[space], count = _vectors(bank, space, embeddings[space], batch, salvage)
                    made_again += count
            append(folder, manifest, catalogue, [entry for _, entry in batch], Vectors(vectors), ())

    bank.store.start_generation(embeddings, fill)
    bank.store.seal()
    if not lost:  # recordings of what was lost stay until the bank is compacted
        sweep_clips(bank)
    return Report(len(kept), made_again, tuple(lost))


def _untold(bank: FolderVoiceBank, salvage: _Salvage) -> Iterator[tuple[str, str]]:
    """Recordings that no entry tells of any more. What the catalogue counts is told by row instead."""
    if not salvage.counted:
        for path in sorted((bank.store.folder / "clips").glob("*/*.flac")):
            if path == bank.store.clip_path(path.stem) and path.stem not in salvage.known:
                yield f"the voice of clip {path.stem[:12]}", f"its entry is damaged; the recording stays as {path}"


def _vectors(
    bank: FolderVoiceBank, space: str, made_by: Embedding, batch: list[tuple[int, VoiceEntry]], salvage: _Salvage
) -> tuple[Matrix, int]:
    """Stored vectors where they are sound, new ones elsewhere; how many are new."""
    vectors = np.zeros((len(batch), made_by.dimension), np.float32)
    stale = [i for i, (row, _) in enumerate(batch) if row not in salvage.sound[space]]
    for i, (row, _) in enumerate(batch):
        if row in salvage.sound[space]:
            vectors[i] = salvage.files[space].read(row + 1, row)[0]
    if stale:
        if bank.embeddings[space] != made_by:
            raise StoreError(
                f"{len(stale)} {space} vectors must be made again by {made_by.model}, this program uses "
                f"{bank.embeddings[space].model or 'nothing'}; use the program that made the bank"
            )
        made = bank.vectors_of(space, [batch[i][1] for i in stale])
        assert made is not None
        vectors[stale] = made
    return vectors, len(stale)


def _salvage(bank: FolderVoiceBank, folder: Path) -> _Salvage:
    """All that one generation's folder still tells."""
    commits = list(_decodable(journal.read(folder / "journal.jsonl")))
    entries, sums, unreadable, counted = _from_catalogue(folder, commits)
    embeddings = _embeddings(bank, commits)
    files = row_files(folder, embeddings)
    sound: dict[str, set[int]] = {space: set() for space in SPACES}
    for first, count, name, sha256 in sums:
        with suppress(StoreError):
            if name in sound and files[name].checksum(first, count) == sha256:
                sound[name].update(range(first, first + count))
    known = {entry.clip for entry in entries.values()} | {entry.clip for commit in commits for entry in _entries(commit)}
    return _Salvage(entries, embeddings, sound, files, unreadable, known, counted)


def _from_catalogue(
    folder: Path, commits: list[journal.Commit]
) -> tuple[dict[int, VoiceEntry], list[tuple[int, int, str, str]], list[tuple[str, str]], bool]:
    """(entries by row, checksums of batches, what is lost, whether that is all); from the journal what it alone tells."""
    written, sums = _from_journal(commits)
    gone = {row for commit in commits for row in commit.removed}
    try:
        catalogue = Catalogue(folder / "catalogue.sqlite")
    except StoreError:
        return written, sums, [], False
    try:
        whole, state = not catalogue.faults(), catalogue.state()
        removed = set(catalogue.removed()) | (set() if whole else gone)
        listed = dict(_readable(catalogue, range(min(state.rows, MOST_ROWS)), removed))
        told = written if not whole else {row: entry for row, entry in written.items() if row < state.rows}
        listed = {row: entry for row, entry in (told | listed).items() if row not in removed}
        missing = sorted(set(range(state.rows)) - removed - set(listed)) if whole else []
        lost = [(f"row {row}", "its entry is damaged in the catalogue and the journal") for row in missing]
        return listed, catalogue.sums() if whole else sums, lost, whole
    except StoreError:
        return written, sums, [], False
    finally:
        catalogue.close()


def _readable(catalogue: Catalogue, rows: range, removed: set[int]) -> Iterator[tuple[int, VoiceEntry]]:
    """Row by row, so that a damaged one hides no other."""
    for row in rows:
        if row not in removed:
            with suppress(StoreError):
                yield from catalogue.entries([row]).items()


def _from_journal(commits: list[journal.Commit]) -> tuple[dict[int, VoiceEntry], list[tuple[int, int, str, str]]]:
    entries: dict[int, VoiceEntry] = {}
    sums: list[tuple[int, int, str, str]] = []
    for commit in commits:
        entries |= {commit.first + i: entry for i, entry in enumerate(_entries(commit))}
        sums += [(commit.first, len(commit.added), name, sha256) for name, sha256 in commit.sums.items()]
        for row in commit.removed:
            entries.pop(row, None)
    return entries, sums


def _decodable(commits: Iterator[journal.Commit]) -> Iterator[journal.Commit]:
    """Batches up to the first whose lines are no entries."""
    with suppress(StoreCorrupt):
        for commit in commits:
            _entries(commit)
            yield commit


def _entries(commit: journal.Commit) -> list[VoiceEntry]:
    return [decode(line) for line in commit.added]


def _embeddings(bank: FolderVoiceBank, commits: list[journal.Commit]) -> dict[str, Embedding]:
    with suppress(StoreError):
        manifest = load(bank.store.folder / "manifest.json", ADVICE)
        if manifest is not None:
            return manifest.embeddings
    return commits[-1].models if commits else bank.embeddings
