"""The passages of an index for other programs."""

import json
from dataclasses import asdict
from pathlib import Path

from vivavoce.core.durable import write_atomic
from vivavoce.core.store.manifest import Embedding
from vivavoce.retrieval.index import DocumentIndex
from vivavoce.retrieval.store.view import SPACE, IndexView

FORMAT = "vivavoce-passages-1"


def export(index: DocumentIndex, path: Path) -> int:
    """Write all passages as JSON lines that other programs read, behind a line that says what they are; how many.

    Raises:
        StoreError: the file cannot be written, or the index is damaged.
    """
    lines = index.store.reading(_exported) or [json.dumps({"format": FORMAT, "passages": 0, "embedder": None})]
    write_atomic(path, "".join(f"{line}\n" for line in lines).encode())
    return len(lines) - 1


def _exported(view: IndexView) -> list[str]:
    cuts = [cut for group in view.catalogue.groups() for cut in group.records]
    made_by = view.manifest.embeddings.get(SPACE, Embedding()).model
    head = json.dumps({"format": FORMAT, "passages": len(cuts), "embedder": made_by})
    return [head, *(json.dumps(asdict(cut.document) | asdict(cut.passage), ensure_ascii=False) for cut in cuts)]
