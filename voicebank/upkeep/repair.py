"""The repair of a bank: a clip that is gone takes its voice with it."""

from collections.abc import Iterator

from vivavoce.core.errors import StoreCorrupt
from vivavoce.core.store.catalogue import Group
from vivavoce.core.store.repair import Lost, RepairReport, Salvage, best_salvage, rebuild
from vivavoce.core.voice import VoiceEntry
from vivavoce.voicebank.bank import FolderVoiceBank
from vivavoce.voicebank.upkeep.compaction import sweep_clips
from vivavoce.voicebank.upkeep.verify import verify


def repair(bank: FolderVoiceBank) -> RepairReport:
    """Make a bank whole. Nothing is written where nothing is wrong. Blocking.

    Raises:
        StoreCorrupt: another version wrote it; it is left alone.
        StoreError: the bank is being written, or the disk is full; it is then as it was.
        ModelError: vectors must be made again and the embedder cannot be loaded.
    """
    with bank.store.writing():
        bank.store.check_layout()
        if not any(finding.damage for finding in verify(bank)):
            return RepairReport(kept=len(bank))
        salvage = best_salvage(bank.store)
        lost = list(_lost(bank, salvage))
        kept: list[Group[VoiceEntry]] = []
        for group in salvage.groups:
            try:
                bank.clip(group.records[0])
                kept.append(group)
            except StoreCorrupt as error:
                lost.append((group.records[0].id, str(error).split(";")[0]))
        made_again = rebuild(bank, salvage, kept)
        if not lost:  # recordings of what was lost stay until the bank is compacted
            sweep_clips(bank)
        return RepairReport(len(kept), made_again, tuple(lost))


def _lost(bank: FolderVoiceBank, salvage: Salvage) -> Iterator[Lost]:
    """Records that cannot be read; where nothing counts them, recordings that no record tells of any more."""
    if salvage.listed.whole:
        for row in salvage.untold_rows:
            yield f"row {row}", "its record is damaged in the catalogue and the journal"
        return
    told = salvage.listed.groups | salvage.written.groups
    known = {record.clip for group in told.values() for record in group.records}
    for path in sorted((bank.store.folder / "clips").glob("*/*.flac")):
        if path == bank.store.clip_path(path.stem) and path.stem not in known:
            yield f"the voice of clip {path.stem[:12]}", f"its record is damaged; the recording stays as {path}"
