"""What a reader sees of a bank: one committed state, in arrays."""

from dataclasses import dataclass, field

from vivavoce.core.store.view import StoreView
from vivavoce.voicebank.store.catalogue import BankCatalogue
from vivavoce.voicebank.store.columns import CATEGORIES, Columns


@dataclass(kw_only=True)
class BankView(StoreView[BankCatalogue]):
    """One committed state."""

    spaces = ("speaker", "description")
    columns: Columns = field(default_factory=Columns)

    def __post_init__(self) -> None:
        """See `StoreView`."""
        super().__post_init__()
        self.columns = self.columns.extended(self.files["facts"].read(self.state.rows, self.columns.rows))

    def words(self, category: str) -> list[str]:
        """The vocabulary of a category by code."""
        return self.remembered("words", category, lambda: self.catalogue.words(category), len(CATEGORIES))
