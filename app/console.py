"""How the command line speaks: tables and progress for people, one JSON object for programs, one line for an error."""

import json
import logging
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

out = Console()
err = Console(stderr=True)
PRODUCT = logging.getLogger("vivavoce")  # all of its parts log below this name

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]


def print_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON holds
    """One JSON value on standard output, nothing else."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    sys.stdout.write(text.encode(errors="replace").decode() + "\n")  # half a surrogate pair cannot be written


def print_error(line: str) -> None:
    """An error on standard error, on one line at any width."""
    err.print(line, style="red", highlight=False, markup=False, soft_wrap=True)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table for people."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    out.print(table)


class _Telling(logging.Handler):
    """Shows what parts of the product say that they do; a warning stays on the screen."""

    def __init__(self, progress: Progress, task: TaskID, what: str, *, keep: bool) -> None:
        super().__init__(logging.INFO)
        self._progress, self._task, self._what, self._keep = progress, task, what, keep

    def emit(self, record: logging.LogRecord) -> None:
        """One line of a log."""
        line = record.getMessage()
        if record.levelno >= logging.WARNING:
            err.print(line, style="yellow", highlight=False, markup=False)
        elif self._keep:
            err.print(line, style="dim", highlight=False, markup=False)
        else:
            self._progress.update(self._task, description=escape(f"{self._what}: {line}"))


@contextmanager
def working(what: str, *, keep: bool = False) -> Generator[None]:
    """A spinner with the time and what is being done, on standard error, gone when done. keep: all that was done stays."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        telling = _Telling(progress, progress.add_task(what, total=None), what, keep=keep)
        level = PRODUCT.level
        PRODUCT.addHandler(telling)
        PRODUCT.setLevel(logging.INFO)
        try:
            yield
        finally:
            PRODUCT.removeHandler(telling)
            PRODUCT.setLevel(level)


@contextmanager
def downloading(what: str) -> Generator[Progress]:
    """A bar that counts bytes."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err) as progress:
        progress.add_task(what, total=None)
        yield progress


@contextmanager
def counting(what: str, total: int | None) -> Generator[Progress]:
    """A bar that counts items, with the time spent and left; total: None where it is not known yet."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err) as progress:
        progress.add_task(what, total=total)
        yield progress
