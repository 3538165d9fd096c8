"""The object store: every pack and loose object, its own and borrowed ones, read and written as one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from isal import isal_zlib

from promptvc.errors import Advice, ObjectDamaged, ObjectMissing
from promptvc.ids import ObjectId
from promptvc.storage.commitgraph.ancestry import Ancestry
from promptvc.storage.commitgraph.graph import CHAIN, SINGLE, CommitGraph, load_graph
from promptvc.storage.commitgraph.layer import GraphDamaged
from promptvc.storage.git import apply_delta
from promptvc.storage.lease import Lease
from promptvc.storage.objects import (
    EMPTY_TREE,
    Commit,
    CommitLinks,
    Kind,
    TagObject,
    TreeEntry,
    commit_links,
    parse_commit,
    parse_tag,
    parse_tree,
    raw_id,
)
from promptvc.storage.packs import MOST_EXPANDED, IsalError, PackedObject, PackReader

if TYPE_CHECKING:
    from promptvc.storage.ingest import PackReceiver
    from promptvc.storage.packing import PackWriter


_Found = TypeVar("_Found")
_HEADER_ROOM = 64
"""Bytes in which the header of a loose object ends."""
_READ_FOR_HEADER = 4096
"""Deflated bytes that give these: in front may be the tables of a block."""
LOCAL = "promptvc"
"""The folder inside the store for what is local: caches, logs, locks."""
MANY_PACKS = 24
"""Packs from which a writer that has finished tidies up."""
_REMEMBERED = 1 << 17
"""Commits that are read once only."""


class ObjectStore:
    """Git's ``objects/`` folder. Reads see whatever is complete on disk, also what others write meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._folders = [folder, *_alternates(folder)]
        self._packs: dict[Path, PackReader] = {}
        self._damaged: dict[Path, ObjectDamaged] = {}
        self._by_count: tuple[dict[Path, PackReader], list[PackReader]] = {}, []
        self._last: PackReader | None = None  # what has one object often has the next
        self._listed: set[Path] | None = None
        self._shallow: tuple[tuple[int, int] | None, frozenset[ObjectId]] = None, frozenset()
        self._commits: dict[ObjectId, Commit] = {}
        self._unparsed: dict[ObjectId, bytes] = {}
        self._ancestry: tuple[object, Ancestry] | None = None
        self.lease = Lease(folder.parent / LOCAL)
        self.tidy: Callable[[ObjectStore], object] = lambda store: None
        """Is called where packs have become many, when the last writer of this process has finished."""

    @property
    def pack_folder(self) -> Path:
        """Where the packs are."""
        return self.folder / "pack"

    def packs(self) -> list[PackReader]:
        """The packs that are there now, newest first."""
        self._refresh()
        return list(self._packs.values())

    def damaged(self) -> list[ObjectDamaged]:
        """What is wrong with the indexes that cannot be read."""
        self._refresh()
        return list(self._damaged.values())

    def contains(self, id: ObjectId) -> bool:
        """Whether the object is here; raises `ObjectDamaged` where it may be in a pack whose index is damaged."""
        return self.contains_raw(id.raw)

    def contains_raw(self, raw: bytes) -> bool:
        """`contains` for a 20-byte id."""
        found = (
            self._locate(raw) is not None
            or self._loose_path(raw) is not None
            or (self._refresh() and self._locate(raw) is not None)
        )
        if not found:
            self._need_undamaged()
        return found

    def read(self, id: ObjectId, most: int | None = None) -> tuple[Kind, bytes]:
        """The type and bytes of an object, which are what its name says; raises `ObjectMissing` or `ObjectDamaged`.

        With ``most``, an object that claims more bytes is not read.
        """
        raw = id.raw
        for _ in range(3):
            found = self._find(raw, most)
            if found is not None:
                if raw_id(*found) != raw:
                    raise ObjectDamaged(
                        f"object {id} does not hold the bytes it is named for",
                        "restore it from another clone",
                    )
                return found
            if not self._refresh():
                break
        if id == EMPTY_TREE:
            return Kind.TREE, b""
        self._need_undamaged()
        raise ObjectMissing(id)

    def shallow(self) -> frozenset[ObjectId]:
        """The commits whose parents are left out of this clone on purpose (gitrepository-layout(5), shallow)."""
        path = self.folder.parent / "shallow"
        try:
            info = path.stat()
        except OSError:
            return frozenset()
        stamp = info.st_mtime_ns, info.st_size
        if self._shallow[0] != stamp:
            words = path.read_text(errors="replace").split()
            self._shallow = stamp, frozenset(ObjectId(word) for word in words if len(word) == 40)
        return self._shallow[1]

    def read_blob(self, id: ObjectId, most: int | None = None) -> bytes:
        """The bytes of a blob, which may claim no more than ``most``."""
        return self._expect(id, Kind.BLOB, most)

    def read_blobs(self, raws: Iterable[bytes], most: int) -> Iterator[bytes]:
        """What `read_blob` gives for each of these 20-byte ids, sooner where they stand whole in packs."""
        for raw in raws:
            place = self._locate(raw)
            data = place[0].whole_blob(place[1], most) if place is not None else None
            if data is None or raw_id(Kind.BLOB, data) != raw:
                data = self.read_blob(ObjectId.from_raw(raw), most)
            yield data

    def read_tree(self, id: ObjectId) -> bytes:
        """The bytes of a tree."""
        return self._expect(id, Kind.TREE)

    def load_tree(self, id: ObjectId) -> list[TreeEntry]:
        """The entries of a tree."""
        return parse_tree(self._expect(id, Kind.TREE))

    def load_commit(self, id: ObjectId) -> Commit:
        """A commit's value, read once."""
        found = self._commits.get(id)
        if found is None:
            if len(self._commits) >= _REMEMBERED:
                self._commits.clear()
            data = self._unparsed.pop(id, None) or self._expect(id, Kind.COMMIT)
            found = self._commits[id] = parse_commit(data)
        return found

    def load_links(self, id: ObjectId) -> CommitLinks:
        """The tree, parents and time of a commit: walks need no more of most. Its bytes are kept."""
        if id not in self._commits:
            if len(self._unparsed) >= _REMEMBERED:
                self._unparsed.clear()
            data = self._unparsed[id] = self._expect(id, Kind.COMMIT)
            found = commit_links(data)
            if found is not None:
                return found
        commit = self.load_commit(id)
        return CommitLinks(commit.tree, commit.parents, commit.committer.time)

    def ancestry(self) -> Ancestry:
        """What descends from what; read once for as long as the commit-graph and the file ``shallow`` stay."""
        shallow = self.shallow()
        stamp = shallow, *(_stamp(self.folder / name) for name in (SINGLE, CHAIN))
        if self._ancestry is None or self._ancestry[0] != stamp:
            graph = None if shallow else self._graph()
            self._ancestry = stamp, Ancestry(graph, shallow, self.load_links, self.contains)
        return self._ancestry[1]

    def _graph(self) -> CommitGraph | None:
        """The commit-graph; without one, and with one that is damaged, commits are opened instead."""
        try:
            return load_graph(self.folder)
        except GraphDamaged:
            return None

    def load_tag(self, id: ObjectId) -> TagObject:
        """An annotated tag's value."""
        return parse_tag(self._expect(id, Kind.TAG))

    def size(self, id: ObjectId) -> int:
        """The size of an object in bytes, mostly without reading it."""
        size = self._from_pack(id, lambda pack, offset: pack.size(offset))
        if size is None and (loose := self._loose_path(id.raw)) is not None and not self._locate(id.raw):
            return read_loose_header(loose)[1]
        return len(self.read(id)[1]) if size is None else size

    def kind(self, id: ObjectId) -> Kind:
        """The type of an object, mostly without reading it."""
        found = self._from_pack(id, lambda pack, offset: pack.kind_here(offset))
        return found if found is not None else self.read(id)[0]

    def stored(self, id: ObjectId) -> PackedObject:
        """The object compressed, as it is stored where that can be, compressed anew where not."""
        found = self._from_pack(id, lambda pack, offset: pack.stored(id.raw, offset))
        if found is not None:
            return found
        kind, data = self.read(id)
        return PackedObject(kind, len(data), id, isal_zlib.compress(data, 2))

    def stored_delta(self, id: ObjectId, bases: Callable[[ObjectId], bool]) -> PackedObject | None:
        """The object as the delta that it is stored as, if it is one on one of these bases; else None."""

        def look(pack: PackReader, offset: int) -> PackedObject | None:
            found = pack.delta(id.raw, offset)
            return found if found is not None and found.base is not None and bases(found.base) else None

        return self._from_pack(id, look)

    def begin(self) -> PackWriter:
        """Start a write: one pack, invisible until finished. Let refs lead to it before the writer's block ends:
        from then on what nothing leads to may be collected.
        """
        from promptvc.storage.packing import PackWriter  # only those who write need it

        # Loose objects are not looked for: that would cost a look at the disk for each object written, and an
        # object that is both loose and packed does no harm.
        return PackWriter(
            self.pack_folder,
            self._is_packed,
            while_open=self.writing(),
            publish=self._publish,
            need=self._need,
            without=self._not_packed,
        )

    def begin_part(self, temporary: Path) -> PackWriter:
        """Write a pack to an empty file of another process, whose writer keeps what is here, and adopts it."""
        from promptvc.storage.packing import PackWriter

        self._refresh()
        return PackWriter(self.pack_folder, self._is_packed, threads=1, temporary=temporary)

    @contextmanager
    def keeping(self, id: ObjectId) -> Iterator[None]:
        """A block in which an object stays in the store; raises `ObjectMissing` where it is not there."""
        with self.writing():
            self._need(id.raw)
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A block in which nothing that is in the store is collected, so that refs can be moved to it."""
        with self.lease.shared():
            self._refresh()
            yield
        if not self.lease.is_held and len(self._packs) >= MANY_PACKS:
            self.tidy(self)

    def receive(self) -> PackReceiver:
        """Start taking in a pack from elsewhere."""
        from promptvc.storage.ingest import PackReceiver  # only those who fetch need it

        return PackReceiver(self.pack_folder, self._publish)

    def ids_with_prefix(self, digits: str) -> list[ObjectId]:
        """Every object whose name begins with these hexadecimal digits, sorted; for none, raises as `contains` does."""
        self._refresh()
        even = bytes.fromhex(digits[: len(digits) // 2 * 2])
        found = {raw.hex() for pack in self._packs.values() for raw in pack.ids(even)}
        found.update(self._loose_ids(digits[:2]))
        if not any(id.startswith(digits) for id in found):
            self._need_undamaged()
        return sorted(ObjectId(id) for id in found if id.startswith(digits))

    def verify_object(self, id: ObjectId) -> None:
        """Read an object and hash it; raises `ObjectDamaged` when its bytes are not its name's."""
        self.read(id)

    def close(self) -> None:
        """Forget the open packs."""
        self._packs, self._last = {}, None
        self._commits, self._unparsed, self._ancestry = {}, {}, None
        self._listed = None

    def _publish(self, index: Path) -> None:
        """Take up a pack of our own, whatever the folder's time stamp says."""
        self._packs = {index: PackReader(index), **self._packs}
        if self._listed is not None:
            self._listed.add(index)

    def _need(self, raw: bytes) -> None:
        id = ObjectId.from_raw(raw)
        if id != EMPTY_TREE and not self.contains_raw(raw):
            raise ObjectMissing(id)

    def _find(self, raw: bytes, most: int | None) -> tuple[Kind, bytes] | None:
        place = self._locate(raw)
        if place is not None:
            try:
                if most is not None:
                    _need_at_most(most, place[0].claimed(place[1]), raw)
                return self._read_packed(*place)
            except FileNotFoundError:  # another process folded this pack meanwhile
                self._forget(place[0])
            except RecursionError as error:
                raise ObjectDamaged(
                    f"object {raw.hex()} is a delta without end, through several packs", Advice("fsck")
                ) from error
        loose = self._loose_path(raw)
        if loose is None:
            return None
        if most is not None:
            _need_at_most(most, read_loose_header(loose)[1], raw)
        return _read_loose(loose)

    def _from_pack(self, id: ObjectId, look: Callable[[PackReader, int], _Found | None]) -> _Found | None:
        """What a look at the packed object gives; None where no pack has it, or the look says so."""
        for _ in range(3):
            place = self._locate(id.raw)
            if place is None:
                return None
            try:
                return look(*place)
            except FileNotFoundError:  # another process folded this pack meanwhile
                self._forget(place[0])
        return None

    def _need_undamaged(self) -> None:
        for error in self._damaged.values():
            raise error

    def _expect(self, id: ObjectId, kind: Kind, most: int | None = None) -> bytes:
        found, data = self.read(id, most)
        if found is not kind:
            raise ObjectDamaged(
                f"object {id} is a {found.name.lower()}, not a {kind.name.lower()}",
                Advice("fsck"),
            )
        return data

    def _locate(self, raw: bytes) -> tuple[PackReader, int] | None:
        if self._listed is None:
            self._refresh()
        for pack in (self._last, *self._packs.values()):
            if pack is not None and (offset := pack.find(raw)) is not None:
                self._last = pack
                return pack, offset
        return None

    def _is_packed(self, raw: bytes) -> bool:
        """Whether a pack has the object."""
        return any(pack.find(raw) is not None for pack in self._largest_first)

    def _not_packed(self, raws: set[bytes]) -> set[bytes]:
        """Those of these objects that no pack has."""
        for pack in self._largest_first:
            raws = pack.without(raws) if raws else raws
        return raws

    @property
    def _largest_first(self) -> Sequence[PackReader]:
        """The packs in the order in which they are likely to have an object."""
        if self._by_count[0] is not self._packs:
            self._by_count = self._packs, sorted(self._packs.values(), key=lambda pack: -pack.count)
        return self._by_count[1]

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
        """List the packs again; True when others are there than before.

        Time stamps of folders tell too little: they may be as coarse as seconds.
        """
        found = {path for folder in self._folders for path in _indexes(folder / "pack")}
        if found == self._listed:
            return False
        if self._listed is not None and not self._listed <= found:
            self._commits.clear()  # something may be gone
            self._unparsed.clear()
            self._ancestry = None
        packs, damaged = {}, {}
        for path in sorted(found, key=_age):
            try:
                packs[path] = self._packs.get(path) or PackReader(path)
            except FileNotFoundError:  # folded meanwhile
                continue
            except ObjectDamaged as error:
                damaged[path] = error
        self._packs, self._damaged, self._listed, self._last = packs, damaged, found, None
        return True

    def _forget(self, pack: PackReader) -> None:
        index = pack.path.with_suffix(".idx")
        self._packs = {path: each for path, each in self._packs.items() if path != index}
        self._listed = self._last = None

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


