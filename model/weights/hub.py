"""A model hub, through its own library: what a repository holds, and its files, resumed where they were cut off.

The library's ``hf_hub_download`` begins a file anew after a failure, and weights are gigabytes: here its ``http_get``
appends to what came before. It checks sizes; whoever asks checks the content.
"""

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import tenacity

from vivavoce.core.errors import WeightsError, reason
from vivavoce.model.weights.files import git_blob_of, sha256_of

HUB = "https://huggingface.co"
TIMEOUT_S = 30.0
TRIES = 4
PAUSE_S = 1.0  # before the second try; it doubles
MAX_FILES = 500
HEADERS = {"user-agent": "vivavoce", "accept-encoding": "identity"}  # the library's own would name what is installed here
BY_HAND = "log in with `hf auth login`, or fetch the files yourself and give --checkpoint"
REFUSALS = {
    401: ("asks for a login", BY_HAND),
    403: ("refuses access", BY_HAND),
    404: ("has no such file, repository or commit", "delete the checkpoint's .vivavoce.json and pull again for the newest"),
    429: ("asks to come back later", "try again later"),
}
Result = TypeVar("Result")


class Unreachable(WeightsError):
    """One source cannot give what is wanted; another may."""


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


class ModelHub:
    """A hub at an address. A token that the library finds is sent, and never shown. sleep: stands in for the clock."""

    def __init__(self, endpoint: str = HUB, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._shown = re.sub(r"//.*@", "//", self._endpoint)
        self._sleep = sleep

    def newest(self, repo: str) -> Revision:
        """The newest commit and its files.

        Raises:
            Unreachable: the hub cannot be reached, refuses, or answers something else.
        """
        from huggingface_hub import HfApi

        api = HfApi(endpoint=self._endpoint, headers=HEADERS)
        try:
            info = self._asked(lambda: api.model_info(repo, revision="main", timeout=TIMEOUT_S, files_metadata=True))
            if not re.fullmatch(r"[0-9a-f]{40}", info.sha or ""):
                raise ValueError("no commit")
            return Revision(repo, info.sha or "", tuple(map(_hub_file, (info.siblings or [])[:MAX_FILES])))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Unreachable(f"the list of {repo} at {self._shown} cannot be read; check its address") from error

    def download(self, revision: Revision, file: HubFile, partial: Path, progress: Callable[[int], None]) -> None:
        """Append what is missing of a file to ``partial``; what came stays for the next try. Its content is not checked.

        progress: told the bytes that are there.

        Raises:
            Unreachable: the hub cannot be reached, refuses, or sends too much or too little. OSError: the disk refuses.
        """
        self._asked(lambda: self._append(revision, file, partial, progress))

    def _append(self, revision: Revision, file: HubFile, partial: Path, progress: Callable[[int], None]) -> None:
        from huggingface_hub import hf_hub_url
        from huggingface_hub.errors import HfHubHTTPError
        from huggingface_hub.file_download import http_get
        from huggingface_hub.utils import build_hf_headers

        def bar(initial: int = 0, **_: object) -> _Bar:
            return _Bar(initial, file, progress)

        with partial.open("ab") as target:
            if target.tell() > file.size:
                target.truncate(0)
            try:
                http_get(
                    hf_hub_url(revision.repo, file.name, revision=revision.commit, endpoint=self._endpoint),
                    target,
                    resume_size=target.tell(),
                    headers=build_hf_headers(headers=HEADERS),
                    expected_size=file.size,
                    tqdm_class=cast(Any, bar),
                )
            except Unreachable:
                target.truncate(0)
                raise
            except OSError as error:
                if error.errno is not None or isinstance(error, HfHubHTTPError):
                    raise
                raise Unreachable(f"{self._shown} sent less of {file.name} than it should have; pull again") from error
            finally:
                target.flush()
                os.fsync(target.fileno())

    def _asked(self, ask: Callable[[], Result]) -> Result:
        """Ask the hub, again where that may help; its errors become one line."""
        import httpx2
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

        broken = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError)

        def may_pass(error: BaseException) -> bool:
            return isinstance(error, broken) or (isinstance(error, HfHubHTTPError) and error.response.status_code >= 500)

        try:
            return tenacity.Retrying(
                stop=tenacity.stop_after_attempt(TRIES),
                wait=tenacity.wait_exponential(PAUSE_S),
                retry=tenacity.retry_if_exception(may_pass),
                sleep=self._sleep,
                reraise=True,
            )(ask)
        except OfflineModeIsEnabled as error:
            raise Unreachable("HF_HUB_OFFLINE keeps the model hub from being asked; unset it and pull again") from error
        except HfHubHTTPError as error:
            status = error.response.status_code
            says, advice = REFUSALS.get(status, ("cannot answer now" if status >= 500 else "refuses", "try again later"))
            raise Unreachable(f"the hub at {self._shown} {says} ({status}); {advice}") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Unreachable(
                f"the hub at {self._shown} cannot be reached ({reason(error)}); "
                "connect and pull again, it goes on from there"
            ) from error


class _Bar:
    """What the library tells of its progress, in the form of its bars; a file that is too long is stopped."""

    def __init__(self, done: int, file: HubFile, progress: Callable[[int], None]) -> None:
        self._done, self._file, self._progress = done, file, progress

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, size: int) -> None:
        """So many bytes came, or are taken back where the server begins anew."""
        self._done += size
        if self._done > self._file.size:
            raise Unreachable(f"the hub sent more than the {self._file.size} bytes of {self._file.name}; pull again")
        self._progress(self._done)


def _hub_file(sibling: Any) -> HubFile:  # noqa: ANN401 - of the library, its fields as the hub sent them
    sha256, blob = (str(sibling.lfs.sha256), "") if sibling.lfs else ("", str(sibling.blob_id))
    return HubFile(str(sibling.rfilename), int(sibling.size), sha256, blob)
