"""What the repair of any collection begins with."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from vivavoce.core.store.generations import GenerationStore
from vivavoce.core.store.manifest import VERSION, load


def check_not_newer(store: GenerationStore[Any, Any]) -> None:
    """Leave alone what a later program wrote: nothing of it is damaged.

    Raises:
        StoreCorrupt: the manifest or a catalogue is of a later version.
    """
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        path = store.folder / "manifest.json"
        version = json.loads(path.read_bytes())["version"]
        if isinstance(version, int) and version > VERSION:
            load(path, store.advice)
    for generation in store.generations:
        if store.catalogue_type.is_newer(generation / "catalogue.sqlite"):
            store.catalogue_type(generation / "catalogue.sqlite")


def move_folder_away(path: Path) -> None:
    """Make room for a file where a folder lies; the folder stays beside it."""
    if path.is_dir():
        number = sum(1 for _ in path.parent.glob(f"{path.name}.folder-*"))
        path.rename(path.with_name(f"{path.name}.folder-{number}"))
