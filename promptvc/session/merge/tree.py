"""Commits merged without working files: which base, which files, and what becomes of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from promptvc.content.runs.run import output_path, record_path, run_names
from promptvc.content.text.merge import merge_lines
from promptvc.content.values.conflict import MergeConflict
from promptvc.errors import ConfigInvalid
from promptvc.ids import ObjectId, RepoPath
from promptvc.session.files.contents import Contents
from promptvc.session.files.project import PROJECT_FILE, Project, read_project
from promptvc.session.files.views import StoredFile
from promptvc.session.merge.leaf import LeafMerger, Manner, MergedFile, file_conflict
from promptvc.session.merge.runs import MergedFiles, MergedRun, RunsMerger
from promptvc.session.workspace.similarity import file_similarity
from promptvc.storage.store import ObjectStore
from promptvc.versioning.history import History
from promptvc.versioning.merge import FileMerge, merge_files
from promptvc.versioning.tree import Files

if TYPE_CHECKING:
    from promptvc.storage.packing import PackWriter


class TreeMerge(Struct, frozen=True, kw_only=True):
    """The files of a merge, with ours in place of ``conflicts``.

    ``merged`` are the files that both sides changed, ``taken`` the paths that come from theirs as they are there,
    ``project`` the settings that hold for it.
    """

    files: Files
    conflicts: tuple[MergeConflict, ...]
    merged: tuple[MergedFile, ...]
    taken: tuple[RepoPath, ...]
    runs: tuple[MergedRun, ...] = ()
    project: Project | None = None


class PathVersions(Struct, frozen=True):
    """The files of both sides, and of what they come from."""

    base: Files
    ours: Files
    theirs: Files


class TreeMerger:
    """Merges the files of commits.

    ``runs()`` gives what merges the outputs of runs, once prompts and examples are merged.
    """

    def __init__(
        self, store: ObjectStore, contents: Contents, runs: Callable[[], RunsMerger] | None = None
    ) -> None:
        self._store, self._contents, self._runs = store, contents, runs

    def merge(self, versions: PathVersions, manner: Manner) -> TreeMerge:
        """Merge three sets of files. Keys are those of the merged promptvc.toml, or ours where that conflicts."""
        found = merge_files(versions.base, versions.ours, versions.theirs, self._similarity)
        project, with_bases = self._project(found), manner.in_place == "base"
        names = [] if with_bases else self._deferred(project, versions, found)
        deferred = {path for name in names for path in (output_path(name), record_path(name))}
        merger = LeafMerger(self._contents, project, manner, deferred)
        merged = [merger.merge(leaf) for leaf in found.leaves]
        files = found.files | {each.path: each.entry for each in merged}
        if with_bases:
            files = _with_bases(files, found)
        new = {each.path: each.read for each in merged if each.read is not None}
        whole = MergedFiles(files, project, self._contents, new)
        runs = self._merge_runs(names, whole, versions, manner.writer) if names else ()
        files |= {path: entry for run in runs for path, entry in run.entries.items()}
        merged = [each for each in merged if each.path not in deferred]
        conflicts = [file_conflict(each) for each in found.conflicts]
        conflicts += [conflict for each in merged for conflict in each.conflicts]
        conflicts.sort(key=lambda conflict: conflict.path)
        taken = tuple(path for path in found.taken if path not in deferred)
        return TreeMerge(
            files=dict(sorted(files.items())),
            conflicts=tuple(conflicts),
            merged=tuple(merged),
            taken=taken,
            runs=runs,
            project=project,
        )

    def _deferred(self, project: Project, versions: PathVersions, found: FileMerge) -> list[str]:
        """The runs that are merged last; not those whose files conflict as a whole."""
        ours, theirs = versions.ours, versions.theirs
        if self._runs is None or not (project.runs and (run_names(ours) or run_names(theirs))):
            return []
        broken = {conflict.path for conflict in found.conflicts}
        names = self._runs().deferred(project, ours, theirs)
        return [name for name in names if not broken & {output_path(name), record_path(name)}]

    def _merge_runs(
        self, names: Sequence[str], whole: MergedFiles, versions: PathVersions, writer: PackWriter | None
    ) -> tuple[MergedRun, ...]:
        assert self._runs is not None
        sides = (versions.ours, versions.theirs)
        ours, theirs = (MergedFiles(side, self._project_of(side), self._contents) for side in sides)
        merger = self._runs()
        found = (merger.merge(name, whole, ours, theirs, writer) for name in names)
        return tuple(run for run in found if run is not None)

    def _project_of(self, files: Files) -> Project:
        entry = files.get(PROJECT_FILE)
        return (
            Project() if entry is None else _project(StoredFile(self._contents, PROJECT_FILE, entry).read())
        )

    def base_files(self, history: History, ours: ObjectId, theirs: ObjectId) -> Files:
        """The files that both come from: those of the merge base; of several, after a criss-cross, their own merge.

        Where the bases conflict stands what they come from. Without any, nothing.
        """
        bases = history.merge_bases(ours, theirs)
        files = self._contents.files_of(bases[0] if bases else None)
        for other in bases[1:]:
            before = self.base_files(history, bases[0], other)
            versions = PathVersions(before, files, self._contents.files_of(other))
            with self._store.begin() as writer:
                files = self.merge(versions, Manner(writer, in_place="base")).files
                writer.finish()
        return files

    def _project(self, found: FileMerge) -> Project:
        """The settings that hold for the merge; those of ours where promptvc.toml is still to be merged."""
        leaf = next((leaf for leaf in found.leaves if leaf.path == PROJECT_FILE), None)
        entry = found.files.get(PROJECT_FILE)
        if entry is None:
            return Project()
        if leaf is not None:
            data = [
                StoredFile(self._contents, PROJECT_FILE, e).read()
                for e in (leaf.base, leaf.ours, leaf.theirs)
                if e
            ]
            return _merged_project(data)
        return _project(StoredFile(self._contents, PROJECT_FILE, entry).read())

    def _similarity(self, before: Files, after: Files) -> Callable[[RepoPath, RepoPath], float]:
        def alike(old: RepoPath, new: RepoPath) -> float:
            one = StoredFile(self._contents, old, before[old])
            other = StoredFile(self._contents, new, after[new])
            return file_similarity(one, other)

        return alike


def _with_bases(files: Files, found: FileMerge) -> Files:
    made = dict(files)
    for conflict in found.conflicts:
        made.pop(conflict.path, None)
        if conflict.base is not None:
            made[conflict.path] = conflict.base
    return made


def _merged_project(data: Sequence[bytes]) -> Project:
    """The settings of ours; of the lines merged, where that can be read."""
    texts = [each.decode("utf-8", "surrogateescape") for each in data]
    base = texts[0] if len(texts) == 3 else ""
    merged = merge_lines(base, texts[-2], texts[-1]).text("ours").encode("utf-8", "surrogateescape")
    try:
        return read_project(merged)
    except ConfigInvalid:
        return _project(data[-2])


def _project(data: bytes) -> Project:
    try:
        return read_project(data)
    except ConfigInvalid:
        return Project()
