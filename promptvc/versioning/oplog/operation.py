"""Operations as values: what each changed, read from the journal's lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from promptvc.ids import ObjectId, RefName, RepoPath
from promptvc.patterns import compiled
from promptvc.storage.objects import FILE
from promptvc.versioning.tree import FileEntry

_ID = compiled(r"[0-9a-f]{40}")
_T = TypeVar("_T")
_K = TypeVar("_K")
Pair = tuple[_T, _T]


class Operation(Struct, frozen=True):
    """One operation: its number, when (seconds since 1970), who and what, and each thing before and after.

    - ``refs``: values, None for a ref that was not there; ``head``: what HEAD held, a ref's name or a commit;
    - ``files``: the working files that it wrote, None for one that was not there;
    - ``config``: settings, a list of values each, empty for one that was not set;
    - ``state``: the blob of the merge under way, None for none;
    - ``is_ended``: whether it came to its end; one that did not may have changed nothing;
    - ``to``: for an undo that was done to its end, the operation right after which things were as they are after it.

    Of several changes of one thing the first value before and the last one after count; what came out as it was is
    left out.
    """

    number: int
    time: int
    who: str
    what: str
    refs: Mapping[RefName, Pair[ObjectId | None]] = field(default_factory=dict)
    head: Pair[str] | None = None
    files: Mapping[RepoPath, Pair[FileEntry | None]] = field(default_factory=dict)
    config: Mapping[str, Pair[tuple[str, ...]]] = field(default_factory=dict)
    state: Pair[ObjectId | None] | None = None
    to: int | None = None
    is_ended: bool = True

    @property
    def is_empty(self) -> bool:
        """Whether everything is as it was before."""
        return not (self.refs or self.head or self.files or self.config or self.state)

    @property
    def ids(self) -> set[ObjectId]:
        """Every object that it names."""
        found = {id for pair in self.refs.values() for id in pair}
        found |= {entry.id for pair in self.files.values() for entry in pair if entry is not None}
        found |= {target_id(text) for text in self.head or ()}
        return {id for id in (*found, *(self.state or ())) if id is not None}


def read_operations(lines: Iterable[Mapping[str, Any]]) -> list[Operation]:
    """The operations that the lines tell of, oldest first; lines of another shape are skipped."""
    begun: dict[int, list[Mapping[str, Any]]] = {}
    for line in lines:
        if "what" in line:
            begun[line["n"]] = [line]
        elif line.get("withdrawn"):
            begun.pop(line["n"], None)
        elif line.get("void") and len(begun.get(line["n"], ())) > 1:
            begun[line["n"]].pop()
        elif line["n"] in begun and "void" not in line:
            begun[line["n"]].append(line)
    return sorted((_read(group) for group in begun.values()), key=lambda operation: operation.number)


def _read(lines: list[Mapping[str, Any]]) -> Operation:
    reached = next((line["to"] for line in lines if isinstance(line.get("to"), int)), None)
    made = _operation(lines[0], [change for line in lines[1:] for change in _changes(line)])
    ended = "ends" not in lines[0] or any("end" in line for line in lines)
    return replace(made, to=reached, is_ended=ended)


def compose(operations: Iterable[Operation]) -> Operation:
    """Several operations, oldest first, as if they had been one."""
    many = list(operations)
    last = many[-1]
    return _operation(
        {"n": last.number, "time": last.time, "who": last.who, "what": last.what},
        [change for each in many for change in _pairs(each)],
    )


def without_tracking(operation: Operation) -> Operation:
    """The operation without what it only learned: moves of remote-tracking refs, which say what the remote has.

    Those of a remote whose settings it changed too remain: they went with the remote, and come back with it.
    """
    remotes = {
        f"refs/remotes/{name.removeprefix('remote.').rpartition('.')[0]}/"
        for name in operation.config
        if name.startswith("remote.")
    }
    refs = {
        name: pair
        for name, pair in operation.refs.items()
        if not name.startswith("refs/remotes/") or any(map(name.startswith, remotes))
    }
    return replace(operation, refs=refs)


def target_id(text: str) -> ObjectId | None:
    """The commit that HEAD's text names; None where it names a branch."""
    return None if text.startswith("refs/") else ObjectId(text)


def _head(value: object) -> str:
    """What HEAD held, as it stands in a line; raises `ValueError` for what it never holds."""
    if not isinstance(value, str) or not (value.startswith("refs/") or _ID.fullmatch(value)):
        raise ValueError("no HEAD")
    return value


# A change is (kind, name, before, after); the kinds are the fields of `Operation`.
_Change = tuple[str, Any, Any, Any]


def _operation(begin: Mapping[str, Any], changes: Iterable[_Change]) -> Operation:
    kept: dict[str, dict[Any, Pair[Any]]] = {"refs": {}, "head": {}, "files": {}, "config": {}, "state": {}}
    for kind, name, before, after in changes:
        first = kept[kind].pop(name, (before, after))[0]
        kept[kind][name] = (first, after)
    net = {kind: {n: pair for n, pair in pairs.items() if pair[0] != pair[1]} for kind, pairs in kept.items()}
    return Operation(
        begin["n"],
        _time(begin.get("time")),
        str(begin.get("who", "")),
        str(begin["what"]),
        net["refs"],
        net["head"].get(""),
        net["files"],
        net["config"],
        net["state"].get(""),
    )


def _time(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _pairs(operation: Operation) -> Iterator[_Change]:
    for kind in ("refs", "files", "config"):
        yield from ((kind, name, *pair) for name, pair in getattr(operation, kind).items())
    for kind in ("head", "state"):
        pair = getattr(operation, kind)
        if pair:
            yield (kind, "", *pair)


def _changes(line: Mapping[str, Any]) -> list[_Change]:
    try:
        if "ref" in line:
            return [("refs", RefName(line["ref"]), _id(line["before"]), _id(line["after"]))]
        if "head" in line:
            return [("head", "", _head(line["head"][0]), _head(line["head"][1]))]
        if "state" in line:
            return [("state", "", _id(line["state"][0]), _id(line["state"][1]))]
        if "config" in line:
            return [("config", name, tuple(b), tuple(a)) for name, (b, a) in line["config"].items()]
        files = line.get("files", {})
        return [("files", RepoPath(path), entry_of(b), entry_of(a)) for path, (b, a) in files.items()]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return []


def entry_value(entry: FileEntry | None) -> list[Any] | None:
    """A file's entry as it stands in a line: ``["5e02…", 33188, false]``."""
    return None if entry is None else [entry.id, entry.mode, entry.is_rope]


def entry_of(value: list[Any] | None) -> FileEntry | None:
    """Read back what `entry_value` gave."""
    if value is None:
        return None
    id, mode, rope = value
    found = _id(id)
    return None if found is None else FileEntry(found, int(mode or FILE), bool(rope))


def _id(value: str | None) -> ObjectId | None:
    if value is None:
        return None
    if not _ID.fullmatch(value):
        raise ValueError("no id")
    return ObjectId(value)
