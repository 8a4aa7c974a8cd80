"""Measurements with intervals: what the product does, on data anyone can build."""
