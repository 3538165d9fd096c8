"""Where the result of a merge goes, which is all in which merges differ: the port."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from promptvc.ids import ObjectId, RepoPath
from promptvc.session.files.contents import Contents
from promptvc.session.files.keys import check_keys
from promptvc.session.files.project import PROJECT_FILE, Project, read_project
from promptvc.session.files.views import StoredFile
from promptvc.session.merge.desk import Desk
from promptvc.session.merge.openmerge import OpenMerge
from promptvc.session.merge.request import MergeRequest
from promptvc.session.merge.tree import PathVersions, TreeMerge
from promptvc.versioning.commit import write_commit
from promptvc.versioning.tree import FileEntry, Files, write_tree

if TYPE_CHECKING:
    from promptvc.session.files.keys import KeyWarning
    from promptvc.storage.packing import PackWriter

Planned = Mapping[RepoPath, FileEntry | None]
"""The working files that will be written or removed, each as it is now; None for those that are not there."""


class Sides(Struct, frozen=True):
    """What is merged: the commits ``head`` and ``other``, and the files that they come to."""

    head: ObjectId
    other: ObjectId
    versions: PathVersions
    request: MergeRequest

    @property
    def ours(self) -> Files:
        """The files of ``head``."""
        return self.versions.ours

    def waiting(self, found: TreeMerge, planned: Planned) -> OpenMerge:
        """The merge as it waits for its conflicts."""
        request = self.request
        return OpenMerge(
            step=request.step,
            head=self.head,
            other=self.other,
            labels=request.labels,
            message=request.message,
            author=request.keep_author,
            conflicts=found.conflicts,
            before=planned,
            markers={str(file.path): file.marker_size for file in found.merged if file.marker_size},
        )


def write_merge(writer: PackWriter, sides: Sides, files: Files) -> ObjectId:
    """Write the commit of a merge, which has these files; gives its id."""
    request, tree = sides.request, write_tree(writer, files)
    parents = (sides.head, sides.other) if request.step == "merge" else (sides.head,)
    author = request.keep_author or request.author()
    return write_commit(writer, tree, parents, request.message, author, request.committer())


def shared_keys(contents: Contents, ours: Files, files: Files) -> tuple[KeyWarning, ...]:
    """Rows that share a declared key in the stored files that differ; raises `DuplicateKey` where none may."""
    entry = files.get(PROJECT_FILE)
    project = Project() if entry is None else read_project(contents.read(entry))
    found: list[KeyWarning] = []
    for path, settings in project.keyed(files, [p for p in files if files[p] != ours.get(p)]):
        found += check_keys(StoredFile(contents, path, files[path]), settings, contents.indexes)
    return tuple(found)


class Destination(Protocol):
    """A branch to merge into, with working files or without."""

    def head(self) -> ObjectId | None:
        """Its commit; None where there is none yet. Raises what does not let a merge begin: `MergeOpen`, …"""

    def check_forward(self, ours: Files, theirs: Files) -> None:
        """Check that `forward` can be done; raises `WorkWouldBeLost`."""

    def forward(self, head: ObjectId | None, other: ObjectId, request: MergeRequest) -> None:
        """Move on from its commit to one that descends from it; raises `RefMoved`, `WorkWouldBeLost`."""

    def plan(self, ours: Files, found: TreeMerge) -> Planned:
        """What a merge will write; raises `WorkWouldBeLost`, before anything is changed."""

    def move(self, sides: Sides, files: Files, planned: Planned, id: ObjectId) -> None:
        """Move on to the commit of a merge, which has these files; raises `RefMoved`."""

    def keep(self, sides: Sides, found: TreeMerge, planned: Planned) -> Desk:
        """Keep a merge until its conflicts are resolved; gives where it waits."""
