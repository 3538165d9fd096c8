"""Secrets: kept out of what is stored, and found in what commits hold already."""
