"""Secrets in what is committed already: in the files of a commit, and in what commits brought."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from promptvc.errors import SecretFound
from promptvc.ids import ObjectId, RepoPath
from promptvc.secrets.find import find
from promptvc.secrets.finding import SecretFinding
from promptvc.session.files.contents import Contents
from promptvc.session.files.views import StoredFile
from promptvc.session.secrets.guard import Guard, findings_of
from promptvc.session.secrets.scanned import ScannedCommits
from promptvc.storage.objects import Kind
from promptvc.storage.store import ObjectStore
from promptvc.versioning.commit import find_commits, follow_tags
from promptvc.versioning.history import History
from promptvc.versioning.sync.missing import new_commits
from promptvc.versioning.tree import FileEntry, Files

Inspect = Callable[[AbstractSet[ObjectId], AbstractSet[ObjectId]], None]


class SecretScan:
    """Looks at what is in a store; ``allowed`` are the digests of tokens that may be there."""

    def __init__(self, store: ObjectStore, contents: Contents, allowed: Collection[str] = ()) -> None:
        self._store, self._contents, self._allowed = store, contents, frozenset(allowed)

    def files(self, files: Files, commit: ObjectId | None = None) -> list[SecretFinding]:
        """What these files hold."""
        return self._new(files, [], "", commit)

    def commits(self, commits: Iterable[ObjectId]) -> Iterator[SecretFinding]:
        """What each of the commits brought that none of its parents has: files, names and message."""
        history = History(self._store)
        for id in commits:
            commit = history.commit(id)
            bases = [self._contents.files_of(parent) for parent in history.parents(id)]
            yield from self._new(self._contents.files_of(id), bases, commit.message, id)

    def others(self, ids: Iterable[ObjectId]) -> Iterator[SecretFinding]:
        """What annotated tags say, and blobs and trees that are named without a commit."""
        for id in ids:
            tags, target, kind = follow_tags(self._store, id)
            if kind is Kind.TREE:
                yield from self.files(self._contents.files_below(target))
            for object in [*tags, *([target] if kind is Kind.BLOB else [])]:
                for hit in find(self._store.read(object)[1]):
                    if hit.digest not in self._allowed:
                        yield SecretFinding(kind=hit.kind, digest=hit.digest, path=f"(object {object.short})")

    def _new(
        self, files: Files, bases: Sequence[Files], message: str, commit: ObjectId | None
    ) -> list[SecretFinding]:
        had = {entry.id for base in bases for entry in base.values()}
        new = {path: entry for path, entry in files.items() if entry.id not in had}
        with Guard(self._store.read_blob, self._allowed) as guard:
            guard.texts(message, [path for path in files if not any(path in base for base in bases)])
            for path, entry in new.items():
                guard.stored(path, self._contents, entry, _at(bases, path))
            return findings_of(
                guard,
                lambda path: self._view(path, new),
                lambda path: [StoredFile(self._contents, path, entry) for entry in _at(bases, path)],
                commit,
            )

    def _view(self, path: RepoPath, files: Mapping[RepoPath, FileEntry]) -> StoredFile | None:
        return StoredFile(self._contents, path, files[path]) if path in files else None


def outgoing(store: ObjectStore, scan: SecretScan, scanned: ScannedCommits) -> Inspect:
    """What looks at a push: it raises `SecretFound` where commits that nobody looked at yet hold secrets."""

    def inspect(have: AbstractSet[ObjectId], want: AbstractSet[ObjectId]) -> None:
        history, known = History(store), scanned.load()
        brought = new_commits(history, find_commits(store, want), find_commits(store, have))
        new = [id for id in brought if id not in known]
        findings = [*scan.commits(reversed(new)), *scan.others(want - have)]
        if findings:
            raise SecretFound(findings)
        scanned.add(reversed(new))

    return inspect


def _at(bases: Sequence[Files], path: RepoPath) -> list[FileEntry]:
    return [base[path] for base in bases if path in base]
