"""Which runs two versions have in common, and output files outside the project."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from promptvc.content.formats import HEAD_SIZE, row_format
from promptvc.content.runs.run import RECORD_SUFFIX, read_record, run_names
from promptvc.content.table.view import Table
from promptvc.errors import Advice, FileUnreadable, NotATable, PathMissing, RunMissing, Usage
from promptvc.ids import RepoPath
from promptvc.runs.sources import LoadedRun, RunSource
from promptvc.session.files.contents import Contents
from promptvc.session.files.cutting import cutting_of
from promptvc.session.files.project import Project
from promptvc.session.workspace.snapshot import table_of
from promptvc.storage.store import ObjectStore
from promptvc.versioning.ropes.chunking import cut, file_blocks
from promptvc.versioning.ropes.chunkrun import ChunkRun

ROWS_SUFFIX = ".jsonl"


def common_runs(before: RunSource, after: RunSource) -> list[str]:
    """The runs that both versions have; raises `RunMissing` if there are none."""
    old, new = run_names(before.files), run_names(after.files)
    both = [name for name in old if name in new]
    if both:
        return both
    where = f"{before.label} and {after.label}"
    if not old and not new:
        raise RunMissing(f"{where} have no runs", Advice("first-run"))
    raise RunMissing(
        f"{where} have no run in common",
        "; ".join(f"{s.label} has {', '.join(n) or 'none'}" for s, n in ((before, old), (after, new))),
    )


def only_run(before: RunSource, after: RunSource) -> str:
    """The only run that both versions have; raises `RunMissing`, or `Usage` if there are several."""
    names = common_runs(before, after)
    if len(names) > 1:
        raise Usage(
            f"{before.label} and {after.label} have {len(names)} runs in common",
            f"name one: {', '.join(names)}",
        )
    return names[0]


def load_rows(source: RunSource, path: str, contents: Contents, store: ObjectStore) -> LoadedRun:
    """Output rows at any path of a version, with the record beside them; raises `PathMissing`, `NotATable`."""
    table = table_of(source.file(path), source.project)
    name = path.rpartition("/")[2].removesuffix(ROWS_SUFFIX)
    beside = RepoPath(path.removesuffix(ROWS_SUFFIX) + RECORD_SUFFIX)
    record = read_record(source.file(beside).read(), beside) if beside in source.files else None
    return LoadedRun(
        name=name,
        label=path,
        record=record,
        table=table,
        project=source.project,
        contents=contents,
        store=store,
        source=source,
    )


def load_file(path: Path, label: str, project: Project, contents: Contents, store: ObjectStore) -> LoadedRun:
    """Output rows in a separate file, with the record beside it (``NAME.run.json``) if there is one.

    Raises `PathMissing`, `FileUnreadable`, `NotATable` if it is not a .jsonl file, `RunUnreadable`.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_SIZE)
    except FileNotFoundError:
        raise PathMissing(f"{label}: no such file") from None
    except OSError as error:
        raise FileUnreadable(f"{label}: {error.strerror}", "make it readable") from error
    format = row_format(path.name, head)
    if format is None or not path.name.endswith(ROWS_SUFFIX):
        raise NotATable(f"{label} is no file of output rows", "those end in .jsonl")
    table = Table(label, list(_chunk_runs(path, head)), format, None)
    name = path.name.removesuffix(ROWS_SUFFIX)
    beside = path.with_name(name + RECORD_SUFFIX)
    record = read_record(beside.read_bytes(), str(beside)) if beside.is_file() else None
    return LoadedRun(
        name=name, label=label, record=record, table=table, project=project, contents=contents, store=store
    )


def _chunk_runs(path: Path, head: bytes) -> Iterator[ChunkRun]:
    """The file as chunk runs of whole rows, each read on demand."""
    format = row_format(path.name, head)
    assert format is not None
    with path.open("rb") as file:
        start = end = 0
        for piece in cut(file_blocks(file.read), cutting_of(format)):
            end += len(piece.data)
            if not piece.broken:
                yield ChunkRun(b"", partial(_range, path, start, end - start), end - start)
                start = end
        if end > start:
            yield ChunkRun(b"", partial(_range, path, start, end - start), end - start)


def _range(path: Path, start: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(length)
