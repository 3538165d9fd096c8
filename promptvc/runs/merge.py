"""Merges the outputs of two branches by request: keeps the answers to the requests of the merged files.

An answer may come from either side. A row that neither side can answer is marked stale; scores are recomputed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from msgspec.structs import replace

from promptvc.content.runs.run import (
    UNANSWERED,
    OutputRow,
    RunRecord,
    Totals,
    encode_row,
    output_path,
    read_record,
    record_path,
    run_names,
    stale_row,
)
from promptvc.content.runs.spec import RunSpec
from promptvc.errors import PromptvcError, RunUnreadable
from promptvc.ids import RepoPath
from promptvc.runs.execute.kept import KeptAnswers, KeptRequests
from promptvc.runs.execute.prepared import Prepared, prepare
from promptvc.runs.execute.writing import write_run
from promptvc.runs.providers.pricing import priced
from promptvc.runs.scoring.scorers import Scorer, scores_of
from promptvc.runs.sources import RunSource, load_run
from promptvc.session.files.contents import Contents, Source
from promptvc.session.files.project import Project
from promptvc.session.merge.runs import MergedFiles, MergedRun
from promptvc.storage.store import ObjectStore
from promptvc.versioning.ropes.chunking import file_blocks
from promptvc.versioning.tree import Files

if TYPE_CHECKING:
    from promptvc.storage.packing import PackWriter


@dataclass(frozen=True)
class OutputMerger:
    """Merges the outputs of declared runs. ``scorers`` gives a run's scorers that may be used here."""

    contents: Contents
    store: ObjectStore
    scorers: Callable[[RunSpec, RunSource], Sequence[Scorer]]

    def deferred(self, project: Project, ours: Files, theirs: Files) -> list[str]:
        """The declared runs with outputs that were made here, on either side, not recorded from elsewhere."""
        names = set(run_names(ours)) | set(run_names(theirs))
        sides = [MergedFiles(side, project, self.contents) for side in (ours, theirs)]
        return [
            name
            for name in project.runs
            if name in names and all(_is_own(side, name) for side in sides if record_path(name) in side.files)
        ]

    def merge(
        self,
        name: str,
        merged: MergedFiles,
        ours: MergedFiles,
        theirs: MergedFiles,
        writer: PackWriter | None,
    ) -> MergedRun | None:
        """The merged files of a run; None if one side has exactly the merged inputs, or they cannot be rendered."""
        spec = merged.project.runs[name]
        if any(_same_inputs(spec, merged, side) for side in (ours, theirs)):
            return None
        try:
            with KeptRequests() as kept, KeptAnswers() as mine, KeptAnswers() as other:
                prepared = dataclasses.replace(prepare(merged, spec), kept=kept)
                wanted = {request.hash for request in prepared.requests()}
                mine.fill(_answers(ours, name, self.contents, self.store), wanted)
                wanted.difference_update(mine)
                other.fill(_answers(theirs, name, self.contents, self.store), wanted)
                scorers = self.scorers(spec, merged)
                return self._write(prepared, (mine, other), scorers, (ours, theirs), merged, writer)
        except PromptvcError:
            return None  # no prompt, no key, a failing template: `run` and `status` report it

    def _write(
        self,
        prepared: Prepared,
        answers: Sequence[KeptAnswers],
        scorers: Sequence[Scorer],
        sides: tuple[MergedFiles, MergedFiles],
        merged: MergedFiles,
        writer: PackWriter | None,
    ) -> MergedRun:
        name, totals = prepared.spec.name, Totals()
        counts = [0, 0, 0]
        with TemporaryFile() as out:
            for place, row in _merged_rows(prepared, answers, scorers):
                counts[place] += 1
                totals.add(row)
                out.write(encode_row(row))
            out.seek(0)
            record = _record(prepared, scorers, totals, [_record_of(side, name) for side in sides])
            like = merged.files.get(output_path(name))
            entries, _ = write_run(self.contents, writer, record, Source(file_blocks(out.read)), like)
        return MergedRun(name, counts[0], counts[1], counts[2], entries)


def _merged_rows(
    prepared: Prepared, answers: Sequence[KeptAnswers], scorers: Sequence[Scorer]
) -> Iterator[tuple[int, OutputRow]]:
    """Each row with its origin: 0 ours, 1 theirs, 2 neither."""
    for request in prepared.requests():
        place = next((place for place, known in enumerate(answers) if request.hash in known), 2)
        if place == 2:
            yield 2, stale_row(*request.place, UNANSWERED, request.hash)
            continue
        row = replace(
            answers[place][request.hash], example_id=request.example_id, sample_index=request.sample_index
        )
        row = priced(row, prepared.spec)
        yield place, replace(row, scores=scores_of(scorers, request.row, row))


def _answers(side: MergedFiles, name: str, contents: Contents, store: ObjectStore) -> Iterator[OutputRow]:
    """A side's rows that are answers of the model."""
    record = _record_of(side, name)
    if (
        output_path(name) not in side.files
        or record is None
        or record.outputs != side.files[output_path(name)].id
    ):
        return  # none, or edited ones, which are not model answers
    yield from (row for row in load_run(side, name, contents, store).rows() if row.is_answer)


def _record(
    prepared: Prepared, scorers: Sequence[Scorer], totals: Totals, sides: Sequence[RunRecord | None]
) -> RunRecord:
    """The record of the merged rows: pins of the merged files; times from the first to the last of both sides."""
    there = [side for side in sides if side is not None]
    starts = [side.started for side in there if side.started is not None]
    ends = [side.ended for side in there if side.ended is not None]
    commits = {side.code_commit for side in there}
    return replace(
        prepared.record(),
        scorers=tuple(scorer.pin() for scorer in scorers),
        response_models=totals.response_models,
        code_commit=commits.pop() if len(commits) == 1 else None,
        started=min(starts, default=None),
        ended=max(ends, default=None),
        totals=totals.to_value(),
    )


def _same_inputs(spec: RunSpec, merged: MergedFiles, side: MergedFiles) -> bool:
    """Whether a side has exactly the files that the merge has, so that its outputs are as up to date as before."""
    paths: list[RepoPath] = [spec.prompt, spec.examples, output_path(spec.name), record_path(spec.name)]
    return side.project.runs.get(spec.name) == spec and all(
        merged.files.get(path) == side.files.get(path) for path in paths
    )


def _is_own(side: MergedFiles, name: str) -> bool:
    record = _record_of(side, name)
    return record is not None and not record.recorded


def _record_of(side: MergedFiles, name: str) -> RunRecord | None:
    path = record_path(name)
    if path not in side.files:
        return None
    try:
        return read_record(side.file(path).read(), path)
    except RunUnreadable:
        return None
