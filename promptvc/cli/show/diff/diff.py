"""A comparison as text: each file under a header with counts, then its changes, then the totals.

table.py   rows and cells       cells.py  values of cells      words.py  words in texts
prompt.py  messages, settings   text.py   lines                folds.py  rows with equal changes
stat.py    one line per file    json.py   as JSON              totals.py the sums
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from promptvc.cli.show.chars import columns, plural, visible
from promptvc.cli.show.describe import describe_file, size_words
from promptvc.cli.show.diff.table import row_counts, row_lines, table_lines
from promptvc.cli.show.diff.text import hunk_lines, whole_text_lines
from promptvc.cli.show.diff.totals import Totals
from promptvc.cli.show.diff.words import paint
from promptvc.content.formats.base import Malformed
from promptvc.content.runs.run import RECORD_SUFFIX, output_path, record_path, run_name
from promptvc.content.tablediff.diff import RowChange, TableDiff
from promptvc.content.text.diff import diff_lines
from promptvc.session.files.rowstream import file_rows, key_of_file
from promptvc.session.workspace.comparison import BinaryDiff, FileDiff, TextDiff

if TYPE_CHECKING:
    from promptvc.cli.output import Output
    from promptvc.content.prompt.diff import PromptDiff
    from promptvc.session.files.views import FileView
    from promptvc.session.workspace.comparison import Comparison
    from promptvc.versioning.diff import FileChange

RunLines = Callable[[str], Iterable[str]]

_FIRST_ROWS = 3
"""Rows to show of a new or removed table."""
_MODES = {0o100644: "plain file", 0o100755: "executable", 0o120000: "link"}


def diff_text(
    out: Output, comparison: Comparison, *, whole: bool = False, run_lines: RunLines | None = None
) -> Iterator[str]:
    """The lines of a diff; none if nothing changed. ``whole`` shows all rows and texts in full.

    ``run_lines(name)`` gives the lines of a run that both sides have, which replace its files.
    """
    totals = Totals()
    runs = _changed_runs(comparison) if run_lines and not whole else {}
    for change in comparison.changes:
        name = runs.get(change.path)
        if name is not None and run_lines is not None:
            if change.path == record_path(name):
                totals.count("run")
                yield from run_lines(name)
                yield ""
            continue
        if change.status in ("added", "removed") and comparison.kind(change) in ("table", "run"):
            yield from _whole_table(out, comparison, change, totals, whole)
        else:
            yield from _file(out, comparison.compare(change), totals, whole)
        yield ""
    if totals.kinds:
        yield totals.words()


def _changed_runs(comparison: Comparison) -> dict[str, str]:
    """The files of runs with a record on both sides, each with the run's name."""
    names = {
        run_name(change.path)
        for change in comparison.changes
        if change.status == "modified" and change.path.endswith(RECORD_SUFFIX)
    }
    paths = {name: (output_path(name), record_path(name)) for name in names if name}
    return {path: name for name, both in paths.items() for path in both}


def _file(out: Output, diff: FileDiff, totals: Totals, whole: bool) -> Iterator[str]:
    detail = diff.detail
    yield _header(out, diff, _facts(out, diff))
    yield from _mode_lines(diff)
    if isinstance(detail, TableDiff):
        totals.count(diff.kind, detail.added, detail.removed, detail.changed)
        yield from table_lines(out, detail, whole=whole)
        if detail.is_empty and not detail.reformatted and _has_other_bytes(diff):
            yield out.style(
                "  no row changed: only line ends, blank lines or what stands between rows", dim=True
            )
        return
    totals.count(diff.kind)
    if isinstance(detail, TextDiff):
        yield from _text_lines(out, diff, detail)
    elif not isinstance(detail, BinaryDiff):
        yield from _prompt_lines(out, diff, detail, whole)


def _header(out: Output, diff: FileDiff | FileChange, facts: list[tuple[str, str]]) -> str:
    """The path to the left, the facts right-aligned; each fact is (operation, text)."""
    right = "  ".join(text for _, text in facts)
    right = right.replace("  ", "   ", 1) if len(facts) > 1 else right
    shown = "  ".join(_fact(out, op, text) for op, text in facts)
    shown = shown.replace("  ", "   ", 1) if len(facts) > 1 else shown
    room = max(out.width - columns(right) - 2, 20)
    name = visible(f"{diff.old_path} → {diff.path}" if diff.old_path else diff.path)
    if columns(name) > room:
        return f"{out.style(name, bold=True)}\n{' ' * (out.width - columns(right))}{shown}"
    return out.style(name, bold=True) + " " * (out.width - columns(name) - columns(right)) + shown


