"""Whole checkpoints from a model hub: pinned to a commit, resumed, every file checked against the hub's own checksum.

A checkpoint lies in ``FOLDER/NAME`` with a record ``.vivavoce.json``: version, repository, commit, files with size and
checksum, and whether all of them are there. It is written first, so that a pull that was cut off goes on with the same
commit; a file has its name only once its content was checked.
"""

import json
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from vivavoce.core.durable import discard, exclusive, publish, write_atomic
from vivavoce.core.errors import WeightsError
from vivavoce.model.weights.store import AssetStatus
from vivavoce.model.weights.transfer import HUB, TIMEOUT, Progress, bytes_of, download, git_blob_of, no_progress, sha256_of

CHECKPOINTS = {
    "step-audio-2-mini": "stepfun-ai/Step-Audio-2-mini",
    "step-audio-2-mini-base": "stepfun-ai/Step-Audio-2-mini-Base",
    "step-audio-2-mini-think": "stepfun-ai/Step-Audio-2-mini-Think",
}
CHECKPOINT_BYTES = 17_900_000_000  # about; the hub says exactly
LICENCE = "Apache-2.0"
RECORD = ".vivavoce.json"
RECORD_VERSION = 1
MAX_FILES = 500
# Weights, tokenizer and papers; never code.
WANTED = re.compile(
    r"[\w.-]+\.safetensors(\.index\.json)?|(generation_)?config\.json|tokenizer(_config)?\.json|vocab\.json|merges\.txt"
    r"|added_tokens\.json|special_tokens_map\.json|token2wav/[\w-]+\.(yaml|pt|onnx)|LICENSE[\w.]*|README\.md"
)
TRIES = 4
PAUSE_S = 1.0
BY_HAND = "fetch the files yourself and give --checkpoint"
REFUSALS = {
    401: ("asks for a login", BY_HAND),
    403: ("refuses access", BY_HAND),
    404: ("has no such repository or commit", f"delete the checkpoint's {RECORD} and pull again to take the newest"),
    429: ("asks to come back later", "try again later"),
}


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository. sha256 of large files, git's blob name of the others; one of them is empty."""

    name: str
    size: int
    sha256: str
    git_blob: str

    def matches(self, path: Path) -> bool:
        """Whether a file on disk is this one."""
        if path.stat().st_size != self.size:
            return False
        return sha256_of(path) == self.sha256 if self.sha256 else git_blob_of(path) == self.git_blob


