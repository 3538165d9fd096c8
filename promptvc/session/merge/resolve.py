"""Conflicts resolved one by one, each in its file and in the list of what is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from promptvc.content.formats.missing import MISSING
from promptvc.content.table.edit import Edited
from promptvc.content.values.conflict import MergeConflict
from promptvc.content.values.json import load_exact
from promptvc.errors import Advice, ConflictStale, Usage
from promptvc.ids import ObjectId, RepoPath
from promptvc.session.merge.desk import Desk
from promptvc.session.merge.leaf import entry_of, is_file_conflict
from promptvc.session.merge.openmerge import OpenMerge
from promptvc.session.merge.rowresolve import resolve_row, taken_row
from promptvc.session.merge.selection import Selection
from promptvc.session.merge.textresolve import Open, open_conflicts, resolve_setting, resolve_text
from promptvc.session.transaction.pending import PendingFile
from promptvc.versioning.commit import read_commit
from promptvc.versioning.history import History
from promptvc.versioning.ropes.chunkrun import ChunkRun
from promptvc.versioning.tree import FileEntry, Files, find_file, in_the_way

Take = Literal["ours", "theirs", "base"]


class Choice(Struct, frozen=True):
    """How a conflict is resolved: a side's version, a value, or what the file has now (neither given).

    ``text`` is the value as it was typed, text or JSON: what a cell of CSV gets, which is text.
    """

    take: Take | None = None
    value: Any = MISSING
    text: str | None = None

    @classmethod
    def one_of(cls, take: Take | None, value: Any, *, as_is: bool) -> Choice:
        """The one that is given of the three; raises `Usage` where that is none, or more than one."""
        if [take is not None, value is not MISSING, as_is].count(True) != 1:
            raise Usage("which version?", 'give one of take="theirs", value=…, as_is=True')
        if take not in (None, "ours", "theirs", "base"):
            raise Usage(f"there is no version {take!r}", 'take is "ours", "theirs" or "base"')
        return cls(take, value)

    def of(self, conflict: MergeConflict) -> Any:
        """The value that the choice gives for a conflict."""
        return getattr(conflict, self.take) if self.take else self.value

    def exact(self) -> Choice:
        """The same for a JSON file, which takes numbers with all digits that were typed."""
        return self if self.text is None else replace(self, value=load_exact(self.text, self.value))


class Resolved(Struct, frozen=True):
    """The conflicts that were resolved, and how many are left in the merge."""

    conflicts: tuple[MergeConflict, ...]
    left: int


class Resolving:
    """Resolves the conflicts of a merge where it waits."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._store, self._contents = desk, desk.store, desk.contents

    def conflicts(self) -> tuple[MergeConflict, ...]:
        """What is not resolved yet. Text whose markers are gone was resolved by hand. Raises `NoMergeOpen`."""
        return self._open()[0].conflicts

    def find(self, which: Selection) -> list[Open]:
        """The conflicts that are left and meant, and where lines that conflict stand."""
        return which.meant(self._open()[1])

    def resolve(self, which: Selection, choice: Choice) -> Resolved:
        """Resolve the conflicts that `find` gives.

        Raises `ConflictMissing` where there is none such, `ConflictStale` where the file has something else in the
        place, `Usage` for a value that cannot stand there.
        """
        with self._desk.alone():
            merge, found = self._open()
            chosen = which.meant(found)
            if not chosen:
                raise which.missing(merge)
            draft = _Draft(self._desk.files())
            for conflict, block in chosen:
                after = block.start if block is not None and which.line is not None else 0
                merge = self._one(merge, _same(merge, conflict), choice, draft, after)
            what = f"resolve {', '.join(path or '.' for path in which.paths or ('.',))}"
            self._desk.save(what, merge, self._stored(draft))
        return Resolved(tuple(conflict for conflict, _ in chosen), len(merge.conflicts))

    # --- details ------------------------------------------------------------------------------------------

    def _open(self) -> tuple[OpenMerge, list[Open]]:
        merge = self._desk.load()
        merge.need_written()
        found = open_conflicts(merge, self._desk.read)
        return replace(merge, conflicts=tuple(conflict for conflict, _ in found)), found

    def _one(
        self, merge: OpenMerge, conflict: MergeConflict, choice: Choice, draft: _Draft, after: int
    ) -> OpenMerge:
        """Resolve one conflict in the draft; gives the merge without it."""
        rest = merge.without(conflict)
        if choice.take is None and choice.value is MISSING:
            return rest
        if is_file_conflict(conflict):
            _choose_file(conflict, choice, draft)
            return rest
        file = self._file(RepoPath(conflict.path), draft)
        if conflict.kind == "text":
            draft.replace(file, (resolve_text(file, conflict, choice.of(conflict), merge, after),))
        elif conflict.row is None:
            choice = choice.exact() if file.path.lower().endswith(".json") else choice
            draft.replace(
                file, (resolve_setting(file, conflict, choice.of(conflict), self._side(merge, file, choice)),)
            )
        else:
            pieces, moved = resolve_row(file, conflict, _row_value(file, conflict, choice))
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
                Advice("again-or-as-is"),
            )
        return PendingFile.of_view(self._desk.view(path, entry))

    def _side(self, merge: OpenMerge, file: PendingFile, choice: Choice) -> bytes:
        """The file as the chosen side has it; nothing where that cannot be decided."""
        commit = _commit_of(merge, choice, History(self._store))
        entry = (
            None
            if commit is None
            else find_file(self._store, read_commit(self._store, commit).tree, file.path)
        )
        return b"" if entry is None else self._contents.read(entry)

    def _stored(self, draft: _Draft) -> dict[RepoPath, FileEntry | None]:
        """What was resolved, by file, stored."""
        changed = dict(draft.chosen)
        with self._store.begin() as writer:
            for path, file in draft.edited.items():
                like = draft.current[path]
                changed[path] = self._contents.write_pieces(path, file.pieces, writer, like, like.mode)
            writer.finish()
        return changed


