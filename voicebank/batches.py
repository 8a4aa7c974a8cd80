"""One batch of a change: rows appended, the journal, then the catalogue's commit, which makes it count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vivavoce.core.voice import VoiceEntry
from vivavoce.voicebank import journal
from vivavoce.voicebank.catalogue import Catalogue, State
from vivavoce.voicebank.columns import RECORD, pack
from vivavoce.voicebank.manifest import Embedding, Manifest
from vivavoce.voicebank.rows import RowFile
from vivavoce.voicebank.vector_index import Matrix
from vivavoce.voicebank.view import SPACES

FILES = ("facts", *SPACES)


@dataclass(frozen=True, slots=True)
class Vectors:
    """Unit vectors of new entries by space, (N, dimension) each; a space without a model has none."""

    by_space: Mapping[str, Matrix]

    @classmethod
    def none(cls) -> "Vectors":
        """Of entries in a bank without embedders."""
        return cls({})


def row_files(folder: Path, embeddings: Mapping[str, Embedding]) -> dict[str, RowFile]:
    """The append-only files of a generation."""
    files = {"facts": RowFile(folder / "facts.rows", RECORD)}
    for space in SPACES:
        dimension = embeddings.get(space, Embedding()).dimension
        files[space] = RowFile(folder / f"{space}.rows", np.dtype("<f4"), (dimension,))
    return files


def append(
    folder: Path,
    manifest: Manifest,
    catalogue: Catalogue,
    entries: Sequence[VoiceEntry],
    vectors: Vectors,
    gone: Sequence[int],
) -> None:
    """Write one batch: rows, then the journal, then the catalogue's commit, which makes it count."""
    before = catalogue.state()
    files = row_files(folder, manifest.embeddings)
    with catalogue.changing():
        columns: dict[str, Any] = {"facts": pack(entries, catalogue.code)} | dict(vectors.by_space)
        sums = {name: files[name].append(before.rows, columns[name]) for name in FILES if entries and name in columns}
        batch = journal.Commit(before.number + 1, before.rows, tuple(entries), tuple(gone), sums, manifest.embeddings)
        length = journal.append(folder / "journal.jsonl", before.journal, batch)
        catalogue.delete(gone)
        catalogue.insert(before.rows, entries)
        state = State(batch.number, before.rows + len(entries), length, before.removed + len(gone))
        catalogue.finish(state, before.rows, sums)
