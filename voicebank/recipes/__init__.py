"""Voices that packages carry."""
