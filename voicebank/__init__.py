"""The voice bank: voices with their clips, found by description or by example."""
