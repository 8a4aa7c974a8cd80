"""Writes the calls of the chosen tools, checks them against what was said, and asks for what is missing."""
