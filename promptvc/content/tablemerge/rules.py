"""The rules of a table's merge, as promptvc.toml declares them."""

from __future__ import annotations

from msgspec import Struct


class MergeRules(Struct, frozen=True):
    """How the rows of a table are matched and merged.

    - ``key``: the fields that identify a row; None to find them;
    - ``unique``: whether a commit in which two rows share a key is refused.

    A rule for columns is another field here, read in session/files/project.py and applied in row.py, where
    `Versions` brings it.
    """

    key: tuple[str, ...] | None = None
    unique: bool = False
