"""A merge as text and as JSON: what was merged, file by file, and the conflicts."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Sequence
from itertools import groupby, takewhile, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptvc.cli.show.chars import columns, cut, json_cut, json_text, pad, plural
from promptvc.cli.show.diff.table import row_name
from promptvc.cli.show.diff.words import name_cut
from promptvc.cli.show.summary import change_words
from promptvc.cli.show.untracked import untracked_lines
from promptvc.content.formats.missing import MISSING
from promptvc.session.merge.openmerge import conflict_value
from promptvc.session.workspace.comparison import Comparison
from promptvc.storage.refs import HEAD
from promptvc.versioning.diff import diff_files

if TYPE_CHECKING:
    from promptvc.cli.app import App
    from promptvc.cli.output import Output
    from promptvc.content.tablemerge.merge import RowMerge, SideCounts
    from promptvc.content.values.conflict import MergeConflict
    from promptvc.repo import Repo
    from promptvc.session.merge.leaf import MergedFile
    from promptvc.session.merge.openmerge import OpenMerge
    from promptvc.session.merge.result import Merged
    from promptvc.session.merge.runs import MergedRun

SHOWN_ROWS = 3
"""Rows that both sides changed to show below their file."""
SHOWN_FILES = 12
SHOWN_CONFLICTS = 10
"""Conflicts of one file to show after a merge; `resolve` lists all."""
_SIDES = ("base", "ours", "theirs")
_PAST = {"cherry-pick": "picked", "revert": "reverted"}
_SHARED = 16
"""Least characters of a shared beginning that is left out."""


def tell_merge(app: App, repo: Repo, done: Merged, *, dry_run: bool) -> None:
    """Print what a merge, cherry-pick or revert did, or would do."""
    stay = repo.parts.left_untracked(done.before, done.files) if done.outcome != "up-to-date" else []
    if app.out.json:
        app.out.value(_to_value(done, dry_run) | {"untracked": stay})
        return
    request = done.request
    ours, theirs = request.labels
    if done.outcome == "up-to-date":
        done_already = f"{ours} is up to date with {theirs}"
        if request.step != "merge":
            done_already = f"Nothing to do: {ours} stands as if {theirs} were {_PAST[request.step]} already"
        app.out.text(done_already)
        return
    app.out.text(_headline(app.out, done, dry_run))
    for line in _file_lines(app, repo, done):
        app.out.text(line)
    for line in [*map(_run_line, done.runs), *untracked_lines(stay)]:
        app.out.text(line)
    for warning in done.warnings[:SHOWN_FILES]:
        app.out.warn(str(warning))
    if done.conflicts:
        if not dry_run:
            app.out.note(resolve_hint(app, done.conflicts))
    elif done.outcome == "merged" and not dry_run and done.commit:
        subject = request.message.strip().split("\n", 1)[0]
        app.out.text(
            f"[{app.out.style(ours, bold=True)} {app.out.style(done.commit.short, fg='yellow')}] {subject}"
        )


def _run_line(run: MergedRun) -> str:
    """``outputs/support-mini  474 rows still right, 41 stale: promptvc run``."""
    stale = f", {run.stale:,} stale: promptvc run {run.name}" if run.stale else ""
    return f"  {f'outputs/{run.name}':<24}  {plural(run.kept, 'row')} still right{stale}"


def waiting_words(merge: OpenMerge) -> str:
    """``Merging gold into main``."""
    verb = {"merge": "Merging", "cherry-pick": "Picking", "revert": "Reverting"}[merge.step]
    return f"{verb} {merge.labels[1]} {'in' if merge.step == 'revert' else 'into'} {merge.labels[0]}"


def abort_open(app: App, step: str) -> int:
    """Abort the merge in progress, and say so; returns the exit code."""
    merge = app.repo.abort_merge()
    files = list(merge.before)
    app.out.value({"aborted": merge.step, "files": files})
    app.out.text(f"Gave up the {merge.step} of {merge.labels[1]}: {plural(len(files), 'file')} as before")
    if merge.step != step:
        app.out.note(f"note: what was in progress was a {merge.step}")
    head = app.repo.parts.refs.read(HEAD)
    if head is not None and head != merge.head and not app.out.json:
        app.out.note(
            f"note: {merge.labels[0]} moved meanwhile: files without work of their own are as in {head.short}"
        )
    return 0


def conflict_lines(
    out: Output,
    conflicts: Sequence[MergeConflict],
    most: int | None = None,
    lines: Sequence[tuple[int, int] | None] = (),
) -> Iterator[str]:
    """The conflicts by file: how many, then each with its versions, and its first and last line if given."""
    numbered = zip_longest(conflicts, lines)
    for path, found in groupby(numbered, key=lambda each: each[0].path):
        some = list(found)
        yield f"  {path}   {out.style(count_words(len(some)), fg='red')}"
        for conflict, place in some[:most]:
            yield from _one_conflict(out, conflict, place)
        if most is not None and len(some) > most:
            yield f"    … {len(some) - most} more: promptvc resolve"


def resolve_hint(app: App, conflicts: Sequence[MergeConflict]) -> str:
    """How to settle the first conflict."""
    first = conflicts[0]
    words = f"promptvc resolve {typed_path(app, first.path)}"
    if first.kind != "text" and first.row is not None:
        words += f" --key {quoted(key_text(first))}"
    if first.field is not None and first.row is None:
        words += f" --field {quoted('.'.join([first.field, *first.at]))}"
    return f"hint: {words} --take theirs"


def typed_path(app: App, path: str) -> str:
    """A path of the project as typed in a shell in the user's folder."""
    import os

    root = app.repo.root
    if root is not None:
        path = os.path.relpath(Path(os.path.realpath(root), path), os.path.realpath(app.folder))
    return quoted(f"./{path}" if path.startswith("-") else path)


