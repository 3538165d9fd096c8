"""Which outputs of a run are stale, and why: the requests it would make now, compared with those it made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field

from promptvc.content.prompt.prompt import read_prompt
from promptvc.content.runs.request import example_ids
from promptvc.content.runs.run import RunRecord, output_path, run_names
from promptvc.content.runs.spec import RunSpec
from promptvc.content.tablediff.diff import diff_rows
from promptvc.content.text.diff import diff_lines
from promptvc.errors import PromptvcError, RenderFailed, RunMissing, RunUnreadable
from promptvc.runs.execute.prepared import Prepared, prepare
from promptvc.runs.sources import LoadedRun, RunSource, load_run, pinned
from promptvc.session.files.contents import Contents
from promptvc.storage.store import ObjectStore

if TYPE_CHECKING:
    from promptvc.content.text.diff import Hunk

Why = Literal[
    "calls",
    "outputs",
    "prompt",
    "examples",
    "model",
    "parameters",
    "inputs",
    "samples",
    "scorers",
    "files",
    "recorded",
]


class Staleness(Struct, frozen=True, kw_only=True):
    """How up to date a run's outputs are.

    - ``rows``: in the output file; ``fresh``: of them, those that answer a current request; ``stale``: those that
      answer another one; ``failed``: those with an error; ``left_over``: those of an example that no longer exists;
    - ``missing``: requests without a row; ``rescore``: only scorers changed, so that no call is needed;
    - ``reasons``: what changed, in words, by kind.
    """

    name: str
    rows: int = 0
    fresh: int = 0
    stale: int = 0
    failed: int = 0
    missing: int = 0
    left_over: int = 0
    rescore: bool = False
    reasons: Mapping[Why, str] = field(default_factory=dict)

    @property
    def is_fresh(self) -> bool:
        """Whether running it would change nothing except its times."""
        return not (
            self.stale or self.failed or self.missing or self.left_over or self.rescore or self.reasons
        )

    @property
    def to_call(self) -> int:
        """Rows without an answer to their current request."""
        return self.stale + self.failed + self.missing

    def words(self) -> str:
        """``41 of 515 stale (prompt: user line 4)``."""
        if self.is_fresh:
            return "up to date"
        counts = [
            f"{self.stale:,} of {self.rows:,} stale" if self.stale else "",
            f"{self.failed} failed" if self.failed else "",
            f"{self.missing} missing" if self.missing else "",
            f"{self.left_over} left over" if self.left_over else "",
            "to be scored again without calls" if self.rescore and not self.to_call else "",
        ]
        said = ", ".join(filter(None, counts))
        why = "; ".join(self.reasons.values())
        return f"{said} ({why})" if said and why else said or why


def staleness(
    source: RunSource,
    spec: RunSpec,
    contents: Contents,
    store: ObjectStore,
    most: int | None = None,
    prepared: Prepared | None = None,
) -> Staleness:
    """How up to date a declared run is at this version of the files. Makes no calls and runs no code of the project.

    Rows are not compared if pins and settings are unchanged, nor if there are more than ``most`` of them: then only
    the reasons are given. ``prepared`` is the run at this version, if it exists already. Raises `RunUnreadable`.
    """
    try:
        prepared = prepared or prepare(source, spec)
    except PromptvcError as error:
        return Staleness(name=spec.name, reasons={"files": error.message})
    try:
        run = load_run(source, spec.name, contents, store)
    except RunMissing:
        count = prepared.count()
        return Staleness(name=spec.name, missing=count)
    except RunUnreadable as error:
        return Staleness(name=spec.name, missing=prepared.count(), reasons={"files": error.message})
    record = run.record
    if record is None or record.recorded:
        return Staleness(name=spec.name, rows=len(run.table), reasons=_recorded(record, prepared))
    rescore = [(pin.name, pin.spec) for pin in record.scorers] != [(s.name, s.text) for s in spec.scorers]
    reasons: dict[Why, str] = {"scorers": "scorers changed"} if rescore else {}
    if record.outputs != source.files[output_path(spec.name)].id:
        reasons["outputs"] = "outputs: not as they were made"
    if prepared.asks_as(record) and "outputs" not in reasons:
        failed, waiting = (int(record.totals.get(name) or 0) for name in ("errors", "stale"))
        rows = len(run.table)
        fresh = rows - failed - waiting
        if waiting:
            reasons["calls"] = "not called yet"
        return Staleness(
            name=spec.name,
            rows=rows,
            fresh=fresh,
            stale=waiting,
            failed=failed,
            rescore=rescore,
            reasons=reasons,
        )
    why = {**_reasons(prepared, record, contents, store), **reasons}
    if most is not None and prepared.count() > most:
        return Staleness(name=spec.name, rows=len(run.table), rescore=rescore, reasons=why)
    try:
        return _compared(prepared, run, record, rescore, why)
    except (RenderFailed, RunUnreadable) as error:  # a row lacks a field that the prompt needs
        return Staleness(name=spec.name, rows=len(run.table), reasons={**why, "files": error.message})


def declared_runs(source: RunSource) -> Iterator[RunSpec]:
    """The declared runs that have outputs."""
    there = set(run_names(source.files))
    return (spec for name, spec in source.project.runs.items() if name in there)


def _compared(
    prepared: Prepared, run: LoadedRun, record: RunRecord, rescore: bool, reasons: Mapping[Why, str]
) -> Staleness:
    made = {row.place: (None if row.is_stale else row.request_hash, row.error is None) for row in run.rows()}
    rows, fresh, stale, failed, missing = len(made), 0, 0, 0, 0
    for request in prepared.requests():
        hash, is_answer = made.pop(request.place, (None, None))
        if is_answer is None:
            missing += 1
        elif hash != request.hash:
            stale += 1
        elif is_answer:
            fresh += 1
        else:
            failed += 1
    scored_by_others = "examples" in reasons and bool(record.scorers)
    rescore = rescore or scored_by_others
    if not (stale or missing or made or scored_by_others):  # the change affects neither requests nor scores
        reasons = {why: text for why, text in reasons.items() if why in ("scorers", "outputs")}
    return Staleness(
        name=prepared.spec.name,
        rows=rows,
        fresh=fresh,
        stale=stale,
        failed=failed,
        missing=missing,
        left_over=len(made),
        rescore=rescore,
        reasons=reasons,
    )


def _recorded(record: RunRecord | None, prepared: Prepared) -> dict[Why, str]:
    """Which of the pinned files changed since another tool's outputs were recorded."""
    changed = [
        what
        for what, was, now in (
            ("prompt", record.prompt if record else None, prepared.prompt_pin),
            ("examples", record.examples if record else None, prepared.examples_pin),
        )
        if was is not None and was.id != now.id
    ]
    return {"recorded": f"recorded before the {' and the '.join(changed)} changed"} if changed else {}


