"""Takes over the document index of an earlier version, which kept one list of files and no collections."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vivavoce.core.durable import discard
from vivavoce.core.errors import StoreCorrupt

if TYPE_CHECKING:
    from vivavoce.retrieval.index import DocumentIndex


def is_earlier(folder: Path) -> bool:
    """Whether an index of that version lies in the folder of collections."""
    return (folder / "manifest.json").is_file()


def take_over(folder: Path, open_index: Callable[[], "DocumentIndex"]) -> list[str]:
    """Read the documents of an earlier index again, then delete its files; the sources that are gone or cannot be read.

    Raises:
        StoreCorrupt: its list of documents cannot be read.
    """
    if not is_earlier(folder):
        return []
    try:
        listed = json.loads((folder / "manifest.json").read_bytes())["documents"]
        sources = [str(document["source"]) for document in listed]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreCorrupt(
            f"the index in {folder} was made by an earlier version and is damaged; delete its manifest.json and add the "
            "documents again"
        ) from error
    there = [source for source in sources if Path(source).is_file()]
    refused = {path for path, _ in open_index().add(there).failed} if there else set[str]()
    for path in (*folder.glob("passages-*.json"), *folder.glob("vectors-*.npy"), folder / ".lock", folder / "manifest.json"):
        discard(path)
    return [source for source in sources if source not in there or source in refused]
