"""The daily work: status, diff, commit, restore."""
