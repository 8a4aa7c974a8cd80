"""Indexes of many vectors, for whoever keeps a collection of them."""
