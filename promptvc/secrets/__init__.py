"""Secrets: how tokens of common vendors look, found in bytes, and kept out of texts that are shown or stored.

    shapes.py   the kinds of tokens: exact lengths and alphabets, and checksums where they exist
    checks.py   what a real token passes and an invented one does not
    find.py     the tokens in some bytes; `Stream` for bytes that come in parts
    redact.py   texts without passwords and keys

Nothing here knows files, rows or refs.
"""
