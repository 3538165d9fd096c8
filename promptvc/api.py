"""The library's front door: open, init and clone, with the user's own settings."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from promptvc.errors import NotAStore, Usage
from promptvc.repo import STORE, Repo, Surroundings
from promptvc.repo.place import is_store
from promptvc.surroundings import surroundings
from promptvc.transports.remote import Progress
from promptvc.transports.urls import is_local

if TYPE_CHECKING:
    from promptvc.repo.mirror import OnFailure, Refresh

Report = Callable[[Progress], None]


def open(
    location: str | Path = ".",
    *,
    refresh: bool = True,
    max_age: float | None = None,
    timeout: float | None = None,
    on_failure: OnFailure = "raise",
) -> Repo:
    """Open a project, a store, or a remote store by its address.

    A path may lie anywhere inside a project. An address (``https://…``, ``git@host:…``, ``file://…``, or the path of
    a bare repository) is read through a local clone in the user's cache folder, brought up to date first: not if
    ``refresh`` is false, nor for ``max_age`` seconds after the last time. ``timeout`` is how many seconds a connection
    may take, and the server be silent. With ``on_failure="cached"`` a clone that cannot be brought up to date is good
    enough: `Repo.refresh_error` says why, `Repo.refreshed_at` of when it is.

    Raises `NotAStore`, and for an address what `clone` raises; also with ``"cached"`` where there is no clone yet.
    """
    if on_failure not in ("raise", "cached"):
        raise Usage(f"on_failure is 'raise' or 'cached', not {on_failure!r}")
    if timeout is not None and not timeout > 0:
        raise Usage(f"timeout is a number of seconds above 0, not {timeout!r}")
    if max_age is not None and not (isinstance(max_age, int | float) and max_age >= 0):
        raise Usage(f"max_age is a number of seconds, not {max_age!r}")
    world = surroundings()
    text = str(location)
    if is_local(text) and not text.startswith("file:"):
        try:
            return Repo.open(Path(text), world)
        except NotAStore:
            if not (_is_bare(Path(text)) or is_store(_mirror_of(text, world))):
                raise
    from promptvc.repo.mirror import Refresh  # what makes clones, a store that is here need not import

    return _mirror(text, world, Refresh(max_age if refresh else inf, timeout, on_failure))


def init(path: str | Path = ".", *, branch: str = "main") -> Repo:
    """Start a store in ``path/.promptvc``; raises `StoreExists`."""
    return Repo.init(Path(path), surroundings(), branch)


def clone(
    url: str, path: str | Path | None = None, *, branch: str | None = None, report: Report | None = None
) -> Repo:
    """Copy a remote store, with working files of ``branch`` (the remote's HEAD), to path (the URL's last part).

    Raises `StoreExists` for a folder that is not empty, `RemoteNotAStore`, `TransferFailed`, `AuthFailed`; then
    nothing is left behind.
    """
    from promptvc.repo.clone import clone_into

    return clone_into(
        url, Path(path) if path else Path(folder_name(url)), surroundings(), branch=branch, report=report
    )


def _mirror(url: str, world: Surroundings, how: Refresh) -> Repo:
    """The clone of an address in the cache folder: without working files, its branches and tags the remote's."""
    from promptvc.repo.clone import absolute
    from promptvc.repo.mirror import open_mirror

    return open_mirror(absolute(url), _mirror_of(url, world), world, how)


def _mirror_of(url: str, world: Surroundings) -> Path:
    """Where the clone of an address is, or would be."""
    if world.cache_folder is None:
        raise Usage("there is no cache folder for clones of remote stores")
    from promptvc.repo.clone import absolute

    name = f"{folder_name(url)}-{sha256(absolute(url).encode()).hexdigest()[:16]}"
    return world.cache_folder() / "clones" / name


def folder_name(url: str) -> str:
    """The last part of an address, without ``.git``: where `clone` puts it."""
    name = url.rstrip("/").removesuffix("/.git").removesuffix(".git").replace(":", "/").rpartition("/")[2]
    return name if name not in ("", ".", "..", STORE) else "store"


def _is_bare(path: Path) -> bool:
    return (path / "HEAD").is_file() and (path / "objects").is_dir()
