"""Conflicts resolved one by one, each in the working file and in the list of what is left."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from promptvc.content.conflict import Conflict
from promptvc.content.missing import MISSING, Missing
from promptvc.content.promptmerge import set_setting
from promptvc.content.rowedit import Edited
from promptvc.content.textmerge import TextConflict, resolve_block
from promptvc.errors import ConflictMissing, ConflictStale, NoMergeOpen, Usage
from promptvc.ids import RepoPath
from promptvc.session.contents import Contents
from promptvc.session.leafmerge import entry_of, is_file_conflict
from promptvc.session.openmerge import MergeState, OpenMerge, unresolved
from promptvc.session.pending import PendingFile
from promptvc.session.rowresolve import resolve_row
from promptvc.session.worktree import Worktree
from promptvc.storage.store import ObjectStore
from promptvc.versioning.stretch import Stretch
from promptvc.versioning.tree import FileEntry, Files, in_the_way, is_below

Take = Literal["ours", "theirs", "base"]


@dataclass(frozen=True, slots=True)
class Choice:
    """How a conflict is resolved: a side's version, a value, or what the working file has now (neither given).

    ``text`` is the value as it was typed: what a cell of CSV gets, which is text.
    """

    take: Take | None = None
    value: Any = MISSING
    text: str | None = None

    def of(self, conflict: Conflict) -> Any:
        """The value that the choice gives for a conflict."""
        return getattr(conflict, self.take) if self.take else self.value


@dataclass(frozen=True, slots=True)
class Resolved:
    """The conflicts that were resolved, and how many are left in the merge."""

    conflicts: tuple[Conflict, ...]
    left: int


class Resolving:
    """Resolves the conflicts of the merge under way. ``operation(what)`` makes one operation of all within."""

    def __init__(
        self,
        worktree: Worktree,
        store: ObjectStore,
        contents: Contents,
        state: MergeState,
        operation: Callable[[str], AbstractContextManager[None]] = lambda what: nullcontext(),
    ) -> None:
        self._operation = operation
        self._worktree, self._store, self._contents, self._state = worktree, store, contents, state

    def conflicts(self) -> tuple[Conflict, ...]:
        """What is not resolved yet. Text whose markers are gone was resolved by hand. Raises `NoMergeOpen`."""
        return self._open().conflicts

    def find(
        self, paths: Sequence[str] = (), key: str | None = None, field: str | None = None
    ) -> list[Conflict]:
        """The conflicts that are left in these files and folders (all), with this key and field if one is given."""
        found = self.conflicts()
        return [c for c in found if (not paths or is_below(c.path, paths)) and _is_meant(c, key, field)]

    def resolve(
        self,
        paths: Sequence[str],
        choice: Choice,
        files: Files,
        *,
        key: str | None = None,
        field: str | None = None,
    ) -> Resolved:
        """Resolve the conflicts in these files, or below these folders, that have this key and field if one is given.

        ``files`` are those of the current commit. Raises `ConflictMissing` where there is none such, `ConflictStale`
        where the working file has something else in the place, `Usage` for a value that cannot stand there.
        """
        merge = self._open()
        chosen = self.find(paths, key, field)
        if not chosen:
            raise _missing(merge, paths, key, field)
        draft = _Draft(self._worktree.files(files))
        for conflict in chosen:
            merge = self._one(merge, _same(merge, conflict), choice, draft)
        with self._operation(f"resolve {', '.join(paths)}"):
            self._write(draft)
            self._state.save(merge)
        return Resolved(tuple(chosen), len(merge.conflicts))

    # --- details ------------------------------------------------------------------------------------------

    def _open(self) -> OpenMerge:
        merge = self._state.load()
        if merge is None:
            raise NoMergeOpen
        merge.need_written()
        return replace(merge, conflicts=unresolved(merge, self._worktree.root))

    def _one(self, merge: OpenMerge, conflict: Conflict, choice: Choice, draft: _Draft) -> OpenMerge:
        """Resolve one conflict in the draft; gives the merge without it."""
        rest = merge.without(conflict)
        if choice.take is None and choice.value is MISSING:
            return rest
        if is_file_conflict(conflict):
            _choose_file(conflict, choice, draft)
            return rest
        file = self._file(RepoPath(conflict.path), draft)
        if conflict.kind == "text":
            draft.replace(file, (_text(file, conflict, choice, merge),))
        elif conflict.row is None:
            draft.replace(file, (_setting(file, conflict, choice.of(conflict)),))
        else:
            value, format = choice.of(conflict), file.format
            if choice.text is not None and format is not None and format.columns is not None:
                value = value if isinstance(value, str | dict) else choice.text
            pieces, moved = resolve_row(file, conflict, value)
            draft.replace(file, pieces)
            return _renumbered(merge, conflict, moved)
        return rest

    def _file(self, path: RepoPath, draft: _Draft) -> PendingFile:
        """A file as the conflicts resolved so far leave it."""
        if path in draft.edited:
            return draft.edited[path]
        entry = draft.current.get(path)
        if entry is None:
            raise ConflictStale(
                f"{path} is not there any more",
                "promptvc merge --abort, then merge again; or resolve it --as-is",
            )
        return PendingFile.of_view(self._worktree.view(path, entry))

    def _write(self, draft: _Draft) -> None:
        """Write what was resolved, all at once."""
        target: Files = {path: entry for path, entry in draft.chosen.items() if entry is not None}
        with self._store.begin() as writer:
            for path, file in draft.edited.items():
                like = draft.current[path]
                target[path] = self._contents.write_pieces(path, file.pieces, writer, like, like.mode)
            writer.finish()
        self._worktree.write(sorted({*draft.chosen, *draft.edited}), target)


@dataclass(frozen=True, slots=True)
class _Draft:
    """What is to be written: files edited inside, and files chosen as wholes, None where they go."""

    current: Files
    edited: dict[RepoPath, PendingFile] = field(default_factory=dict)
    chosen: dict[RepoPath, FileEntry | None] = field(default_factory=dict)

    def replace(self, file: PendingFile, pieces: Sequence[Stretch | bytes]) -> None:
        """Put other content in a file."""
        self.edited[file.path] = file.edited(Edited(tuple(pieces)))


def _choose_file(conflict: Conflict, choice: Choice, draft: _Draft) -> None:
    """A whole file: as a side has it, or gone."""
    if choice.take is None:
        raise Usage(f"{conflict.path} conflicts as a whole file", "--take ours, theirs or base; or --as-is")
    found, here = entry_of(choice.of(conflict)), entry_of(conflict.ours)
    gone = {RepoPath(conflict.path), *([here[0]] if here else [])}
    gone.update(in_the_way(found[0], draft.current) if found else ())
    draft.chosen.update(dict.fromkeys(gone))
    if found:
        draft.chosen[found[0]] = found[1]


def _same(merge: OpenMerge, conflict: Conflict) -> Conflict:
    """The conflict as it is now: other rows that came or went may have moved it."""
    return next(c for c in merge.conflicts if replace(c, row=None) == replace(conflict, row=None))


def _is_meant(conflict: Conflict, key: str | None, field: str | None) -> bool:
    if field is not None and field not in (conflict.field, place_name(conflict)):
        return False
    if key is None:
        return True
    if conflict.row is None:  # text, a setting, a whole file: no row is meant
        return False
    values = [(conflict.row or 0) + 1] if conflict.key is None else list(conflict.key.values())
    return _key_texts(key, len(values)) == [v if isinstance(v, str) else json.dumps(v) for v in values]


def _key_texts(text: str, count: int) -> list[str]:
    """The value meant for each field of a key: of several, as a JSON array or with commas between them."""
    if count == 1:
        return [text]
    try:
        values = json.loads(text)
    except ValueError:
        return text.split(",", count - 1)
    values = values if isinstance(values, list) else [values]
    return [value if isinstance(value, str) else json.dumps(value) for value in values]


def place_name(conflict: Conflict) -> str:
    """``metadata.score`` for a place inside a field; the field's name for the field itself."""
    return ".".join([conflict.field or "", *conflict.at])


