"""What a reader sees of an index: one committed state."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from vivavoce.core.store.catalogue import State
from vivavoce.core.store.manifest import Manifest
from vivavoce.core.store.rows import RowFile
from vivavoce.core.store.vector_index import LargeIndexes
from vivavoce.core.store.view import StoreView, living
from vivavoce.retrieval.store.catalogue import IndexCatalogue

SPACE = "passage"


@dataclass(slots=True, kw_only=True)
class IndexView(StoreView[IndexCatalogue]):
    """One committed state. total_lexemes: of all its passages together."""

    total_lexemes: int

    @classmethod
    def open(cls, manifest: Manifest, folder: Path, files: Mapping[str, RowFile], large: LargeIndexes | None) -> "IndexView":
        """The committed state of a generation.

        Raises:
            StoreCorrupt: a file is missing, damaged or cut short.
        """
        catalogue = IndexCatalogue(folder / "catalogue.sqlite")
        try:
            state = catalogue.state()
            return cls(
                manifest=manifest,
                folder=folder,
                catalogue=catalogue,
                state=state,
                alive=living(catalogue, state),
                vectors={SPACE: files[SPACE].read(state.rows)},
                large=large,
                total_lexemes=catalogue.total_lexemes(),
            )
        except BaseException:
            catalogue.close()
            raise

    def caught_up(self, state: State, files: Mapping[str, RowFile]) -> "IndexView":
        """A later state of the same generation."""
        return replace(
            self,
            state=state,
            alive=living(self.catalogue, state),
            vectors={SPACE: files[SPACE].read(state.rows)},
            total_lexemes=self.catalogue.total_lexemes(),
            _searchers={},
            memory={},
        )

    @property
    def mean_length(self) -> float:
        """Lexemes per passage."""
        return self.total_lexemes / max(1, self.count)
