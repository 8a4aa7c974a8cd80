"""How well voices are found."""
