"""How often answers are made up, with and without knowledge."""
