"""The object store: every pack and loose object, its own and borrowed ones, read and written as one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from isal import isal_zlib

from promptvc.errors import ObjectDamaged, ObjectMissing
from promptvc.ids import ObjectId
from promptvc.storage.git import apply_delta
from promptvc.storage.objects import (
    EMPTY_TREE,
    Commit,
    Kind,
    Tag,
    TreeEntry,
    object_id,
    parse_commit,
    parse_tag,
    parse_tree,
)
from promptvc.storage.packs import IsalError, PackedObject, PackReader

if TYPE_CHECKING:
    from promptvc.storage.ingest import PackReceiver
    from promptvc.storage.packing import PackWriter


class ObjectStore:
    """Git's ``objects/`` folder. Reads see whatever is complete on disk, also what others write meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._folders = [folder, *_alternates(folder)]
        self._packs: dict[Path, PackReader] = {}
        self._listed: tuple[int, ...] | None = None

    @property
    def pack_folder(self) -> Path:
        """Where the packs are."""
        return self.folder / "pack"

    def packs(self) -> list[PackReader]:
        """The packs that are there now, newest first."""
        self._refresh()
        return list(self._packs.values())

    def contains(self, id: ObjectId) -> bool:
        """Whether the object can be read."""
        return self.contains_raw(id.raw)

    def contains_raw(self, raw: bytes) -> bool:
        """`contains` for a 20-byte id."""
        return (
            self._locate(raw) is not None
            or self._loose_path(raw) is not None
            or (self._refresh() and self._locate(raw) is not None)
        )

    def read(self, id: ObjectId) -> tuple[Kind, bytes]:
        """The type and bytes of an object; raises `ObjectMissing` or `ObjectDamaged`."""
        raw = id.raw
        for _ in range(3):
            place = self._locate(raw)
            if place is not None:
                try:
                    return self._read_packed(*place)
                except FileNotFoundError:  # another process folded this pack meanwhile
                    self._forget(place[0])
                    continue
            loose = self._loose_path(raw)
            if loose is not None:
                return _read_loose(loose)
            if not self._refresh():
                break
        if id == EMPTY_TREE:
            return Kind.TREE, b""
        raise ObjectMissing(id)

    def read_blob(self, id: ObjectId) -> bytes:
        """The bytes of a blob."""
        return self._expect(id, Kind.BLOB)

    def read_tree(self, id: ObjectId) -> bytes:
        """The bytes of a tree."""
        return self._expect(id, Kind.TREE)

    def load_tree(self, id: ObjectId) -> list[TreeEntry]:
        """The entries of a tree."""
        return parse_tree(self._expect(id, Kind.TREE))

    def load_commit(self, id: ObjectId) -> Commit:
        """A commit's value."""
        return parse_commit(self._expect(id, Kind.COMMIT))

    def load_tag(self, id: ObjectId) -> Tag:
        """An annotated tag's value."""
        return parse_tag(self._expect(id, Kind.TAG))

    def size(self, id: ObjectId) -> int:
        """The size of an object in bytes, mostly without reading it."""
        place = self._locate(id.raw)
        if place is not None:
            size = place[0].size(place[1])
            if size is not None:
                return size
        return len(self.read(id)[1])

    def stored(self, id: ObjectId) -> PackedObject:
        """The object compressed, as it is stored where that can be, compressed anew where not."""
        raw = id.raw
        place = self._locate(raw)
        found = place[0].stored(raw, place[1]) if place is not None else None
        if found is not None:
            return found
        kind, data = self.read(id)
        return PackedObject(kind, len(data), id, isal_zlib.compress(data, 2))

    def begin(self) -> PackWriter:
        """Start a write: one pack, invisible until finished."""
        from promptvc.storage.packing import PackWriter  # only those who write need it

        self._refresh()
        # Loose objects are not looked for: that would cost a look at the disk for each object written, and an
        # object that is both loose and packed does no harm.
        return PackWriter(self.pack_folder, lambda raw: self._locate(raw) is not None)

    def receive(self) -> PackReceiver:
        """Start taking in a pack from elsewhere."""
        from promptvc.storage.ingest import PackReceiver  # only those who fetch need it

        return PackReceiver(self.pack_folder)

    def ids_with_prefix(self, digits: str) -> list[ObjectId]:
        """Every object whose name begins with these hexadecimal digits, sorted."""
        self._refresh()
        even = bytes.fromhex(digits[: len(digits) // 2 * 2])
        found = {raw.hex() for pack in self._packs.values() for raw in pack.ids(even)}
        found.update(self._loose_ids(digits[:2]))
        return sorted(ObjectId(id) for id in found if id.startswith(digits))

    def all_ids(self) -> Iterator[ObjectId]:
        """Every object here, packed ones first; an object may come twice."""
        self._refresh()
        for pack in self.packs():
            yield from (ObjectId.from_raw(raw) for raw in pack.ids())
        yield from (ObjectId(id) for id in self._loose_ids(""))

    def verify_object(self, id: ObjectId) -> None:
        """Read an object and hash it; raises `ObjectDamaged` when its bytes are not its name's."""
        if object_id(*self.read(id)) != id:
            raise ObjectDamaged(
                f"object {id} does not hold the bytes it is named for", "restore it from another clone"
            )

    def close(self) -> None:
        """Forget the open packs."""
        self._packs.clear()
        self._listed = None

    def _expect(self, id: ObjectId, kind: Kind) -> bytes:
        found, data = self.read(id)
        if found is not kind:
            raise ObjectDamaged(
                f"object {id} is a {found.name.lower()}, not a {kind.name.lower()}",
                "promptvc fsck tells more",
            )
        return data

    def _locate(self, raw: bytes) -> tuple[PackReader, int] | None:
        if self._listed is None:
            self._refresh()
        for pack in self._packs.values():
            offset = pack.find(raw)
            if offset is not None:
                return pack, offset
        return None

    def _read_packed(self, pack: PackReader, offset: int) -> tuple[Kind, bytes]:
        found = pack.resolve(offset)
        if isinstance(found, bytes):  # the base of a delta is in another pack: only thin packs have it so
            return self._read_across(pack, offset)
        return found

    def _read_across(self, pack: PackReader, offset: int) -> tuple[Kind, bytes]:
        kind, data, base = pack.read(offset)
        if kind is not None:
            return kind, data
        kind, whole = (
            self._read_across(pack, base) if isinstance(base, int) else self.read(ObjectId.from_raw(base))
        )
        return kind, apply_delta(whole, data)

    def _refresh(self) -> bool:
        """List the packs again where the folder changed; True when it did."""
        stamp = tuple(_modified(folder / "pack") for folder in self._folders)
        if stamp == self._listed:
            return False
        found = [path for folder in self._folders for path in _indexes(folder / "pack")]
        packs = {}
        for path in found:
            with suppress(FileNotFoundError):
                packs[path] = self._packs.get(path) or PackReader(path)
        self._packs, self._listed = packs, stamp
        return True

    def _forget(self, pack: PackReader) -> None:
        self._packs.pop(pack.path.with_suffix(".idx"), None)
        self._listed = None

    def _loose_path(self, raw: bytes) -> Path | None:
        digits = raw.hex()
        for folder in self._folders:
            path = folder / digits[:2] / digits[2:]
            if path.exists():
                return path
        return None

    def _loose_ids(self, digits: str) -> Iterator[str]:
        for folder in self._folders:
            pattern = digits if len(digits) == 2 else f"{digits}[0-9a-f]" if digits else "[0-9a-f][0-9a-f]"
            for path in folder.glob(f"{pattern}/*"):
                if len(path.name) == 38:
                    yield path.parent.name + path.name


def _alternates(folder: Path) -> list[Path]:
    """Object folders that this one borrows from (gitrepository-layout(5), info/alternates)."""
    try:
        lines = (folder / "info" / "alternates").read_text().splitlines()
    except OSError:
        return []
    return [(folder / line).resolve() for line in lines if line and not line.startswith("#")]


def _modified(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _indexes(folder: Path) -> list[Path]:
    try:
        entries = [
            entry
            for entry in os.scandir(folder)
            if entry.name.endswith(".idx") and entry.name.startswith("pack-")
        ]
        entries.sort(key=lambda entry: entry.stat().st_mtime_ns, reverse=True)
    except OSError:  # no folder, or a pack was folded while we looked
        entries = (
            [entry for entry in os.scandir(folder) if entry.name.endswith(".idx")] if folder.is_dir() else []
        )
    return [Path(entry.path) for entry in entries]


def _read_loose(path: Path) -> tuple[Kind, bytes]:
    """A loose object: zlib over ``b"blob 12\\0…"``."""
    try:
        data = isal_zlib.decompress(path.read_bytes())
        header, _, body = data.partition(b"\0")
        word, _, size = header.partition(b" ")
        kind = Kind[word.decode().upper()]
        if int(size) != len(body):
            raise ValueError("wrong length")
    except (IsalError, ValueError, KeyError, EOFError) as error:
        raise ObjectDamaged(
            f"{path}: a loose object cannot be read", "restore it from another clone"
        ) from error
    return kind, body
