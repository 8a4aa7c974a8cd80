"""Whole checkpoints from a model hub: pinned to a commit, resumed, every file checked against the hub's own checksum.

A checkpoint lies in ``FOLDER/NAME`` with a record ``.vivavoce.json``: version, repository, commit, files with size and
checksum, and whether all of them are there. It is written first, so that a pull that was cut off goes on with the same
commit; a file has its name only once its content was checked.
"""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from vivavoce.core.durable import discard, exclusive, publish, write_atomic
from vivavoce.core.errors import WeightsError, reason
from vivavoce.model.weights.files import Progress, bytes_of, no_progress
from vivavoce.model.weights.hub import HubFile, ModelHub, Revision, Unreachable
from vivavoce.model.weights.store import AssetStatus

CHECKPOINTS = {
    "step-audio-2-mini": "stepfun-ai/Step-Audio-2-mini",
    "step-audio-2-mini-base": "stepfun-ai/Step-Audio-2-mini-Base",
    "step-audio-2-mini-think": "stepfun-ai/Step-Audio-2-mini-Think",
}
CHECKPOINT_BYTES = 17_900_000_000  # about; the hub says exactly
LICENCE = "Apache-2.0"
RECORD = ".vivavoce.json"
RECORD_VERSION = 1
# Weights, tokenizer and papers; never code.
WANTED = re.compile(
    r"[\w.-]+\.safetensors(\.index\.json)?|(generation_)?config\.json|tokenizer(_config)?\.json|vocab\.json|merges\.txt"
    r"|added_tokens\.json|special_tokens_map\.json|token2wav/[\w-]+\.(yaml|pt|onnx)|LICENSE[\w.]*|README\.md"
)


class CheckpointStore:
    """Checkpoints in one folder.

    hub: where they come from; None where none may be asked. The remaining arguments replace the list of checkpoints and what
    tells the free bytes of a disk.
    """

    def __init__(
        self,
        folder: Path,
        hub: ModelHub | None,
        *,
        checkpoints: dict[str, str] = CHECKPOINTS,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._folder = folder
        self._hub = hub
        self._checkpoints = checkpoints
        self._free_bytes = free_bytes

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
        if self._hub is None:
            raise WeightsError(
                f"{name} comes from a model hub, and VIVAVOCE_HUB is off or HF_HUB_OFFLINE is set; change that, pull again"
            )
        busy = f"{name} is being fetched by another process; wait until it has finished"
        with exclusive(self._folder / f".{name}.lock", busy):
            try:
                self._pull_locked(self._hub, name, folder, progress)
            except OSError as error:
                raise WeightsError(f"cannot write {name} to {folder}: {reason(error)}; free space and pull again") from error
        return folder

    def _pull_locked(self, hub: ModelHub, name: str, folder: Path, progress: Progress) -> None:
        revision, _ = self._record(folder)
        if revision is None:
            revision = _checkpoint(hub.newest(self._checkpoints[name]))
            for file in revision.files:
                # Without a record it may be another commit's, of the same size.
                if _has_size(folder, file) and not file.matches(folder / file.name):
                    (folder / file.name).unlink()
            _write_record(folder, revision, complete=False)
        missing = [file for file in revision.files if not _has_size(folder, file)]
        begun = bytes_of(_partial(folder, file) for file in missing)
        needed, free = sum(file.size for file in missing) - begun, self._free_bytes(folder)
        if needed > free:
            raise WeightsError(f"{name} needs {needed / 1e9:.1f} GB more and {free / 1e9:.1f} GB are free in {self._folder}")
        done = revision.size - sum(file.size for file in missing)
        for file in missing:
            target, partial = folder / file.name, _partial(folder, file)
            target.parent.mkdir(parents=True, exist_ok=True)
            hub.download(revision, file, partial, lambda now, done=done: progress(done + now, revision.size))
            if not file.matches(partial):
                discard(partial)
                raise WeightsError(f"{file.name} from {revision.repo} has a wrong checksum; it was not kept, pull again")
            publish(partial, target)
            done += file.size
        _write_record(folder, revision, complete=True)

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


def _checkpoint(revision: Revision) -> Revision:
    """What is wanted of a repository.

    Raises:
        Unreachable: it holds no checkpoint.
    """
    files = tuple(file for file in revision.files if _wanted(file.name))
    if not any(file.name == "config.json" for file in files):
        raise Unreachable(f"the hub's list of {revision.repo} holds no checkpoint; check its address")
    return Revision(revision.repo, revision.commit, files)


def _wanted(name: str) -> bool:
    return WANTED.fullmatch(name) is not None


def _partial(folder: Path, file: HubFile) -> Path:
    target = folder / file.name
    return target.with_name(f".{target.name}.partial")


def _has_size(folder: Path, file: HubFile) -> bool:
    path = folder / file.name
    return path.is_file() and path.stat().st_size == file.size
