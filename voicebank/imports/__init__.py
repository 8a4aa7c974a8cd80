"""Recordings and archives from elsewhere."""
