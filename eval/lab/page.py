"""A report: numbers, prose and pictures; written as Markdown, as a page that opens without a network, and as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from vivavoce.core.durable import write_atomic
from vivavoce.eval.lab.statistics import Estimate

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;margin:1rem 0}th,td{padding:.25rem .7rem;border-bottom:1px solid #ddd;text-align:left}"
    "img{max-width:100%}code{background:#f3f3f3;padding:0 .2rem}td{font-variant-numeric:tabular-nums}"
)


@dataclass(frozen=True, slots=True)
class Page:
    """summary: every estimate by name. body: Markdown, with pictures as `![...](name.png)`. pictures: PNG files by name."""

    title: str
    summary: Mapping[str, Estimate]
    body: str
    pictures: Mapping[str, bytes] = field(default_factory=dict[str, bytes])

    def followed_by(self, other: "Page") -> "Page":
        """One page of two, under the title of the first. No estimate and no picture may have the same name in both."""
        return Page(
            self.title, {**self.summary, **other.summary}, self.body + other.body, {**self.pictures, **other.pictures}
        )

    def write(self, folder: Path, facts: Mapping[str, Any]) -> None:
        """Write summary.json, report.md, report.html and the pictures.

        Raises:
            StoreError: the folder cannot be written.
        """
        for name, picture in self.pictures.items():
            write_atomic(folder / name, picture)
        text = f"# {self.title}\n\n{self.body}\n## Settings and versions\n\n{table(('', ''), list(facts.items()))}"
        estimates = {name: asdict(estimate) for name, estimate in self.summary.items()}
        summary = json.dumps({"facts": facts, "estimates": estimates}, ensure_ascii=False, indent=2)
        write_atomic(folder / "summary.json", summary.encode())
        write_atomic(folder / "report.md", text.encode())
        write_atomic(folder / "report.html", as_html(self.title, text).encode())


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; bars and line ends inside cells are made harmless."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines) + "\n"


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def as_html(title: str, text: str) -> str:
    """Markdown as a page of its own. HTML within it is shown, not obeyed: models and tools wrote some of it."""
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head><body>{body}</body></html>'
