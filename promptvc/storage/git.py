"""What dulwich does for us: pack indexes, deltas, compare-and-swap of refs, configuration files.

dulwich takes 40 ms and more to import, so each function imports what it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING

from promptvc.errors import Advice, ConfigInvalid, ObjectDamaged
from promptvc.storage.files import disk_errors, sync_folder
from promptvc.storage.locks import git_lock
from promptvc.storage.scratch import durable_scratch, scratch_folder

if TYPE_CHECKING:
    from dulwich.config import ConfigFile


def write_pack_index(out: IO[bytes], entries: Sequence[tuple[bytes, int, int]], checksum: bytes) -> None:
    """Write a version 2 index of (20-byte id, offset, crc32) entries, sorted by id."""
    from dulwich.pack import write_pack_index_v2

    write_pack_index_v2(out, entries, checksum)


MOST_OF_DELTA = 1 << 30
"""Bytes that a delta may make; git makes none of what is larger than 512 MiB (core.bigFileThreshold)."""
_LARGE = 16 << 20


def apply_delta(base: bytes, delta: bytes) -> bytes:
    """Rebuild an object from its base and a git delta (gitformat-pack(5)); raises `ObjectDamaged`.

    What the delta claims is checked before: dulwich's compiled part trusts it, and dies of it.
    """
    from dulwich.errors import ApplyDeltaError
    from dulwich.pack import apply_delta as apply

    needed, made = delta_sizes(delta)
    if needed != len(base):
        raise ObjectDamaged("a stored delta cannot be applied", Advice("fsck"))
    if made > MOST_OF_DELTA:
        raise ObjectDamaged(f"a stored delta claims to make {made} bytes", Advice("fsck"))
    try:
        if made > _LARGE:
            bytes(3 * made)  # fails as an error of Python's where there is no memory for it
        return b"".join(apply(base, delta))
    except (ApplyDeltaError, ValueError, IndexError, OverflowError, MemoryError) as error:
        raise ObjectDamaged("a stored delta cannot be applied", Advice("fsck")) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of dulwich's compiled part, which is no `Exception`
            raise
        raise ObjectDamaged("a stored delta cannot be applied", Advice("fsck")) from error


def delta_sizes(delta: bytes) -> tuple[int, int]:
    """The size of the base that a delta is for, and of what it makes; raises `ObjectDamaged`."""
    sizes, at = [], 0
    try:
        for _ in range(2):
            size = shift = 0
            while True:
                byte = delta[at]
                size |= (byte & 0x7F) << shift
                at, shift = at + 1, shift + 7
                if not byte & 0x80:
                    break
                if shift > 63:
                    raise IndexError
            sizes.append(size)
    except IndexError as error:
        raise ObjectDamaged("a stored delta cannot be applied", Advice("fsck")) from error
    return sizes[0], sizes[1]


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
        where = tuple(part.encode() for part in section)

        def change(config: ConfigFile) -> None:
            if value is not None:
                config.set(where, key.encode(), value.encode())
            else:
                with suppress(KeyError):
                    del config[where][key.encode()]

        self._change(change)

    def add(self, name: str, value: str) -> None:
        """Add one more value to a name that may have several."""
        section, key = _split_name(name)
        where = tuple(part.encode() for part in section)
        self._change(lambda config: config.add(where, key.encode(), value.encode()))

    def replace_section(self, kind: str, sub: str, values: Mapping[str, Sequence[str]]) -> None:
        """Let ``[kind "sub"]`` of the store's own file hold these names and values; without any, remove it."""
        self.replace_sections({(kind, sub): values})

    def replace_sections(self, sections: Mapping[tuple[str, str], Mapping[str, Sequence[str]]]) -> None:
        """`replace_section` for several ``(kind, sub)``, in one step."""

        def change(config: ConfigFile) -> None:
            for (kind, sub), values in sections.items():
                where = (kind.encode(), sub.encode())
                with suppress(KeyError):
                    del config[where]
                for key, several in values.items():
                    for value in several:
                        config.add(where, key.encode(), value.encode())

        self._change(change)

    def _change(self, change: Callable[[ConfigFile], None]) -> None:
        """Change the store's own file as it now is, under git's own lock, so that a reader sees it whole."""
        from dulwich.config import ConfigFile

        path = self._files[-1]
        with disk_errors(path), git_lock(path, scratch_folder(path.parent)):
            config = ConfigFile.from_path(str(path)) if path.exists() else ConfigFile()
            change(config)
            out = BytesIO()
            config.write_to_file(out)
            with durable_scratch(scratch_folder(path.parent), out.getvalue()) as made:
                made.replace(path)
            sync_folder(path.parent)
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
