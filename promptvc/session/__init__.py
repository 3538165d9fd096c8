"""Sessions with a store: what is read at one commit, written as one commit, or lies in working files.

project      promptvc.toml: what is tracked, which fields are keys
contents     a file's bytes, rows and chunks, to and from the store
snapshot     everything at one commit, read only
transaction  a set of writes that becomes one commit, or nothing
scan         which working files there are
worktree     working files against the store: status, commit, checkout
pending      files that a transaction will write
state        a branch's files with those edits on top
edits        what a transaction records
views        one version of one file, in the store or not
workspace    working files and branches together
treemerge    commits merged without working files; leafmerge: one file of them
merging      merge, cherry-pick, revert and abort, with working files; branchmerge: without; merged: what they did
openmerge    a merge that waits for its conflicts; resolving and rowresolve: to settle them
undo         the last operation taken back
blame        who changed a line, a row or a cell last; rowlog: the history of one row
refill       a large working file written from the one it replaces; removals: the replaced ones
keys         rows that share a key
sharing      remotes by name
identity     who commits
code         the code repository around the project
wording      changes counted in a few words
comparison   two sets of files compared: rows, words, lines
"""
