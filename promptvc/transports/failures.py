"""Failures of transfers, as one line and a hint."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterable

from msgspec import Struct

from promptvc.errors import Advice, AuthFailed, PromptvcError, PushRejected, TransferFailed
from promptvc.patterns import compiled
from promptvc.transports.urls import Address

# Lines of git and ssh that add nothing, or that another line says better.
_NOISE = compiled(
    r"(?i)\A(?:please make sure you have the correct access rights|and the repository exists\."
    r"|fatal: could not read from remote repository\.|fatal: the remote end hung up unexpectedly"
    r"|warning: permanently added |connection to .* closed\.?|\W*\Z|@+|exec request failed on channel|hint: )"
)
_PREFIX = compiled(r"(?i)\A(?:fatal|error|remote|ssh|git-upload-pack|git-receive-pack): *")
_CHECK_ADDRESS = Advice("check-address")
_CHECK_NETWORK = "check the host name and the network"
_BROKEN = "nothing was changed here; try again"
_SILENT = f"try again; {_CHECK_NETWORK}"
_AGAIN, _LATER = "try again", "try again later"
_A_SERVER = Advice("check-server")
_UNANSWERED = frozenset((_BROKEN, _SILENT, _AGAIN, _LATER, _A_SERVER, _CHECK_ADDRESS, _CHECK_NETWORK))
_ASK_AGAIN = "the remote may have taken it or not: push again, which does only what is still to do"
_SIGN_IN = "set PROMPTVC_TOKEN, or sign in through one of git's credential helpers"

# What ssh and git print -> the class, and what to do. Searched in their whole output.
_KNOWN: tuple[tuple[str, type[TransferFailed], str | Advice], ...] = (
    (r"permission denied \(|too many authentication failures|no supported authentication", AuthFailed,
     "is your ssh key known there? ssh -v to the same host shows more"),
    (r"host key verification failed|host key is known|host identification has changed", AuthFailed,
     "connect once with ssh by hand, and look at the host's key before accepting it"),
    (r"could not resolve hostname|name or service not known|temporary failure in name resolution", TransferFailed,
     _CHECK_NETWORK),
    (r"connection refused|no route to host|network is unreachable|timed out", TransferFailed, _CHECK_NETWORK),
    (r"dubious ownership", TransferFailed, "git config --global --add safe.directory, with the path it names"),
    (r"not appear to be a git repository|not a git repository|repository .*not found|no such file or directory"
     r"|does not exist|not exported|no such repository", TransferFailed, _CHECK_ADDRESS),
    (r"service not enabled", TransferFailed, "the server does not take pushes this way: use ssh or https"),
    (r"permission denied|access denied|not allowed|insufficient permission", TransferFailed,
     "ask whoever keeps the remote for access"),
    (r"command not found|not recognized as an internal", TransferFailed, "git is not installed at the remote"),
)  # fmt: skip


class Circumstances(Struct, frozen=True):
    """What is known about a failed operation besides the exception.

    ``said`` is the standard error of ssh or git, ``secrets`` are texts that must not be shown.
    """

    where: str
    address: Address
    said: str = ""
    exit_code: int | None = None
    secrets: tuple[str, ...] = ()


def explain(error: Exception, seen: Circumstances) -> TransferFailed | PushRejected:
    """The error to raise for this one; its message is one line, without secrets."""
    line = last_words(seen.said)
    found = _from_words(seen, line, seen.said) if line else None
    failure = found or _from_exception(error, seen)
    if seen.secrets:
        failure.message = scrub(failure.message, seen.secrets)
        failure.args = (failure.message,)
    return failure


def unanswered(failure: PromptvcError) -> None:
    """Set the hint of a failure that came after the remote was asked to move refs.

    Nobody knows whether it moved them. If the failure has a known cause, its own hint stays.
    """
    if (failure.hint or failure.advice) in _UNANSWERED:
        failure.hint, failure.advice = _ASK_AGAIN, None


def last_words(said: str) -> str:
    """The most informative line of a program's standard error: the last one that is not noise."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", said)]
    useful = [line for line in lines if line and not _NOISE.match(line)]
    return _PREFIX.sub("", _PREFIX.sub("", useful[-1])) if useful else ""


