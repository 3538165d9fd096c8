"""Transactions: a set of writes that becomes one commit, or nothing; no working files needed.

transaction  the block itself, replayed when another writer moved the branch
edits        what it records; pending: files as it will write them; state: the branch with edits on top
"""
