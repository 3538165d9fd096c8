"""Files that a commit lacks only because its promptvc.toml does not track them: their working copies stay."""

from __future__ import annotations

from promptvc.errors import ConfigInvalid
from promptvc.ids import RepoPath
from promptvc.session.files.contents import Contents
from promptvc.session.files.project import PROJECT_FILE, Project, read_project
from promptvc.storage.store import ObjectStore
from promptvc.versioning.tree import Files


def untracked(base: Files, target: Files, before: Project, after: Project) -> list[RepoPath]:
    """The files of base that target lacks, and that only base's project tracks; sorted.

    Whoever narrows ``include`` takes such files out of history, and does not say that anybody should lose them.
    """
    gone = base.keys() - target.keys()
    return sorted(path for path in gone if before.tracks(path) and not after.tracks(path))


class Untracked:
    """Finds what `untracked` gives for the files of commits."""

    def __init__(self, store: ObjectStore, contents: Contents) -> None:
        self._store, self._contents = store, contents

    def between(self, base: Files, target: Files, after: Project | None = None) -> list[RepoPath]:
        """`untracked` with the settings of both; ``after`` are target's where its promptvc.toml is not stored yet.

        Settings that cannot be read say nothing: then there are none.
        """
        if base.get(PROJECT_FILE) == target.get(PROJECT_FILE) or not base.keys() - target.keys():
            return []
        before, after = self._project(base), after or self._project(target)
        return untracked(base, target, before, after) if before and after else []

    def _project(self, files: Files) -> Project | None:
        entry = files.get(PROJECT_FILE)
        if entry is None:
            return Project()
        if not self._store.contains(entry.id):
            return None
        try:
            return read_project(self._contents.read(entry))
        except ConfigInvalid:
            return None
