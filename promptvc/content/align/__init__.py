"""Alignment: which parts of two sequences are equal and in the same order."""
