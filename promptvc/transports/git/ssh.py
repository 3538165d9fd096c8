"""The user's own ssh program, and its command line."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import PurePath

from promptvc.errors import Usage
from promptvc.patterns import compiled
from promptvc.transports.settings import TransportSettings
from promptvc.transports.urls import Address

_PLINK = ("plink", "putty", "tortoiseplink")
_NEEDS_SHELL = compiled(r"[|&;<>()$`\\\n*?\[#~%]|\A\w+=")


def ssh_command(address: Address, service: str, version: int, settings: TransportSettings) -> list[str]:
    """The command line that runs ``git-upload-pack 'path'`` (or receive-pack) on the host.

    As in git, GIT_SSH_COMMAND, then core.sshCommand, then GIT_SSH name the program; its name determines which options
    it accepts. Only OpenSSH can pass on the protocol version, in the environment variable GIT_PROTOCOL.
    """
    environment = settings.environment
    command = environment.get("GIT_SSH_COMMAND") or settings.ssh_command
    command = command or shlex.quote(environment.get("GIT_SSH") or "ssh")
    words = _split(command)
    variant = environment.get("GIT_SSH_VARIANT") or settings.ssh_variant or _variant_of(words)
    place = f"{address.user}@{address.host}" if address.user else address.host
    # Quoted always: some servers parse this line themselves and accept only git's own form (sq_quote).
    remote = f"git-{service} '" + address.path.replace("'", "'\\''").replace("!", "'\\!'") + "'"
    options = _options(variant.lower(), address.port, version, interactive=settings.interactive)
    return _run(command, words, [*options, place, remote])


def _split(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise Usage(
            f"the ssh command {command!r} cannot be read: {error}", "see core.sshCommand in git-config(1)"
        ) from error
    if not words:
        raise Usage("the ssh command is empty", "see core.sshCommand in git-config(1)")
    return words


def _variant_of(words: Sequence[str]) -> str:
    program = next((word for word in words if not re.match(r"\w+=", word)), words[0])
    name = PurePath(program.replace("\\", "/")).name.lower().removesuffix(".exe")
    return name if name in _PLINK else "ssh"


def _options(variant: str, port: int | None, version: int, *, interactive: bool) -> list[str]:
    if variant == "simple":
        if port is not None:
            raise Usage(
                "this ssh program cannot be given a port", "set ssh.variant, or leave the port out of the URL"
            )
        return []
    if variant in _PLINK:
        # TortoisePlink opens a window for every question unless told not to (git does the same).
        batch = ["-batch"] if variant == "tortoiseplink" or not interactive else []
        return [*batch, *(["-P", str(port)] if port else [])]
    options = ["-o", "SendEnv=GIT_PROTOCOL"] if version else []
    options += [] if interactive else ["-o", "BatchMode=yes"]
    return [*options, *(["-p", str(port)] if port else [])]


def _run(command: str, words: list[str], arguments: list[str]) -> list[str]:
    """Run the command without a shell if that is equivalent: one process less to end."""
    if _NEEDS_SHELL.search(command):
        return ["/bin/sh", "-c", f'{command} "$@"', command, *arguments]
    return [*words, *arguments]
