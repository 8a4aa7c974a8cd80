"""How much memory this process may still take."""

import os
from collections.abc import Iterator
from pathlib import Path

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
Files = tuple[str, str, tuple[str, str]]
# Files of a control group by the version of its interface: the limit, what is used, and pages of files among what is used,
# which go as soon as memory is wanted.
VERSION_2: Files = ("memory.max", "memory.current", ("inactive_file", "active_file"))
VERSION_1: Files = ("memory.limit_in_bytes", "memory.usage_in_bytes", ("total_inactive_file", "total_active_file"))


def available_bytes(proc: Path = PROC, cgroups: Path = CGROUPS) -> int | None:
    """What the system can give without swapping, within the limits of the container; None where nobody can tell."""
    limits = [_of_the_system(proc), *(_left_in(*group) for group in _groups(proc, cgroups))]
    return min((limit for limit in limits if limit is not None), default=None)


def _of_the_system(proc: Path) -> int | None:
    try:
        lines = (proc / "meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def _groups(proc: Path, cgroups: Path) -> Iterator[tuple[Path, Files]]:
    """The control groups that this process is in, and the groups around them: each may have a limit."""
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0" or "memory" in controllers.split(","):
            root, files = (cgroups, VERSION_2) if number == "0" else (cgroups / "memory", VERSION_1)
            own = root / path.strip("/")
            for folder in (own, *own.parents):
                yield folder, files
                if folder == root:
                    break


def _left_in(folder: Path, files: Files) -> int | None:
    limit, used, cached = files
    try:
        left = int((folder / limit).read_text()) - int((folder / used).read_text())
        stat = [line.split() for line in (folder / "memory.stat").read_text().splitlines()]
        return left + sum(int(value) for name, value in stat if name in cached)
    except (OSError, ValueError):  # no limit says "max"
        return None
