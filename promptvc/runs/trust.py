"""Trust: whether code that promptvc.toml names may run in this store.

Fetched files are data. What they name runs only after the user has said yes, once for the store: functions and
programs, and an address that would be sent the key. A store that was made here, and never had anything to do with
a remote, is trusted by its maker.

The yes is the file ``promptvc/trust`` in the store: ``yes`` or ``no``. It is local: never versioned, never sent.
"""

from __future__ import annotations

from pathlib import Path

from promptvc.content.runspec import RunSpec
from promptvc.errors import NotTrusted
from promptvc.runs.provider_openai import is_loopback
from promptvc.storage.files import disk_errors, write_durably
from promptvc.storage.git import GitConfig

_FILE = Path("promptvc", "trust")
_YES, _NO = b"yes\n", b"no\n"
_FROM_ELSEWHERE = ("clone", "fetch", "pull", "remote")
"""How operations begin that bring files from a remote, or forget one."""


def is_trusted(path: Path, config: GitConfig) -> bool:
    """Whether what the configuration names may run in the store at ``path``: what the user said, else its past."""
    said = read_trust(path)
    return not _knows_a_remote(path, config) if said is None else said


def need_trust(path: Path, config: GitConfig, what: str) -> None:
    """Raise `NotTrusted` unless ``what`` may run: ``python:my_model:answer``."""
    if not is_trusted(path, config):
        raise NotTrusted(what)


def what_needs_trust(spec: RunSpec) -> list[str]:
    """What a run names that needs trust: ``["python:my_model:answer", "python:my_scorers:helpful"]``.

    A loopback address needs none, nor do OpenAI's own and that of the environment.
    """
    found = [spec.provider] if spec.provider.partition(":")[0] in ("python", "command") else []
    if spec.base_url and not is_loopback(spec.base_url):
        found.append(f"base_url {_shown(spec.base_url)}")
    return found + [scorer.text for scorer in spec.scorers if scorer.kind == "python"]


def read_trust(path: Path) -> bool | None:
    """What the user said in the store at ``path``; None where nobody was asked."""
    try:
        return (path / _FILE).read_bytes() == _YES
    except FileNotFoundError:
        return None


def save_trust(path: Path, trusted: bool) -> None:
    """Remember the user's yes, or no, for the store at ``path``."""
    file = path / _FILE
    with disk_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_durably(file, _YES if trusted else _NO)


def _knows_a_remote(path: Path, config: GitConfig) -> bool:
    """Whether the store has a remote, or had one: remote-tracking refs, reflog and journal tell."""
    if any(config.get(f"remote.{name}.url") for name in config.sections("remote")):
        return True
    folder, packed = path / "refs" / "remotes", path / "packed-refs"
    if folder.is_dir() and any(file.is_file() for file in folder.rglob("*")):
        return True
    if packed.exists() and b" refs/remotes/" in packed.read_bytes():
        return True
    reflog = path / "logs" / "HEAD"
    if reflog.exists() and b"\tclone: " in reflog.read_bytes():
        return True
    from promptvc.versioning.journal import Journal  # only for stores that have no remote now

    return any(str(line.get("what", "")).startswith(_FROM_ELSEWHERE) for line in Journal(path).lines())


def _shown(address: str) -> str:
    from promptvc.transports.urls import redact

    return redact(address)
