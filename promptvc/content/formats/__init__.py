"""Row formats: which files hold rows, and the class that reads and writes each kind.

base.py        RowFormat, Segment, Malformed: the port
jsonl.py       JSON Lines        json_array.py   a JSON array of objects
csv.py         CSV and TSV       csvcells.py     the cells of one record
jsonrow.py     JSON bytes -> row jsonstyle.py    row -> JSON bytes in a file's style
layout.py      rows added to a file and taken out of it
equal.py       when two values are the same
"""

from __future__ import annotations

import re

from promptvc.content.formats.base import HEAD_SIZE as HEAD_SIZE
from promptvc.content.formats.base import RowFormat

ROW_SUFFIXES = (".jsonl", ".ndjson", ".csv", ".tsv", ".json")

_ARRAY_OF_OBJECTS = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*+\[[ \t\r\n]*+(?:[{\]]|\Z)")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def row_format(path: str, head: bytes) -> RowFormat | None:
    """The format of a file's rows, bound to its style; None where the file holds no rows.

    ``head`` is exactly the first ``min(size, HEAD_SIZE)`` bytes of the file: the style comes from it alone, so
    the same bytes always give the same format. The suffix decides, in any case; ``.json`` must open an array
    whose first element is an object. UTF-16 is no row format: its line ends are not bytes.
    """
    suffix = path[path.rfind(".") :].lower()
    if head.startswith(_UTF16_MARKS):
        return None
    # Each is imported where it is needed: most commands meet one kind of file, and start-up is counted in ms.
    if suffix in (".jsonl", ".ndjson"):
        from promptvc.content.formats.jsonl import JsonLines

        return JsonLines(head)
    if suffix in (".csv", ".tsv"):
        from promptvc.content.formats.csv import Csv

        return Csv(head, tabs=suffix == ".tsv")
    if suffix == ".json" and _ARRAY_OF_OBJECTS.match(head):
        from promptvc.content.formats.json_array import JsonArray

        return JsonArray(head)
    return None


def empty_table(path: str, columns: list[str]) -> bytes:
    """The bytes of a new table without rows: nothing, ``[]`` or a header of ``columns``, by the suffix of path."""
    suffix = path[path.rfind(".") :].lower()
    if suffix == ".json":
        return b"[]\n"
    if suffix not in (".csv", ".tsv"):
        return b""
    from promptvc.content.formats.csvcells import write_record

    return write_record(columns, b"\t" if suffix == ".tsv" else b",") + b"\n"
