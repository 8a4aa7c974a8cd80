"""How well the guard tells what passages support."""