class _Draft(Struct, frozen=True):
    """What is to be written: files edited inside, and files chosen as wholes, None where they go."""

    current: Files
    edited: dict[RepoPath, PendingFile] = field(default_factory=dict)
    chosen: dict[RepoPath, FileEntry | None] = field(default_factory=dict)

    def replace(self, file: PendingFile, pieces: Sequence[ChunkRun | bytes]) -> None:
        """Put other content in a file."""
        self.edited[file.path] = file.edited(Edited(pieces=tuple(pieces)))


def _choose_file(conflict: MergeConflict, choice: Choice, draft: _Draft) -> None:
    """A whole file: as a side has it, or gone."""
    if choice.take is None:
        raise Usage(f"{conflict.path} conflicts as a whole file", Advice("take-a-side"))
    found, here = entry_of(choice.of(conflict)), entry_of(conflict.ours)
    gone = {RepoPath(conflict.path), *([here[0]] if here else [])}
    gone.update(in_the_way(found[0], draft.current) if found else ())
    draft.chosen.update(dict.fromkeys(gone))
    if found:
        draft.chosen[found[0]] = found[1]


def _commit_of(merge: OpenMerge, choice: Choice, history: History) -> ObjectId | None:
    """The commit that a chosen version comes from; None where it is not known."""
    if choice.take is None:
        return None
    if choice.take == "ours":
        return merge.head
    if choice.take == ("base" if merge.step == "revert" else "theirs"):
        return merge.other
    parents = history.parents(merge.other)
    return parents[0] if merge.step != "merge" and len(parents) == 1 else None


def _row_value(file: PendingFile, conflict: MergeConflict, choice: Choice) -> Any:
    """What a row or cell is put to: of a side, what the table has columns for; else as typed, if values are text."""
    if choice.take is not None:
        return taken_row(file, conflict, choice.of(conflict))
    if choice.text is None or file.format is None or not file.format.text_only:
        return choice.exact().value
    return choice.value if isinstance(choice.value, str | dict) else choice.text


def _same(merge: OpenMerge, conflict: MergeConflict) -> MergeConflict:
    """The conflict as it is now: other rows that came or went may have moved it."""
    return next(c for c in merge.conflicts if replace(c, row=None) == replace(conflict, row=None))


def _renumbered(merge: OpenMerge, resolved: MergeConflict, moved: int) -> OpenMerge:
    """Without a conflict, and with the numbers of rows below one that came or went.

    A row that is not there has the number of the one that follows it; conflicts are in the order of their rows.
    """
    place = merge.conflicts.index(resolved)
    rest = merge.without(resolved)
    if not moved or resolved.row is None:
        return rest
    row = resolved.row

    def shifted(at: int, conflict: MergeConflict) -> MergeConflict:
        if conflict.path != resolved.path or conflict.row is None:
            return conflict
        below = conflict.row > row or (moved > 0 and conflict.row == row and at >= place)
        return replace(conflict, row=conflict.row + moved) if below else conflict

    return replace(rest, conflicts=tuple(shifted(*item) for item in enumerate(rest.conflicts)))
