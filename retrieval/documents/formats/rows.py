"""csv, tsv and jsonl: each row says "column: value; ..." and is a section."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from itertools import islice
from pathlib import PurePath

from vivavoce.core.errors import DocumentError, reason
from vivavoce.retrieval.documents.document import Document, DocumentBuilder, Limits
from vivavoce.retrieval.documents.encoding import decode
from vivavoce.retrieval.documents.formats.text import title_of

DELIMITERS = ",;\t|"
SAMPLED_ROWS = 20

Row = tuple[int, str]  # first line in the file, text


def read_csv(data: bytes, name: str, limits: Limits) -> Document:
    """The first row names the columns, unless all of it is numbers.

    Raises:
        DocumentError: a quote is never closed, a field is longer than csv allows, or there are too many rows.
    """
    text = decode(data)
    delimiter = "\t" if PurePath(name).suffix.lower() in (".tsv", ".tab") else _delimiter(text)
    try:
        return _document(_csv_rows(text, delimiter), name, limits)
    except csv.Error as error:
        raise DocumentError(f"is not a readable table ({reason(error)}); look for a quote that is never closed") from error


def read_jsonl(data: bytes, name: str, limits: Limits) -> Document:
    """One JSON value a line; a nested value is given as JSON.

    Raises:
        DocumentError: a line is not JSON, or there are too many.
    """
    return _document(_json_rows(decode(data)), name, limits)


def _document(rows: Iterable[Row], name: str, limits: Limits) -> Document:
    builder = DocumentBuilder()
    for count, (line, text) in enumerate(rows, 1):
        if count > limits.rows:
            raise DocumentError(f"has more than {limits.rows} rows; split it")
        builder.add(text, "table", line=line)
    return builder.build(title_of(name), {})


def _csv_rows(text: str, delimiter: str) -> Iterator[Row]:
    reader = csv.reader(StringIO(text), delimiter=delimiter)
    columns: list[str] = []
    line = 1
    for cells in reader:
        if columns:
            yield line, _described(columns, cells)
        elif all(_is_number(cell) for cell in cells if cell.strip()):
            columns = [f"column {n}" for n, _ in enumerate(cells, 1)]
            yield line, _described(columns, cells)
        else:
            columns = cells
        line = reader.line_num + 1
    if columns and line == 2:  # names and nothing else
        yield 1, "; ".join(columns)


def _described(columns: Sequence[str], cells: Sequence[str]) -> str:
    """One line; cells beyond the named columns go without a name."""
    names = [*columns, *[""] * (len(cells) - len(columns))]
    return _joined(zip(names, cells, strict=False))


def _joined(pairs: Iterable[tuple[str, str]]) -> str:
    flat = ((" ".join(name.split()), " ".join(value.split())) for name, value in pairs)
    return "; ".join(f"{name}: {value}" if name else value for name, value in flat if value)


def _delimiter(text: str) -> str:
    """The one that cuts the first rows into the most columns, equally many in each row."""
    sample = StringIO(text[:20_000])
    best, columns = ",", 1
    for delimiter in DELIMITERS:
        sample.seek(0)
        try:
            widths = [len(cells) for cells in islice(csv.reader(sample, delimiter=delimiter), SAMPLED_ROWS)]
        except csv.Error:
            continue
        if widths and min(widths[:-1] or widths) > columns:
            best, columns = delimiter, min(widths[:-1] or widths)
    return best


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _json_rows(text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value: object = json.loads(line)
            row = _joined(_pairs(value))
        except (ValueError, RecursionError) as error:
            raise DocumentError(f"line {number} is not JSON; mend it or give the file another ending") from error
        yield number, row


def _pairs(value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield str(name), _shown(inner)
    else:
        yield "", _shown(value)


def _shown(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
