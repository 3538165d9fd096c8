"""Imports outputs of another tool as a run, marked as recorded, since nothing proves what made them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from msgspec import structs

from promptvc.content.formats.words import plural
from promptvc.content.runs.run import (
    OutputRow,
    RunRecord,
    Totals,
    encode_row,
    output_path,
    read_record,
    record_path,
)
from promptvc.content.runs.spec import need_run_name
from promptvc.errors import Advice, Refused, RunUnreadable, Usage
from promptvc.ids import RepoPath
from promptvc.runs.execute.prepared import declared
from promptvc.runs.execute.secrets import need_clean
from promptvc.runs.execute.writing import store_run
from promptvc.runs.record.example_match import (
    ExampleIndex,
    Placed,
    index_examples,
    place_rows,
    without_output,
)
from promptvc.runs.record.foreign_rows import RowTaker
from promptvc.runs.record.importers.base import Fields, Foreign
from promptvc.runs.record.importers.detect import open_foreign
from promptvc.runs.scoring.scorers import scores_of
from promptvc.runs.sources import WorkingSource, pin_of
from promptvc.runs.trust import what_scores
from promptvc.session.files.contents import source_of
from promptvc.session.files.views import FileView
from promptvc.session.transaction.pending import PendingFile
from promptvc.session.workspace.snapshot import table_of

if TYPE_CHECKING:
    from promptvc.content.table.view import Table
    from promptvc.runs.project import Runs
    from promptvc.runs.scoring.scorers import Scorer

Given = Iterable[Mapping[str, Any]]


class RecordOptions(TypedDict, total=False):
    """The options of `record_run`, with the same meaning as in ``promptvc record``.

    - ``example_key``: the fields that outputs and examples share; a mapping leads from fields of the examples to fields
      of the outputs;
    - ``output`` (by default ``output``), ``sample``, ``error``, …: dotted paths to fields of the rows;
    - ``score``: paths, each named by its last part, or a mapping from names to paths;
    - ``examples``, ``prompt``: tracked files to pin; the default examples are those that the run declares;
    - ``format``, ``prompt_label``: how to read a file; ``provider`` also selects in a promptfoo file;
    - ``with_scorers``: run the scorers that the run declares, including functions if they may run;
    - ``force``: replace a run that was made here; ``dry_run``: write nothing;
    - ``allow_secrets``: also import tokens and private keys.
    """

    example_key: str | Sequence[str] | Mapping[str, str]
    output: str
    score: str | Sequence[str] | Mapping[str, str]
    sample: str
    finish_reason: str
    input_tokens: str
    output_tokens: str
    latency: str
    cost: str
    error: str
    response_model: str
    examples: str
    prompt: str
    model: str
    provider: str
    prompt_label: str
    format: str
    with_scorers: bool
    force: bool
    dry_run: bool
    allow_secrets: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What was imported: the record, the rows, and what to check.

    ``unmatched`` are the ids of outputs without an example, ``missing`` those of examples without an output;
    ``written`` are the files, none for a dry run.
    """

    record: RunRecord
    rows: Sequence[OutputRow] = field(repr=False)
    examples: int
    unmatched: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    written: tuple[RepoPath, ...] = ()


