"""Maintaining the store: gc, fsck, config."""
