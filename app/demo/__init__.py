"""The demonstration: questions asked, and a page about the answers."""
