"""Settings for a transport, passed in by the caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

MOST_REFS, MOST_PACK = 200_000, 16 << 30
"""Most refs that a server may list, and most bytes of a pack, by default."""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """git's ``http.*`` settings that we honour.

    ``proxy`` is used if the environment names none; ``post_buffer`` is the largest upload in bytes that is sent in one
    piece (larger ones are sent in chunks, which some proxies refuse).
    """

    proxy: str | None = None
    verify: bool = True
    ca_file: str | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    post_buffer: int = 1024 * 1024


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """The environment for programs that we start, and the user's choices.

    ``interactive`` allows ssh and git to ask the user on the terminal. ``ssh_command`` is a shell command
    (GIT_SSH_COMMAND, core.sshCommand), ``ssh_variant`` git's ``ssh.variant``. ``token`` is a password for http. With
    ``helpers``, git's credential helpers, including those of ``git_dir``, are asked for passwords and receive what
    worked. ``patience`` is how many seconds a server may be silent; ``connect_patience`` how many a connection may
    take. ``most_refs`` and ``most_pack`` (bytes) limit what a server may send (``promptvc.maxRefs``,
    ``promptvc.maxPack``).
    """

    environment: Mapping[str, str] = field(repr=False)
    interactive: bool = False
    ssh_command: str | None = None
    ssh_variant: str | None = None
    token: str | None = field(default=None, repr=False)
    helpers: bool = True
    git_dir: Path | None = None
    patience: float = 120.0
    connect_patience: float = 30.0
    most_refs: int = MOST_REFS
    most_pack: int = MOST_PACK
    http: HttpSettings = field(default_factory=HttpSettings)

    def within(self, seconds: float) -> TransportSettings:
        """The same for a caller who waits at most this long for a connection, or for the server's next bytes.

        It does not ask on the terminal, because an answer may take any time.
        """
        return replace(self, patience=seconds, connect_patience=seconds, interactive=False)
