"""Comparisons of runs as text."""
