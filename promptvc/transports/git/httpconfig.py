"""git's ``http.*`` configuration for one URL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import SplitResult, urlsplit

from promptvc.transports.settings import HttpSettings

_FALSE = ("false", "no", "off", "0")
_UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3}


def http_settings(
    config: Iterable[tuple[str, str]], url: str, environment: Mapping[str, str] | None = None
) -> HttpSettings:
    """The settings that git would use for this URL.

    ``config`` holds (name, value), lowest priority first, names as ``http.proxy`` or ``http.https://host/path.proxy``,
    with their last part in lower case. If several sections match, the one with the longest path wins; the headers of
    all are sent, but an empty one clears those before it (git-config(1), ``http.<url>.*``). GIT_SSL_CAINFO and
    GIT_SSL_NO_VERIFY in ``environment`` take precedence.
    """
    found: dict[str, str] = {}
    headers: list[tuple[str, str]] = []
    for key, value in _fitting(config, url):
        if key == "extraheader":
            name, colon, text = value.partition(":")
            headers = [*headers, (name.strip(), text.strip())] if colon else []
        else:
            found[key] = value
    env = environment or {}
    return HttpSettings(
        proxy=found.get("proxy") or None,
        verify="GIT_SSL_NO_VERIFY" not in env and found.get("sslverify", "true").lower() not in _FALSE,
        ca_file=env.get("GIT_SSL_CAINFO") or found.get("sslcainfo") or None,
        headers=tuple(headers),
        post_buffer=size_of(found.get("postbuffer", "")) or HttpSettings().post_buffer,
    )


def _fitting(config: Iterable[tuple[str, str]], url: str) -> list[tuple[str, str]]:
    """(key, value) of the sections that match the URL, the best match last."""
    wanted = _split(url)
    fitting = []
    for name, value in config:
        section, _, rest = name.partition(".")
        pattern, _, key = rest.rpartition(".")
        if section != "http" or wanted is None:
            continue
        rank = _rank(pattern, wanted) if pattern else (0, False)
        if rank is not None:
            fitting.append((rank, key.lower(), value))
    fitting.sort(key=lambda entry: entry[0])  # stable: equal entries keep their order
    return [(key, value) for _, key, value in fitting]


def _rank(pattern: str, wanted: SplitResult) -> tuple[int, bool] | None:
    """How well a section's URL matches, None if it does not: length of its path, and whether it names the user."""
    given = _split(pattern)
    if given is None or (given.scheme, _port(given)) != (wanted.scheme, _port(wanted)):
        return None
    if not _hosts_fit(given.hostname or "", wanted.hostname or ""):
        return None
    if given.username is not None and given.username != wanted.username:
        return None
    path = given.path.rstrip("/") + "/"
    return (len(path), given.username is not None) if (wanted.path + "/").startswith(path) else None


def _hosts_fit(pattern: str, host: str) -> bool:
    """A ``*`` matches one part of the name."""
    ours, theirs = pattern.split("."), host.split(".")
    return len(ours) == len(theirs) and all(a in ("*", b) for a, b in zip(ours, theirs, strict=True))


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _port(parts)
    except ValueError:
        return None
    return parts


def _port(parts: SplitResult) -> int | None:
    return parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def size_of(text: str) -> int:
    """``10m -> 10485760``; 0 if it is not a number."""
    unit = _UNITS.get(text[-1:].lower(), 1)
    digits = text[:-1] if unit > 1 else text
    return int(digits) * unit if digits.isdecimal() and len(digits) < 19 else 0
