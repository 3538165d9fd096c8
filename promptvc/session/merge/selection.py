"""Which of the conflicts are meant: by file, row, field and line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from promptvc.content.values.conflict import MergeConflict
from promptvc.errors import Advice, ConflictMissing
from promptvc.session.merge.openmerge import OpenMerge
from promptvc.session.merge.textresolve import Open, place_name
from promptvc.versioning.tree import is_below


class Selection(Struct, frozen=True):
    """The conflicts in these files, or below these folders (all), that are also in this row, field and line.

    ``key`` is the row's key as text, or its number from 1 where it has none; ``field`` a field or a place in it,
    ``metadata.score``; ``line`` a line, from 1, of the lines between markers.
    """

    paths: tuple[str, ...] = ()
    key: str | Mapping[str, Any] | None = None
    field: str | None = None
    line: int | None = None

    @classmethod
    def of(
        cls,
        paths: str | Sequence[str] = (),
        *,
        key: Any = None,
        field: str | None = None,
        line: int | None = None,
    ) -> Selection:
        """Of one path or several; the key as text, as a value, or as a conflict has it: ``{"id": "t-42"}``."""
        given = (paths,) if isinstance(paths, str) else tuple(paths)
        as_is = key is None or isinstance(key, str | Mapping)
        return cls(given, key if as_is else json.dumps(key), field, line)

    def meant(self, found: Sequence[Open]) -> list[Open]:
        """Those of the conflicts that are meant."""
        return [each for each in found if self._has_path(each[0]) and self._has_place(each)]

    def missing(self, merge: OpenMerge) -> ConflictMissing:
        """The error that says that there is none such."""
        if not merge.conflicts:
            return ConflictMissing("no conflict is left", Advice("conclude", step=merge.step))
        named = [path for path in self.paths if path]
        words = [f"in {', '.join(named)}"] if named else []
        given = (("key", self.key), ("field", self.field), ("line", self.line))
        words += [f"{name} {value}" for name, value in given if value is not None]
        return ConflictMissing(f"no conflict {', '.join(words)}", Advice("list-conflicts"))

    def _has_path(self, conflict: MergeConflict) -> bool:
        return not self.paths or is_below(conflict.path, *self.paths)

    def _has_place(self, found: Open) -> bool:
        conflict, block = found
        if self.line is not None and (block is None or not block.first <= self.line <= block.last):
            return False
        if self.field is not None and self.field not in (conflict.field, place_name(conflict)):
            return False
        return self.key is None or _has_key(conflict, self.key)


def _has_key(conflict: MergeConflict, key: str | Mapping[str, Any]) -> bool:
    if conflict.row is None:  # text, a setting, a whole file: no row is meant
        return False
    if isinstance(key, Mapping):
        return conflict.key == dict(key)
    values = [conflict.row + 1] if conflict.key is None else list(conflict.key.values())
    return _key_texts(key, len(values)) == [v if isinstance(v, str) else json.dumps(v) for v in values]


def _key_texts(text: str, count: int) -> list[str]:
    """The value meant for each field of a key: of several, as a JSON array or with commas between them."""
    if count == 1:
        return [text]
    try:
        values = json.loads(text)
    except ValueError:
        return text.split(",", count - 1)
    values = values if isinstance(values, list) else [values]
    return [value if isinstance(value, str) else json.dumps(value) for value in values]
