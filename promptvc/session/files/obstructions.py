"""What stands in the way of files that are about to be written: links, files and folders of other names."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from promptvc.errors import WorkWouldBeLost
from promptvc.ids import RepoPath


def check_obstructions(root: Path, written: Iterable[RepoPath], removed: Collection[RepoPath]) -> None:
    """Check that files can be written once the removed ones are gone; raises `WorkWouldBeLost` where they cannot.

    Nothing is written through a link, for that could lead out of the project.
    """
    good: set[Path] = {root, *root.parents}
    for path in written:
        for folder in reversed((root / path).parents):
            if folder not in good:
                _check_folder(root, folder, removed)
                good.add(folder)
        _check_place(root, path, removed)


def _check_folder(root: Path, folder: Path, removed: Collection[RepoPath]) -> None:
    name = RepoPath(folder.relative_to(root).as_posix())
    if name not in removed and (folder.is_symlink() or (folder.exists() and not folder.is_dir())):
        raise WorkWouldBeLost(f"{name} is in the way of a folder", "move it elsewhere and try again")


def _check_place(root: Path, path: RepoPath, removed: Collection[RepoPath]) -> None:
    place = root / path
    if place.is_symlink() or not place.is_dir() or _behind_a_link(root, place):
        return
    left = (each for each in place.rglob("*") if each.is_symlink() or not each.is_dir())
    empty = not any(place.iterdir())
    if empty or any(each.relative_to(root).as_posix() not in removed for each in left):
        raise WorkWouldBeLost(
            f"{path} is a folder here, with files of its own", "move it elsewhere and try again"
        )


def _behind_a_link(root: Path, place: Path) -> bool:
    """Whether a link above is about to be removed, so that what is behind it counts for nothing."""
    return any(
        folder.is_symlink() for folder in place.parents if folder.is_relative_to(root) and folder != root
    )
