"""Bring back what can be brought back of a damaged bank, and say what was lost.

Entries come from the catalogue, and where that is damaged from the journal; vectors from their files where the checksum
holds, otherwise they are made again; a clip that is gone takes its entry with it.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from vivavoce.core.audio import AudioClip
from vivavoce.core.durable import discard
from vivavoce.core.errors import StoreCorrupt, StoreError, VivavoceError
from vivavoce.core.voice import Voice, VoiceEntry, VoiceFacts
from vivavoce.voicebank import journal
from vivavoce.voicebank.bank import FolderVoiceBank
from vivavoce.voicebank.catalogue import Catalogue
from vivavoce.voicebank.compaction import BATCH, batched, sweep_clips
from vivavoce.voicebank.manifest import Embedding, Manifest, load
from vivavoce.voicebank.rows import RowFile
from vivavoce.voicebank.store import Vectors, append, row_files
from vivavoce.voicebank.vector_index import Matrix
from vivavoce.voicebank.verify import generations, is_earlier_layout, verify
from vivavoce.voicebank.view import SPACES


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


def repair(bank: FolderVoiceBank) -> Report:
    """Make a bank whole. Nothing is written where nothing is wrong. Blocking.

    Raises:
        StoreError: the bank is being written, or the disk is full; it is then as it was.
        ModelError: vectors must be made again and the embedder cannot be loaded.
    """
    with bank.store.writing():
        if is_earlier_layout(bank.store.folder):
            return _take_over(bank)
        if not (bank.store.folder / "manifest.json").exists() and not generations(bank.store.folder):
            return Report()
        if not any(finding.damage for finding in verify(bank)):
            return Report(kept=len(bank))
        bank.store.close()
        salvage = max((_salvage(bank, folder) for folder in generations(bank.store.folder)), key=lambda s: len(s.entries))
        return _rewritten(bank, salvage)


def _rewritten(bank: FolderVoiceBank, salvage: _Salvage) -> Report:
    lost = list(salvage.unreadable)
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
    sweep_clips(bank)
    return Report(len(kept), made_again, tuple(lost))


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
    commits = list(journal.read(folder / "journal.jsonl"))
    entries, sums, unreadable = _from_catalogue(folder, commits)
    embeddings = _embeddings(bank, commits)
    files = row_files(folder, embeddings)
    sound: dict[str, set[int]] = {space: set() for space in SPACES}
    for first, count, name, sha256 in sums:
        with suppress(StoreError):
            if name in sound and files[name].checksum(first, count) == sha256:
                sound[name].update(range(first, first + count))
    return _Salvage(entries, embeddings, sound, files, unreadable)


def _from_catalogue(
    folder: Path, commits: list[journal.Commit]
) -> tuple[dict[int, VoiceEntry], list[tuple[int, int, str, str]], list[tuple[str, str]]]:
    """(entries by row, checksums of batches, what is lost); from the journal what the catalogue cannot tell."""
    written, sums = _from_journal(commits)
    try:
        catalogue = Catalogue(folder / "catalogue.sqlite")
    except StoreError:
        return written, sums, []
    try:
        if not catalogue.faults():
            state, removed = catalogue.state(), set(catalogue.removed())
            listed = dict(_readable(catalogue, range(state.rows), removed))
            missing = set(range(state.rows)) - removed - set(listed)
            listed |= {row: written[row] for row in missing & set(written)}
            lost = [(f"row {row}", "its entry is damaged in the catalogue and the journal") for row in missing - set(listed)]
            return listed, catalogue.sums(), lost
    except StoreError:
        pass
    finally:
        catalogue.close()
    return written, sums, []


def _readable(catalogue: Catalogue, rows: range, removed: set[int]) -> Iterator[tuple[int, VoiceEntry]]:
    """Row by row, so that a damaged one hides no other."""
    for row in rows:
        if row not in removed:
            with suppress(StoreCorrupt):
                yield from catalogue.entries([row]).items()


def _from_journal(commits: list[journal.Commit]) -> tuple[dict[int, VoiceEntry], list[tuple[int, int, str, str]]]:
    entries: dict[int, VoiceEntry] = {}
    sums: list[tuple[int, int, str, str]] = []
    for commit in commits:
        entries |= {commit.first + i: entry for i, entry in enumerate(commit.added)}
        sums += [(commit.first, len(commit.added), name, sha256) for name, sha256 in commit.sums.items()]
        for row in commit.removed:
            entries.pop(row, None)
    return entries, sums


def _embeddings(bank: FolderVoiceBank, commits: list[journal.Commit]) -> dict[str, Embedding]:
    with suppress(StoreError):
        manifest = load(bank.store.folder / "manifest.json")
        if manifest is not None:
            return manifest.embeddings
    return commits[-1].models if commits else bank.embeddings


def _take_over(bank: FolderVoiceBank) -> Report:
    """Bring a bank of the first version (one JSON file) into this form; its files go when that is done."""
    folder = bank.store.folder
    whole: Any = json.loads((folder / "voices.json").read_bytes())
    lost: list[tuple[str, str]] = []
    kept = 0
    if not (folder / "manifest.json").exists():
        bank.store.start_generation(bank.embeddings)
    for old in whole["voices"]:
        try:
            voice = _earlier_voice(folder, old)
        except (VivavoceError, KeyError, TypeError) as error:
            lost.append((str(old.get("id")) if isinstance(old, dict) else "?", str(error)))
            continue
        bank.add(voice, replace_existing=True)
        kept += 1
    for path in (*folder.glob("*_vectors.npz"), *(folder / "clips").glob("*.flac"), folder / "voices.json"):
        discard(path)
    return Report(kept=kept, lost=tuple(lost))


def _earlier_voice(folder: Path, old: dict[str, Any]) -> Voice:
    facts = {name: value for name, value in old["facts"].items() if name in {field.name for field in fields(VoiceFacts)}}
    known = {name: old[name] for name in ("id", "name", "description", "licence", "source", "synthetic", "native", "recipe")}
    clip = str(old["clip"])
    if not clip.isalnum():
        raise StoreCorrupt("it names no clip")
    return Voice(reference=AudioClip.load(folder / "clips" / f"{clip}.flac"), facts=VoiceFacts(**facts), **known)
