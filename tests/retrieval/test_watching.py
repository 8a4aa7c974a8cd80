import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from vivavoce.core.errors import DocumentError
from vivavoce.retrieval.watching import watch

pytestmark = pytest.mark.process
PATIENCE_S = 300.0  # until a change is reported; a watch that misses one fails


class Seen:
    """What an index would hold that did as it was told."""

    def __init__(self) -> None:
        self.held: dict[Path, str] = {}
        self.told = asyncio.Event()
        self.calls: list[tuple[list[Path], list[Path]]] = []

    async def sync(self, changed: Sequence[Path], removed: Sequence[Path]) -> None:
        self.calls.append((list(changed), list(removed)))
        self.held = {
            path: text for path, text in self.held.items() if not any(path.is_relative_to(gone) for gone in removed)
        }
        self.held |= {path: path.read_text() for path in changed if path.exists()}
        self.told.set()

    async def until(self, holds: Callable[[dict[str, str]], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds({path.name: text for path, text in self.held.items()}):
                self.told.clear()
                await self.told.wait()


@asynccontextmanager
async def watched(*paths: Path) -> AsyncIterator[Seen]:
    seen, stop = Seen(), asyncio.Event()
    task = asyncio.create_task(watch(paths, seen.sync, stop))
    probe = paths[0] / "probe.txt" if paths[0].is_dir() else paths[0]
    async with asyncio.timeout(PATIENCE_S):  # the watch is on once it reports a change
        number = 0
        while not seen.calls:
            probe.write_text(f"probe {(number := number + 1)}")
            await asyncio.sleep(0.3)
    try:
        yield seen
    finally:
        stop.set()
        await asyncio.wait_for(task, PATIENCE_S)


async def test_files_that_come_change_and_go(tmp_path):
    async with watched(tmp_path) as seen:
        (tmp_path / "a.md").write_text("one")
        (tmp_path / "a.png").write_text("no document")
        (tmp_path / ".hidden.md").write_text("hidden")
        await seen.until(lambda held: held.get("a.md") == "one")
        (tmp_path / "new").write_text("two")
        (tmp_path / "new").replace(tmp_path / "a.md")  # as editors save
        await seen.until(lambda held: held.get("a.md") == "two")
        (tmp_path / "a.md").rename(tmp_path / "b.md")
        await seen.until(lambda held: held.get("b.md") == "two" and "a.md" not in held)
        (tmp_path / "b.md").unlink()
        await seen.until(lambda held: "b.md" not in held)
        named = {path.name for changed, removed in seen.calls for path in [*changed, *removed]}
        assert named == {"probe.txt", "a.md", "b.md"}


async def test_folders_renamed_and_removed(tmp_path):
    tree = tmp_path / "tree"
    (tree / "old.d" / "deep").mkdir(parents=True)
    outside = tmp_path / "outside"
    (outside / "inner").mkdir(parents=True)
    (outside / "inner" / "x.md").write_text("x")
    async with watched(tree) as seen:
        (tree / "old.d" / "deep" / "a.md").write_text("a")
        await seen.until(lambda held: "a.md" in held)
        (tree / "old.d").rename(tree / "new.d")
        await seen.until(lambda held: "a.md" in held and all("old.d" not in path.parts for path in seen.held))
        assert [path for path in seen.held if path.name == "a.md"] == [tree / "new.d" / "deep" / "a.md"]
        outside.rename(tree / "moved")
        await seen.until(lambda held: "x.md" in held)
        (tree / "new.d").rename(tmp_path / "gone")
        await seen.until(lambda held: "a.md" not in held)
        assert any(tree / "new.d" in removed for _, removed in seen.calls)


async def test_a_single_file_is_watched_without_its_neighbours(tmp_path):
    path = tmp_path / "notes.md"
    path.write_text("one")
    async with watched(path) as seen:
        (tmp_path / "other.md").write_text("other")
        (tmp_path / "new").write_text("two")
        (tmp_path / "new").replace(path)
        await seen.until(lambda held: held.get("notes.md") == "two")
        path.unlink()
        await seen.until(lambda held: held == {})
        assert {p for changed, removed in seen.calls for p in [*changed, *removed]} == {path}


async def test_links_inside_are_passed_over(tmp_path):
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    tree.mkdir()
    outside.mkdir()
    (tree / "link").symlink_to(outside)
    async with watched(tree) as seen:
        (outside / "a.md").write_text("a")
        (tree / "b.md").symlink_to(outside / "a.md")
        (tree / "c.md").write_text("c")
        await seen.until(lambda held: "c.md" in held)
        assert not {"a.md", "b.md"} & {path.name for path in seen.held}


async def test_what_sync_raises_ends_the_watch(tmp_path):
    async def fails(changed: Sequence[Path], removed: Sequence[Path]) -> None:
        raise DocumentError("full")

    task = asyncio.create_task(watch([tmp_path], fails))
    async with asyncio.timeout(PATIENCE_S):
        while not task.done():
            (tmp_path / "a.md").write_text("x")
            await asyncio.sleep(0.2)
    with pytest.raises(DocumentError, match="full"):
        task.result()


async def test_a_path_that_is_absent_is_told(tmp_path):
    with pytest.raises(DocumentError, match="no such file or folder"):
        await watch([tmp_path / "absent"], Seen().sync)
