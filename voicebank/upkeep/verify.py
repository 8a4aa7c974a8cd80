"""Whether a bank is whole, file by file."""

from collections.abc import Callable, Iterator

from vivavoce.core.errors import StoreCorrupt
from vivavoce.core.store.verifying import Finding, damage, left_over
from vivavoce.voicebank.bank import FolderVoiceBank
from vivavoce.voicebank.store.view import View
from vivavoce.voicebank.upkeep.compaction import orphan_clips


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
    found = list(damage(bank.store, view, lambda: sum(1 for _ in view.catalogue.all())))
    if not found:
        found += [*_clips(bank, view, progress), *_orphans(bank, view), *left_over(bank.store, view)]
    return found


def _clips(bank: FolderVoiceBank, view: View, progress: Callable[[int, int], None] | None) -> Iterator[Finding]:
    for done, (_, entry) in enumerate(view.catalogue.all()):
        try:
            bank.clip(entry)
        except StoreCorrupt as error:
            yield Finding(str(error))
        if progress is not None:
            progress(done + 1, view.count)


def _orphans(bank: FolderVoiceBank, view: View) -> Iterator[Finding]:
    orphans = sum(1 for _ in orphan_clips(bank, view))
    if orphans:
        yield Finding(f"{orphans} files belong to no entry", damage=False)