def quoted(text: str) -> str:
    r"""One word quoted for a shell. With control characters, as bash and zsh read them: ``$'one\x0atwo'``."""
    from shlex import quote

    if text.isprintable():
        return quote(text)
    escaped = (
        letter if letter.isprintable() and letter not in "\\'" else _shell_escape(letter) for letter in text
    )
    return f"$'{''.join(escaped)}'"


def _shell_escape(letter: str) -> str:
    surrogate = "\udc80" <= letter <= "\udcff"  # a byte that is not text
    return "".join(
        f"\\x{byte:02x}" for byte in letter.encode("utf-8", "surrogateescape" if surrogate else "replace")
    )


def count_words(count: int) -> str:
    """``1 conflict``."""
    return plural(count, "conflict")


def _headline(out: Output, done: Merged, dry_run: bool) -> str:
    request = done.request
    ours, theirs = request.labels
    if done.outcome == "fast-forward":
        before = done.before.short if done.before else "nothing"
        after = out.style(done.other.short, fg="yellow")
        return f"{'Would forward ' if dry_run else ''}{ours}: {before} → {after} (fast-forward)"
    verb = {"merge": ("Merging", "Would merge"), "cherry-pick": ("Picking", "Would pick")}.get(
        request.step, ("Reverting", "Would revert")
    )[dry_run]
    return f"{verb} {theirs} {'in' if request.step == 'revert' else 'into'} {ours}"


