"""Searching, listing, comparing and explaining voices."""
