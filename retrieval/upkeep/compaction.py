"""A new generation of an index is made as one of any collection."""

from vivavoce.core.store.compaction import compact, reembed

__all__ = ["compact", "reembed"]
