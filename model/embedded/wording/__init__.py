"""Understands how a request is put: politeness, parts, corrections, names and what was misheard."""