@dataclass(frozen=True, slots=True)
class Revision:
    """A repository at a commit."""

    repo: str
    commit: str
    files: tuple[HubFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


class CheckpointStore:
    """Checkpoints in one folder.

    allowed: whether the hub may be asked. The remaining arguments replace the list of checkpoints, the hub's address, the
    HTTP transport and the wait between tries.
    """

    def __init__(
        self,
        folder: Path,
        allowed: bool,
        *,
        checkpoints: dict[str, str] = CHECKPOINTS,
        hub: str = HUB,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._folder = folder
        self._allowed = allowed
        self._checkpoints = checkpoints
        self._hub = hub.rstrip("/")
        self._transport = transport
        self._sleep = sleep

    def status(self, name: str) -> AssetStatus:
        """Whether a checkpoint is ready, half fetched or missing.

        Raises:
            WeightsError: no checkpoint has this name.
        """
        folder = self._place(name)
        revision, complete = self._record(folder)
        if revision is None:
            return AssetStatus(name, "missing")
        there = bytes_of(path for path in folder.rglob("*") if path.is_file() and path.name != RECORD)
        label = f"hub {revision.repo}@{revision.commit[:8]}"
        if complete and all(_has_size(folder, file) for file in revision.files):
            return AssetStatus(name, "ready", there, folder, label)
        return AssetStatus(name, "partial", there, None, label)

    def verify(self, name: str) -> None:
        """Hash every file again.

        Raises:
            WeightsError: the checkpoint is not complete, or a file is not what the hub gave.
        """
        folder = self._place(name)
        revision, _ = self._record(folder)
        if self.status(name).path is None or revision is None:
            raise WeightsError(f"{name} is not complete; run `vivavoce models pull {name}`")
        for file in revision.files:
            if not file.matches(folder / file.name):
                raise WeightsError(f"{folder / file.name} is damaged; delete it and run `vivavoce models pull {name}`")

    def pull(self, name: str, progress: Progress = no_progress) -> Path:
        """Fetch what is missing of a checkpoint. Blocking.

        progress: called with bytes done and bytes in all.

        Raises:
            WeightsError: the hub cannot be reached or refuses, a checksum is wrong, or the disk is too small.
            StoreError: the folder cannot be written, or another process is fetching the same checkpoint.
        """
        folder = self._place(name)
        if self.status(name).path is not None:
            return folder
        if not self._allowed:
            raise WeightsError(f"{name} comes from a model hub, and VIVAVOCE_HUB is off; turn it on and pull again")
        busy = f"{name} is being fetched by another process; wait until it has finished"
        with exclusive(self._folder / f".{name}.lock", busy):
            try:
                with httpx.Client(transport=self._transport, timeout=TIMEOUT, follow_redirects=True) as client:
                    self._pull_locked(client, name, folder, progress)
            except OSError as error:
                why = error.strerror or error
                raise WeightsError(f"cannot write {name} to {folder}: {why}; free space and pull again") from error
        return folder

    def _pull_locked(self, client: httpx.Client, name: str, folder: Path, progress: Progress) -> None:
        revision, _ = self._record(folder)
        if revision is None:
            revision = self._look_up(client, self._checkpoints[name])
            for file in revision.files:
                # Without a record it may be another commit's, of the same size.
                if _has_size(folder, file) and not file.matches(folder / file.name):
                    (folder / file.name).unlink()
            _write_record(folder, revision, complete=False)
        missing = [file for file in revision.files if not _has_size(folder, file)]
        begun = sum(_partial(folder, file).stat().st_size for file in missing if _partial(folder, file).is_file())
        needed, free = sum(file.size for file in missing) - begun, shutil.disk_usage(folder).free
        if needed > free:
            raise WeightsError(f"{name} needs {needed / 1e9:.1f} GB more and {free / 1e9:.1f} GB are free in {self._folder}")
        done = revision.size - sum(file.size for file in missing)
        for file in missing:
            self._fetch(client, revision, file, folder, lambda now, done=done: progress(done + now, revision.size))
            done += file.size
        _write_record(folder, revision, complete=True)

    def _look_up(self, client: httpx.Client, repo: str) -> Revision:
        """The newest commit and its files."""
        response = self._tried(lambda: client.get(f"{self._hub}/api/models/{repo}/revision/main", params={"blobs": "true"}))
        try:
            answer = response.json()
            commit, siblings = str(answer["sha"]), list(answer["siblings"])
            files = tuple(_hub_file(sibling) for sibling in siblings[:MAX_FILES] if _wanted(str(sibling["rfilename"])))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise WeightsError(f"the hub's list of {repo} cannot be read; check its address") from error
        if not re.fullmatch(r"[0-9a-f]{7,64}", commit) or not any(file.name == "config.json" for file in files):
            raise WeightsError(f"the hub's list of {repo} holds no checkpoint; check its address")
        return Revision(repo, commit, files)

    def _fetch(
        self, client: httpx.Client, revision: Revision, file: HubFile, folder: Path, progress: Callable[[int], None]
    ) -> None:
        target, partial = folder / file.name, _partial(folder, file)
        target.parent.mkdir(parents=True, exist_ok=True)
        url = f"{self._hub}/{revision.repo}/resolve/{revision.commit}/{file.name}"
        self._tried(lambda: download(client, url, partial, file.size, progress))
        if not file.matches(partial):
            discard(partial)
            raise WeightsError(f"{file.name} from {revision.repo} has a wrong checksum; nothing of it was kept, pull again")
        publish(partial, target)

    def _tried(self, fetch: Callable[[], Any]) -> Any:  # noqa: ANN401 - what it returns
        """Run something that asks the hub, again where the connection broke."""
        for attempt in range(TRIES):
            try:
                response = fetch()
                if isinstance(response, httpx.Response):
                    response.raise_for_status()
                return response
            except httpx.HTTPStatusError as error:
                status = error.response.status_code
                says, advice = REFUSALS.get(status, ("cannot answer now" if status >= 500 else "refuses", "try again later"))
                if status < 500 or attempt == TRIES - 1:
                    raise WeightsError(f"the hub at {self._hub} {says} ({status}); {advice}") from error
            except httpx.HTTPError as error:
                if attempt == TRIES - 1:
                    why = (str(error).splitlines() or ["no answer"])[0]
                    raise WeightsError(
                        f"the hub at {self._hub} cannot be reached ({why}); connect and pull again, it goes on from there"
                    ) from error
            self._sleep(PAUSE_S * 2**attempt)
        raise WeightsError(f"the hub at {self._hub} cannot be reached")

    def _place(self, name: str) -> Path:
        if name not in self._checkpoints:
            raise WeightsError(f"no checkpoint is called {name!r}; there are {', '.join(self._checkpoints)}")
        return self._folder / name

    @staticmethod
    def _record(folder: Path) -> tuple[Revision | None, bool]:
        """What a pull wrote down; anything else counts as nothing."""
        try:
            record = json.loads((folder / RECORD).read_bytes())
            if record["version"] != RECORD_VERSION:
                return None, False
            files = tuple(HubFile(f["name"], int(f["size"]), f["sha256"], f["git_blob"]) for f in record["files"])
            if not all(_wanted(file.name) for file in files):
                return None, False
            return Revision(str(record["repo"]), str(record["commit"]), files), bool(record["complete"])
        except (OSError, ValueError, KeyError, TypeError):
            return None, False


def _write_record(folder: Path, revision: Revision, *, complete: bool) -> None:
    record = {"version": RECORD_VERSION, "complete": complete, **asdict(revision)}
    write_atomic(folder / RECORD, json.dumps(record, indent=1).encode())


def _hub_file(sibling: dict[str, Any]) -> HubFile:
    stored = sibling.get("lfs")
    sha256, blob = (str(stored["sha256"]), "") if stored else ("", str(sibling["blobId"]))
    return HubFile(str(sibling["rfilename"]), int(sibling["size"]), sha256, blob)


def _wanted(name: str) -> bool:
    return WANTED.fullmatch(name) is not None


def _partial(folder: Path, file: HubFile) -> Path:
    target = folder / file.name
    return target.with_name(f".{target.name}.partial")


def _has_size(folder: Path, file: HubFile) -> bool:
    path = folder / file.name
    return path.is_file() and path.stat().st_size == file.size
