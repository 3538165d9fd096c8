"""Words of a text, in any script: the tokens that word diffs and similarity compare."""

from __future__ import annotations

import re
from functools import cache

# Marks that belong to the letter before them, which Python's \w leaves out, and joiners inside words.
_MARKS = (
    r"\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
    r"\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962-\u0963\u0981-\u0dff\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff"
    r"\u200c\u200d"
)
# Scripts written without spaces: Thai and Lao, kana, Chinese characters. Each character is a word.
_ALONE = (
    r"\u0e00-\u0eff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
)
_ALONE_MARKS = r"\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u3099\u309a"
_LETTERS = rf"[^\W{_ALONE}]+(?:[{_MARKS}]+[^\W{_ALONE}]*)*"
_TOKEN = (
    r"\r?\n"
    r"|[^\S\n]+?(?=\r?\n)|[^\S\n]+"
    rf"|[{_ALONE}][{_ALONE_MARKS}{_MARKS}]*"
    rf"|{_LETTERS}(?:(?:['’]|(?<=\d)[.,](?=\d)){_LETTERS})*"  # don't, 0.7, 1,000, v1.2
    r"|[\U0001f1e6-\U0001f1ff]{2}"  # a flag is two letters
    r"|(?P<sign>[^\w\s])(?:(?P=sign)|[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]|\u200d[^\w\s])*"
    r"|."
)
_ASCII_TOKEN = (
    r"\r?\n|[^\S\n]+?(?=\r?\n)|[^\S\n]+"
    r"|\w+(?:(?:'|(?<=\d)[.,](?=\d))\w+)*"
    r"|(?P<sign>[^\w\s])(?P=sign)*|."
)
_WORD = rf"[{_ALONE}][{_ALONE_MARKS}{_MARKS}]*|{_LETTERS}"


def tokens(text: str) -> list[str]:
    """Words, numbers, spaces, line ends and signs; joined, they are the text.

    ``"Don't pay 1,000 €!!\\n" -> ["Don't", " ", "pay", " ", "1,000", " ", "€", "!!", "\\n"]``
    """
    pattern = _ASCII_TOKEN if text.isascii() else _TOKEN
    return [match[0] for match in _compiled(pattern).finditer(text)]


def words(text: str) -> list[str]:
    """The words and numbers alone, without spaces and signs."""
    return _compiled(r"\w+" if text.isascii() else _WORD).findall(text)


def weight(token: str) -> int:
    """How much a token says: its letters and digits; signs and spaces say nothing."""
    if token.isascii():
        return len(token) if token[:1].isalnum() or token[:1] == "_" else 0
    return len(token) if _compiled(_WORD).match(token) else 0


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compiled when it is first needed: so many ranges take longer than most modules take to import."""
    return re.compile(pattern, re.DOTALL)
