"""Whether the right tools are called with the right arguments."""
