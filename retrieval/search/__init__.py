"""Candidates, ranking, and whether the best one answers."""