def _file_lines(app: App, repo: Repo, done: Merged) -> Iterator[str]:
    """Each file that differs from ours, and what happened to it."""
    merged = {file.path: file for file in done.merged}
    whole = [conflict for conflict in done.conflicts if conflict.path not in merged]
    paths = sorted({*merged, *done.taken, *(conflict.path for conflict in whole)})
    width = min(44, max((len(path) for path in paths), default=0) + 2)
    words = _taken_words(repo, done, [path for path in paths if path not in merged])
    for path in paths[: SHOWN_FILES + len(done.conflicts)]:
        file = merged.get(path)  # type: ignore[call-overload]
        conflicts = [conflict for conflict in done.conflicts if conflict.path == path]
        if file is None and not conflicts:
            yield f"  {path:<{width}}  {words.get(path, '')}".rstrip()
            continue
        if conflicts:
            yield f"  {path:<{width}}  {app.out.style(count_words(len(conflicts)), fg='red')}"
        else:
            assert file is not None
            yield f"  {path:<{width}}  {_merged_words(file)}"
        rows = {(conflict.path, conflict.row) for conflict in conflicts}
        yield from (" " * (width + 4) + line for line in _row_words(file, rows, app.out.width - width - 4))
        for conflict in conflicts[:SHOWN_CONFLICTS]:
            yield from _one_conflict(app.out, conflict)
        if len(conflicts) > SHOWN_CONFLICTS:
            yield f"    … {len(conflicts) - SHOWN_CONFLICTS} more: promptvc resolve {typed_path(app, path)}"
    if len(paths) > SHOWN_FILES + len(done.conflicts):
        yield f"  … {len(paths) - SHOWN_FILES - len(done.conflicts)} more files"


def _taken_words(repo: Repo, done: Merged, paths: Sequence[str]) -> dict[str, str]:
    """How the files changed that come unchanged from the other side."""
    before = repo.parts.snapshot_of(done.before) if done.before else None
    old = before.files if before else {}
    changes = [c for c in diff_files(old, done.files) if c.path in paths or c.old_path in paths]
    project = before.project if before else repo.parts.workspace.worktree.project()
    stored = [c for c in changes if c.after is None or repo.parts.store.contains(c.after.id)][:SHOWN_FILES]
    comparison = Comparison(stored, repo.parts.stored, repo.parts.stored, project)
    return {str(change.path): change_words(comparison, change) for change in stored} | {
        str(change.old_path): f"now {change.path}" for change in stored if change.old_path
    }


def _merged_words(file: MergedFile) -> str:
    if file.rows is None:
        return f"both changed: merged{_places(file.lines)}"
    ours, theirs = file.rows.counts
    return f"theirs {_counts(theirs)}, ours {_counts(ours)}: merged"


def _counts(counts: SideCounts) -> str:
    words = [
        f"{mark}{n}" for mark, n in (("+", counts.added), ("−", counts.removed), ("~", counts.changed)) if n
    ]
    return " ".join(words) or "layout"


def _places(lines: Sequence[int]) -> str:
    """``(lines 4 and 11)``."""
    if not lines:
        return ""
    shown = [str(line) for line in lines[:5]] + (["…"] if len(lines) > 5 else [])
    text = shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
    return f" (line{'s' * (len(shown) > 1)} {text})"


def _row_words(
    file: MergedFile | None, conflicts: Container[tuple[str, int | None]], room: int
) -> Iterator[str]:
    """Rows that both sides changed and that were merged: ``t-0042: expected by ours, tags by theirs``."""
    if file is None or file.rows is None:
        return
    some = [row for row in file.rows.merged if (file.path, row.row) not in conflicts]
    for row in some[:SHOWN_ROWS]:
        ours, theirs = _names(row.ours), _names(row.theirs)
        yield cut(f"{row_name(row.key, row.row)}: {ours} by ours, {theirs} by theirs", room)
    if len(some) > SHOWN_ROWS:
        yield f"… {len(some) - SHOWN_ROWS} more rows by both"


def _names(fields: Sequence[str]) -> str:
    return ", ".join(fields[:3]) + (", …" if len(fields) > 3 else "")


def _one_conflict(
    out: Output, conflict: MergeConflict, lines: tuple[int, int] | None = None
) -> Iterator[str]:
    """One conflict: on one line if it fits, else a line per version."""
    name = "    " + "  ".join(_place(conflict))
    if lines is not None:
        name = f"    lines {lines[0]}-{lines[1]}"
    values = [(side, _value(conflict, side)) for side in _SIDES]
    line = "  ".join(
        [
            pad(name, 24),
            *(f"{side} {json_text(value) if value is not MISSING else '–'}" for side, value in values),
        ]
    )
    if columns(line) <= out.width and not any(
        isinstance(value, str) and "\n" in value for _, value in values
    ):
        yield line
        return
    yield name
    room = max(out.width - 14, 20)
    for side, value in _differing(values):
        yield f"      {side:<7} {'–' if value is MISSING else json_cut(value, room)}"


