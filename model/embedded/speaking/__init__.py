"""The answer as sound."""
