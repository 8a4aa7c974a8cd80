"""What a reader sees of a bank: one committed state, in arrays."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock, RLock
from typing import Any

import numpy as np

from vivavoce.core.errors import StoreCorrupt
from vivavoce.voicebank.catalogue import Catalogue, State
from vivavoce.voicebank.columns import Columns, Mask
from vivavoce.voicebank.manifest import ADVICE, Manifest, SealedIndex
from vivavoce.voicebank.rows import RowFile
from vivavoce.voicebank.vector_index import EXACT_ROWS, ExactIndex, InvertedIndex, Matrix, Probing, extend, read

SPACES = ("speaker", "description")
INDEX_NAME = re.compile(r"[a-z]+-[0-9]+\.index")
KEPT_TAIL = 4_096  # rows after an index that are compared one by one; more are taken into the index in memory


@dataclass(slots=True)
class View:
    """One committed state. alive: (R,) rows that were not removed. vectors: by space, (R, D), maps of the files."""

    manifest: Manifest
    folder: Path
    catalogue: Catalogue
    state: State
    columns: Columns
    alive: Mask
    vectors: Mapping[str, Matrix]
    _indexes: dict[str, tuple[Any, Lock]] = field(
        default_factory=dict[str, tuple[Any, Lock]]
    )  # FAISS; later states share it
    _searchers: dict[str, ExactIndex | InvertedIndex] = field(default_factory=dict[str, ExactIndex | InvertedIndex])
    _words: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    memory: dict[Any, Any] = field(default_factory=dict[Any, Any])  # what searches worked out of this state
    _lock: Any = field(default_factory=RLock)

    @classmethod
    def open(cls, manifest: Manifest, folder: Path, files: Mapping[str, RowFile]) -> "View":
        """The committed state of a generation.

        Raises:
            StoreCorrupt: a file is missing, damaged or cut short.
        """
        catalogue = Catalogue(folder / "catalogue.sqlite")
        try:
            state = catalogue.state()
            columns = Columns(files["facts"].read(state.rows))
            vectors = {space: files[space].read(state.rows) for space in SPACES}
            return cls(manifest, folder, catalogue, state, columns, _alive(catalogue, state), vectors)
        except BaseException:
            catalogue.close()
            raise

    def caught_up(self, state: State, files: Mapping[str, RowFile]) -> "View":
        """A later state of the same generation."""
        return replace(
            self,
            state=state,
            columns=self.columns.extended(files["facts"].read(state.rows, self.state.rows)),
            alive=_alive(self.catalogue, state),
            vectors={space: files[space].read(state.rows) for space in SPACES},
            _searchers={},
            _words={},
            memory={},
        )

    @property
    def count(self) -> int:
        """Voices in the bank."""
        return self.state.rows - self.state.removed

    @property
    def unsealed_rows(self) -> int:
        """Rows that no index file covers."""
        return self.state.rows - min((sealed.rows for sealed in self.manifest.indexes.values()), default=0)

    def words(self, category: str) -> list[str]:
        """The vocabulary of a category by code."""
        with self._lock:
            if category not in self._words:
                self._words[category] = self.catalogue.words(category)
            return self._words[category]

    def index(self, space: str) -> ExactIndex | InvertedIndex:
        """What finds the nearest vectors of a space.

        Raises:
            StoreCorrupt: the index file is damaged.
        """
        with self._lock:
            if space not in self._searchers:
                self._searchers[space] = self._searcher(space)
            return self._searchers[space]

    def _searcher(self, space: str) -> ExactIndex | InvertedIndex:
        vectors, sealed = self.vectors[space], self.manifest.indexes.get(space)
        if sealed is None or self.state.rows <= EXACT_ROWS:
            return ExactIndex(vectors)
        if space not in self._indexes:
            self._indexes[space] = opened_index(self.folder, sealed), Lock()
        index, lock = self._indexes[space]
        if self.state.rows - index.ntotal > KEPT_TAIL:
            with lock:
                extend(index, vectors)
        return InvertedIndex(vectors, index, Probing(sealed.few, sealed.many, sealed.sure), lock)


def opened_index(folder: Path, sealed: SealedIndex | None) -> Any:  # noqa: ANN401 - FAISS has no types
    """An index from its file; None where none is sealed.

    Raises:
        StoreCorrupt: the file is missing or does not match its checksum.
    """
    if sealed is None:
        return None
    path = folder / sealed.file
    try:
        if not INDEX_NAME.fullmatch(sealed.file):
            raise StoreCorrupt(f"{folder} names an index that is no file of it; {ADVICE}")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sealed.sha256:
                raise StoreCorrupt(f"{path} does not match its checksum; {ADVICE}")
        index = read(path)
    except OSError as error:
        raise StoreCorrupt(f"{path} cannot be read ({error.strerror or error}); {ADVICE}") from error
    except RuntimeError as error:
        raise StoreCorrupt(f"{path} is no index; {ADVICE}") from error
    if index.ntotal != sealed.rows:
        raise StoreCorrupt(f"{path} holds {index.ntotal} rows instead of {sealed.rows}; {ADVICE}")
    return index


def _alive(catalogue: Catalogue, state: State) -> Mask:
    alive = np.ones(state.rows, bool)
    removed = np.asarray(catalogue.removed(), np.int64)
    alive[removed[removed < state.rows]] = False
    return alive
