"""Stores the two files of a run; the record names the object id of its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from promptvc.content.runs.run import RunRecord, output_path, record_path
from promptvc.ids import RepoPath
from promptvc.session.files.contents import Contents, Source, source_of
from promptvc.session.files.views import FileView
from promptvc.storage.store import ObjectStore
from promptvc.versioning.tree import FileEntry

if TYPE_CHECKING:
    from promptvc.storage.packing import PackWriter

Entries = dict[RepoPath, FileEntry]


def store_run(
    store: ObjectStore,
    contents: Contents,
    record: RunRecord,
    rows: Source,
    *,
    like: FileEntry | None = None,
    pinned: Iterable[FileView | None] = (),
    settled: Callable[[RunRecord], RunRecord] = lambda record: record,
) -> tuple[Entries, RunRecord]:
    """Store rows and record; returns their entries, for the caller to put in place, and the record.

    ``pinned`` files are stored too, so that pins stay valid whatever happens to the files. ``like`` is the present
    version of the rows. ``settled`` may choose another record, given the rows' id.
    """
    with store.begin() as writer:
        keep(store, contents, writer, pinned)
        made = write_run(contents, writer, record, rows, like, settled)
        writer.finish()
    return made


def keep(
    store: ObjectStore, contents: Contents, writer: PackWriter, files: Iterable[FileView | None]
) -> None:
    """Store files that will be pinned, so that later changes do not matter."""
    for file in files:
        if file is not None and not store.contains(file.entry.id):
            contents.write(file.path, source_of(file.read(), file.entry.mode), writer)


def write_run(
    contents: Contents,
    writer: PackWriter | None,
    record: RunRecord,
    rows: Source,
    like: FileEntry | None = None,
    settled: Callable[[RunRecord], RunRecord] = lambda record: record,
) -> tuple[Entries, RunRecord]:
    """`store_run` through a writer; without a writer, only compute the entries."""
    paths = output_path(record.name), record_path(record.name)
    entry = contents.write(paths[0], rows, writer, like)
    record = settled(replace(record, outputs=entry.id))
    return {paths[0]: entry, paths[1]: contents.write(paths[1], source_of(record.encode()), writer)}, record
