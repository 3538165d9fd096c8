"""Working files and branches together.

workspace   status, commit, switch, restore, fast-forward; detached: commits that no ref leads to
snapshot    everything at one commit, read only
comparison  two sets of files compared; wording: changes counted; similarity: renamed files found
"""
