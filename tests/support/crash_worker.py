"""Runs something in a forked process that is killed at its n-th write: at all with VIVAVOCE_EXHAUSTIVE, else at a sample."""

import io
import os
import random
import shutil
import signal
import sqlite3
import sys
import traceback
from itertools import pairwise
from pathlib import Path

NEVER = 0
SLICES = 8  # of all writes; each has one in the sample
EXHAUSTIVE = bool(os.environ.get("VIVAVOCE_EXHAUSTIVE"))
WRITING = ("INSERT", "DELETE", "UPDATE", "CREATE", "PRAGMA application", "PRAGMA user", "BEGIN", "COMMIT")


class Reaper:
    """Counts writes and kills the process at one of them."""

    def __init__(self, at):
        self.at = at
        self.count = 0

    def point(self):
        self.count += 1
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


class TornFile:
    """A file opened for writing. A death within `write` leaves half of the data behind."""

    def __init__(self, file, reaper):
        self._file, self._reaper = file, reaper

    def write(self, data):
        half = len(data) // 2
        self._file.write(data[:half])
        self._file.flush()
        self._reaper.point()
        self._file.write(data[half:])
        self._file.flush()
        return len(data)

    def truncate(self, size=None):
        self._reaper.point()
        return self._file.truncate(size)

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()


class Unsynced(sqlite3.Connection):
    """Leaves writing to the disk to the system: what that has taken survives a killed process."""

    def execute(self, sql, *arguments):
        return super().execute("PRAGMA synchronous = OFF" if sql.startswith("PRAGMA synchronous") else sql, *arguments)


def without_syncing(monkeypatch):
    """Spare the disk, which otherwise takes most of the time."""
    connect = sqlite3.connect
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **options: connect(*given, **{"factory": Unsynced} | options))


def _connections(reaper):
    class Connection(Unsynced):
        """Writes pages before it commits, so that a death leaves a hot journal."""

        def execute(self, sql, *arguments):
            if sql.startswith("PRAGMA synchronous"):
                super().execute("PRAGMA cache_size = 1")
            if sql.startswith(WRITING):
                reaper.point()
            result = super().execute(sql, *arguments)
            if sql == "COMMIT":
                reaper.point()
            return result

        def executemany(self, sql, rows):
            reaper.point()
            return super().executemany(sql, rows)

        def executescript(self, sql):
            *_, last = [self.execute(statement) for statement in filter(None, map(str.strip, sql.split(";")))]
            return last

    return Connection


def _kill_at(number):
    """Let each write of this process count; what counts them."""
    reaper = Reaper(number)

    def counted(function):
        def before(*arguments, **options):
            reaper.point()
            return function(*arguments, **options)

        return before

    for name in ("replace", "rename", "unlink", "remove", "rmdir", "mkdir"):
        setattr(os, name, counted(getattr(os, name)))
    os.fsync = lambda _: reaper.point()
    opened, connect = io.open, sqlite3.connect

    def torn(file, mode="r", *arguments, **options):
        if not set(mode) & set("wax+"):
            return opened(file, mode, *arguments, **options)
        if not str(file).endswith(".lock"):
            reaper.point()
        return TornFile(opened(file, mode, *arguments, **options), reaper)

    io.open = torn
    sqlite3.connect = lambda *arguments, **options: connect(*arguments, factory=_connections(reaper), **options)
    return reaper


def sampling():
    """What is sampled, and how the same sample is taken again."""
    seed = os.environ["VIVAVOCE_TEST_SEED"]
    return "each write" if EXHAUSTIVE else f"a sample of the writes; VIVAVOCE_TEST_SEED={seed} takes the same again"


def points(count, step=1):
    """Numbers of writes from 1 to count: each, or a sample that holds the first, the last and one of every slice between.

    step: what lies between two where each is taken.
    """
    if EXHAUSTIVE:
        return list(range(1, count + 1, step))
    chance = random.Random(f"{os.environ['VIVAVOCE_TEST_SEED']} {os.environ['PYTEST_CURRENT_TEST']}")
    edges = [1 + count * place // SLICES for place in range(SLICES + 1)]
    within = {chance.randrange(start, end) for start, end in pairwise(edges) if start < end}
    return sorted({1, count, *within})


def deaths(tmp_path, work, step=1):
    """Does some work in copies of tmp_path/template, as tmp_path/killed, and kills it at one write after another.

    Yields the number of the write and whether it died of that; after the last death a number more, when it came to its end.
    """
    killed, complaints = tmp_path / "killed", tmp_path / "complaints"

    def writes(number):
        shutil.rmtree(killed, ignore_errors=True)
        if (tmp_path / "template").exists():
            shutil.copytree(tmp_path / "template", killed)
        return writes_of(lambda: work(killed), complaints, number)

    count = writes(NEVER)
    chosen = points(count, step)
    print(f"killed at {chosen} of {count} writes")  # noqa: T201 - shown where a test fails
    for number in chosen:
        yield number, writes(number) is None
    yield count + 1, writes(NEVER) is None


def dies_at(number, work, complaints):
    """Whether work in a forked process is killed at its n-th write; False when it comes to its end before."""
    return writes_of(work, complaints, number) is None


def writes_of(work, complaints, number):
    """How often some work writes in a forked process; None when it is killed at its n-th write.

    complaints: a file that tells of an exception, which fails the test.
    """
    counted, counting = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            reaper = _kill_at(number)
            work()
            os.write(counting, str(reaper.count).encode())
            status = 0
        except BaseException:  # noqa: BLE001 - told to the parent
            with os.fdopen(os.open(complaints, os.O_CREAT | os.O_WRONLY), "w") as file:
                traceback.print_exc(file=file)
        finally:
            sys.stdout.flush()
            os._exit(status)
    os.close(counting)
    with os.fdopen(counted) as told:
        count = told.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return None
    assert os.WEXITSTATUS(status) == 0, Path(complaints).read_text()
    return int(count)
