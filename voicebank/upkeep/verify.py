"""Whether a bank is whole, file by file."""

from collections.abc import Iterator

from vivavoce.core.errors import StoreCorrupt
from vivavoce.core.store.compaction import Progress
from vivavoce.core.store.verify import Finding, findings
from vivavoce.voicebank.bank import FolderVoiceBank
from vivavoce.voicebank.store.view import BankView
from vivavoce.voicebank.upkeep.compaction import orphan_clips


def verify(bank: FolderVoiceBank, progress: Progress | None = None) -> list[Finding]:
    """Everything that is wrong with a bank; nothing is changed. Blocking; reads every clip.

    Raises:
        StoreError: the bank cannot be read at all, as by missing rights.
    """
    return findings(
        bank.store,
        lambda view: sum(1 for _ in view.catalogue.groups()),
        lambda view: [*_clips(bank, view, progress), *_orphans(bank, view)],
    )


def _clips(bank: FolderVoiceBank, view: BankView, progress: Progress | None) -> Iterator[Finding]:
    for done, group in enumerate(view.catalogue.groups()):
        try:
            bank.clip(group.records[0])
        except StoreCorrupt as error:
            yield Finding(str(error))
        if progress is not None:
            progress(done + 1, view.count)


def _orphans(bank: FolderVoiceBank, view: BankView) -> Iterator[Finding]:
    orphans = sum(1 for _ in orphan_clips(bank, view))
    if orphans:
        yield Finding(f"{orphans} files belong to no voice", damage=False)
