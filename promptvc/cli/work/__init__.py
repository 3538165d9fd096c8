"""Daily work: status, diff, commit, restore."""
