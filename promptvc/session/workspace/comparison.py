"""Two sets of files compared: tables by row and cell, prompts by word, text by line, binary files by size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from promptvc.content.formats.words import plural
from promptvc.content.kinds import FileKind
from promptvc.content.tablediff.diff import TableDiff, diff_rows
from promptvc.content.text.diff import Hunk, diff_lines
from promptvc.errors import NotAPrompt
from promptvc.ids import RepoPath
from promptvc.session.files.project import Project
from promptvc.session.files.views import FileView
from promptvc.session.workspace.html import comparison_html
from promptvc.session.workspace.similarity import file_similarity
from promptvc.session.workspace.wording import prompt_words, table_words
from promptvc.versioning.diff import FileChange, FileStatus, diff_files
from promptvc.versioning.ropes.chunkrun import ChunkRun
from promptvc.versioning.tree import FileEntry, Files

if TYPE_CHECKING:
    from promptvc.content.prompt.diff import PromptDiff

View = Callable[[RepoPath, FileEntry], FileView]


class TextDiff(Struct, frozen=True):
    """A text file's changed lines. ``note`` says why a prompt was compared as text."""

    hunks: tuple[Hunk, ...]
    added: int
    removed: int
    note: str | None = None


class BinaryDiff(Struct, frozen=True):
    """A binary file's sizes in bytes; None where it is absent."""

    before: int | None
    after: int | None


Detail: TypeAlias = "TableDiff | PromptDiff | TextDiff | BinaryDiff"


class FileDiff(Struct, frozen=True, kw_only=True):
    """One file that differs, and how. ``old_path`` is set where it was renamed.

    ``before`` and ``after`` are the file's versions, None where it is absent.
    """

    path: RepoPath
    kind: FileKind
    status: FileStatus
    detail: Detail
    before: FileView | None
    after: FileView | None
    old_path: RepoPath | None = None

    @property
    def summary(self) -> str:
        """Its changes in a few words: ``+2 −1 ~2``, ``1 word group, + limit``."""
        if isinstance(self.detail, TableDiff):
            return table_words(self.detail)
        if isinstance(self.detail, TextDiff):
            return f"+{self.detail.added} −{self.detail.removed} lines"
        if isinstance(self.detail, BinaryDiff):
            return f"{self.detail.before or 0:,} → {self.detail.after or 0:,} bytes"
        return prompt_words(self.detail)

    def __repr__(self) -> str:
        return f"FileDiff {self.path} {self.status}: {self.summary}"

    def _repr_html_(self) -> str:
        return comparison_html("", [self], 1)

    @property
    def mode_change(self) -> tuple[int, int] | None:
        """The modes before and after, where they differ."""
        if self.before and self.after and self.before.entry.mode != self.after.entry.mode:
            return self.before.entry.mode, self.after.entry.mode
        return None


class Comparison:
    """The changed files between two versions, each compared when it is asked for.

    ``before_view`` and ``after_view`` open a file of either side, ``project`` has the table settings.
    """

    def __init__(
        self, changes: Sequence[FileChange], before_view: View, after_view: View, project: Project
    ) -> None:
        self.changes = tuple(changes)
        self._before_view, self._after_view, self.project = before_view, after_view, project

    @classmethod
    def between(
        cls, before: Files, after: Files, before_view: View, after_view: View, project: Project
    ) -> Comparison:
        """Compare two sets of files, renames found by similarity too."""

        def alike(old: RepoPath, new: RepoPath) -> float:
            return file_similarity(before_view(old, before[old]), after_view(new, after[new]))

        return cls(diff_files(before, after, alike), before_view, after_view, project)

    def __iter__(self) -> Iterator[FileDiff]:
        return (self.compare(change) for change in self.changes)

    def __repr__(self) -> str:
        return f"Comparison of {plural(len(self), 'changed file')}: " + ", ".join(
            c.path for c in self.changes
        )

    def _repr_html_(self) -> str:
        count = len(self)
        return comparison_html(plural(count, "changed file"), self, count)

    def __len__(self) -> int:
        return len(self.changes)

    def view(self, change: FileChange) -> FileView:
        """The changed file: after the change, where it is still there."""
        before, after = self._sides(change)
        side = after or before
        assert side is not None
        return side

    def kind(self, change: FileChange) -> FileKind:
        """What the changed file is."""
        return self.view(change).kind

    def compare(self, change: FileChange) -> FileDiff:
        """How one file changed."""
        before, after = self._sides(change)
        kind = _kind(before, after)
        detail = self._detail(kind, before, after)
        if isinstance(detail, TextDiff) and kind == "table":
            kind = "text"
        return FileDiff(
            path=change.path,
            kind=kind,
            status=change.status,
            detail=detail,
            before=before,
            after=after,
            old_path=change.old_path,
        )

    def _sides(self, change: FileChange) -> tuple[FileView | None, FileView | None]:
        before = self._before_view(change.old_path or change.path, change.before) if change.before else None
        after = self._after_view(change.path, change.after) if change.after else None
        return before, after

    def _detail(self, kind: FileKind, before: FileView | None, after: FileView | None) -> Detail:
        if kind in ("table", "run"):
            return self._tables(before, after)
        if kind == "binary" or any(side is not None and side.kind == "binary" for side in (before, after)):
            return BinaryDiff(before.size() if before else None, after.size() if after else None)
        if kind == "prompt":
            return _prompts(before, after)
        return _texts(before, after)

    def _tables(self, before: FileView | None, after: FileView | None) -> Detail:
        sides = [side for side in (before, after) if side is not None]
        if any(side.format is None for side in sides):
            return _texts(before, after)
        old, new = before or after, after or before
        assert old is not None
        assert new is not None
        assert old.format is not None
        assert new.format is not None
        key = self.project.table(new.path).key
        old_rows: Sequence[ChunkRun] = old.chunk_runs() if before else []
        new_rows: Sequence[ChunkRun] = new.chunk_runs() if after else []
        return diff_rows(old_rows, new_rows, old.format, new.format, key)


def _kind(before: FileView | None, after: FileView | None) -> FileKind:
    side = after or before
    assert side is not None
    return side.kind


def _prompts(before: FileView | None, after: FileView | None) -> Detail:
    """By word; by line where a side is absent, or cannot be read as a prompt (with the reason)."""
    if before is None or after is None:
        return _texts(before, after)
    # What reads prompts takes longer to import than a diff of tables takes to answer.
    from promptvc.content.prompt.diff import diff_prompts
    from promptvc.content.prompt.prompt import read_prompt

    try:
        return diff_prompts(read_prompt(before.path, before.read()), read_prompt(after.path, after.read()))
    except NotAPrompt as error:
        return _texts(before, after, error.message)


def _texts(before: FileView | None, after: FileView | None, note: str | None = None) -> TextDiff:
    hunks = tuple(diff_lines(_text(before) if before else "", _text(after) if after else ""))
    lines: list[Any] = [line for hunk in hunks for line in hunk.lines]
    return TextDiff(hunks, sum(x.op == "+" for x in lines), sum(x.op == "-" for x in lines), note)


def _text(side: FileView) -> str:
    return side.read().decode("utf-8", "replace")
