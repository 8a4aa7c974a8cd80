"""Chooses what answers a request, from examples and from what tools say of themselves."""