def _differing(values: Sequence[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The values; for long texts with the same beginning, only what follows the shared words."""
    texts = [value for _, value in values if isinstance(value, str)]
    shared = sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*texts, strict=False)))
    start = texts[0].rfind(" ", 0, shared) + 1 if texts else 0
    if start < _SHARED or len(texts) < len(values):
        return list(values)
    return [(side, f"…{text[start:]}") for side, text in zip(_SIDES, texts, strict=True)]


def _place(conflict: MergeConflict) -> list[str]:
    """Which row and field: ``["t-0042", "expected"]``."""
    parts = []
    if conflict.row is not None:
        parts.append(row_name(conflict.key, conflict.row))
    if conflict.field is not None:
        parts.append(name_cut(".".join([conflict.field, *conflict.at]), 28))
    if conflict.kind == "edit-delete":
        parts.append("removed on one side")
    elif not parts:
        names = {"text": "lines", "both-added": "a file of both sides"}
        is_blocked = conflict.kind == "both-added" and conflict.ours is None
        parts.append(
            "ours has a file or folder in its way"
            if is_blocked
            else names.get(conflict.kind, "the whole file")
        )
    return parts


def _value(conflict: MergeConflict, side: str) -> Any:
    value = getattr(conflict, side)
    is_file = isinstance(value, dict) and conflict.row is None and conflict.field is None
    if is_file and len({each["path"] for each in _versions(conflict)}) > 1:
        return value["path"]
    return value["id"][:7] if is_file else MISSING if value is None and conflict.row is None else value


def _versions(conflict: MergeConflict) -> list[dict[str, Any]]:
    """The existing versions of a file that conflicts as a whole."""
    return [value for side in _SIDES if isinstance(value := getattr(conflict, side), dict)]


def _to_value(done: Merged, dry_run: bool) -> dict[str, Any]:
    merged = [{"path": f.path, "kind": f.kind, "by": "both"} | _rows_value(f.rows) for f in done.merged]
    taken = [
        {"path": path, "by": "theirs"} for path in done.taken if path not in {f.path for f in done.merged}
    ]
    return {
        "outcome": done.outcome,
        "dry_run": dry_run,
        "before": done.before,
        "commit": done.commit,
        "other": done.other,
        "files": sorted([*merged, *taken], key=lambda file: str(file["path"])),
        "conflicts": [conflict_value(conflict) for conflict in done.conflicts],
        "warnings": [{"path": w.path, "key": dict(w.key), "rows": list(w.rows)} for w in done.warnings],
        "runs": [
            {
                "run": run.name,
                "rows_kept": run.kept,
                "ours": run.ours,
                "theirs": run.theirs,
                "stale": run.stale,
            }
            for run in done.runs
        ],
    }


def _rows_value(rows: RowMerge | None) -> dict[str, Any]:
    if rows is None:
        return {}
    names = ("added", "removed", "changed")
    sides = zip(("ours", "theirs"), rows.counts, strict=True)
    counts = {side: {name: getattr(found, name) for name in names} for side, found in sides}
    merged = [
        {"key": m.key, "row": m.row, "ours": list(m.ours), "theirs": list(m.theirs)} for m in rows.merged
    ]
    return {"rows": counts, "merged": merged}


def key_text(conflict: MergeConflict) -> str:
    """The --key argument for the row of a conflict; for a row without a key its number, from 1."""
    if not conflict.key:
        return str((conflict.row or 0) + 1)
    values = list(conflict.key.values())
    if len(values) == 1:
        return values[0] if isinstance(values[0], str) else json.dumps(values[0])
    return json.dumps(values, ensure_ascii=False)
