"""Tool calls: run to one end state each."""
