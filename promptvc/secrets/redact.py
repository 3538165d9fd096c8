"""Removes passwords and keys from text: everything that is printed, or stored where others see it, goes through here.

docs/security.md lists what is hidden. Text without secrets is returned unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote, unquote

from promptvc.secrets.find import HIDDEN, hide_tokens

_LONGEST = 2048
"""Most characters of an address, or of a word that may hold one, to examine and show."""
_WORD = rf"\S{{{_LONGEST + 1},}}"
_SHORTEST = 8
"""Least characters of a value that is known to be secret: a shorter one may occur anywhere by chance."""

# Patterns are texts: `re` compiles each on first use, and most commands use none.
_SECRET_NAME = (
    r"(?i)(?:\A|_)(?:api_?key|access_?key|token|secret|password|passwd)(?:\Z|_)"
    r"|(?:api_?key|token|secret|password|_pwd|_pat|_key)\Z|\Akey\Z"
)
_NOT_SECRET = (
    r"(?i)(?:file|path|dir|folder|command|helper|askpass|ur[il]|endpoint|host|addr|address|port|region|count|limit"
    r"|max|min|id|type|name|user|tokens|version|enabled|cache|parallelism)\Z"
)
_CONTROL = r"[\x00-\x1f\x7f]"
_HTTP = r"(?i)\A(https?://)(?:[^/?#]*@|[^/?#@]*:[^?#]*@)?"
_HTTP_NAME = r"(?i)\Ahttps?://([^/?#:@]+)@"
_HTTP_USER = r"(?i)(https?://)(?:[^/?#\s'\"<>]*@|[^/?#@\s'\"<>]*:[^?#\s'\"<>]*@)"
_USERINFO = r"([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@'\"<>]*):([^\s'\"<>]*)@"
_SCP = r"(?<![^\s'\"(=])([^\s/:@'\"]+):(?!//)([^\s'\"]+)@(?=[^\s/:@'\"]+:)"
_QUERY = (
    r"(?i)([?&;](?:[a-z]+[_-])*(?:token|key|apikey|password|passwd|pwd|secret|sig|signature|auth|credential|code)=)"
    r"([^\s&;'\"#]+)"
)
_HEADER = r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?(?:(?:basic|bearer|token)\s+)?|\bbearer\s+)[^\s'\",;]{8,}"
_LONG_WORD = r"[A-Za-z0-9_+-]{20}"
_SUSPICIOUS = r"(?i)://|@|\?|bearer|authorization"


def redact_url(text: str) -> str:
    """The URL for display: no password, and for http no user and no query, which may hold a token too."""
    shown = re.sub(_CONTROL, "?", _cut(text))
    if re.match(_HTTP, shown):
        return re.sub(_HTTP, r"\1", shown).partition("?")[0]
    return _without_passwords(shown)


def url_secrets(text: str) -> list[str]:
    """The parts that `redact_url` removes, raw and decoded: programs quote parts of an address in their errors."""
    user = re.match(_HTTP_NAME, text)
    found = [user[1]] if user else []
    text = text[:_LONGEST]
    found += [match[2] for pattern in (_USERINFO, _SCP, _QUERY) for match in re.finditer(pattern, text)]
    return [form for form in dict.fromkeys([*found, *map(unquote, found)]) if len(form) > 2]


def _cut(word: str) -> str:
    """Cut a word that is longer than any address: examining it would take quadratic time."""
    return word if len(word) <= _LONGEST else f"{word[:_LONGEST]}…"


def _without_passwords(text: str) -> str:
    text = re.sub(_SCP, r"\1@", re.sub(_USERINFO, r"\1@", text))
    return re.sub(_QUERY, rf"\1{HIDDEN}", text)


def secret_values(environment: Mapping[str, str], shortest: int = _SHORTEST) -> dict[str, str]:
    """The values of an environment that are secret by their names, with the names: ``OPENAI_API_KEY``."""
    found: dict[str, str] = {}
    for name, value in environment.items():
        if len(value) >= shortest and re.search(_SECRET_NAME, name) and not re.search(_NOT_SECRET, name):
            found.setdefault(value, name)
    return found


class Redactor:
    """Hides passwords of URLs, tokens of known shapes, and values that are known to be secret."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        # Longest first: one may be part of another.
        known = sorted({*values}, key=lambda value: (-len(value), value))
        forms = dict.fromkeys(form for value in known for form in (value, quote(value, safe="")))
        self._known = re.compile("|".join(map(re.escape, forms))) if forms else None

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        if re.search(_SUSPICIOUS, text):
            text = re.sub(_WORD, lambda word: _cut(word[0]), text)
            text = _without_passwords(re.sub(_HTTP_USER, r"\1", text))
            text = re.sub(_HEADER, rf"\1{HIDDEN}", text)
        return hide_tokens(text) if re.search(_LONG_WORD, text) else text


@lru_cache(maxsize=4)
def _redactor(values: frozenset[str]) -> Redactor:
    return Redactor(values)


def redactor(environment: Mapping[str, str]) -> Redactor:
    """A redactor for the secrets of an environment."""
    return _redactor(frozenset(secret_values(environment)))