def scrub(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret replaced."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def http_failure(status: int, where: str, site: str, *, tried: bool) -> TransferFailed:
    """The error for an HTTP status; ``tried`` means that credentials were sent."""
    if status == 401 and tried:
        return AuthFailed(f"{where}: the user name, password or token was refused", _SIGN_IN)
    if status == 401:
        return AuthFailed(f"{where}: {site} asks for a user name and a password", _SIGN_IN)
    if status == 403:
        return AuthFailed(f"{where}: access denied (403)", "this account may not do that; ask for access")
    if status == 404:
        return TransferFailed(f"{where}: no repository there (404)", Advice("check-access"))
    if status == 407:
        return AuthFailed(
            f"{where}: the proxy asks for a password (407)", "put user and password in the proxy's URL"
        )
    if status == 413:
        return TransferFailed(
            f"{where}: the upload is too large for the server (413)", "push fewer commits at a time"
        )
    if status >= 500:
        return TransferFailed(f"{where}: the server failed ({status})", _LATER)
    return TransferFailed(f"{where}: unexpected answer from the server ({status})", _CHECK_ADDRESS)


def unreachable(error: OSError, where: str, host: str) -> TransferFailed:
    """Why a connection could not be opened, or ended."""
    if isinstance(error, socket.gaierror):
        return TransferFailed(f"{where}: host {host!r} is not known", _CHECK_NETWORK)
    if isinstance(error, TimeoutError):
        return TransferFailed(f"{where}: {host or 'the remote'} did not answer in time", _SILENT)
    if isinstance(error, ConnectionRefusedError):
        return TransferFailed(
            f"{where}: {host} refused the connection", "is the server running, and the port right?"
        )
    if isinstance(error, (BrokenPipeError, ConnectionResetError, ConnectionAbortedError)):
        return broken(where)
    words = os.strerror(error.errno) if error.errno else str(error)
    return TransferFailed(f"{where}: {one_line(words)}", _CHECK_NETWORK)


def one_line(text: object) -> str:
    """Any text as one line of limited length."""
    line = " ".join(str(text).split())
    return line if len(line) <= 200 else line[:197] + "..."


def _from_words(seen: Circumstances, line: str, text: str) -> TransferFailed | None:
    for pattern, kind, hint in _KNOWN:
        if re.search(pattern, text, re.IGNORECASE):
            return kind(f"{seen.where}: {one_line(_word_of(pattern, text) or line)}", hint)
    return TransferFailed(f"{seen.where}: {one_line(line)}", _CHECK_ADDRESS) if seen.exit_code else None


def _word_of(pattern: str, text: str) -> str:
    """The line that the pattern matches."""
    lines = (line for line in re.split(r"[\r\n]+", text) if re.search(pattern, line, re.IGNORECASE))
    return _PREFIX.sub("", _PREFIX.sub("", next(lines, "").strip()))


def _from_exception(error: Exception, seen: Circumstances) -> TransferFailed | PushRejected:
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(cause, OSError):
        return unreachable(cause, seen.where, seen.address.host)
    name = type(error).__name__  # dulwich's classes, by name: this module must not import it
    if name == "HangupException":
        return broken(seen.where)
    if name == "NotGitRepository":
        return TransferFailed(f"{seen.where}: not a git repository", _CHECK_ADDRESS)
    if name == "SendPackError":
        reason = error.args[0] if error.args else ""
        words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        return PushRejected(
            f"{seen.where}: the remote could not take the objects: {one_line(words)}",
            "push again; if that fails too, whoever keeps the remote should look at it",
        )
    if name == "GitProtocolError":
        known = _from_words(seen, str(error), str(error))
        return known or TransferFailed(f"{seen.where}: {one_line(error) or 'broken off'}", _AGAIN)
    return TransferFailed(
        f"{seen.where}: the server's answer cannot be understood ({name})",
        _A_SERVER,
    )


def broken(where: str) -> TransferFailed:
    """The error for a connection that ended early."""
    return TransferFailed(f"{where}: the connection broke off", _BROKEN)
