"""Keeps an index in step with folders while files in them come, change and go."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

from watchfiles import Change, awatch

from vivavoce.core.errors import DocumentError, reason
from vivavoce.retrieval.documents.finding import find_files, format_of, is_hidden

DEBOUNCE_MS = 800  # changes closer together than this are one
STEP_MS = 100  # how often it is looked whether more came

Sync = Callable[[Sequence[Path], Sequence[Path]], Awaitable[None]]


async def watch(paths: Sequence[Path], sync: Sync, stop: asyncio.Event | None = None) -> None:
    """Call ``sync`` with the documents that changed or were added, and with the paths that are gone, until ``stop`` is set.

    What is in the folders when the watch begins is the caller's to add. Paths come absolute, links in the named paths
    resolved. A removed path is a document's or a folder's; a folder's stands for all that was in it, a renamed folder is
    gone under the old name and its documents are added under the new one. The calls do not overlap: what changes during
    one is in the next. What `find_files` passes over is passed over here.

    Raises:
        DocumentError: a path is absent, or the system cannot watch so many folders.
        Exception: what ``sync`` raises, which ends the watch.
    """
    named = [path.resolve() for path in paths]
    if absent := [path for path in named if not path.exists()]:
        raise DocumentError(f"{absent[0]} cannot be watched: no such file or folder")
    tree, one_at_a_time = _Tree(named), asyncio.Lock()

    async def follow(folders: Sequence[Path], *, recursive: bool) -> None:
        async for batch in awatch(
            *folders,
            watch_filter=None,
            debounce=DEBOUNCE_MS,
            step=STEP_MS,
            stop_event=stop,
            recursive=recursive,
            ignore_permission_denied=True,
        ):
            async with one_at_a_time:
                changed, removed = tree.sorted(batch)
                if changed or removed:
                    await sync(changed, removed)

    followed = ((tree.roots, True), (tree.parents, False))
    tasks = [asyncio.create_task(follow(folders, recursive=deep)) for folders, deep in followed if folders]
    try:
        await asyncio.gather(*tasks)
    except OSError as error:
        raise DocumentError(f"folders cannot be watched ({reason(error)}); name fewer of them") from error
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Tree:
    """What is watched, and the folders in it: of a path that is gone nobody can tell otherwise whether it was one."""

    def __init__(self, named: Sequence[Path]) -> None:
        self.roots = [path for path in named if path.is_dir()]
        self._files = {path for path in named if not path.is_dir()}
        self.parents = sorted({path.parent for path in self._files})  # editors replace a file by another of its name
        self._folders = set(self.roots)
        for root in self.roots:
            self._note(root)

    def sorted(self, batch: Iterable[tuple[Change, str]]) -> tuple[list[Path], list[Path]]:
        """Documents that are there now, and paths that are not; the order of events within a batch does not matter."""
        changed, removed = set[Path](), set[Path]()
        for path in {Path(name) for _, name in batch}:
            if not self._is_wanted(path):
                continue
            if path.is_dir():
                self._note(path)
                changed.update(find_files([path], []))
            elif path.is_file():
                changed.update(find_files([path], []))
            elif path in self._folders or format_of(path.name) is not None:
                removed.add(path)
        if gone := removed & self._folders:
            self._folders = {folder for folder in self._folders if gone.isdisjoint((folder, *folder.parents))}
        covered = {path for path in removed if any(parent in removed for parent in path.parents)}
        return sorted(changed), sorted(removed - covered)

    def _is_wanted(self, path: Path) -> bool:
        if path in self._files:
            return True
        root = next((root for root in self.roots if path.is_relative_to(root)), None)
        if root is None:
            return False
        inner = path.relative_to(root).parts
        return not any(map(is_hidden, inner)) and not any(
            root.joinpath(*inner[:n]).is_symlink() for n in range(1, len(inner) + 1)
        )

    def _note(self, folder: Path) -> None:
        for parent, names, _ in os.walk(folder):
            names[:] = [name for name in names if not is_hidden(name)]
            self._folders.add(Path(parent))
