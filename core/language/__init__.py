"""Words, days and places, in English and Chinese."""
