"""Sections of the store's own configuration as values, and their changes written down so that they can be undone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from promptvc.storage.git import GitConfig
from promptvc.versioning.oplog.oplog import OperationLog

Settings = Mapping[str, tuple[str, ...]]
"""Name -> its values, most having one: ``{"remote": ("origin",), "merge": ("refs/heads/main",)}``."""


def read_section(config: GitConfig, kind: str, sub: str) -> dict[str, tuple[str, ...]]:
    """What ``[kind "sub"]`` holds; empty where it is not there."""
    prefix = f"{kind}.{sub}."
    found: dict[str, tuple[str, ...]] = {}
    for name, value in config.own_items():
        if name.startswith(prefix) and "." not in name[len(prefix) :]:
            key = name[len(prefix) :]
            found[key] = (*found.get(key, ()), value)
    return found


def set_section(config: GitConfig, log: OperationLog, kind: str, sub: str, after: Settings) -> None:
    """Let ``[kind "sub"]`` hold these settings; without any, it is removed."""
    before = read_section(config, kind, sub)
    if before == after:
        return
    names = {*before, *after}
    changes = {f"{kind}.{sub}.{key}": (before.get(key, ()), after.get(key, ())) for key in sorted(names)}
    log.config(changes, f"settings of {kind} {sub}")
    write_section(config, kind, sub, after)


def remove_sections(config: GitConfig, log: OperationLog, sections: Sequence[tuple[str, str]]) -> None:
    """Remove several sections in one step."""
    changes = {
        f"{kind}.{sub}.{key}": (values, ())
        for kind, sub in sections
        for key, values in sorted(read_section(config, kind, sub).items())
    }
    log.config(changes, "settings of " + ", ".join(sub for _, sub in sections))
    config.replace_sections({section: {} for section in sections})


def write_section(config: GitConfig, kind: str, sub: str, after: Settings) -> None:
    """`set_section` without writing down what was there."""
    config.replace_section(kind, sub, after)
