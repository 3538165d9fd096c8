"""Finds secrets in the working files, at a revision, or anywhere in history."""

from __future__ import annotations

from promptvc.repo.parts import Parts
from promptvc.secrets.finding import SecretFinding
from promptvc.session.secrets.commits import SecretScan
from promptvc.session.secrets.guard import Guard, findings_of
from promptvc.storage.refs import HEAD
from promptvc.versioning.commit import find_commits


def scan(parts: Parts, revision: str | None, everywhere: bool) -> list[SecretFinding]:
    """Search the files of a revision, the working files, or every commit: see `Repo.scan`."""
    if everywhere:
        tips = [id for id in (parts.refs.read(HEAD), *parts.refs.find().values()) if id is not None]
        scan = SecretScan(parts.store, parts.contents, parts.allowed_secrets)
        ordered = [*parts.history.in_order(find_commits(parts.store, tips))]
        return [*scan.commits(reversed(ordered)), *scan.others(dict.fromkeys(tips))]
    if revision is not None or parts.root is None:
        snapshot = parts.snapshot(revision or "HEAD")
        return SecretScan(parts.store, parts.contents, parts.allowed_secrets).files(snapshot.files)
    return _working(parts)


def _working(parts: Parts) -> list[SecretFinding]:
    worktree = parts.workspace.worktree
    files = worktree.files(parts.workspace.head_files())
    with Guard(parts.store.read_blob, parts.allowed_secrets) as guard:
        guard.texts("", files)
        for path, entry in files.items():
            watch = guard.always(path)
            for chunk_run in worktree.view(path, entry).chunk_runs():
                watch.new(chunk_run.load())
        return findings_of(guard, lambda path: worktree.view(path, files[path]) if path in files else None)
