"""Sharing: remote, fetch, pull, push, forget."""