def _missing(merge: OpenMerge, paths: Sequence[str], key: str | None, field: str | None) -> ConflictMissing:
    where = (
        ", ".join(paths) + (f" key {key}" if key is not None else "") + (f" field {field}" if field else "")
    )
    return ConflictMissing(
        f"{where}: no conflict there",
        "promptvc resolve lists them" if merge.conflicts else "all are resolved: promptvc commit concludes",
    )


def _renumbered(merge: OpenMerge, resolved: Conflict, moved: int) -> OpenMerge:
    """Without a conflict, and with the numbers of rows below one that came or went.

    A row that is not there has the number of the one that follows it; conflicts are in the order of their rows.
    """
    place = merge.conflicts.index(resolved)
    rest = merge.without(resolved)
    if not moved or resolved.row is None:
        return rest
    row = resolved.row

    def shifted(at: int, conflict: Conflict) -> Conflict:
        if conflict.path != resolved.path or conflict.row is None:
            return conflict
        below = conflict.row > row or (moved > 0 and conflict.row == row and at >= place)
        return replace(conflict, row=conflict.row + moved) if below else conflict

    return replace(rest, conflicts=tuple(shifted(*item) for item in enumerate(rest.conflicts)))


def _text(file: PendingFile, conflict: Conflict, choice: Choice, merge: OpenMerge) -> bytes:
    text: str = file.read().decode("utf-8", "surrogateescape")
    new = choice.of(conflict)
    if not isinstance(new, str):
        raise Usage(f"{file.path}: text takes text, not {new!r}", "--edit opens the lines in the editor")
    block = TextConflict(*(str(side) for side in (conflict.base, conflict.ours, conflict.theirs)))
    made = resolve_block(text, block, merge.markers.get(file.path, 7), *merge.labels, new)
    if made is None:
        raise ConflictStale(
            f"{file.path}: the lines between the markers were edited",
            "finish it by hand: without markers it is resolved",
        )
    return made.encode("utf-8", "surrogateescape")


def _setting(file: PendingFile, conflict: Conflict, value: Any | Missing) -> bytes:
    made = set_setting(file.path, file.read(), conflict.field or "", conflict.at, value)
    if made is None:
        raise ConflictStale(
            f"{file.path}: {place_name(conflict)} cannot be set",
            "edit the file, then promptvc resolve --as-is",
        )
    return made