def record_run(
    runs: Runs, name: str, rows: Given | str | os.PathLike[str], options: RecordOptions
) -> Recorded:
    """Import a file that another tool wrote, or given rows, as ``outputs/NAME.jsonl`` and its record.

    Existing outputs are replaced; undo restores them. Raises `Usage` for fields that no row has and rows that cannot
    be read, `PathMissing`, `SecretFound`, and `Refused` if this would replace outputs of a run that was made here; then
    nothing is written.
    """
    need_run_name(name)
    source = WorkingSource(runs.workspace)
    _check_replaced(source, name, options.get("force", False))
    foreign = _foreign(rows, options)
    files = _Files.find(source, name, options)
    asked = _asked(foreign, options)
    fields = dataclasses.replace(asked, example_key=asked.example_key or _key(foreign, files.table)).over(
        foreign.fields
    )
    taker = RowTaker(foreign, fields, asked)
    scorers = _scorers(runs, source, name, options)
    examples = (
        index_examples(files.table, fields.example_key, bool(scorers))
        if files.table is not None
        else ExampleIndex()
    )
    placed = place_rows(taker.take_all(), examples)
    if scorers:
        placed.rows = _scored(placed.rows, scorers, examples)
    record = _record(name, foreign, files, placed, scorers, options)
    notes = [*foreign.notes, *(_strange(*each) for each in taker.strange.items()), *_failed(scorers)]
    done = Recorded(
        record=record,
        rows=placed.rows,
        examples=len(examples.order),
        unmatched=tuple(placed.unmatched) if files.table is not None else (),
        missing=tuple(without_output(placed.rows, examples.order)),
        notes=(*notes, *_untracked(source, name)),
    )
    if options.get("dry_run"):
        return done
    return _write(runs, done, files, source, options.get("allow_secrets", False))


# --- the files --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Files:
    """The tracked files that are pinned."""

    prompt: FileView | None
    examples: FileView | None
    table: Table | None
    slices: tuple[str, ...] = ()

    @classmethod
    def find(cls, source: WorkingSource, name: str, options: RecordOptions) -> _Files:
        spec = source.project.runs.get(name)
        path = options.get("examples") or (spec.examples if spec else None)
        prompt, examples = options.get("prompt"), None if path is None else source.file(path)
        return cls(
            source.file(prompt) if prompt else None,
            examples,
            table_of(examples, source.project) if examples else None,
            spec.slices if spec else (),
        )


def _check_replaced(source: WorkingSource, name: str, force: bool) -> None:
    """Outputs that were made here were paid for: recorded outputs replace them only with ``force``."""
    path = record_path(name)
    if force or path not in source.files:
        return
    try:
        recorded = read_record(source.file(path).read(), path).recorded
    except RunUnreadable:
        return
    if not recorded:
        raise Refused(
            f"{output_path(name)} has outputs that were made by a run",
            Advice("record-elsewhere"),
        )


def _untracked(source: WorkingSource, name: str) -> list[str]:
    if source.project.tracks(output_path(name)):
        return []
    return [f"{output_path(name)} is not tracked: [track] in promptvc.toml leaves it out"]


# --- reading ----------------------------------------------------------------------------------------------------


def _foreign(rows: Given | str | os.PathLike[str], options: RecordOptions) -> Foreign:
    if isinstance(rows, str | os.PathLike):
        return open_foreign(
            Path(rows), options.get("format"), options.get("provider"), options.get("prompt_label")
        )
    return Foreign(rows=(dict(row) for row in rows), source="given rows")


def _asked(foreign: Foreign, options: RecordOptions) -> Fields:
    """The fields that must exist: those that the caller named, and the output if the format does not define it."""
    return Fields(
        example_key=_named(options.get("example_key")),
        output=options.get("output") or (None if foreign.fields.output else "output"),
        scores=dict(_scores(options.get("score"))),
        sample=options.get("sample"),
        finish_reason=options.get("finish_reason"),
        input_tokens=options.get("input_tokens"),
        output_tokens=options.get("output_tokens"),
        latency_ms=options.get("latency"),
        cost_usd=options.get("cost"),
        error=options.get("error"),
        response_model=options.get("response_model"),
    )


def _named(given: str | Sequence[str] | Mapping[str, str] | None) -> dict[str, str]:
    if isinstance(given, Mapping):
        return dict(given)
    return {name: name for name in _listed(given)}


def _scores(given: str | Sequence[str] | Mapping[str, str] | None) -> list[tuple[str, str]]:
    """``175b.is_correct`` is the score ``is_correct``; raises `Usage` if two have the same name."""
    if isinstance(given, Mapping):
        return list(given.items())
    named = [(path.rpartition(".")[2] or path, path) for path in _listed(given)]
    names = [name for name, _ in named]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Usage(f"two scores are called {twice!r}", Advice("name-score"))
    return named


