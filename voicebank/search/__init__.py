"""Finding voices."""
