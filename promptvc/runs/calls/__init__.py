"""Calls: every answer that the repository knows.

store    answers in commits and in the journal, found by request hash
index    where each is
journal  answers just made, durable before they count
"""
