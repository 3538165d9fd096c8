"""What forgetting changes: worked out from the whole history, written to a pack, and not yet visible."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from msgspec import Struct

from promptvc.content.formats import row_kind
from promptvc.content.formats.base import Malformed, Row
from promptvc.content.runs.run import RECORD_SUFFIX
from promptvc.errors import PathMissing, RowMissing
from promptvc.ids import ObjectId, RepoPath
from promptvc.session.files.contents import Contents
from promptvc.session.forget.editor import Editor, pinned
from promptvc.session.forget.quotes import Quote, find_quotes
from promptvc.session.forget.versions import FileVersions
from promptvc.session.forget.wanted import Wanted, quotes_one
from promptvc.storage.objects import Kind
from promptvc.storage.packing import PackWriter
from promptvc.storage.store import ObjectStore
from promptvc.versioning.forgotten import Forgotten
from promptvc.versioning.rewriting import Edit
from promptvc.versioning.tree import FileEntry


class ForgetPlan(Struct, frozen=True, kw_only=True):
    """``edit`` gives what a file becomes; ``forgotten`` is what is added to the list, ``texts`` what may be quoted."""

    edit: Edit
    forgotten: Forgotten
    texts: frozenset[str] = frozenset()
    quotes: tuple[Quote, ...] = ()
    versions: int = 0


class Planner:
    """Plans over the versions of a history. ``working`` are files that lie in the project and are no version of it."""

    def __init__(
        self,
        store: ObjectStore,
        contents: Contents,
        writer: PackWriter,
        versions: FileVersions,
        working: Mapping[RepoPath, FileEntry],
    ) -> None:
        self._store, self._contents, self._writer = store, contents, writer
        self._versions, self._working = versions, working
        self._editor = Editor(store, contents, writer)

    # --- what is wanted -------------------------------------------------------------------------------------

    def forget(self, wanted: Wanted, *, everywhere: bool) -> ForgetPlan:
        """Forget what is wanted; ``everywhere``, whatever file quotes it. Raises `PathMissing`, `RowMissing`."""
        path = RepoPath(wanted.path)
        if path not in self._versions.by_path and path not in self._working:
            raise PathMissing(f"{path}: no commit has this file")
        self._edit_all(wanted, path)
        found = self._found()
        if not found:
            what = f" with the field {wanted.field!r}" if wanted.field else ""
            raise RowMissing(f"{path}: no version has such a row{what}")
        paths = {path} | (self._same_bytes(wanted, path) if wanted.is_of is not None else set())
        edit = self._edit_of(wanted, paths)
        if everywhere:
            edit = self._everywhere(wanted, edit)
        ids = self._found() - self._staying(edit)
        cuts = {id: cuts for id, cuts in self._editor.cuts.items() if id in ids}
        forgotten = Forgotten(cuts, wanted.marks(paths, secrets.token_hex(16)))
        texts = frozenset(self._editor.texts)
        return ForgetPlan(
            edit=edit,
            forgotten=forgotten,
            texts=texts,
            quotes=tuple(find_quotes(self._store, self._versions, texts, ids)),
            versions=len(self._versions.by_path.get(path, {})),
        )

    def _edit_of(self, wanted: Wanted, paths: set[RepoPath]) -> Edit:
        editor = self._editor

        def edit(path: RepoPath, entry: FileEntry) -> FileEntry | None:
            if path in paths:
                return editor.without(wanted, path, entry)
            return self._with_pins(path, entry)

        return edit

    def _everywhere(self, wanted: Wanted, first: Edit) -> Edit:
        """Rows of any table that quote a text, or are outputs of the row; of a file, its copies."""
        if wanted.is_of is None:
            copies = {entry.id for entry in self._versions.by_path.get(RepoPath(wanted.path), {})}
            return lambda path, entry: None if entry.id in copies else first(path, entry)
        texts, example, is_of = frozenset(self._editor.texts), wanted.example, wanted.is_of

        def quotes(row: Row | Malformed) -> bool:
            if isinstance(row, Malformed):
                return False
            named = example is not None and row.get("example_id") == example
            return is_of(row) or named or quotes_one(row, texts)

        sought = (*texts, *wanted.texts, *((example,) if example else ()))
        others = Wanted(path="", is_of=quotes, texts=sought if wanted.texts else ())

        def edit(path: RepoPath, entry: FileEntry) -> FileEntry | None:
            if path == wanted.path or row_kind(path) is None or path.endswith(RECORD_SUFFIX):
                return first(path, entry)
            return self._editor.without(others, path, entry)

        for path in self._versions.by_path:
            if row_kind(path) is not None:
                for entry in self._versions.by_path[path]:
                    edit(path, entry)
        return edit

    def _edit_all(self, wanted: Wanted, path: RepoPath) -> None:
        for entry in self._all_versions(path):
            self._editor.without(wanted, path, entry)

    def _all_versions(self, path: RepoPath) -> list[FileEntry]:
        lying = [self._working[path]] if path in self._working else []
        return [*self._versions.by_path.get(path, {}), *lying]

    def _found(self) -> set[ObjectId]:
        return set(self._editor.cuts)

    def _same_bytes(self, wanted: Wanted, first: RepoPath) -> set[RepoPath]:
        """Other tables that have, or had, these rows in the same chunks: the file before a renaming, and copies."""
        paths: set[RepoPath] = set()
        while True:
            ids, clean = self._found(), set[ObjectId]()
            more = [
                path
                for path, entries in self._versions.by_path.items()
                if path not in paths
                and path != first
                and row_kind(path) is not None
                and any(self._versions.holds(entry, ids, clean) for entry in entries)
            ]
            for path in more:
                self._edit_all(wanted, path)
            paths.update(more)
            if not more:
                return paths

    def _staying(self, edit: Edit) -> set[ObjectId]:
        """Blobs that files still have afterwards, at paths that are not edited: they are no secret."""
        ids, clean = self._found(), set[ObjectId]()
        staying: set[ObjectId] = set()
        for path, entries in self._versions.by_path.items():
            for entry in entries:
                if self._versions.holds(entry, ids, clean) and edit(path, entry) == entry:
                    staying |= ids.intersection(self._contents.chunks(entry))
        return staying

    def _with_pins(self, path: RepoPath, entry: FileEntry) -> FileEntry:
        """The record of a run names the files that it used: under their new ids, where they became others."""
        if not path.endswith(RECORD_SUFFIX) or entry.is_rope or entry.is_link:
            return entry
        data = self._store.read_blob(entry.id)
        new = pinned(data, lambda id: self._editor.entries.get(id, id))
        return entry if new == data else FileEntry(self._writer.add(Kind.BLOB, new), entry.mode)

    # --- what others forgot ---------------------------------------------------------------------------------

    def apply(self, forgotten: Forgotten) -> ForgetPlan:
        """Do what a list says, here. Raises `Refused` where it does not know what stands beside the forgotten."""
        editor, done = self._editor, dict[tuple[str, FileEntry], FileEntry | None]()

        def edit(path: RepoPath, entry: FileEntry) -> FileEntry | None:
            if (path, entry) not in done:
                done[path, entry] = editor.cut_by(forgotten, path, entry)
            new = done[path, entry]
            return self._with_pins(path, entry) if new == entry else new

        for path, entries in self._versions.by_path.items():
            for entry in entries:
                edit(path, entry)
        return ForgetPlan(edit=edit, forgotten=forgotten)
