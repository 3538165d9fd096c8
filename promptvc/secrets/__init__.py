"""Secrets: the shapes of common vendors' tokens, finding them in bytes, and hiding them in text to show or store.

    shapes.py   the kinds of tokens: exact lengths and alphabets, and checksums where they exist
    checks.py   checks that a real token passes and an invented one fails
    find.py     the tokens in some bytes; `Stream` for bytes that come in parts
    redact.py   texts without passwords and keys

Nothing here knows about files, rows or refs.
"""