def _fact(out: Output, op: str, text: str) -> str:
    return paint(out, op, text) if op in ("+", "-", "~") else out.style(text, dim=True)


def _facts(out: Output, diff: FileDiff) -> list[tuple[str, str]]:
    """The facts in a header: the file's kind, then the counts."""
    detail, kind = diff.detail, diff.kind
    lead = {"added": f"new {kind}", "removed": f"removed {kind}", "renamed": f"{kind}, renamed"}
    first = lead.get(diff.status, kind)
    if isinstance(detail, TableDiff):
        key = f", key {', '.join(map(visible, detail.key))}" if detail.key else ""
        return [("", first + key), *row_counts(detail)]
    if isinstance(detail, BinaryDiff):
        sizes = [size_words(size) for size in (detail.before, detail.after) if size is not None]
        return [("", f"{first}, {' → '.join(sizes)}")]
    if isinstance(detail, TextDiff):
        counts = (("+", "+", detail.added), ("-", "−", detail.removed))
        return [("", first), *((op, f"{sign}{count:,}") for op, sign, count in counts if count)]
    groups = f", {plural(detail.word_groups, 'word group')}" if detail.word_groups else ""
    return [("", first + groups)]


def _mode_lines(diff: FileDiff) -> Iterator[str]:
    if diff.mode_change:
        before, after = (f"{_MODES.get(mode, 'other')} ({mode:o})" for mode in diff.mode_change)
        yield f"  mode       {before} → {after}"


def _prompt_lines(out: Output, diff: FileDiff, detail: PromptDiff, whole: bool) -> Iterator[str]:
    from promptvc.cli.show.diff.prompt import prompt_lines  # 8 ms, for a diff that has prompts

    yield from prompt_lines(out, detail, whole=whole)
    if detail.layout and diff.before and diff.after:
        yield out.style("  only the layout changed: a model sees no difference", dim=True)
        yield from hunk_lines(out, diff_lines(_text(diff.before), _text(diff.after), 1))


def _text_lines(out: Output, diff: FileDiff, detail: TextDiff) -> Iterator[str]:
    if detail.note:
        why = visible(detail.note.removeprefix(f"{diff.path}: "))
        yield out.style(f"  compared as text: {why}", dim=True)
    if diff.before is None or diff.after is None:
        yield from whole_text_lines(
            out, "+" if diff.before is None else "-", _text(diff.after or diff.before)
        )
    else:
        yield from hunk_lines(out, detail.hunks)


def _whole_table(
    out: Output, comparison: Comparison, change: FileChange, totals: Totals, whole: bool
) -> Iterator[str]:
    """A new or removed table: its row count, and the first few rows."""
    file, new = comparison.view(change), change.status == "added"
    count, key = file.count_rows(), key_of_file(file, comparison.project)
    totals.count(file.kind, *((count, 0) if new else (0, count)))
    facts = f"{'new' if new else 'removed'} {file.kind}, {describe_file(file, comparison.project)}"
    yield _header(out, change, [("", facts)])
    shown = count if whole else _FIRST_ROWS
    for row in islice(whole_rows(file, key, new), shown):
        yield from row_lines(out, row, whole=whole)
    if count > shown:
        yield out.style(f"  … {count - shown:,} more", dim=True)


def whole_rows(file: FileView, key: tuple[str, ...] | None, new: bool) -> Iterator[RowChange]:
    """The rows of a new or removed table, as changes, one at a time."""
    for number, body, row in ((item.number, item.body, item.row) for item in file_rows(file)):
        why = row if isinstance(row, Malformed) else None
        values = None if isinstance(row, Malformed) else row
        named = values is not None and key is not None and all(values.get(name) is not None for name in key)
        fields = {name: values[name] for name in key or ()} if values is not None and named else None
        yield (
            RowChange(op="added", key=fields, at=(None, number), after=values, after_raw=body, malformed=why)
            if new
            else RowChange(
                op="removed", key=fields, at=(number, None), before=values, before_raw=body, malformed=why
            )
        )


def _has_other_bytes(diff: FileDiff) -> bool:
    return bool(diff.before and diff.after and diff.before.entry.id != diff.after.entry.id)


def _text(file: FileView | None) -> str:
    return file.read().decode("utf-8", "replace") if file else ""
