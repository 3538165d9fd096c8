"""Trust: whether code that promptvc.toml names may run in this store.

Fetched files are data. What they name runs only after the user has said yes, once for the store: functions and
programs, and an address that would be sent the key. A store that was made here is trusted by its maker, until a
fetch or pull brings something; pushing takes nothing away.

The yes is the file ``promptvc/trust`` in the store: ``yes`` or ``no``. It is local: never versioned, never sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from promptvc.content.runs.spec import RunSpec
from promptvc.errors import NotTrusted
from promptvc.runs.providers.openai import is_loopback
from promptvc.runs.providers.registry import runs_code
from promptvc.secrets.redact import redact_url
from promptvc.storage.files import disk_errors, write_durably
from promptvc.storage.git import GitConfig
from promptvc.storage.refs import PRIVATE, Refs
from promptvc.versioning.oplog.journal import Journal

_FILE = Path("promptvc", "trust")
_YES, _NO = b"yes\n", b"no\n"
_RECEIVING = ("clone", "fetch", "pull")
"""How operations, and reasons in reflogs, begin that bring something from a remote."""
_PUSHED = b"update by push"
"""The reason that git gives for a remote-tracking ref that follows a push."""
_NOBODY = b"0" * 40

_REVOKED = "its trust was revoked"
_RECEIVED = "files here were fetched"
_UNTOLD = "nothing says where files are from"


def is_trusted(path: Path, config: GitConfig) -> bool:
    """Whether what the configuration names may run in the store at ``path``: what the user said, else its past."""
    return why_not_trusted(path, config) is None


def why_not_trusted(path: Path, config: GitConfig) -> str | None:
    """Why it may not run, in words; None where it may."""
    said = read_trust(path)
    if said is not None:
        return None if said else _REVOKED
    if _received_something(path):
        return _RECEIVED
    return _UNTOLD if _knew_a_remote(path, config) and not _was_made_here(path) else None


def need_trust(path: Path, config: GitConfig, what: str) -> None:
    """Raise `NotTrusted` unless ``what`` may run: ``python:my_model:answer``."""
    why = why_not_trusted(path, config)
    if why is not None:
        raise NotTrusted(what, why)


def what_needs_trust(spec: RunSpec) -> list[str]:
    """What a run names that needs trust: ``["python:my_model:answer", "python:my_scorers:helpful"]``.

    A provider that is not known needs it too. A loopback address needs none, nor do OpenAI's own and that of the
    environment.
    """
    found = [spec.provider] if runs_code(spec.provider) else []
    if spec.base_url and not is_loopback(spec.base_url):
        found.append(f"base_url {_shown(spec.base_url)}")
    return found + [scorer.text for scorer in spec.scorers if scorer.is_function]


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


def _received_something(path: Path) -> bool:
    """Whether a clone, a fetch or a pull ever brought something: reflogs, git's FETCH_HEAD or the journal tell."""
    with suppress(FileNotFoundError):
        if (path / "FETCH_HEAD").stat().st_size:
            return True
    logs = (file for file in (path / "logs").rglob("*") if file.is_file())
    if any(
        reason.decode("utf-8", "replace").startswith(_RECEIVING)
        for file in logs
        for _, reason in _reflog(file)
    ):
        return True
    lines = Journal(path).lines()
    receiving = {line["n"] for line in lines if str(line.get("what", "")).startswith(_RECEIVING)}
    return any(line["n"] in receiving and line.get("ref") and line.get("after") for line in lines)


def _knew_a_remote(path: Path, config: GitConfig) -> bool:
    """Whether the store has a remote, or had one."""
    if any(config.get(f"remote.{name}.url") for name in config.sections("remote")) or _tracking(path):
        return True
    return any(str(line.get("what", "")).startswith("remote") for line in Journal(path).lines())


def _was_made_here(path: Path) -> bool:
    """Whether its reflogs say so: HEAD began with nothing, and what tracks a remote only followed pushes."""
    for ref in _tracking(path):
        reasons = [reason for _, reason in _reflog(path / "logs" / ref)]
        if not reasons or any(reason != _PUSHED for reason in reasons):
            return False
    first = next(iter(_reflog(path / "logs" / "HEAD")), None)
    return first[0] == _NOBODY if first else not _refs(path, "")


def _tracking(path: Path) -> list[str]:
    return _refs(path, "remotes/")


def _refs(path: Path, below: str) -> list[str]:
    return [ref for ref in Refs(path).find(f"refs/{below}") if not ref.startswith(PRIVATE)]


def _reflog(file: Path) -> Iterator[tuple[bytes, bytes]]:
    """The id before, and the reason, of each line."""
    with suppress(FileNotFoundError):
        for line in file.read_bytes().splitlines():
            head, _, reason = line.partition(b"\t")
            yield head[:40], reason


def _shown(address: str) -> str:
    return redact_url(address)
