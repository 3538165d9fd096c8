"""A short description of a file: ``500 rows, key id``; ``variables: ticket, tone``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptvc.content.formats.words import plural
from promptvc.errors import NotAPrompt
from promptvc.session.workspace.snapshot import table_of

if TYPE_CHECKING:
    from promptvc.session.files.project import Project
    from promptvc.session.files.views import FileView
    from promptvc.session.workspace.comparison import Comparison
    from promptvc.versioning.diff import FileChange

KEY_LIMIT = 16 << 20
"""Tables up to this many bytes are read to find their key for a line of `status`."""


def describe(comparison: Comparison, change: FileChange) -> str:
    """A changed file in a few words; empty for a modified one, for which `diff` shows more."""
    if change.old_path:
        return f"was {change.old_path}"
    return describe_file(comparison.view(change), comparison.project) if change.status == "added" else ""


def describe_file(file: FileView, project: Project) -> str:
    """A file in a few words."""
    if file.entry.is_link:
        return f"link to {file.read().decode('utf-8', 'replace')}"
    if file.kind == "table":
        return _table(file, project)
    return _prompt(file) if file.kind == "prompt" else size_words(file.size())


def _table(file: FileView, project: Project) -> str:
    rows = file.count_rows()
    text = plural(rows, "row")
    key = project.table(file.path).key
    if key is None and file.size() <= KEY_LIMIT:
        key = table_of(file, project).key
    return f"{text}, key {', '.join(key)}" if key else text


def _prompt(file: FileView) -> str:
    from promptvc.content.prompt.prompt import read_prompt

    try:
        prompt = read_prompt(file.path, file.read())
    except NotAPrompt as error:
        return f"not read: {error.message}"
    return f"variables: {', '.join(prompt.variables)}" if prompt.variables else "no variables"


def size_words(size: int) -> str:
    """``1234567 -> "1.2 MB"``."""
    value = float(size)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{size} B"
