"""Sharing: remote, fetch, pull, push."""
