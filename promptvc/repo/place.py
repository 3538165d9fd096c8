"""Where a store is, how it is made, and what the world around it says."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from promptvc.ids import RefName
from promptvc.session.identity import Identity
from promptvc.versioning.commit import FORMAT

if TYPE_CHECKING:
    pass


STORE = ".promptvc"
LOCAL = "promptvc"
"""The folder inside the store for what is local: caches, logs."""
MERGING = "merging"
"""The file in it for the merge under way."""
ARROW_CACHE_BYTES = 4 << 30


@dataclass(frozen=True)
class Surroundings:
    """What the world around says, read once by the caller: configuration, identity, clock, environment.

    ``config_files`` are git's own, weakest first; ``environment`` is given to programs that are started.
    ``notice`` is told in words of what was put right unasked.
    """

    config_files: tuple[Path, ...] = ()
    author: Identity = field(default_factory=Identity)
    committer: Identity = field(default_factory=Identity)
    now: Callable[[], float] = time.time
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    interactive: bool = False
    token: str | None = field(default=None, repr=False)
    cache_folder: Callable[[], Path] | None = None
    notice: Callable[[str], None] = lambda text: None


def make_store(path: Path, branch: str = "main") -> None:
    """Make an empty store: a bare git repository whose configuration names our format."""
    head = RefName.branch(branch)
    for folder in ("objects/pack", "objects/info", "refs/heads", "refs/tags", LOCAL):
        (path / folder).mkdir(parents=True, exist_ok=True)
    # logallrefupdates: git keeps no reflogs in a bare repository unless told to.
    (path / "config").write_text(
        "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n\tlogallrefupdates = true\n"
        f"[promptvc]\n\tstoreformat = {FORMAT}\n"
    )
    (path / "description").write_text("A promptvc store: prompts, example sets and model outputs.\n")
    (path / "HEAD").write_text(f"ref: {head}\n")


def is_store(path: Path) -> bool:
    """Whether a folder is a store: a git repository whose configuration has our section."""
    try:
        return (path / "HEAD").exists() and b"[promptvc]" in (path / "config").read_bytes()
    except OSError:
        return False
