"""Branches and tags, switching between them, merging them."""
