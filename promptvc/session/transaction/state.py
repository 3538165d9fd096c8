"""The files of a branch with a transaction's edits on top, before anything is stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from promptvc.content.formats import suffix_words
from promptvc.content.table.view import Table
from promptvc.content.text.near import did_you_mean
from promptvc.errors import NotATable, PathMissing
from promptvc.ids import ObjectId, RepoPath
from promptvc.session.files.contents import Contents
from promptvc.session.files.keys import check_keys
from promptvc.session.files.origins import may_be_code
from promptvc.session.files.project import PROJECT_FILE, Project, read_project
from promptvc.session.files.views import StoredFile
from promptvc.session.secrets.guard import need_no_secrets
from promptvc.session.transaction.pending import PendingFile
from promptvc.storage.packing import PackWriter
from promptvc.storage.store import ObjectStore
from promptvc.versioning.tree import FileEntry, Files

if TYPE_CHECKING:
    from promptvc.session.files.keys import KeyWarning
    from promptvc.session.secrets.guard import Guard


class State:
    """The files of a branch with edits on top: ``pending`` holds those that differ, None where removed."""

    def __init__(self, store: ObjectStore, contents: Contents, commit: ObjectId | None) -> None:
        self.commit = commit
        self.files: Files = contents.files_of(commit)
        self.pending: dict[RepoPath, PendingFile | None] = {}
        self._contents = contents

    def copy(self) -> State:
        """The same files, to be edited."""
        made = State.__new__(State)
        made.commit, made.files, made._contents = self.commit, self.files, self._contents
        made.pending = dict(self.pending)
        return made

    def get(self, path: RepoPath) -> PendingFile | None:
        """A file; None where there is none."""
        if path in self.pending:
            return self.pending[path]
        entry = self.files.get(path)
        return PendingFile.of_view(StoredFile(self._contents, path, entry)) if entry else None

    def need(self, path: RepoPath) -> PendingFile:
        """A file; raises `PathMissing`."""
        found = self.get(path)
        if found is None:
            there = [name for name in {**self.files, **self.pending} if self.pending.get(name, True)]
            raise PathMissing(f"{path} is not there", did_you_mean(path, there, "write it first"), path)
        return found

    def table(self, path: RepoPath, key: Sequence[str] | None = None) -> Table:
        """A table; raises `PathMissing`, `NotATable`."""
        file = self.need(path)
        format = file.format
        if format is None:
            raise NotATable(f"{path} is not a table", f"name it {suffix_words()}")
        settings = self.project.table(path)
        runs, fields = file.chunk_runs(), tuple(key) if key else settings.key
        return Table(path, runs, format, fields, settings.unique, indexes=self._contents.indexes)

    @property
    def project(self) -> Project:
        """The settings in promptvc.toml as it now stands."""
        file = self.get(PROJECT_FILE)
        return read_project(file.read()) if file else Project()

    def check_keys(self) -> list[KeyWarning]:
        """Find rows that share a declared key; raises `DuplicateKey` where keys must be unique."""
        project = self.project
        changed = [file for file in self.pending.values() if file is not None]
        rules = [(file, project.table(file.path)) for file in changed]
        unsure = [(file, rule) for file, rule in rules if rule.key and rule.key != file.unique_by]
        return [
            warning for file, rule in unsure for warning in check_keys(file, rule, self._contents.indexes)
        ]

    def need_no_secrets(self, guard: Guard, message: str) -> None:
        """Raise `SecretFound` for what the files to be written hold, and did not hold before."""
        pending = {path: file for path, file in self.pending.items() if file is not None}
        guard.texts(message, [path for path in pending if path not in self.files])

        def before(path: RepoPath) -> list[StoredFile]:
            entry = self.files.get(path)
            return [StoredFile(self._contents, path, entry)] if entry is not None else []

        need_no_secrets(guard, pending.get, before)

    def store(self, writer: PackWriter, guard: Guard) -> Files:
        """Write the edited files; gives all of them. The guard is shown what is new."""
        files = dict(self.files)
        for path, file in self.pending.items():
            if file is None:
                files.pop(path, None)
            else:
                if (origins := self._contents.origins) is not None and may_be_code(path, file.mode):
                    origins.taking(path, file.mode, file.read())
                files[path] = self._contents.write_pieces(
                    path, file.pieces, writer, self.files.get(path), file.mode, guard.watch(path)
                )
                self._remember_unique(file, files[path])
        return dict(sorted(files.items()))

    def _remember_unique(self, file: PendingFile, entry: FileEntry) -> None:
        """Spare the next one who asks for rows by key the proof that no two share it."""
        known = self._contents.chunk_list(entry.id) if file.unique_by and entry.is_rope else None
        format = file.format if known is not None else None
        if file.unique_by and format is not None:
            runs = self._contents.chunk_runs(entry)
            self._contents.indexes.remember_unique(file.path, format, file.unique_by, runs)