def _listed(given: str | Sequence[str] | None) -> list[str]:
    return [given] if isinstance(given, str) else list(given or ())


def _key(foreign: Foreign, table: Table | None) -> dict[str, str]:
    """The default identification of examples: their own key, and the field that the format has for it."""
    own = table.key if table is not None else None
    if foreign.key is not None and table is None:
        return {foreign.key: foreign.key}
    if own is not None and (foreign.key is None or len(own) == 1):
        return {name: foreign.key or name for name in own}
    what = (
        f"{table.path} has no key"
        if table is not None
        else f"nothing says what identifies the examples of {foreign.source}"
    )
    raise Usage(what, Advice("name-key"))


# --- scores -----------------------------------------------------------------------------------------------------


def _scorers(runs: Runs, source: WorkingSource, name: str, options: RecordOptions) -> list[Scorer]:
    """The scorers that the run declares, if wanted; raises `NotTrusted` for functions that nobody approved."""
    if not options.get("with_scorers"):
        return []
    spec = declared(source.project.runs, name)
    runs.trust.need(what_scores(spec))
    return runs.scorers(spec, source)


def _scored(rows: Sequence[OutputRow], scorers: Sequence[Scorer], examples: ExampleIndex) -> list[OutputRow]:
    names = {scorer.name for scorer in scorers}
    taken = next((name for row in rows for name in row.scores if name in names), None)
    if taken is not None:
        raise Usage(f"the score {taken!r} is recorded, and a scorer is called so too", Advice("rename-score"))
    return [
        structs.replace(row, scores={**row.scores, **scores_of(scorers, examples.rows[row.example_id], row)})
        if row.example_id in examples.rows
        else row
        for row in rows
    ]


def _failed(scorers: Sequence[Scorer]) -> list[str]:
    return [
        f"{scorer.problems[0]}" + (f", and {scorer.failures - 1} more" if scorer.failures > 1 else "")
        for scorer in scorers
        if scorer.problems
    ]


def _strange(name: str, count: int) -> str:
    return f"{plural(count, 'value')} of {name!r} cannot be a score: those are numbers, booleans and text"


# --- writing ----------------------------------------------------------------------------------------------------


def _record(
    name: str,
    foreign: Foreign,
    files: _Files,
    placed: Placed,
    scorers: Sequence[Scorer],
    options: RecordOptions,
) -> RunRecord:
    totals = Totals()
    for row in placed.rows:
        totals.add(row)
    return RunRecord(
        name=name,
        recorded=True,
        source=foreign.source,
        prompt=pin_of(files.prompt) if files.prompt else None,
        examples=pin_of(files.examples) if files.examples else None,
        example_key=files.table.key if files.table is not None else None,
        provider=foreign.provider if foreign.chosen else options.get("provider") or foreign.provider,
        model=options.get("model") or foreign.model,
        response_models=totals.response_models,
        samples=placed.samples,
        scorers=tuple(scorer.pin() for scorer in scorers),
        slices=files.slices,
        started=foreign.started,
        ended=foreign.ended,
        totals=totals.to_value(),
    )


def _write(runs: Runs, done: Recorded, files: _Files, source: WorkingSource, allow_secrets: bool) -> Recorded:
    """Store both files and those they pin, and put them in place: each whole, both as one step for undo."""
    data = b"".join(map(encode_row, done.rows))
    made = PendingFile.of_bytes(output_path(done.record.name), data)
    need_clean(runs.store, [made], source.project.allowed_secrets, not allow_secrets)
    runs.need_clean([files.prompt, files.examples], source, allow_secrets)
    rows = source_of(data)
    target, record = store_run(
        runs.store,
        runs.contents,
        done.record,
        rows,
        pinned=(file for file in (files.prompt, files.examples) if file),
    )
    with runs.operation(f"record {record.name}"):
        written = runs.workspace.worktree.write(list(target), target)
    return dataclasses.replace(done, record=record, written=tuple(written))
