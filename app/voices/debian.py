"""Debian packages, downloaded and unpacked without installing anything and without being root."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vivavoce.core.errors import WeightsError, reason

PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]{1,80}")
MISSING = re.compile(r"^Inst (\S+)", re.MULTILINE)  # what apt would install
DOWNLOAD_S = 600.0
UNPACK_S = 120.0


class DebianPackages:
    """Unpacked packages below a folder. Nothing is downloaded twice, and what could not be had is not tried again.

    which: where a program of this name lies, None where it is not installed.
    """

    def __init__(self, cache: Path, which: Callable[[str], str | None] = shutil.which) -> None:
        self._cache = cache
        self._which = which
        self._files: dict[str, Path] = {}
        self._failed: dict[str, str] = {}

    def runnable_root(self, *packages: str) -> Path:
        """As `root`, together with all that they need to run and that is not installed here.

        Raises:
            WeightsError: as `root`.
        """
        apt, _ = self._programs(*packages)
        command = [apt, "install", "--simulate", "--no-install-recommends", "-q", *packages]
        failed = f"what {' and '.join(packages)} need cannot be found out"
        self._cache.mkdir(parents=True, exist_ok=True)
        return self.root(*packages, *MISSING.findall(_run(command, self._cache, UNPACK_S, failed)))

    def root(self, *packages: str) -> Path:
        """A folder in which these packages lie together, as in ``/``. Their maintainer scripts are not run.

        Raises:
            WeightsError: there is no apt here, a name is no package's, or a package cannot be downloaded or unpacked.
        """
        key = hashlib.sha256(" ".join(sorted(set(packages))).encode()).hexdigest()[:16]
        root = self._cache / key
        if root.is_dir():
            return root
        for package in packages:
            if package in self._failed:
                raise WeightsError(self._failed[package])
        self._cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._cache) as folder:
            unpacked = Path(folder) / "root"
            for package in dict.fromkeys(packages):
                try:
                    self._unpack(package, unpacked)
                except WeightsError as error:
                    self._failed[package] = str(error)
                    raise
            unpacked.replace(root)
        return root

    def _unpack(self, package: str, root: Path) -> None:
        apt, dpkg = self._programs(package)
        file = self._files.get(package) or self._downloaded(package, apt)
        root.mkdir(exist_ok=True)
        _run([dpkg, "-x", str(file), str(root)], root, UNPACK_S, f"{file.name} cannot be unpacked")

    def _downloaded(self, package: str, apt: str) -> Path:
        """The package's file; apt compares it with the archive's signed list."""
        folder = self._cache / "downloads" / package
        folder.mkdir(parents=True, exist_ok=True)
        failed = f"the Debian package {package} cannot be downloaded"
        _run([apt, "download", "-q", package], folder, DOWNLOAD_S, failed)
        files = sorted(folder.glob("*.deb"))
        if not files:
            raise WeightsError(f"the Debian package {package} was not downloaded; run `apt-get update` and try again")
        self._files[package] = files[-1]
        return files[-1]

    def _programs(self, *packages: str) -> tuple[str, str]:
        """Where apt-get and dpkg-deb lie."""
        for package in packages:
            if not PACKAGE.fullmatch(package):
                raise WeightsError(f"{package[:80]!r} is no name of a Debian package")
        apt, dpkg = self._which("apt-get"), self._which("dpkg-deb")
        if apt is None or dpkg is None:
            raise WeightsError(f"the Debian package {packages[0]} is needed, and there is no apt here")
        return apt, dpkg


def _run(command: list[str], folder: Path, timeout_s: float, what: str) -> str:
    """What a command prints."""
    given: Any = {"cwd": folder, "timeout": timeout_s, "stdin": subprocess.DEVNULL, "env": os.environ | {"LC_ALL": "C"}}
    try:
        done = subprocess.run(command, check=True, capture_output=True, **given)
        return done.stdout.decode(errors="replace")
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise WeightsError(f"{what}: {lines[-1][:200]}") from error
    except (subprocess.TimeoutExpired, OSError) as error:
        raise WeightsError(f"{what}: {reason(error)}") from error
