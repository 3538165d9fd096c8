"""The library's front door: open, init and clone, with the user's own settings."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from promptvc.environment import surroundings
from promptvc.errors import NotAStore, Usage
from promptvc.ids import RefName
from promptvc.repo import STORE, Repo, Surroundings, make_store
from promptvc.repo.clone import absolute, clone_into, first_branch
from promptvc.transports.remote import Progress
from promptvc.transports.urls import is_local

Report = Callable[[Progress], None]


def open(location: str | Path = ".", *, refresh: bool = True) -> Repo:
    """Open a project, a store, or a remote store by its address.

    A path may lie anywhere inside a project. An address (``https://…``, ``git@host:…``, ``file://…``, or the path of
    a bare repository) is read through a local clone in the user's cache folder, brought up to date first unless
    ``refresh`` is false. Raises `NotAStore`, and for an address what `clone` raises.
    """
    world = surroundings()
    text = str(location)
    if is_local(text) and not text.startswith("file:"):
        try:
            return Repo.open(Path(text), world)
        except NotAStore:
            if not _is_bare(Path(text)):
                raise
    return _cached(text, world, refresh)


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
    return clone_into(
        url, Path(path) if path else Path(folder_name(url)), surroundings(), branch=branch, report=report
    )


def _cached(url: str, world: Surroundings, refresh: bool) -> Repo:
    """The clone of an address in the cache folder: a store without working files, its branches the remote's."""
    if world.cache_folder is None:
        raise Usage("there is no cache folder for clones of remote stores")
    full = absolute(url)
    place = world.cache_folder() / "clones" / f"{folder_name(url)}-{sha256(full.encode()).hexdigest()[:16]}"
    fresh = not (place / "HEAD").exists()
    if fresh:
        make_store(place)
    repo = Repo(place, None, world)
    try:
        if fresh:
            _mirror(repo, full)
        if not (fresh or refresh):
            return repo
        with repo.oplog.silent():  # it only mirrors the remote
            result = repo.sharing.fetch("origin", repo.who(), prune=True, tags="all", update_head=True)
            repo.refs.set_head(RefName.branch(first_branch(result.remote)), repo.who(), "fetch")
    except BaseException:
        if fresh:
            shutil.rmtree(place, ignore_errors=True)
        raise
    return repo


def _mirror(repo: Repo, url: str) -> None:
    repo.config.set("remote.origin.url", url)
    repo.config.set("remote.origin.fetch", "+refs/heads/*:refs/heads/*")


def folder_name(url: str) -> str:
    """The last part of an address, without ``.git``: where `clone` puts it."""
    name = url.rstrip("/").removesuffix("/.git").removesuffix(".git").replace(":", "/").rpartition("/")[2]
    return name if name not in ("", ".", "..", STORE) else "store"


def _is_bare(path: Path) -> bool:
    return (path / "HEAD").is_file() and (path / "objects").is_dir()