def _reasons(prepared: Prepared, record: RunRecord, contents: Contents, store: ObjectStore) -> dict[Why, str]:
    reasons: dict[Why, str] = {}
    if record.prompt is None or record.prompt.id != prepared.prompt_pin.id:
        reasons["prompt"] = _prompt_words(prepared, record, contents, store)
    if record.examples is None or record.examples.id != prepared.examples_pin.id:
        reasons["examples"] = _example_words(prepared, record, contents, store)
    now = prepared.calling
    if (record.provider, record.base_url, record.model) != (now.provider, now.base_url, now.model):
        reasons["model"] = (
            f"model {record.model} → {now.model}" if record.model != now.model else "provider changed"
        )
    if not prepared.calls_as(record) and "model" not in reasons:
        reasons["parameters"] = "parameters changed"
    if dict(record.inputs) != dict(prepared.spec.inputs):
        reasons["inputs"] = "inputs changed"
    if record.samples != prepared.spec.samples:
        reasons["samples"] = f"samples {record.samples} → {prepared.spec.samples}"
    return reasons


def _prompt_words(prepared: Prepared, record: RunRecord, contents: Contents, store: ObjectStore) -> str:
    """``prompt: system line 4``: the messages that changed, and the first changed line."""
    file = pinned(store, contents, record.prompt) if record.prompt else None
    if not file:
        return "prompt changed"

    try:
        was = read_prompt(file.path, file.read())
    except PromptvcError:
        return "prompt changed"
    pairs = zip_longest(was.messages, prepared.prompt.messages)
    roles = [message.role for before, after in pairs if before != after and (message := after or before)]
    hunks = list(diff_lines(was.text, prepared.prompt.text))
    line = "".join(f" line {_first_changed(hunk)}" for hunk in hunks[:1])
    return f"prompt: {', '.join(dict.fromkeys(roles or ['settings']))}{line}"


def _first_changed(hunk: Hunk) -> int:
    """The number of the first changed line of a hunk."""
    return hunk.after + next(place for place, line in enumerate(hunk.lines) if line.op != "=")


def _example_words(prepared: Prepared, record: RunRecord, contents: Contents, store: ObjectStore) -> str:
    """``examples: t-0042, t-0107 and 3 more``."""
    file = pinned(store, contents, record.examples) if record.examples else None
    now = prepared.examples_file
    if not file or file.format is None or now.format is None:
        return "examples changed"

    found = diff_rows(file.chunk_runs(), now.chunk_runs(), file.format, now.format, prepared.key)
    if not found.rows:
        return "examples: order or layout"
    ids = [
        id
        for change in found.rows
        for id, _ in example_ids([change.after or change.before or {}], prepared.key)
    ]
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return f"examples: {', '.join(ids[:3])}{more}"
