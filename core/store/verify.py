"""Whether a collection is whole, file by file."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from vivavoce.core.errors import StoreCorrupt, StoreError
from vivavoce.core.store import journal
from vivavoce.core.store.generations import GenerationStore
from vivavoce.core.store.view import StoreView, opened_index

Store = GenerationStore[Any, Any]
View = StoreView[Any]
V = TypeVar("V", bound=StoreView[Any])


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. damage: a repair is needed; otherwise compaction tidies it up."""

    text: str
    damage: bool = True


def findings(
    store: GenerationStore[V, Any], count: Callable[[V], int], beside: Callable[[V], Iterable[Finding]] | None = None
) -> list[Finding]:
    """Everything that is wrong with a collection; nothing is changed. Blocking.

    count: reads every record of the catalogue, and tells how many there are. beside: what is wrong with that which only
    this kind of collection has.

    Raises:
        StoreError: the collection cannot be read at all, as by missing rights.
    """

    def work(view: V) -> list[Finding]:
        damage = [*_catalogue(view, lambda: count(view)), *_rows(view), *_journal(view), *_indexes(store, view)]
        return damage or [*(beside(view) if beside else ()), *_left_over(store, view)]

    try:
        return store.reading(work) or []
    except StoreCorrupt as error:
        return [Finding(str(error))]


def _left_over(store: Store, view: View) -> Iterator[Finding]:
    """What takes space and is not needed."""
    if view.state.removed:
        yield Finding(f"{view.state.removed} removed rows still take space", damage=False)
    others = [folder.name for folder in store.generations if folder != view.folder]
    if others:
        yield Finding(f"{len(others)} unfinished or earlier generations lie there", damage=False)


def _catalogue(view: View, count_records: Callable[[], int]) -> Iterator[Finding]:
    faults = view.catalogue.faults()
    yield from (Finding(f"{view.catalogue.path}: {fault}") for fault in faults)
    if faults:
        return
    try:
        count = count_records()
    except StoreError as error:
        yield Finding(str(error))
        return
    if count != view.count:
        yield Finding(f"{view.catalogue.path} holds {count} records instead of {view.count}")


def _rows(view: View) -> Iterator[Finding]:
    try:
        sums = view.catalogue.sums()
    except StoreError as error:
        yield Finding(str(error))
        return
    for first, count, name, sha256 in sums:
        try:
            if name not in view.files or view.files[name].checksum(first, count) != sha256:
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
        yield Finding(f"{view.folder / 'journal.jsonl'} knows {len(living)} records instead of {view.count}")


def _indexes(store: Store, view: View) -> Iterator[Finding]:
    if store.large is None:
        return
    for sealed in view.manifest.indexes.values():
        try:
            opened_index(view.folder, sealed, store.large, store.advice)
        except StoreError as error:
            yield Finding(str(error))
