"""Building the voice bank, and its map."""
