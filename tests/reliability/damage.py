"""Damage to one file of a store: a bit flipped, cut to half or nothing, zeros for all of it, gone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.reliability.states import STORE

HOWS = ("flip", "half", "empty", "zeros", "delete")
FLIPS = 20
"""Places at which a bit is flipped in every file, in the long form."""
_KINDS = (
    ("objects/pack/*.pack", "packs"),
    ("objects/pack/*.idx", "pack indexes"),
    ("objects/pack/*", "other files beside packs"),
    ("objects/??/*", "loose objects"),
    ("refs/promptvc/**/*", "private refs"),
    ("refs/**/*", "loose refs"),
    ("packed-refs", "packed-refs"),
    ("HEAD", "HEAD"),
    ("logs/**/*", "reflogs"),
    ("config", "config"),
    ("promptvc/operations*", "operation log"),
    ("promptvc/calls/*.jsonl", "call journal"),
    ("promptvc/calls/*", "call index"),
    ("promptvc/stat*", "stat cache"),
    ("promptvc/chunks/*", "chunk cache"),
    ("promptvc/arrow/*", "Arrow cache"),
    ("promptvc/seed", "seed"),
    ("promptvc/merging*", "open merge"),
    ("promptvc/scanned*", "scanned commits"),
    ("promptvc/trust*", "trust"),
    ("promptvc/made-here", "trust"),
)
CACHES = frozenset(("call index", "stat cache", "chunk cache", "Arrow cache", "seed", "scanned commits"))
"""Kinds whose damage nobody may notice."""


@dataclass(frozen=True, slots=True)
class Damage:
    """What is done to a file; ``place`` is the bit that is flipped, as a fraction of the file."""

    project: str
    path: str
    how: str
    place: float = 0.0

    @property
    def kind(self) -> str:
        """What kind of file it is."""
        return kind_of(self.path)

    def do(self, root: Path) -> None:
        """Damage the file below a project."""
        file = root / STORE / self.path
        file.chmod(0o644)
        data = bytearray(file.read_bytes())
        if self.how == "delete":
            file.unlink()
            return
        if self.how == "flip" and data:
            bit = int(self.place * len(data) * 8)
            data[bit // 8] ^= 1 << bit % 8
        elif self.how == "half":
            del data[len(data) // 2 :]
        elif self.how == "empty":
            data.clear()
        elif self.how == "zeros":
            data[:] = bytes(len(data))
        file.write_bytes(data)


def kind_of(path: str) -> str:
    """What a file of a store is, by its path there."""
    return next((kind for pattern, kind in _KINDS if _matches(path, pattern)), "other files")


def files_of(root: Path) -> list[str]:
    """Every file of a project's store, by its path there."""
    store = root / STORE
    return sorted(path.relative_to(store).as_posix() for path in store.rglob("*") if path.is_file())


def every_damage(project: str, paths: list[str], seed: int) -> Iterator[Damage]:
    """Every file in every way, with bits drawn."""
    draw = random.Random(f"{seed} {project}")
    for path in paths:
        for how in _ways(path):
            for _ in range(FLIPS if how == "flip" else 1):
                yield Damage(project, path, how, draw.random())


def drawn_damage(project: str, paths: list[str], seed: int, amount: int) -> Iterator[Damage]:
    """So many, spread evenly over kinds of files, and then over files and ways."""
    draw = random.Random(f"{seed} {project}")
    kinds: dict[str, list[str]] = {}
    for path in paths:
        kinds.setdefault(kind_of(path), []).append(path)
    names = sorted(kinds)
    draw.shuffle(names)
    for number in range(amount):
        path = draw.choice(kinds[names[number % len(names)]])
        how = draw.choice(("flip", *_ways(path)))
        yield Damage(project, path, how, draw.random())


def _ways(path: str) -> tuple[str, ...]:
    """How a file can be damaged: a tag, which has no reflog, and an open merge may also be deleted by their owner."""
    return HOWS[:-1] if path.startswith(("refs/tags/", "promptvc/merging")) else HOWS


def _matches(path: str, pattern: str) -> bool:
    from fnmatch import fnmatchcase

    return fnmatchcase(path, pattern.replace("**/*", "*"))
