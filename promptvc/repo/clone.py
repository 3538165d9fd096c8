"""Cloning: fills a store under a temporary name until it is complete, then checks out its files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from promptvc.errors import Advice, StoreExists, Usage
from promptvc.ids import ObjectId, RefName
from promptvc.repo.mirror import first_branch
from promptvc.repo.place import INTENT, LOCAL, STORE, Surroundings, half_made, make_store, sweep_half_made
from promptvc.repo.repo import Repo
from promptvc.secrets.redact import redact_url
from promptvc.session.files.origins import begin, plain_id
from promptvc.session.files.trustfile import TrustFile
from promptvc.storage.files import disk_errors, sync_folder
from promptvc.transports.remote import Progress
from promptvc.transports.urls import is_local

Report = Callable[[Progress], None]


def clone_into(
    url: str, root: Path, world: Surroundings, *, branch: str | None = None, report: Report | None = None
) -> Repo:
    """Copy a remote store into an empty or new folder; see `api.clone`.

    If this is stopped before the store is complete, another clone into the folder starts over; after that, the next
    command brings the rest of the files.
    """
    root = root.absolute()
    existed = root.exists()
    if existed and not root.is_dir():
        raise _not_empty(root)
    with disk_errors(root):
        root.mkdir(parents=True, exist_ok=True)
        sweep_half_made(root)
        if any(root.iterdir()):
            raise _not_empty(root)
    try:
        place = half_made(root)
        make_store(place)
        begin(TrustFile(place / LOCAL), None, plain_id)
        _fill(Repo(place, None, world), absolute(url), branch, report)
        place.rename(root / STORE)
        sync_folder(root)
        repo = Repo(root / STORE, root, world)
        repo.parts.intents.settle(quietly=True)  # writes the files
    except BaseException:
        _remove(root, existed)
        raise
    return repo


def _fill(repo: Repo, url: str, branch: str | None, report: Report | None) -> None:
    """Fetch everything, and record which files to check out."""
    with repo.parts.oplog.silent(), repo.parts.store.writing():  # there is no earlier state to undo to
        repo.parts.sharing.add("origin", url)
        result = repo.parts.sharing.fetch("origin", repo.parts.who(), report, tags="all")
        name = branch or first_branch(result.remote)
        target = repo.parts.refs.read(RefName.remote("origin", name))
        if branch and target is None:
            raise Usage(
                f"{redact_url(url)} has no branch {branch!r}",
                Advice("clone-any-branch"),
            )
        ref = RefName.branch(name)
        repo.parts.refs.set_head(ref, repo.parts.who(), f"clone: from {redact_url(url)}")
        repo.parts.sharing.follow(name, "origin", name)
        if target is not None:
            _start_branch(repo, ref, target, url)


def _start_branch(repo: Repo, ref: RefName, target: ObjectId, url: str) -> None:
    repo.parts.refs.move(ref, None, target, repo.parts.who(), f"clone: from {redact_url(url)}")
    files = repo.parts.snapshot_of(target).files
    repo.parts.intents.leave(
        f"clone: from {redact_url(url)}",
        {path: (None, entry) for path, entry in files.items()},
        {ref: (None, target)},
    )


def absolute(url: str) -> str:
    """The address; a path is made absolute."""
    return str(Path(url).absolute()) if is_local(url) and not url.startswith("file:") else url


def _not_empty(root: Path) -> StoreExists:
    if (root / STORE / LOCAL / INTENT).exists():
        return StoreExists(f"{root} is not empty", Advice("clone-interrupted", root=root))
    return StoreExists(f"{root} is not empty", Advice("clone-elsewhere"))


def _remove(root: Path, existed: bool) -> None:
    """Leave nothing behind: the folder was empty, or did not exist."""
    if not existed:
        shutil.rmtree(root, ignore_errors=True)
        return
    for path in root.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
