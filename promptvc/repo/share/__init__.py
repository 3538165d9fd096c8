"""Sharing: fetch from remotes and push to them, and forget data in all history."""
