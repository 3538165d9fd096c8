"""Where the runs of a repository are read from: a commit, or the working files."""

from __future__ import annotations

from promptvc.repo.parts import Parts
from promptvc.runs.sources import CommitSource, RunSource, WorkingSource


def source_at(parts: Parts, revision: str | None = None) -> RunSource:
    """The files at a revision; by default the working files, or HEAD if the store has none.

    Raises `UnknownRevision`, `AmbiguousId`.
    """
    if revision is None and parts.root is not None:
        return WorkingSource(parts.workspace)
    text = revision or "HEAD"
    id = parts.revisions.resolve(text)
    return CommitSource(parts.snapshot_of(id), id.short if text == id else text)
