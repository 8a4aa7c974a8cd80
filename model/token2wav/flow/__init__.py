"""Tokens to mel, for several streams at once, with what each remembers."""