def _indexes(folder: Path) -> list[Path]:
    try:
        names = os.listdir(folder)  # noqa: PTH208  # names are all that is needed
    except OSError:
        return []
    return [folder / name for name in names if name.endswith(".idx") and name.startswith("pack-")]


def _age(path: Path) -> int:
    try:
        return -path.stat().st_mtime_ns
    except OSError:
        return 0


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        info = path.stat()
    except OSError:
        return None
    return info.st_ino, info.st_mtime_ns, info.st_size


def _need_at_most(most: int, claimed: int, raw: bytes) -> None:
    if claimed > most:
        raise ObjectDamaged(
            f"object {raw.hex()} claims {claimed} bytes, where at most {most} may be", Advice("fsck")
        )


def read_loose_header(path: Path) -> tuple[Kind, int]:
    """The type of a loose object, and how many bytes it claims; of the object nothing is made."""
    with path.open("rb") as file:
        return _loose_header(path, file.read(_READ_FOR_HEADER), isal_zlib.decompressobj())[:2]


def _read_loose(path: Path) -> tuple[Kind, bytes]:
    """A loose object: zlib over ``b"blob 12\0…"``. No more of it is made than it claims."""
    data = path.read_bytes()
    stream = isal_zlib.decompressobj()
    kind, size, begun = _loose_header(path, data, stream)
    try:
        if size > len(data) * MOST_EXPANDED:
            raise ValueError("claims more than it can have")
        body = begun + (
            b"" if stream.eof else stream.decompress(stream.unconsumed_tail, size + 1 - len(begun))
        )
        if size != len(body) or not stream.eof:
            raise ValueError("wrong length")
    except (IsalError, ValueError, EOFError, MemoryError) as error:
        raise _bad_loose(path) from error
    return kind, body


def _loose_header(path: Path, data: bytes, stream: Any) -> tuple[Kind, int, bytes]:
    """Type, size, and the bytes that came behind them."""
    try:
        header, zero, begun = stream.decompress(data, _HEADER_ROOM).partition(b"\0")
        word, _, size = header.partition(b" ")
        if not zero or not size.isdigit():
            raise ValueError("no header")
        return Kind[word.decode().upper()], int(size), begun
    except (IsalError, ValueError, KeyError, EOFError) as error:
        raise _bad_loose(path) from error


def _bad_loose(path: Path) -> ObjectDamaged:
    return ObjectDamaged(f"{path}: a loose object cannot be read", "restore it from another clone")
