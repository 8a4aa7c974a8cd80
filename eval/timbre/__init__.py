"""Whether answers are spoken in the voice asked for."""
