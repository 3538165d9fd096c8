"""Changed files counted: ``2 prompts, 1 table of 500 rows``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from promptvc.content.promptdiff import PromptDiff
    from promptvc.content.rowdiff import TableDiff
    from promptvc.repo import Repo
    from promptvc.session.comparison import Comparison, Detail
    from promptvc.versioning.diff import FileChange

_ORDER = ("prompt", "table", "run", "text", "binary")
_NAMES = {"text": "other file", "binary": "binary file"}


def count_words(repo: Repo, changes: Sequence[FileChange]) -> str:
    """The files that there are, by kind, and the rows in tables."""
    comparison = repo.comparison_of(changes)
    counts, rows = count_kinds(comparison, [c for c in changes if c.path != "promptvc.toml"])
    return kinds_words(counts, rows) or "nothing there yet"


def count_kinds(comparison: Comparison, changes: Sequence[FileChange]) -> tuple[Counter[str], int]:
    """How many files of each kind, and how many rows the tables have together."""
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
            text += f" of {rows:,} row{'s' * (rows != 1)}" if count == 1 else f" ({rows:,} rows)"
        parts.append(text)
    return ", ".join(parts)


def change_words(comparison: Comparison, change: FileChange) -> str:
    """How one file changed, in a few words: ``+2 −1 ~2``, ``1 word group, + limit``."""
    from promptvc.cli.describe import describe_file

    if change.status == "added":
        return f"new: {describe_file(comparison.view(change), comparison.project)}"
    if change.status == "removed":
        return "removed"
    if change.before is not None and change.after is not None and change.before.id == change.after.id:
        return f"was {change.old_path}" if change.old_path else "mode changed"
    words = detail_words(comparison.compare(change).detail)
    return f"was {change.old_path}, {words}" if change.old_path else words


def detail_words(detail: Detail) -> str:
    """The counts of one file's changes."""
    from promptvc.content.promptdiff import PromptDiff
    from promptvc.content.rowdiff import TableDiff
    from promptvc.session.comparison import TextDiff

    if isinstance(detail, TableDiff):
        return _table_words(detail)
    if isinstance(detail, PromptDiff):
        return _prompt_words(detail)
    if isinstance(detail, TextDiff):
        return f"+{detail.added} −{detail.removed} lines"
    return f"{detail.before or 0:,} → {detail.after or 0:,} bytes"


def _table_words(detail: TableDiff) -> str:
    counts = (("+", detail.added), ("−", detail.removed), ("~", detail.changed))
    words = [f"{mark}{count}" for mark, count in counts if count]
    words += [f"{detail.moved} moved"] if detail.moved else []
    words += [f"{detail.reformatted} reformatted"] if detail.reformatted else []
    return " ".join(words) or "layout only"


def _prompt_words(detail: PromptDiff) -> str:
    words = (
        [f"{detail.word_groups} word group{'s' * (detail.word_groups != 1)}"] if detail.word_groups else []
    )
    words += ["settings"] if detail.settings else []
    words += [f"+ {name}" for name in detail.variables_added] + [
        f"− {name}" for name in detail.variables_removed
    ]
    return ", ".join(words) or "layout only"
