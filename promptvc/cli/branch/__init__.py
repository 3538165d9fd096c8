"""Branches: branch, switch, tag, merge, resolve, cherry-pick, revert, undo."""
