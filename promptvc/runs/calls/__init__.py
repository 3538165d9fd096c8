"""Calls: every answer that the repository has.

store    answers in commits and in the journal, looked up by request hash
index    where each answer is
journal  new answers, durable before they count
"""
