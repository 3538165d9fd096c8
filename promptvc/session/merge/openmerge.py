"""A merge that waits for its conflicts to be resolved: what it is, and where it is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from promptvc.content.formats.missing import MISSING
from promptvc.content.text.merge import marker_lines_left
from promptvc.content.values.conflict import MergeConflict
from promptvc.errors import Advice, ConflictsRemain, Refused
from promptvc.ids import ObjectId, RepoPath
from promptvc.storage.files import write_durably
from promptvc.storage.objects import Kind, Signature, object_id
from promptvc.storage.sealed import is_damaged, seal
from promptvc.storage.store import ObjectStore
from promptvc.versioning.tree import FileEntry

Step = Literal["merge", "cherry-pick", "revert"]
Read = Callable[[str], bytes | None]
"""Gives the bytes of a file; None where it cannot be read."""


class OpenMerge(Struct, frozen=True, kw_only=True):
    """A merge, cherry-pick or revert under way.

    - ``step``: which of the three; ``head``: the commit that was current; ``other``: the one merged, picked or undone;
    - ``labels``: what the two sides are called; ``message``: what `commit` says by default;
    - ``author``: whose the commit will be, where not the committer's;
    - ``conflicts``: what is not resolved yet;
    - ``before``: the files that were written, as they were before; None for those that were not there;
    - ``markers``: by path, the length of the markers around text that conflicts;
    - ``is_written``: whether the files were written to their end.
    """

    step: Step
    head: ObjectId
    other: ObjectId
    labels: tuple[str, str]
    message: str
    author: Signature | None
    conflicts: tuple[MergeConflict, ...]
    before: Mapping[RepoPath, FileEntry | None]
    markers: Mapping[str, int]
    is_written: bool = True

    def without(self, conflict: MergeConflict) -> OpenMerge:
        """The same with one conflict less."""
        place = self.conflicts.index(conflict)
        return replace(self, conflicts=self.conflicts[:place] + self.conflicts[place + 1 :])

    def need_written(self) -> None:
        """Raise `Refused` where the process that began it was stopped before all files were there."""
        if not self.is_written:
            raise Refused(
                f"the {self.step} was interrupted before it had written all files",
                Advice("merge-interrupted", step=self.step),
            )

    def need_resolved(self, read: Read) -> None:
        """Raise `ConflictsRemain` where conflicts are left in the files that ``read`` gives."""
        left = unresolved(self, read)
        if left:
            raise ConflictsRemain(self.step, len(left), left[0].path)

    def to_json(self) -> bytes:
        """All of it as JSON text."""
        value = {
            "step": self.step,
            "head": self.head,
            "other": self.other,
            "labels": self.labels,
            "message": self.message,
            "author": self.author
            and [self.author.name, self.author.email, self.author.time, self.author.offset],
            "conflicts": [conflict_value(conflict) for conflict in self.conflicts],
            "before": {p: e and [e.id, e.mode, e.is_rope] for p, e in self.before.items()},
            "markers": dict(self.markers),
            "is_written": self.is_written,
        }
        return seal(json.dumps(value).encode())

    @classmethod
    def from_json(cls, data: bytes) -> OpenMerge:
        """Read back what `to_json` gave; raises `ValueError` for anything else."""
        if is_damaged(data):
            raise ValueError("damaged")
        try:
            value = json.loads(data)
            return cls(
                step=value["step"],
                head=ObjectId(value["head"]),
                other=ObjectId(value["other"]),
                labels=(value["labels"][0], value["labels"][1]),
                message=value["message"],
                author=Signature(*value["author"]) if value["author"] else None,
                conflicts=tuple(conflict_of(each) for each in value["conflicts"]),
                before={
                    RepoPath(p): FileEntry(ObjectId(e[0]), e[1], e[2]) if e else None
                    for p, e in value["before"].items()
                },
                markers=value["markers"],
                is_written=value["is_written"],
            )
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise ValueError("not a merge under way") from error


class MergeState:
    """Where the merge under way is kept: a file in the store's own folder.

    ``changing(before, after)`` is called for each change before it is made, as the blobs that hold the state.
    ``is_over`` reports one that was committed already, by a process that was killed before it could say so.
    """

    def __init__(
        self,
        path: Path,
        store: ObjectStore,
        changing: Callable[[ObjectId | None, ObjectId | None], None] = lambda before, after: None,
        is_over: Callable[[OpenMerge], bool] = lambda merge: False,
    ) -> None:
        self._path, self._store, self._changing, self._is_over = path, store, changing, is_over

    def load(self) -> OpenMerge | None:
        """The merge under way; None where there is none. Raises `Refused` where it cannot be read."""
        data = self._read()
        if data is None:
            return None
        try:
            merge = OpenMerge.from_json(data)
        except ValueError as error:
            raise Refused(
                f"a merge is under way, but {self._path} cannot be read",
                Advice("merge-unreadable", path=self._path),
            ) from error
        return None if self._is_over(merge) else merge

    def save(self, merge: OpenMerge | None) -> None:
        """Replace it; None ends it."""
        with self._store.writing():
            before = _put_blob(self._store, self._read())
            after = _put_blob(self._store, None if merge is None else merge.to_json())
            self._changing(before, after)
            self.put(after)

    def id(self) -> ObjectId | None:
        """The blob that the state is; None where no merge is under way."""
        data = self._read()
        return None if data is None else object_id(Kind.BLOB, data)

    def put(self, id: ObjectId | None) -> None:
        """Bring back a state that was kept as a blob."""
        if id is None:
            with suppress(FileNotFoundError):
                self._path.unlink()
        else:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(self._path, self._store.read_blob(id))

    def planned(self, merge: OpenMerge | None) -> tuple[ObjectId | None, ObjectId | None]:
        """The blobs that hold the state now, and once this merge was saved; only their names are worked out."""
        return self.id(), None if merge is None else object_id(Kind.BLOB, merge.to_json())

    def _read(self) -> bytes | None:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None


def _put_blob(store: ObjectStore, data: bytes | None) -> ObjectId | None:
    if data is None:
        return None
    with store.begin() as writer:
        id = writer.add(Kind.BLOB, data)
        writer.finish()
    return id


def not_written(store: ObjectStore, id: ObjectId | None) -> ObjectId | None:
    """The blob of the same merge whose files are not written to their end; the same blob if it cannot be read."""
    if id is None:
        return None
    try:
        merge = OpenMerge.from_json(store.read_blob(id))
    except ValueError:  # as all who read it will see
        return id
    return _put_blob(store, replace(merge, is_written=False).to_json())


def unresolved(merge: OpenMerge, read: Read) -> tuple[MergeConflict, ...]:
    """The conflicts that are left. Text whose markers are gone from the file was resolved by hand."""

    def is_edited(path: str) -> bool:
        data = read(path)
        text = "" if data is None else data.decode("utf-8", "surrogateescape")
        return data is not None and not marker_lines_left(text, merge.markers.get(path, 7), *merge.labels)

    texts = {conflict.path for conflict in merge.conflicts if conflict.kind == "text"}
    edited = {path for path in texts if is_edited(path)}
    return tuple(c for c in merge.conflicts if c.kind != "text" or c.path not in edited)


def conflict_value(conflict: MergeConflict) -> dict[str, Any]:
    """A conflict for programs: ``absent`` names the versions in which there is nothing; their value is null."""
    sides = {name: getattr(conflict, name) for name in ("base", "ours", "theirs")}
    value: dict[str, Any] = {
        "path": conflict.path,
        "kind": conflict.kind,
        "key": conflict.key,
        "row": conflict.row,
    }
    value |= {"field": conflict.field, "at": list(conflict.at)}
    value |= {name: None if side is MISSING else side for name, side in sides.items()}
    absent = [name for name, side in sides.items() if side is MISSING]
    return value | ({"absent": absent} if absent else {})


def conflict_of(value: Mapping[str, Any]) -> MergeConflict:
    """Read back what `conflict_value` gave."""
    absent = value.get("absent", ())
    base, ours, theirs = (MISSING if n in absent else value[n] for n in ("base", "ours", "theirs"))
    return MergeConflict(
        kind=value["kind"],
        key=value["key"],
        row=value["row"],
        field=value["field"],
        at=tuple(value["at"]),
        base=base,
        ours=ours,
        theirs=theirs,
        path=value["path"],
    )
