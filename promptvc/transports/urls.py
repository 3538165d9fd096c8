"""Remote addresses: the kinds of URL that git knows, parsed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from promptvc.errors import Usage
from promptvc.patterns import compiled
from promptvc.secrets.redact import redact_url

AddressKind = Literal["local", "ssh", "http", "git"]

_SCHEME = compiled(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HELPER = compiled(r"[A-Za-z0-9]+::")  # `ext::sh -c …`: git runs any program for these; we run none
_DRIVE = compiled(r"[A-Za-z]:[\\/]")
_CONTROL = compiled(r"[\x00-\x1f\x7f]")
_BRACKETED = compiled(r"(?:([^@/]+)@)?\[([^\]]+)\]:(.*)\Z", re.DOTALL)
_KINDS: dict[str, AddressKind] = {
    "file": "local",
    "ssh": "ssh",
    "git+ssh": "ssh",
    "ssh+git": "ssh",
    "http": "http",
    "https": "http",
    "git": "git",
}
_PORT = compiled(r"[0-9]{1,5}")
_HINT = "a remote is a path, ssh://host/path, git@host:path, https://host/path or git://host/path"


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed remote URL.

    ``path`` is the path to request from the server: ``/srv/a.git``, ``~ada/a.git`` or ``team/a.git`` (scp form). For
    http, ``base`` is the URL without user and password.
    """

    kind: AddressKind
    path: str
    host: str = ""
    port: int | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    base: str = ""

    @property
    def site(self) -> str:
        """``https://host:port`` for http, the host for the others: the name in error messages."""
        if self.kind == "http":
            return "/".join(self.base.split("/", 3)[:3])
        return self.host or self.path


def parse_url(text: str) -> Address:
    """Parse a remote's URL or path as git does; raises `Usage` for kinds that we do not support.

    ``git@host:team/a.git -> Address("ssh", "team/a.git", "host", user="git")``. A colon after a slash, or after a
    single drive letter, belongs to a local path: ``./a:b``, ``C:/data``.
    """
    if not text or _CONTROL.search(text):
        raise Usage(f"{redact_url(text)!r} is not a remote URL", _HINT)
    if _HELPER.match(text):
        raise Usage(f"{redact_url(text)!r}: remote helpers are not supported", _HINT)
    if _SCHEME.match(text):
        return _parse_scheme(text)
    if is_local(text):
        return Address("local", text)
    return _parse_scp(text)


def rewrite(text: str, rules: Iterable[tuple[str, str]]) -> str:
    """Apply git's ``url.BASE.insteadOf`` rules, given as (prefix, base); the longest prefix wins (git-config(1))."""
    fitting = [(prefix, base) for prefix, base in rules if prefix and text.startswith(prefix)]
    if not fitting:
        return text
    prefix, base = max(fitting, key=lambda rule: len(rule[0]))
    return base + text[len(prefix) :]


def is_local(text: str) -> bool:
    """git's rule (connect.c): local if no colon comes before the first slash."""
    colon, slash = text.find(":"), text.find("/")
    return colon < 0 or 0 <= slash < colon or _DRIVE.match(text) is not None


def _parse_scp(text: str) -> Address:
    bracketed = _BRACKETED.match(text)
    if bracketed:
        user, place, path = bracketed.groups()
        host, port = _split_port(place)
    else:
        place, _, path = text.partition(":")
        user, host = _split_user(place)
        port = None
    return _checked(Address("ssh", path, host, port, user), text)


def _parse_scheme(text: str) -> Address:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:  # its message may quote a password that a slash cut in two
        raise Usage(f"{redact_url(text)!r} is not a remote URL: host or port cannot be read", _HINT) from None
    kind = _KINDS.get(parts.scheme)
    if kind is None:
        raise Usage(f"{parts.scheme}:// remotes are not supported", _HINT)
    if kind == "local":
        return _parse_file(parts, text)
    user = unquote(parts.username) if parts.username is not None else None
    password = unquote(parts.password) if parts.password is not None else None
    host = parts.hostname or ""
    if kind == "http":
        base = _without_user(parts, host, port)
        return _checked(Address(kind, parts.path, host, port, user, password, base), text)
    path = unquote(parts.path)
    path = path[1:] if path.startswith("/~") else path
    return _checked(Address(kind, path, host, port, user, password), text)


def _parse_file(parts: SplitResult, text: str) -> Address:
    if parts.netloc not in ("", "localhost"):
        raise Usage(
            f"{redact_url(text)!r} names a host; a file:// URL has three slashes",
            "file:///path/to/repository",
        )
    return _checked(Address("local", unquote(parts.path)), text)


def _without_user(parts: SplitResult, host: str, port: int | None) -> str:
    place = f"[{host}]" if ":" in host else host
    place += f":{port}" if port else ""
    return f"{parts.scheme}://{place}{parts.path}"


def _checked(address: Address, text: str) -> Address:
    """Refuse values that a server, or the ssh program, would take for an option (as git does since 2.14)."""
    if address.kind != "local" and not address.host:
        raise Usage(f"{redact_url(text)!r} names no host", _HINT)
    if not address.path.strip("/") and address.kind != "http":
        raise Usage(f"{redact_url(text)!r} names no path", _HINT)
    decoded = (address.host, address.path, address.user or "", address.password or "")
    if any(part.startswith("-") for part in decoded[:3]) or any(_CONTROL.search(part) for part in decoded):
        raise Usage(
            f"{redact_url(text)!r} is not a remote URL: a part of it begins with '-' or is not text", _HINT
        )
    return address


def _split_user(place: str) -> tuple[str | None, str]:
    user, at, host = place.rpartition("@")
    return (user if at else None), host


def _split_port(place: str) -> tuple[str, int | None]:
    """``host:22 -> host, 22``; an IPv6 address keeps its colons."""
    host, colon, port = place.rpartition(":")
    if colon and _PORT.fullmatch(port) and ":" not in host:
        return host, int(port)
    return place, None
