"""Detects which tool wrote a file, by its name and its beginning, and reads it."""

from __future__ import annotations

from pathlib import Path

from promptvc.content.formats import HEAD_SIZE, ROW_KINDS, row_kind
from promptvc.errors import Advice, FileUnreadable, PathMissing, Usage
from promptvc.runs.record.importers.base import Foreign, parse_json
from promptvc.runs.record.importers.inspect_log import is_inspect, read_inspect_archive, read_inspect_json
from promptvc.runs.record.importers.promptfoo import is_promptfoo, read_promptfoo
from promptvc.runs.record.importers.rows import read_row_file

ROWS = tuple(kind.name for kind in ROW_KINDS)
FORMATS = (*ROWS, "promptfoo", "inspect")


def open_foreign(
    file: Path, format: str | None = None, provider: str | None = None, prompt_label: str | None = None
) -> Foreign:
    """Read a file of outputs; ``format`` is one of `FORMATS`, None to detect it.

    ``provider`` and ``prompt_label`` select among the outputs of a promptfoo file. Raises `PathMissing`,
    `FileUnreadable`, and `Usage` if the file does not have the format.
    """
    try:
        return _open(file, format or _format_of(file), provider, prompt_label)
    except FileNotFoundError:
        raise PathMissing(f"{file}: no such file", Advice("name-file")) from None
    except IsADirectoryError:
        raise PathMissing(f"{file} is a folder", Advice("name-one-file")) from None
    except OSError as error:
        raise FileUnreadable(f"{file}: {error.strerror or error}", "make it readable") from error


def _open(file: Path, format: str | None, provider: str | None, prompt_label: str | None) -> Foreign:
    if format in ROWS:
        return read_row_file(file, format)
    if format == "inspect" and _is_archive(file):
        return read_inspect_archive(file)
    value = parse_json(file.read_bytes(), file.name)
    if format == "inspect" or (format is None and is_inspect(value)):
        return read_inspect_json(value, file.name)
    if format == "promptfoo" or is_promptfoo(value):
        return read_promptfoo(value, file.name, provider, prompt_label)
    raise Usage(f"{file.name} is of no format that is known", Advice("name-format", known=", ".join(FORMATS)))


def _format_of(file: Path) -> str | None:
    """The format by the file's name, and for a JSON array by its beginning; None for other JSON files."""
    with file.open("rb") as source:
        head = source.read(HEAD_SIZE)
    kind = row_kind(file.name)
    if kind is not None:
        return kind.name if kind.opening is None or kind.is_opened_by(head) else None
    if file.suffix.lower() != ".eval":
        raise Usage(
            f"{file.name} does not tell by its name what it is",
            Advice("name-format", known=", ".join(FORMATS)),
        )
    return "inspect"


def _is_archive(file: Path) -> bool:
    with file.open("rb") as source:
        return file.suffix.lower() == ".eval" or source.read(4) == b"PK\x03\x04"
