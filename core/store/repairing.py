"""What the repair of any collection begins with."""

from pathlib import Path


def move_folder_away(path: Path) -> None:
    """Make room for a file where a folder lies; the folder stays beside it."""
    if path.is_dir():
        number = sum(1 for _ in path.parent.glob(f"{path.name}.folder-*"))
        path.rename(path.with_name(f"{path.name}.folder-{number}"))
