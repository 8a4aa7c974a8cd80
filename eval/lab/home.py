"""A home for one run, so that what a lab asks, indexes or changes never reaches the user's own."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from vivavoce.core.durable import remove_wholly
from vivavoce.core.settings import Settings

SHARED = ("weights", "voices", "cache", "conditioning")


@contextmanager
def own_home(settings: Settings, folder: Path, shared: tuple[str, ...] = SHARED) -> Generator[Settings]:
    """Settings whose home is ``folder``/home: empty but for links to what is shared; removed afterwards.

    shared: names of folders of the user's home. Sessions and documents are never among them.
    """
    home = folder / "home"
    remove_wholly(home)
    home.mkdir(parents=True)
    for name in shared:
        if (settings.home / name).is_dir():
            (home / name).symlink_to((settings.home / name).resolve())
    try:
        yield settings.changed(home=home)
    finally:
        remove_wholly(home)
