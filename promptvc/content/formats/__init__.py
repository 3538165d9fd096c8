"""Row formats: which files hold rows, and the class that reads and writes each kind.

base.py         RowFormat, Segment, Malformed: the port
jsonl.py        JSON Lines         json_array.py   a JSON array of objects
jsonobjects.py  rows as objects    csv.py          CSV and TSV
jsonrow.py      JSON bytes -> row  jsonstyle.py    row -> JSON bytes in a file's style
csvcells.py     the cells of one record            csvheader.py   delimiter and names
csvstyle.py     row -> record in a file's style
joining.py      rows joined to a file, with what stands between them
equal.py        when two values are the same

Another format is a file of its own and a line of `ROW_KINDS`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib import import_module

from msgspec import Struct

from promptvc.content.formats.base import HEAD_SIZE as HEAD_SIZE
from promptvc.content.formats.base import RowFormat, RowFormatType
from promptvc.patterns import compiled

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class RowKind(Struct, frozen=True):
    """A kind of row file: its name, its suffixes, and the module and class that read it (a `RowFormatType`).

    Where the suffix alone does not tell, ``opening`` matches how such files begin, and ``noun`` is what they hold.
    """

    name: str
    suffixes: tuple[str, ...]
    home: str
    opening: re.Pattern[bytes] | None = None
    noun: str = ""

    def is_opened_by(self, head: bytes) -> bool:
        """Whether a file that begins so is of this kind. UTF-16 is no row format: its line ends are not bytes."""
        return not head.startswith(_UTF16_MARKS) and (self.opening is None or bool(self.opening.match(head)))


_ARRAY_OF_OBJECTS = compiled(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*+\[[ \t\r\n]*+(?:[{\]]|\Z)")

ROW_KINDS: tuple[RowKind, ...] = (
    RowKind("jsonl", (".jsonl", ".ndjson"), "promptvc.content.formats.jsonl.JsonLines"),
    RowKind("csv", (".csv", ".tsv"), "promptvc.content.formats.csv.Csv"),
    RowKind(
        "json",
        (".json",),
        "promptvc.content.formats.json_array.JsonArray",
        opening=_ARRAY_OF_OBJECTS,
        noun="arrays of objects",
    ),
)


def row_format(path: str, head: bytes) -> RowFormat | None:
    """The format of a file's rows, bound to its style; None where the file holds no rows.

    ``head`` is exactly the first ``min(size, HEAD_SIZE)`` bytes of the file: the style comes from it alone, so
    the same bytes always give the same format. The suffix decides, in any case; ``.json`` must open an array
    whose first element is an object.
    """
    kind = row_kind(path)
    return _type_at(kind.home)(head, _suffix(path)) if kind and kind.is_opened_by(head) else None


def row_kind(path: str) -> RowKind | None:
    """The kind of row file that the suffix of a path names."""
    suffix = _suffix(path)
    return next((kind for kind in ROW_KINDS if suffix in kind.suffixes), None)


def is_row_path(path: str) -> bool:
    """Whether the suffix of a path alone says that the file holds rows."""
    kind = row_kind(path)
    return kind is not None and kind.opening is None


def blank_table(path: str, columns: Sequence[str] = ()) -> bytes:
    """A table without rows, with a header of ``columns`` where the format has one; nothing for what is no table."""
    kind = row_kind(path)
    return _type_at(kind.home).blank(_suffix(path), columns) if kind else b""


def row_suffixes() -> list[str]:
    """The suffixes of row files."""
    return [suffix for kind in ROW_KINDS for suffix in kind.suffixes]


def suffix_words() -> str:
    """``.jsonl, .ndjson, .csv, .tsv or .json``."""
    *others, last = row_suffixes()
    return f"{', '.join(others)} or {last}"


def table_words() -> str:
    """``.jsonl, .ndjson, .csv, .tsv, and .json arrays of objects``."""
    *others, last = (f"{', '.join(kind.suffixes)} {kind.noun}".rstrip() for kind in ROW_KINDS)
    return f"{', '.join(others)}, and {last}"


def _suffix(path: str) -> str:
    return path[path.rfind(".") :].lower()


@cache
def _type_at(home: str) -> RowFormatType:
    # Imported when it is met: most commands see one kind of file, and start-up is counted in ms.
    module, _, name = home.rpartition(".")
    found: RowFormatType = getattr(import_module(module), name)
    return found
