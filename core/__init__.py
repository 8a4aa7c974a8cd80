"""Shared vocabulary: audio, messages, voices, protocols, errors, settings. No network, no models."""
