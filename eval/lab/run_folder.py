"""One run on disk: what was asked and how, and each result as soon as it is there."""

import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vivavoce.core.durable import exclusive, write_atomic
from vivavoce.core.errors import ConfigError, reason
from vivavoce.eval.lab.lab import Result

RUN, RESULTS = "run.json", "results.jsonl"
VERSION = 1


class RunFolder:
    """A folder with run.json (settings and versions) and results.jsonl (a line a result, written through to the disk)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: dict[str, Result] = {}

    @contextmanager
    def opened(self, facts: Mapping[str, Any], *, resume: bool) -> Generator[None]:
        """Hold the folder; no other process may write to it meanwhile.

        Raises:
            ConfigError: there is a run already, or, to be resumed, none or one of other settings; a line is damaged.
            StoreError: the folder cannot be written, or another process holds it.
        """
        path = self.path
        path.mkdir(parents=True, exist_ok=True)
        with exclusive(path / ".lock", f"another process writes to {path}"):
            if resume:
                self._check_same(facts)
                self._lines = {result.id: result for result in read_results(path)}
                self._rewrite()
            elif (path / RESULTS).exists():
                raise ConfigError(f"{path} holds a run already; go on with --resume {path} or name another folder")
            else:
                write_atomic(path / RUN, json.dumps({"version": VERSION, **facts}, ensure_ascii=False, indent=2).encode())
                write_atomic(path / RESULTS, b"")
            yield

    @property
    def results(self) -> Mapping[str, Result]:
        """What is known so far, by item."""
        return self._lines

    def keep(self, result: Result) -> None:
        """Append a result and let it reach the disk.

        Raises:
            OSError: the disk refuses.
        """
        self._lines[result.id] = result
        with (self.path / RESULTS).open("ab") as file:
            file.write(_line(result))
            file.flush()
            os.fsync(file.fileno())

    def _check_same(self, facts: Mapping[str, Any]) -> None:
        earlier = read_run(self.path)
        for name in sorted(earlier.keys() | facts.keys()):
            if earlier.get(name) != facts.get(name):
                raise ConfigError(
                    f"{self.path} was begun with {name} = {earlier.get(name)!r}, now it is {facts.get(name)!r}; "
                    "give the same options or begin a new run"
                )

    def _rewrite(self) -> None:
        """Failed items are asked again, and a line that was cut off is gone."""
        self._lines = {name: result for name, result in self._lines.items() if result.error is None}
        write_atomic(self.path / RESULTS, b"".join(map(_line, self._lines.values())))


def read_run(path: Path) -> dict[str, Any]:
    """Settings and versions of a run.

    Raises:
        ConfigError: there is no run in this folder, or it is of another version.
    """
    try:
        facts = json.loads((path / RUN).read_bytes())
        version = facts.pop("version")
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise ConfigError(f"{path} holds no run ({reason(error)})") from error
    if version != VERSION:
        raise ConfigError(f"{path} is a run of version {version}; this program reads version {VERSION}")
    return facts


def read_results(path: Path) -> list[Result]:
    """The results of a run. A last line that was cut off, as a killed process leaves it, is left out.

    Raises:
        ConfigError: there are no results, or a line before the last is damaged.
    """
    try:
        lines = (path / RESULTS).read_bytes().split(b"\n")
    except OSError as error:
        raise ConfigError(f"{path} holds no results ({reason(error)})") from error
    results: list[Result] = []
    for number, line in enumerate(lines[:-1], 1):  # what follows the last line end was never finished
        try:
            results.append(Result(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise ConfigError(f"{path / RESULTS}, line {number}: no result ({reason(error)}); remove the line") from error
    return results


def _line(result: Result) -> bytes:
    return json.dumps(result.as_json(), ensure_ascii=False).encode() + b"\n"
