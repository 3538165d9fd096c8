"""The library's front door: open, init and clone, with the user's own settings."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from promptvc.environment import surroundings
from promptvc.errors import NotAStore, StoreExists, Usage
from promptvc.ids import ObjectId, RefName
from promptvc.repo import STORE, Repo, Surroundings, make_store
from promptvc.transports.remote import Progress, RemoteRefs
from promptvc.transports.urls import is_local, redact

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


def clone_into(
    url: str, root: Path, world: Surroundings, *, branch: str | None = None, report: Report | None = None
) -> Repo:
    """`clone` with the settings handed in."""
    root = root.absolute()
    existed = root.exists()
    if existed and (not root.is_dir() or any(root.iterdir())):
        raise StoreExists(f"{root} is not empty", "give another folder: promptvc clone URL FOLDER")
    try:
        root.mkdir(parents=True, exist_ok=True)
        make_store(root / STORE)
        repo = Repo(root / STORE, root, world)
        with repo.oplog.silent():  # there is nothing before it to go back to
            _fill(repo, _absolute(url), branch, report)
    except BaseException:
        shutil.rmtree(root / STORE if existed else root, ignore_errors=True)
        raise
    return repo


def _fill(repo: Repo, url: str, branch: str | None, report: Report | None) -> None:
    """Fetch everything, and check the branch out."""
    repo.sharing.add("origin", url)
    result = repo.sharing.fetch("origin", repo.who(), report, tags="all")
    name = branch or _first_branch(result.remote)
    target = repo.refs.read(RefName.remote("origin", name))
    if branch and target is None:
        raise Usage(
            f"{redact(url)} has no branch {branch!r}",
            "promptvc clone without -b takes the remote's own choice",
        )
    ref = RefName.branch(name)
    repo.refs.set_head(ref, repo.who(), f"clone: from {redact(url)}")
    repo.sharing.follow(name, "origin", name)
    if target is not None:
        _start_branch(repo, ref, target, url)


def _first_branch(remote: RemoteRefs) -> str:
    """The branch to check out: the remote's HEAD; where that has no commits, main, or else any there is."""
    branches = [ref.short for ref in remote.refs if ref.startswith("refs/heads/")]
    head = remote.head.short if remote.head else "main"
    if head in branches or not branches:
        return head
    return "main" if "main" in branches else branches[0]


def _start_branch(repo: Repo, ref: RefName, target: ObjectId, url: str) -> None:
    repo.refs.move(ref, None, target, repo.who(), f"clone: from {redact(url)}")
    if repo.root is not None:
        files = repo.snapshot_of(target).files
        repo.workspace.worktree.write(list(files), files)


def _cached(url: str, world: Surroundings, refresh: bool) -> Repo:
    """The clone of an address in the cache folder: a store without working files, its branches the remote's."""
    if world.cache_folder is None:
        raise Usage("there is no cache folder for clones of remote stores")
    full = _absolute(url)
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
            repo.refs.set_head(RefName.branch(_first_branch(result.remote)), repo.who(), "fetch")
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


def _absolute(url: str) -> str:
    return str(Path(url).absolute()) if is_local(url) and not url.startswith("file:") else url


def _is_bare(path: Path) -> bool:
    return (path / "HEAD").is_file() and (path / "objects").is_dir()
