"""What a reader sees of a bank: one committed state, in arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from vivavoce.core.store.catalogue import State
from vivavoce.core.store.manifest import Manifest
from vivavoce.core.store.rows import RowFile
from vivavoce.core.store.vector_index import LargeIndexes
from vivavoce.core.store.view import StoreView, living
from vivavoce.voicebank.store.catalogue import Catalogue
from vivavoce.voicebank.store.columns import Columns

SPACES = ("speaker", "description")


@dataclass(slots=True, kw_only=True)
class View(StoreView[Catalogue]):
    """One committed state."""

    columns: Columns
    _words: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    @classmethod
    def open(cls, manifest: Manifest, folder: Path, files: Mapping[str, RowFile], large: LargeIndexes | None) -> "View":
        """The committed state of a generation.

        Raises:
            StoreCorrupt: a file is missing, damaged or cut short.
        """
        catalogue = Catalogue(folder / "catalogue.sqlite")
        try:
            state = catalogue.state()
            return cls(
                manifest=manifest,
                folder=folder,
                catalogue=catalogue,
                state=state,
                alive=living(catalogue, state),
                vectors={space: files[space].read(state.rows) for space in SPACES},
                large=large,
                columns=Columns(files["facts"].read(state.rows)),
            )
        except BaseException:
            catalogue.close()
            raise

    def caught_up(self, state: State, files: Mapping[str, RowFile]) -> "View":
        """A later state of the same generation."""
        return replace(
            self,
            state=state,
            columns=self.columns.extended(files["facts"].read(state.rows, self.state.rows)),
            alive=living(self.catalogue, state),
            vectors={space: files[space].read(state.rows) for space in SPACES},
            _searchers={},
            _words={},
            memory={},
        )

    def words(self, category: str) -> list[str]:
        """The vocabulary of a category by code."""
        with self._lock:
            if category not in self._words:
                self._words[category] = self.catalogue.words(category)
            return self._words[category]
