"""What a reader sees of an index: one committed state."""

from dataclasses import dataclass, field

from vivavoce.core.store.view import StoreView
from vivavoce.retrieval.store.catalogue import IndexCatalogue

SPACE = "passage"


@dataclass(kw_only=True)
class IndexView(StoreView[IndexCatalogue]):
    """One committed state. total_lexemes: of all its passages together."""

    spaces = (SPACE,)
    total_lexemes: int = field(init=False)

    def __post_init__(self) -> None:
        """See `StoreView`."""
        super().__post_init__()
        self.total_lexemes = self.catalogue.total_lexemes()

    @property
    def mean_length(self) -> float:
        """Lexemes per passage."""
        return self.total_lexemes / max(1, self.count)
