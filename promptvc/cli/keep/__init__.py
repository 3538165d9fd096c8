"""Keeping the store: gc, fsck, config."""
