"""Models: the embedded default, the scripted fakes, and where weights come from."""
