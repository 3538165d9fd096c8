"""Counts of changed files: ``2 prompts, 1 table of 500 rows``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from promptvc.cli.show.describe import describe_file
from promptvc.content.formats.words import plural

if TYPE_CHECKING:
    from promptvc.repo import Repo
    from promptvc.session.workspace.comparison import Comparison
    from promptvc.versioning.diff import FileChange

_ORDER = ("prompt", "table", "run", "text", "binary")
_NAMES = {"text": "other file", "binary": "binary file"}


def count_words(repo: Repo, changes: Sequence[FileChange]) -> str:
    """The existing files, by kind, and the rows in tables."""
    comparison = repo.parts.comparison_of(changes)
    counts, rows = count_kinds(comparison, [c for c in changes if c.path != "promptvc.toml"])
    return kinds_words(counts, rows) or "nothing there yet"


def count_kinds(comparison: Comparison, changes: Sequence[FileChange]) -> tuple[Counter[str], int]:
    """How many files of each kind, and how many rows all tables have."""
    counts: Counter[str] = Counter()
    rows = 0
    for change in changes:
        file = comparison.view(change)
        counts[file.kind] += 1
        if file.kind == "table" and change.after is not None:
            rows += file.count_rows()
    return counts, rows


def kinds_words(counts: Counter[str], rows: int | None = None) -> str:
    """``2 prompts, 1 table of 500 rows``."""
    parts = []
    for kind in _ORDER:
        count = counts[kind]
        if not count:
            continue
        name = _NAMES.get(kind, kind)
        text = f"{count:,} {name}{'s' * (count != 1)}"
        if kind == "table" and rows is not None:
            text += f" of {plural(rows, 'row')}" if count == 1 else f" ({rows:,} rows)"
        parts.append(text)
    return ", ".join(parts)


def change_words(comparison: Comparison, change: FileChange) -> str:
    """The change of one file, in a few words: ``+2 −1 ~2``, ``1 word group, + limit``."""
    if change.status == "added":
        return f"new: {describe_file(comparison.view(change), comparison.project)}"
    if change.status == "removed":
        return "removed"
    if change.before is not None and change.after is not None and change.before.id == change.after.id:
        return f"was {change.old_path}" if change.old_path else "mode changed"
    words = comparison.compare(change).summary
    return f"was {change.old_path}, {words}" if change.old_path else words
