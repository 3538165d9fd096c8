"""The commit-graph of a store: one file, or a chain of layers, each on top of those that its parents are in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from promptvc.ids import ObjectId
from promptvc.storage.commitgraph.bloom import mask, with_folders
from promptvc.storage.commitgraph.layer import GraphDamaged, Layer

SINGLE, FOLDER, CHAIN = "info/commit-graph", "info/commit-graphs", "info/commit-graphs/commit-graph-chain"
"""Where the files are, in ``objects/``."""


class CommitGraph:
    """Commits by number: those of the lowest layer first, in each by id. Every parent of one is in it too."""

    def __init__(self, layers: Iterable[Layer]) -> None:
        self.layers = tuple(layers)
        starts = [sum(layer.count for layer in self.layers[:n]) for n in range(len(self.layers))]
        self._from_top = [*zip(reversed(starts), reversed(self.layers), strict=True)]
        self.count = sum(layer.count for layer in self.layers)

    def place(self, number: int) -> tuple[Layer, int]:
        """The layer of a commit, and its place there."""
        for start, layer in self._from_top:
            if number >= start:
                return layer, number - start
        raise GraphDamaged(f"no commit {number}")

    def find(self, id: ObjectId) -> int | None:
        """The number of a commit."""
        raw = id.raw
        for start, layer in self._from_top:
            found = layer.find(raw)
            if found is not None:
                return start + found
        return None

    def id(self, number: int) -> ObjectId:
        """The name of a commit."""
        layer, place = self.place(number)
        return ObjectId.from_raw(layer.id(place))

    def parents(self, number: int) -> tuple[int, ...]:
        """The numbers of its parents."""
        for start, layer in self._from_top:  # as `place`: this is what walks spend their time with
            if number >= start:
                return layer.parents(number - start)
        raise GraphDamaged(f"no commit {number}")

    def tree(self, number: int) -> ObjectId:
        """The name of its tree."""
        layer, place = self.place(number)
        return ObjectId.from_raw(layer.tree(place))

    def level(self, number: int) -> int:
        """See `Layer.level`."""
        layer, place = self.place(number)
        return layer.level(place)

    def time(self, number: int) -> int:
        """When it was committed."""
        layer, place = self.place(number)
        return layer.time(place)

    def question(self, paths: Iterable[str]) -> Callable[[int], bool]:
        """Whether a commit may have changed one of these paths, or something below it, since its first parent.

        No is certain; yes is not.
        """
        names = [path.encode("utf-8", "surrogateescape") for path in paths]
        if not all(name and name.isascii() for name in names):
            return lambda number: True
        layers = [(start, layer.data, *layer.filters, layer.hashes) for start, layer in self._from_top]
        known: dict[tuple[int, int], list[int]] = {}

        def ask(number: int) -> bool:
            for start, data, ends, at, hashes in layers:  # noqa: B007  # used below
                if number >= start:
                    break
            place = number - start
            kept = data[at + (ends[place - 1] if place else 0) : at + ends[place]]
            if not kept:
                return True
            kind = len(kept), hashes
            if kind not in known:
                known[kind] = [_with_folders(name, *kind) for name in names]
            bits = int.from_bytes(kept, "little")
            for wanted in known[kind]:  # noqa: SIM110  # `any` takes twice as long
                if bits & wanted == wanted:
                    return True
            return False

        return ask


def _with_folders(path: bytes, size: int, hashes: int) -> int:
    """The bits of a path and of the folders that it is in: all are set where it changed."""
    bits = 0
    for part in with_folders(path):
        bits |= mask(part, size, hashes)
    return bits


def load_graph(objects: Path) -> CommitGraph | None:
    """The graph of an ``objects/`` folder; None where there is none; raises `GraphDamaged`."""
    try:
        single = objects / SINGLE
        if single.exists():  # git asks for it first
            return _need_chain([Layer(single)])
        names = (objects / CHAIN).read_text("ascii", "replace").split()
        if not names or not all(len(name) == 40 and name.isalnum() for name in names):
            raise GraphDamaged(f"{objects / CHAIN} names no layers")
        return _need_chain([Layer(objects / FOLDER / f"graph-{name}.graph") for name in names], names)
    except FileNotFoundError as error:
        if (objects / CHAIN).exists():
            raise GraphDamaged(f"{error.filename} is missing") from error
        return None
    except OSError as error:
        raise GraphDamaged(f"{error.filename} cannot be read") from error


def _need_chain(layers: list[Layer], names: Iterable[str] = ()) -> CommitGraph:
    """The layers as one; raises `GraphDamaged` where one does not stand on those below it."""
    below: list[bytes] = []
    for layer in layers:
        if layer.bases != below or layer.data[7] != len(below):
            raise GraphDamaged(f"{layer.path} stands on other layers")
        below.append(layer.checksum)
    for name, checksum in zip(names, below, strict=False):
        if name != checksum.hex():
            raise GraphDamaged(f"graph-{name}.graph is another layer")
    return CommitGraph(layers)
