"""One batch of a change: rows appended, the journal, then the catalogue's commit, which makes it count."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from vivavoce.core.store import journal
from vivavoce.core.store.catalogue import State, StoreCatalogue
from vivavoce.core.store.manifest import Embedding
from vivavoce.core.store.rows import RowFile


@dataclass(frozen=True, slots=True)
class Batch:
    """What one change adds and takes out.

    records: what the catalogue takes in, one a row. lines: the same as JSON, for the journal. columns: rows (N, ...) by
    file; asked for inside the catalogue's transaction. gone: rows that leave. heads: see `Commit`.
    """

    records: Sequence[Any]
    lines: Sequence[str]
    columns: Callable[[], Mapping[str, NDArray[Any]]]
    gone: Sequence[int] = ()
    heads: Sequence[str] = ()


def append(
    folder: Path, models: Mapping[str, Embedding], files: Mapping[str, RowFile], catalogue: StoreCatalogue[Any], batch: Batch
) -> None:
    """Write a batch to the files of a generation. models: what made its vectors, by space.

    Raises:
        StoreError: the disk is full or read-only; the batch does not count then.
    """
    before = catalogue.state()
    with catalogue.changing():
        columns = batch.columns() if batch.records else {}
        sums = {name: files[name].append(before.rows, rows) for name, rows in columns.items()}
        commit = journal.Commit(
            before.number + 1, before.rows, tuple(batch.lines), tuple(batch.gone), sums, dict(models), tuple(batch.heads)
        )
        length = journal.append(folder / "journal.jsonl", before.journal, commit)
        catalogue.delete(batch.gone)
        catalogue.insert(before.rows, batch.records)
        state = State(commit.number, before.rows + len(batch.records), length, before.removed + len(batch.gone))
        catalogue.finish(state, before.rows, sums)
