"""Working files.

project       promptvc.toml: what is tracked, which fields are keys
scan          which working files there are
contents      a file's bytes, rows and chunks, to and from the store
worktree      working files against the store: what changed, taken in, written
refill        a large file written from the one that it replaces; removals: the replaced ones
obstructions  what is in the way of files to be written
untracked     files that a commit lacks only because it does not track them
views         one version of one file, in the store or not
keys          rows that share a key
rowstream     the rows of one file, read as they are asked for
"""
