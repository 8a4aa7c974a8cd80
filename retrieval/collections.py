"""Several indexes side by side, searched as one."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from vivavoce.core.errors import ConfigError, StoreCorrupt
from vivavoce.core.passage import Passage
from vivavoce.retrieval.index import DEFAULT, DocumentIndex
from vivavoce.retrieval.search.ranking import SearchOptions

NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")


class Collections:
    """Implements `Retriever` over indexes by name. Their scores mean the same, so the best of all are the best."""

    def __init__(self, indexes: Mapping[str, DocumentIndex]) -> None:
        self._indexes = dict(indexes)

    async def search(self, query: str, k: int, options: SearchOptions = DEFAULT) -> Sequence[Passage]:
        """See `DocumentIndex.search`."""
        found = await asyncio.gather(*(index.search(query, k, options) for index in self._indexes.values()))
        if len(found) == 1:
            return found[0]
        return sorted((passage for some in found for passage in some), key=lambda passage: -passage.score)[:k]


def collection_folder(folder: Path, name: str) -> Path:
    """Where a collection of this name lies.

    Raises:
        ConfigError: it cannot be a name. StoreCorrupt: an index of an earlier version lies in the folder.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(f"{name[:80]!r} is no name of a collection; use 1-64 of a-z, 0-9, inner hyphens and underscores")
    if (folder / "manifest.json").is_file():
        raise StoreCorrupt(f"the index in {folder} is of an earlier version; move it away and add the documents again")
    return folder / name


def collections_in(folder: Path) -> list[str]:
    """Names of the collections that lie in a folder."""
    return sorted(path.parent.name for path in folder.glob("*/manifest.json") if NAME.fullmatch(path.parent.name))
