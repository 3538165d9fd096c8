"""The code repository around a project, if there is one: its commit, its .gitignore, and what came through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path

from promptvc.errors import PromptvcError
from promptvc.ids import ObjectId
from promptvc.storage.reflog import read_log
from promptvc.storage.refs import HEAD, Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.commit import find_commit
from promptvc.versioning.history import History
from promptvc.versioning.tree import find_file

IGNORED = ".promptvc/"
LOOKED_AT = 2_000
"""Commits of the code repository that are looked at, nearest to its branches first."""


def code_repository(root: Path) -> Path | None:
    """The git folder of the code repository that holds the project; None where there is none."""
    for folder in (root, *root.parents):
        git = folder / ".git"
        if git.is_dir() and (git / "HEAD").exists():
            return git
        if git.is_file():  # a linked worktree or a submodule: gitrepository-layout(5)
            target = git.read_text(errors="replace").partition("gitdir:")[2].strip()
            found = (folder / target).resolve()
            return found if (found / "HEAD").exists() else None
    return None


def code_commit(root: Path) -> ObjectId | None:
    """The commit that the code around the project is at."""
    git = code_repository(root)
    if git is None:
        return None
    common = git / "commondir"  # a linked worktree has HEAD of its own, and shares the branches
    own = Refs(git)
    try:
        head = own.head()
    except OSError:
        return None
    if isinstance(head, ObjectId) or not common.exists():
        return own.read(HEAD)
    return Refs((git / common.read_text().strip()).resolve()).read(head)


def add_to_gitignore(root: Path) -> bool:
    """Add the store to the project's .gitignore; False where it is there already."""
    path = root / ".gitignore"
    text = path.read_text(errors="surrogateescape") if path.exists() else ""
    if any(line.strip().strip("/") == IGNORED.strip("/") for line in text.splitlines()):
        return False
    start = "" if not text or text.endswith("\n") else "\n"
    with path.open("a", errors="surrogateescape") as out:
        out.write(f"{start}{IGNORED}\n")
    return True


def came_by_code(root: Path, path: str, matches: Callable[[bytes], bool]) -> bool:
    """Whether a version of a project's file that ``matches`` came through the code repository around it.

    So where a commit brought it that was not made here by ``git commit``, as its reflogs say, which are never sent.
    True where the repository cannot be read.
    """
    git = code_repository(root)
    if git is None:
        return False
    try:
        return _CodeHistory(git, root, path, matches).came()
    except (PromptvcError, OSError, ValueError, RuntimeError):
        return True


class _CodeHistory:
    """The versions of one file in the code repository."""

    def __init__(self, git: Path, root: Path, path: str, matches: Callable[[bytes], bool]) -> None:
        common = git / "commondir"  # a linked worktree shares objects and branches
        self._git, self._shared = (
            git,
            (git / common.read_text().strip()).resolve() if common.exists() else git,
        )
        self._store, self._matches = ObjectStore(self._shared / "objects"), matches
        self._history = History(self._store)
        top = next(folder for folder in (root, *root.parents) if (folder / ".git").exists())
        self._path = (root / path).relative_to(top).as_posix()
        self._seen: dict[ObjectId, bool] = {}

    def came(self) -> bool:
        """Whether another's commit brought it, or HEAD has it and no commit made here did."""
        head = self._head()
        tips = list(dict.fromkeys([*([head] if head else []), *self._tips()]))
        brought = {id for id in islice(self._history.ancestors(tips), LOOKED_AT) if self._brings(id)}
        if brought - self._made_here:
            return True
        return head is not None and self._has(head) and not any(map(self._brings, self._made_here))

    @cached_property
    def _made_here(self) -> frozenset[ObjectId]:
        logs = [self._git / "logs" / "HEAD", *(self._shared / "logs" / "refs" / "heads").rglob("*")]
        entries = (entry for log in logs if log.is_file() for entry in read_log(log))
        made = (
            entry.after
            for entry in entries
            if entry.reason.startswith("commit") and not entry.reason.startswith("commit (merge)")
        )
        return frozenset(id for id in made if id is not None and self._store.contains(id))

    def _head(self) -> ObjectId | None:
        head = Refs(self._git).head()
        if isinstance(head, ObjectId):
            return head
        return Refs(self._shared).read(head)

    def _tips(self) -> Iterator[ObjectId]:
        found = set(Refs(self._shared).find().values())
        for name in ("FETCH_HEAD", "ORIG_HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD"):
            file = self._git / name
            lines = file.read_text(errors="replace").split("\n") if file.is_file() else []
            found |= {ObjectId(line[:40]) for line in lines if len(line) >= 40}
        for id in sorted(found):
            commit = find_commit(self._store, id) if self._store.contains(id) else None
            if commit is not None:
                yield commit

    def _brings(self, id: ObjectId) -> bool:
        """Whether a commit has the file so, and none of its parents."""
        return self._has(id) and not any(map(self._has, self._history.parents(id)))

    def _has(self, id: ObjectId) -> bool:
        tree = self._history.commit(id).tree
        found = find_file(self._store, tree, self._path)
        if found is None:
            return False
        if found.id not in self._seen:
            self._seen[found.id] = self._fits(self._store.read_blob(found.id))
        return self._seen[found.id]

    def _fits(self, data: bytes) -> bool:
        """As it is in the repository, or as git writes it with the line ends of Windows."""
        return self._matches(data) or self._matches(data.replace(b"\n", b"\r\n"))
