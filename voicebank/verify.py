"""Whether a bank is whole, file by file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vivavoce.core.errors import StoreCorrupt, StoreError
from vivavoce.core.store import journal
from vivavoce.core.store.view import opened_index
from vivavoce.voicebank.bank import FolderVoiceBank
from vivavoce.voicebank.batches import row_files
from vivavoce.voicebank.catalogue import ADVICE
from vivavoce.voicebank.compaction import orphan_clips
from vivavoce.voicebank.vector_index import FaissIndexes
from vivavoce.voicebank.view import View


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. damage: `repair` is needed; otherwise `compact` tidies it up."""

    text: str
    damage: bool = True


def verify(bank: FolderVoiceBank, progress: Callable[[int, int], None] | None = None) -> list[Finding]:
    """Everything that is wrong with a bank; nothing is changed. Blocking; reads every clip.

    Raises:
        StoreError: the bank cannot be read at all, as by missing rights.
    """
    try:
        view = bank.store.view()
    except StoreCorrupt as error:
        return [Finding(str(error))]
    if view is None:
        return []
    found = [*_catalogue(view), *_rows(view), *_journal(view), *_indexes(view)]
    if not any(finding.damage for finding in found):
        found += [*_clips(bank, view, progress), *_left_over(bank, view)]
    return found


def _catalogue(view: View) -> Iterator[Finding]:
    faults = view.catalogue.faults()
    yield from (Finding(f"{view.catalogue.path}: {fault}") for fault in faults)
    if faults:
        return
    try:
        count = sum(1 for _ in view.catalogue.all())
    except StoreError as error:
        yield Finding(str(error))
        return
    if count != view.count:
        yield Finding(f"{view.catalogue.path} holds {count} entries instead of {view.count}")


def _rows(view: View) -> Iterator[Finding]:
    files = row_files(view.folder, view.manifest.embeddings)
    try:
        sums = view.catalogue.sums()
    except StoreError as error:
        yield Finding(str(error))
        return
    for first, count, name, sha256 in sums:
        try:
            if name not in files or files[name].checksum(first, count) != sha256:
                yield Finding(f"rows {first} to {first + count - 1} of {name}.rows do not match their checksum")
        except StoreError as error:
            yield Finding(str(error))


def _journal(view: View) -> Iterator[Finding]:
    living: set[int] = set()
    try:
        commits = list(journal.read(view.folder / "journal.jsonl", view.state.journal))
    except StoreError as error:
        yield Finding(str(error))
        return
    for commit in commits:
        living.update(range(commit.first, commit.first + len(commit.added)))
        living.difference_update(commit.removed)
    if len(living) != view.count:
        yield Finding(f"{view.folder / 'journal.jsonl'} knows {len(living)} entries instead of {view.count}")


def _indexes(view: View) -> Iterator[Finding]:
    for sealed in view.manifest.indexes.values():
        try:
            opened_index(view.folder, sealed, FaissIndexes(), ADVICE)
        except StoreCorrupt as error:
            yield Finding(str(error))


def _clips(bank: FolderVoiceBank, view: View, progress: Callable[[int, int], None] | None) -> Iterator[Finding]:
    for done, (_, entry) in enumerate(view.catalogue.all()):
        try:
            bank.clip(entry)
        except StoreCorrupt as error:
            yield Finding(str(error))
        if progress is not None:
            progress(done + 1, view.count)


def _left_over(bank: FolderVoiceBank, view: View) -> Iterator[Finding]:
    orphans = sum(1 for _ in orphan_clips(bank, view))
    if orphans:
        yield Finding(f"{orphans} files belong to no entry", damage=False)
    if view.state.removed:
        yield Finding(f"{view.state.removed} removed rows still take space", damage=False)
    others = [folder.name for folder in bank.store.generations if folder != view.folder]
    if others:
        yield Finding(f"{len(others)} unfinished or earlier generations lie there", damage=False)


def is_earlier_layout(folder: Path) -> bool:
    """Whether a bank of the first version lies there that was not taken over yet."""
    return (folder / "voices.json").exists() and not (folder / "manifest.json").exists()
