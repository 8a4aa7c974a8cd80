"""One batch of a change to a bank; see `core.store.batches`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vivavoce.core.store.batches import Batch
from vivavoce.core.store.batches import append as append_batch
from vivavoce.core.store.manifest import Embedding, Manifest
from vivavoce.core.store.rows import RowFile
from vivavoce.core.store.vector_index import Matrix
from vivavoce.core.voice import VoiceEntry
from vivavoce.voicebank.store.catalogue import ADVICE, Catalogue
from vivavoce.voicebank.store.columns import RECORD, pack
from vivavoce.voicebank.store.records import encode
from vivavoce.voicebank.store.view import SPACES


@dataclass(frozen=True, slots=True)
class Vectors:
    """Unit vectors of new entries by space, (N, dimension) each; a space without a model has none."""

    by_space: Mapping[str, Matrix]

    @classmethod
    def none(cls) -> "Vectors":
        """Of entries in a bank without embedders."""
        return cls({})


def row_files(folder: Path, embeddings: Mapping[str, Embedding]) -> dict[str, RowFile]:
    """The append-only files of a generation: facts, and vectors by space."""
    files = {"facts": RowFile(folder / "facts.rows", RECORD, advice=ADVICE)}
    for space in SPACES:
        dimension = embeddings.get(space, Embedding()).dimension
        files[space] = RowFile(folder / f"{space}.rows", np.dtype("<f4"), (dimension,), advice=ADVICE)
    return files


def append(
    folder: Path,
    manifest: Manifest,
    catalogue: Catalogue,
    entries: Sequence[VoiceEntry],
    vectors: Vectors,
    gone: Sequence[int],
) -> None:
    """Add entries, and take rows out."""
    batch = Batch(
        entries,
        [encode(entry) for entry in entries],
        lambda: {"facts": pack(entries, catalogue.code)} | {s: vectors.by_space[s] for s in SPACES if s in vectors.by_space},
        gone,
    )
    append_batch(folder, manifest.embeddings, row_files(folder, manifest.embeddings), catalogue, batch)
