"""Step-Audio 2's network and its weights."""
