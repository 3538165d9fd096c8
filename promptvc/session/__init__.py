"""A project at work: working files, branches, transactions, merges.

files        working files: which there are, how they are stored and written; promptvc.toml
workspace    status, commit, switch, restore; snapshots and comparisons
transaction  a set of writes that becomes one commit, or nothing
merge        merges with and without working files, conflicts and how they are resolved
history      blame, the history of a row, undo
intent       what is about to be done to working files; recovery: what was stopped; exclusive: one at a time
sharing      remotes by name; sections: their configuration
identity     who commits
code         the code repository around the project
"""
