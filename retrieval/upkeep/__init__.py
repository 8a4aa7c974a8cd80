"""Repair and compaction of a collection."""
