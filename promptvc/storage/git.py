"""What dulwich does for us: pack indexes, deltas, compare-and-swap of refs, configuration files.

dulwich takes 40 ms and more to import, so each function imports what it needs.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from promptvc.errors import ConfigInvalid, InvalidName, StoreBusy

if TYPE_CHECKING:
    from dulwich.config import ConfigFile

ZERO = "0" * 40
LOCK_PATIENCE = 10.0
"""Seconds that a busy lock is waited for."""
LOCK_STALE = 120.0
"""Age in seconds from which a lock file is taken for left over: git and we hold ref locks for milliseconds."""


def write_pack_index(out: IO[bytes], entries: Sequence[tuple[bytes, int, int]], checksum: bytes) -> None:
    """Write a version 2 index of (20-byte id, offset, crc32) entries, sorted by id."""
    from dulwich.pack import write_pack_index_v2

    write_pack_index_v2(out, entries, checksum)


def apply_delta(base: bytes, delta: bytes) -> bytes:
    """Rebuild an object from its base and a git delta (gitformat-pack(5))."""
    from dulwich.pack import apply_delta as apply

    return b"".join(apply(base, delta))


def swap_ref(folder: Path, name: str, expected: str | None, new: str | None) -> bool:
    """Compare-and-swap one ref file; None stands for "absent". False when it holds another value.

    Raises `StoreBusy` when the lock stays held, `InvalidName` when another ref is in the way (``a`` and ``a/b``).
    """
    from dulwich.file import FileLocked
    from dulwich.refs import DiskRefsContainer

    refs = DiskRefsContainer(folder)
    ref, old = name.encode(), (expected or ZERO).encode()
    deadline = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            if new is None:
                return bool(refs.remove_if_equals(ref, old))  # type: ignore[arg-type]
            return bool(refs.set_if_equals(ref, old, new.encode()))  # type: ignore[arg-type]
        except FileLocked as locked:
            _wait_for_lock(Path(os.fsdecode(locked.lockfilename)), deadline)
        except (NotADirectoryError, IsADirectoryError) as error:
            raise InvalidName(
                f"{name}: another ref is in the way", "a name cannot also be the folder of another"
            ) from error


def _wait_for_lock(lock: Path, deadline: float) -> None:
    with suppress(OSError):
        if time.time() - lock.stat().st_mtime > LOCK_STALE:
            lock.unlink()
            return
    if time.monotonic() > deadline:
        raise StoreBusy(f"{lock} is held by another process", "if none is running, delete this file")
    time.sleep(random.uniform(0.002, 0.02))


class GitConfig:
    """Git's configuration files, the later ones winning; writes go to the last, which is the store's own."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = tuple(files)
        self._parsed: list[dict[tuple[str, ...], dict[str, list[str]]]] | None = None

    def get(self, name: str) -> str | None:
        """The value of ``section.name`` or ``section.sub.name``, the last one set."""
        values = self.get_all(name)
        return values[-1] if values else None

    def get_all(self, name: str) -> list[str]:
        """Every value of a name, weakest first."""
        section, key = _split_name(name)
        return [value for parsed in self._load() for value in parsed.get(section, {}).get(key, [])]

    def sections(self, kind: str) -> list[str]:
        """The sub-section names of a kind: ``sections("remote") -> ["origin"]``."""
        found = {
            section[1]: None
            for parsed in self._load()
            for section in parsed
            if len(section) == 2 and section[0] == kind
        }
        return list(found)

    def items(self) -> list[tuple[str, str]]:
        """Every (name, value), weakest first."""
        return [
            (".".join((*section, key)), value)
            for parsed in self._load()
            for section, names in parsed.items()
            for key, values in names.items()
            for value in values
        ]

    def own_items(self) -> list[tuple[str, str]]:
        """Every (name, value) of the store's own file."""
        return GitConfig(self._files[-1:]).items()

    def set(self, name: str, value: str | None) -> None:
        """Set one value in the store's own file, or remove the name (None)."""
        section, key = _split_name(name)
        config = self._own()
        where = tuple(part.encode() for part in section)
        if value is None:
            with suppress(KeyError):
                del config[where][key.encode()]
        else:
            config.set(where, key.encode(), value.encode())
        self._write(config)

    def add(self, name: str, value: str) -> None:
        """Add one more value to a name that may have several."""
        section, key = _split_name(name)
        config = self._own()
        config.add(tuple(part.encode() for part in section), key.encode(), value.encode())
        self._write(config)

    def remove_section(self, kind: str, sub: str) -> None:
        """Remove ``[kind "sub"]`` whole from the store's own file."""
        config = self._own()
        with suppress(KeyError):
            del config[(kind.encode(), sub.encode())]
        self._write(config)

    def _own(self) -> ConfigFile:
        from dulwich.config import ConfigFile

        path = self._files[-1]
        return ConfigFile.from_path(str(path)) if path.exists() else ConfigFile()

    def _write(self, config: ConfigFile) -> None:
        config.write_to_path(str(self._files[-1]))
        self._parsed = None

    def _load(self) -> list[dict[tuple[str, ...], dict[str, list[str]]]]:
        if self._parsed is None:
            self._parsed = [_parse_config(path) for path in self._files if path.is_file()]
        return self._parsed


def _parse_config(path: Path) -> dict[tuple[str, ...], dict[str, list[str]]]:
    from dulwich.config import ConfigFile

    try:
        config = ConfigFile.from_path(str(path))
    except (ValueError, OSError, RecursionError) as error:
        raise ConfigInvalid(f"{path}: {error}", "git config --list shows where git stops too") from error
    parsed: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for section in config.sections():
        names = parsed.setdefault(tuple(part.decode("utf-8", "replace") for part in section), {})
        for key, value in config.items(section):
            names.setdefault(key.decode("utf-8", "replace").lower(), []).append(
                value.decode("utf-8", "replace")
            )
    return parsed


def _split_name(name: str) -> tuple[tuple[str, ...], str]:
    """``remote.origin.url -> (("remote", "origin"), "url")``."""
    section, _, rest = name.partition(".")
    sub, _, key = rest.rpartition(".")
    if not section or not key:
        raise ConfigInvalid(
            f"{name!r} is not a configuration name", "names look like user.email or remote.origin.url"
        )
    return ((section.lower(), sub) if sub else (section.lower(),)), key.lower()
