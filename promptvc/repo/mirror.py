"""A remote store kept as a clone in the user's cache folder, and updated when it is opened."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Literal

from msgspec import Struct

from promptvc.errors import PromptvcError
from promptvc.ids import RefName
from promptvc.repo.place import LOCAL, Surroundings, is_store, make_store
from promptvc.repo.repo import Repo
from promptvc.storage.files import disk_errors, write_atomically
from promptvc.storage.scratch import is_running
from promptvc.transports.remote import RemoteRefs
from promptvc.versioning.sync.refspec import Refspec

OnFailure = Literal["raise", "cached"]
MIRROR = tuple(Refspec(f"refs/{kind}/*", f"refs/{kind}/*", force=True) for kind in ("heads", "tags"))
"""Branches and tags are the same as at the remote, including forced moves and deletions."""
_REFRESHED = "refreshed"
_OLD = 86400.0
"""Seconds after which an unfinished clone counts as abandoned, whoever made it."""


class Refresh(Struct, frozen=True):
    """When and how to update a mirror.

    There is no update for ``max_age`` seconds after the last one (None: always update). ``timeout`` is how many seconds
    a connection may take, and the server be silent; ``on_failure`` says whether to use the old state if it fails.
    """

    max_age: float | None = None
    timeout: float | None = None
    on_failure: OnFailure = "raise"


def open_mirror(url: str, place: Path, world: Surroundings, how: Refresh) -> Repo:
    """The clone of a remote at ``place``, a store without working files.

    It is created as a whole: built beside its place and then renamed. Raises what fetching raises if there is no clone
    yet, or if ``how`` says so; otherwise `Repo.refresh_error` says what went wrong.
    """
    if not _is_whole(place):
        _make(url, place, world, how.timeout)
        return _opened(place, world)
    repo = _opened(place, world)
    if how.max_age is not None and _age(repo) < how.max_age:
        return repo
    try:
        _refresh(repo, how.timeout)
    except PromptvcError as error:
        if how.on_failure == "raise":
            repo.close()
            raise
        repo.refresh_error = error
    return repo


def _opened(place: Path, world: Surroundings) -> Repo:
    repo = Repo(place, None, world)
    repo.refreshed_at = _refreshed(place)
    return repo


def _is_whole(place: Path) -> bool:
    """Whether a clone was finished; those of release 0.1.0, which did not record it, have branches."""
    if not is_store(place):
        return False
    heads = place / "refs" / "heads"
    return _refreshed(place) is not None or (place / "packed-refs").exists() or any(heads.iterdir())


def _make(url: str, place: Path, world: Surroundings, timeout: float | None) -> None:
    """Clone, and rename the clone into place; another process may do so first."""
    with disk_errors(place.parent), _workshop(place) as folder:
        made = folder / "clone"
        make_store(made)
        repo = Repo(made, None, world)
        try:
            repo.parts.config.set("remote.origin.url", url)
            for spec in MIRROR:
                repo.parts.config.add("remote.origin.fetch", str(spec))
            _refresh(repo, timeout)
        finally:
            repo.close()
        if not _is_whole(place):
            shutil.rmtree(place, ignore_errors=True)  # an earlier release was killed here
        try:
            made.rename(place)
        except OSError:
            if not _is_whole(place):
                raise


def _refresh(repo: Repo, timeout: float | None) -> None:
    """Fetch all changes, and record when."""
    now = repo.parts.surroundings.now()
    with repo.parts.oplog.silent():  # it only mirrors the remote
        result = repo.parts.sharing.fetch(
            "origin",
            repo.parts.who(),
            prune=True,
            tags="none",
            update_head=True,
            specs=MIRROR,
            timeout=timeout,
        )
        head = RefName.branch(first_branch(result.remote))
        if repo.parts.refs.head() != head:
            repo.parts.refs.set_head(head, repo.parts.who(), "fetch")
    with disk_errors(repo.path):
        write_atomically(repo.path / LOCAL / _REFRESHED, f"{now}\n".encode())
    repo.refreshed_at = now


def first_branch(remote: RemoteRefs) -> str:
    """The branch to check out: the remote's HEAD; if that has no commits, main, or else any branch."""
    branches = [ref.short for ref in remote.refs if ref.startswith("refs/heads/")]
    head = remote.head.short if remote.head else "main"
    if head in branches or not branches:
        return head
    return "main" if "main" in branches else branches[0]


# --- time of the last refresh -----------------------------------------------------------------------------


def _refreshed(place: Path) -> float | None:
    try:
        return float((place / LOCAL / _REFRESHED).read_text())
    except (OSError, ValueError):
        return None


def _age(repo: Repo) -> float:
    """Seconds since the last refresh; infinite if that is unknown or in the future."""
    then, now = repo.refreshed_at, repo.parts.surroundings.now()
    return now - then if then is not None and then <= now else float("inf")


# --- unfinished clones ------------------------------------------------------------------------------------


@contextmanager
def _workshop(place: Path) -> Iterator[Path]:
    """A temporary folder beside a place, removed at the end; remains of killed processes are removed first."""
    place.parent.mkdir(parents=True, exist_ok=True)
    _sweep(place)
    folder = Path(mkdtemp(prefix=f"{_prefix(place)}{_host()}.{os.getpid()}.", dir=place.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(place: Path) -> None:
    for folder in place.parent.glob(f"{_prefix(place)}*"):
        with suppress(OSError):
            host, pid = folder.name.removeprefix(_prefix(place)).split(".")[:2]
            is_old = time.time() - folder.stat().st_mtime > _OLD
            if is_old or (host == _host() and pid.isdigit() and not is_running(int(pid))):
                shutil.rmtree(folder, ignore_errors=True)


def _prefix(place: Path) -> str:
    return f".{place.name}.new."


def _host() -> str:
    return sha256(socket.gethostname().encode()).hexdigest()[:8]
