"""What a reader sees of a collection: one committed state, its vectors mapped from their files."""

import hashlib
import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock, RLock
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np

from vivavoce.core.errors import StoreCorrupt, reason
from vivavoce.core.store.catalogue import State, StoreCatalogue
from vivavoce.core.store.manifest import Manifest, SealedIndex
from vivavoce.core.store.rows import RowFile
from vivavoce.core.store.vector_index import ExactIndex, LargeIndexes, Mask, Matrix, Probing, VectorIndex

INDEX_NAME = re.compile(r"[a-z]+-[0-9]+\.index")
KEPT_TAIL = 4_096  # rows after an index that are compared one by one; more are taken into the index in memory

C = TypeVar("C", bound=StoreCatalogue[Any])
T = TypeVar("T")


@dataclass(kw_only=True)
class StoreView(Generic[C]):
    """One committed state. alive: (R,) rows that were not removed. vectors: by space, (R, D), maps of the files.

    large: makes indexes where there are many rows; without it every search is a scan.
    """

    spaces: ClassVar[tuple[str, ...]]
    manifest: Manifest
    folder: Path
    catalogue: C
    files: Mapping[str, RowFile]
    state: State
    large: LargeIndexes | None
    alive: Mask = field(init=False)
    vectors: Mapping[str, Matrix] = field(init=False)
    memory: dict[Any, Any] = field(default_factory=dict[Any, Any])  # what searches worked out of this state
    _indexes: dict[str, tuple[Any, Lock]] = field(default_factory=dict[str, tuple[Any, Lock]])  # later states share them
    _searchers: dict[str, VectorIndex] = field(default_factory=dict[str, VectorIndex])
    _lock: Any = field(default_factory=RLock)

    def __post_init__(self) -> None:
        """Read the state.

        Raises:
            StoreCorrupt: a file is missing, damaged or cut short.
        """
        self.alive = np.ones(self.state.rows, bool)
        removed = np.asarray(self.catalogue.removed(), np.int64)
        self.alive[removed[removed < self.state.rows]] = False
        self.vectors = {space: self.files[space].read(self.state.rows) for space in self.spaces}

    def caught_up(self, state: State) -> Self:
        """A later state of the same generation."""
        return replace(self, state=state, memory={}, _searchers={})

    @property
    def count(self) -> int:
        """Rows that were not removed."""
        return self.state.rows - self.state.removed

    @property
    def unsealed_rows(self) -> int:
        """Rows that no index file covers."""
        return self.state.rows - min((sealed.rows for sealed in self.manifest.indexes.values()), default=0)

    def remembered(self, kind: str, key: Hashable, make: Callable[[], T], most: int) -> T:
        """What searches work out of this state alone, made once; of each kind the last ``most`` are kept.

        Any number of threads may ask; two that ask at once may both make it.
        """
        known: dict[Hashable, T] = self.memory.setdefault(kind, {})
        found = known.get(key)
        if found is None:
            found = make()
            with self._lock:
                known[key] = found
                while len(known) > most:
                    known.pop(next(iter(known)))
        return found

    def index(self, space: str) -> VectorIndex:
        """What finds the nearest vectors of a space.

        Raises:
            StoreCorrupt: the index file is damaged.
        """
        with self._lock:
            if space not in self._searchers:
                self._searchers[space] = self._searcher(space)
            return self._searchers[space]

    def _searcher(self, space: str) -> VectorIndex:
        vectors, sealed, large = self.vectors[space], self.manifest.indexes.get(space), self.large
        if sealed is None or large is None or self.state.rows <= large.exact_rows:
            return ExactIndex(vectors)
        if space not in self._indexes:
            self._indexes[space] = opened_index(self.folder, sealed, large, self.catalogue.advice), Lock()
        index, lock = self._indexes[space]
        if self.state.rows - index.ntotal > KEPT_TAIL:
            with lock:
                large.extend(index, vectors)
        return large.searcher(vectors, index, Probing(sealed.few, sealed.many, sealed.sure), lock)


def opened_index(folder: Path, sealed: SealedIndex, large: LargeIndexes, advice: str) -> Any:  # noqa: ANN401 - its own kind
    """An index from its file.

    Raises:
        StoreCorrupt: the file is missing or does not match its checksum.
    """
    path = folder / sealed.file
    try:
        if not INDEX_NAME.fullmatch(sealed.file):
            raise StoreCorrupt(f"{folder} names an index that is no file of it; {advice}")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sealed.sha256:
                raise StoreCorrupt(f"{path} does not match its checksum; {advice}")
        index = large.read(path)
    except OSError as error:
        raise StoreCorrupt(f"{path} cannot be read ({reason(error)}); {advice}") from error
    except RuntimeError as error:
        raise StoreCorrupt(f"{path} is no index; {advice}") from error
    if index.ntotal != sealed.rows:
        raise StoreCorrupt(f"{path} holds {index.ntotal} rows instead of {sealed.rows}; {advice}")
    return index
