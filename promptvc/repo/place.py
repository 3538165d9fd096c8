"""Finding and creating stores, and the caller's surroundings."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from promptvc.errors import Advice, ConfigInvalid, NotAStore, StoreExists
from promptvc.ids import RefName
from promptvc.session.files.origins import begin, plain_id
from promptvc.session.files.project import PROJECT_FILE, TEMPLATE
from promptvc.session.files.trustfile import TrustFile
from promptvc.session.identity import Identity
from promptvc.storage.files import disk_errors, sync_folder, write_atomically, write_durably
from promptvc.storage.scratch import is_running, scratch_name
from promptvc.versioning.commit import FORMAT

if TYPE_CHECKING:
    from promptvc.runs.trust import Confirm

STORE = ".promptvc"
LOCAL = "promptvc"
"""The folder inside the store for local data: caches, logs."""
CALLS = "calls"
"""The folder in it for the call journal and its index."""
INTENT = "intent"
"""The file in it for intended changes to working files."""
FORGETTING = "forgetting"
"""The file in it that marks traces of forgotten data for purging."""
MERGING = "merging"
"""The file in it for the open merge."""
ARROW_CACHE_BYTES = 4 << 30


class Surroundings(Struct, frozen=True, dict=True):
    """The caller's environment, read once: configuration, identity, clock, variables.

    ``config_files`` are git's own, lowest priority first; ``environment`` is passed to programs that are started.
    ``notice`` is called with a message about automatic repairs, ``confirm`` to ask whether code from elsewhere may run;
    without it, that is refused.
    """

    config_files: tuple[Path, ...] = ()
    author: Identity = field(default_factory=Identity)
    committer: Identity = field(default_factory=Identity)
    now: Callable[[], float] = time.time
    environment: Mapping[str, str] = field(default_factory=dict)
    interactive: bool = False
    token: str | None = None
    cache_folder: Callable[[], Path] | None = None
    notice: Callable[[str], None] = lambda text: None
    confirm: Confirm | None = None

    def __repr__(self) -> str:  # without the environment and the token, which are nobody's to read
        return f"Surroundings({self.author!r}, interactive={self.interactive})"


HALF_MADE = f"{STORE}-new"
"""The prefix of temporary names of stores that are being created."""


def half_made(root: Path) -> Path:
    """A temporary name for a store that is being created in a folder: ``.promptvc-new-PID-RANDOM``."""
    return scratch_name(root, HALF_MADE)


def sweep_half_made(root: Path) -> None:
    """Remove unfinished stores in a folder whose processes have ended."""
    for path in root.glob(f"{HALF_MADE}-*"):
        pid = path.name.removeprefix(f"{HALF_MADE}-").partition("-")[0]
        if pid.isdigit() and not is_running(int(pid)):
            _remove(path)


def find_store(path: Path) -> tuple[Path, Path | None]:
    """The store at or above a path, and the project's folder (None without working files).

    Raises `NotAStore`, `ConfigInvalid`.
    """
    place = path.resolve()
    if is_store(place):
        return place, place.parent if place.name == STORE else None
    for folder in (place, *place.parents):
        if is_store(folder / STORE):
            return folder / STORE, folder
        need_no_remains(folder / STORE)
    raise NotAStore(path)


def start_store(root: Path, branch: str) -> Path:
    """Create a store in ``root/.promptvc``, and promptvc.toml beside it; raises `StoreExists`, `ConfigInvalid`."""
    if is_store(root / STORE):
        raise StoreExists(f"{root / STORE}: there is a store already", Advice("store-exists"))
    need_no_remains(root / STORE)
    with disk_errors(root):
        root.mkdir(parents=True, exist_ok=True)
        sweep_half_made(root)
        place = half_made(root)
        try:
            make_store(place, branch)
            begin(TrustFile(place / LOCAL), root, plain_id)  # before we write any file there
            project = root / PROJECT_FILE
            if not project.exists():
                write_atomically(project, TEMPLATE.encode(), scratch=place)
            place.rename(root / STORE)  # from this instant on the store exists
            sync_folder(root)
        except BaseException:
            _remove(place)
            raise
    return root / STORE


def make_store(path: Path, branch: str = "main") -> None:
    """Create an empty store: a bare git repository whose configuration names our format."""
    head = RefName.branch(branch)
    for folder in ("objects/pack", "objects/info", "refs/heads", "refs/tags", LOCAL):
        (path / folder).mkdir(parents=True, exist_ok=True)
    # logallrefupdates: git keeps no reflogs in a bare repository unless configured to.
    config = (
        "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n\tlogallrefupdates = true\n"
        f"[promptvc]\n\tstoreformat = {FORMAT}\n"
    )
    (path / "description").write_text("A promptvc store: prompts, example sets and model outputs.\n")
    write_durably(path / "config", config.encode())
    write_durably(path / "HEAD", f"ref: {head}\n".encode())
    sync_folder(path / "refs")
    sync_folder(path / "objects")


def is_store(path: Path) -> bool:
    """Whether a folder is a store: a git repository whose configuration has our section.

    Its HEAD may be lost: whoever reads HEAD reports that.
    """
    try:
        return b"[promptvc]" in (path / "config").read_bytes() and (path / "objects").is_dir()
    except OSError:
        return False


def need_no_remains(path: Path) -> None:
    """Raise `ConfigInvalid` for a folder that is a store except that its configuration was lost."""
    if path.name == STORE and ((path / "HEAD").exists() or (path / "objects").is_dir()):
        lines = "[core]\\n\\tbare = true\\n\\tlogallrefupdates = true\\n[promptvc]\\n\\tstoreformat = 1\\n"
        what = (
            "objects/ is missing"
            if not (path / "objects").is_dir()
            else "config is missing, empty or damaged"
        )
        hint = (
            "restore it from another clone"
            if "objects" in what
            else f"printf '{lines}' > '{path / 'config'}'"
        )
        raise ConfigInvalid(f"{path} is a store, but its {what}", hint)


def _remove(folder: Path) -> None:
    from shutil import rmtree  # 3 ms that few commands need to pay

    rmtree(folder, ignore_errors=True)
