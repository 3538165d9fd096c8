"""A snapshot: everything at one commit, read only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from promptvc.content.formats import table_words
from promptvc.content.formats.base import RowFormat
from promptvc.content.formats.words import plural
from promptvc.content.kinds import FileKind
from promptvc.content.text.near import did_you_mean, near_names
from promptvc.errors import Advice, ConfigInvalid, NotATable, PathMissing, RunMissing
from promptvc.html.render import render
from promptvc.ids import ObjectId, RepoPath
from promptvc.session.files.contents import Contents
from promptvc.session.files.project import PROJECT_FILE, Project, read_project
from promptvc.session.files.views import FileView, StoredFile
from promptvc.storage.objects import Commit
from promptvc.versioning.ropes.chunkrun import ChunkRun
from promptvc.versioning.tree import Files

if TYPE_CHECKING:
    from promptvc.content.arrow.tables import ArrowCache
    from promptvc.content.prompt.prompt import Prompt
    from promptvc.content.runs.view import Run
    from promptvc.content.table.view import Table


class Snapshot:
    """Everything at one commit; it never changes.

    ``id`` is the commit's, ``commit`` its value, ``paths`` the paths of all files.
    """

    def __init__(
        self,
        id: ObjectId,
        commit: Commit,
        files: Files,
        contents: Contents,
        arrow: Callable[[], ArrowCache],
        working: Callable[[RepoPath], FileView | None] = lambda path: None,
    ) -> None:
        self.id, self.commit = id, commit
        self._files, self._contents, self._arrow, self._working = files, contents, arrow, working

    @property
    def paths(self) -> list[str]:
        """The paths of all files, sorted."""
        return [str(path) for path in self._files]

    @property
    def prompts(self) -> list[str]:
        """The paths of the prompts."""
        return self._of_kind("prompt")

    @property
    def tables(self) -> list[str]:
        """The paths of the tables."""
        return self._of_kind("table")

    @property
    def runs(self) -> list[str]:
        """The names of the runs: those that have a record."""
        from promptvc.content.runs.run import run_names

        return run_names(self.paths)

    def __contains__(self, path: object) -> bool:
        return path in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __getitem__(self, path: str) -> Prompt | Table | bytes:
        """A file in its own kind: a `Prompt`, a `Table`, or the bytes of any other.

        Raises `PathMissing`, or `NotAPrompt` where a prompt cannot be read.
        """
        match self.kind(path):
            case "prompt":
                return self.prompt(path)
            case "table":
                return self.table(path)
        return self.read(path)

    def read(self, path: str) -> bytes:
        """The bytes of a file; raises `PathMissing`."""
        return self.file(path).read()

    def prompt(self, path: str) -> Prompt:
        """A prompt, read; raises `PathMissing`, or `NotAPrompt` saying why it cannot be read."""
        from promptvc.content.prompt.prompt import read_prompt

        return read_prompt(path, self._of(path, "prompt").read())

    def table(self, path: str) -> Table:
        """A table, read lazily; raises `PathMissing`, or `NotATable` where the file holds no rows."""
        file = self._of(path, "table")

        def at_hand() -> Sequence[ChunkRun] | None:
            found = self._working(file.path) if file.entry.is_rope else None
            return found.chunk_runs() if found is not None and found.entry.id == file.entry.id else None

        return table_of(file, self.project, self._arrow(), at_hand=at_hand)

    def run(self, name: str) -> Run:
        """A run: its record and its output rows, read lazily; raises `RunMissing`, `RunUnreadable`."""
        from promptvc.content.runs.run import output_path, read_record, record_path, run_names
        from promptvc.content.runs.view import Run

        path, record = output_path(name), record_path(name)
        if path not in self:
            runs = run_names(self.paths)
            known = f"there is {', '.join(runs[:8])}" if runs else Advice("make-run")
            raise RunMissing(
                f"{self.id.short} has no outputs of a run {name!r}", did_you_mean(name, runs, known)
            )
        table = table_of(self.file(path), self.project, self._arrow(), key=("example_id",))
        return Run(name, read_record(self.read(record), record) if record in self else None, table)

    def kind(self, path: str) -> FileKind:
        """What a file is: prompt, table, run, text or binary."""
        return self.file(path).kind

    @cached_property
    def project(self) -> Project:
        """The settings of promptvc.toml at this commit; the defaults where it cannot be read.

        A commit with a broken one may have come from elsewhere, and history must stay readable.
        """
        try:
            return read_project(self.read(PROJECT_FILE)) if PROJECT_FILE in self else Project()
        except ConfigInvalid:
            return Project()

    def file(self, path: str) -> FileView:
        """One file, as `diff` looks at it; raises `PathMissing`."""
        name = RepoPath(path)
        if name not in self._files:
            raise self._missing(path, self.paths)
        return StoredFile(self._contents, name, self._files[name])

    @property
    def files(self) -> Files:
        """Path to entry, for comparing snapshots."""
        return self._files

    def __repr__(self) -> str:
        date = datetime.fromtimestamp(self.commit.author.time, UTC).date()
        return f'Snapshot {self.id.short} "{self.commit.subject}" {date} · {self._summary()}'

    def _repr_html_(self) -> str:
        return render("snapshot.html", snapshot=self, most=50)

    def _summary(self) -> str:
        kinds = [self.kind(path) for path in self.paths if path != PROJECT_FILE]
        words = [
            f"{kinds.count(kind)} {kind}{'s' * (kinds.count(kind) != 1)}"
            for kind in ("prompt", "table", "run")
        ]
        counted = [word for word in words if not word.startswith("0 ")]
        rest = sum(kind in ("text", "binary") for kind in kinds)
        if rest:
            counted.append(plural(rest, "other file"))
        return ", ".join(counted) or "no files"

    def _of(self, path: str, kind: FileKind) -> FileView:
        """A file that is asked for as this kind; where it is missing, files of the kind are suggested first."""
        if path in self:
            return self.file(path)
        of_kind = self._of_kind(kind)
        raise self._missing(path, of_kind if near_names(path, of_kind) else self.paths)

    def _missing(self, path: str, candidates: Iterable[str]) -> PathMissing:
        otherwise = Advice("show-commit", id=self.id.short)
        return PathMissing(
            f"{path} is not in {self.id.short}", did_you_mean(str(path), candidates, otherwise), path
        )

    def _of_kind(self, kind: FileKind) -> list[str]:
        return [path for path in self.paths if self.kind(path) == kind]


def need_table(file: FileView) -> RowFormat:
    """How the rows of a file are read; raises `NotATable`."""
    format = file.format
    if format is None:
        raise NotATable(f"{file.path} is not a table", f"tables are {table_words()}")
    return format


def table_of(
    file: FileView,
    project: Project,
    arrow: ArrowCache | None = None,
    key: tuple[str, ...] | None = None,
    at_hand: Callable[[], Sequence[ChunkRun] | None] = lambda: None,
) -> Table:
    """The row view of a file, with a key of its own or the configured one; raises `NotATable`."""
    from promptvc.content.table.view import Table  # most commands read no table

    format = need_table(file)
    settings = project.table(file.path)
    runs, fields = file.chunk_runs(), key or settings.key
    return Table(file.path, runs, format, fields, settings.unique, arrow, file.indexes, at_hand)
