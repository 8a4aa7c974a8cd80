"""A file to a document."""
