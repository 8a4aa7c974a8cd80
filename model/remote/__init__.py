"""The model on a server."""
