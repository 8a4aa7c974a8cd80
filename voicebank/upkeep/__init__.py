"""Verify, repair and compaction of a bank."""
