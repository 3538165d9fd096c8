"""Comparisons as text and JSON: files, rows, cells, words."""
