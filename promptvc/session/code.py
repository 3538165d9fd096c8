"""The code repository around a project, if there is one: its commit, and its .gitignore."""

from __future__ import annotations

from pathlib import Path

from promptvc.ids import ObjectId
from promptvc.storage.refs import HEAD, Refs

IGNORED = ".promptvc/"


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
