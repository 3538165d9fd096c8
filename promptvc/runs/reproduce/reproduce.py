"""Reproduce: rebuilds every request of a run from what its record pins, and checks it against the recorded hashes.

Makes no calls and runs no code of the project. If rows were edited, they are not those that the record names: this
shows that an output changed, but not which one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Generic, TypeVar

from promptvc.content.formats.base import Row
from promptvc.content.prompt.prompt import Prompt, read_prompt
from promptvc.content.runs.request import Calling, Request, example_ids, requests
from promptvc.content.runs.run import OutputRow, Pin, RunRecord, output_path
from promptvc.content.runs.spec import RunSpec, ScorerSpec
from promptvc.content.table.view import Table
from promptvc.errors import ObjectDamaged, ObjectMissing, PathMissing, PromptvcError, RenderFailed
from promptvc.ids import ObjectId
from promptvc.runs.sources import LoadedRun, RunSource, WorkingSource, load_run, pinned
from promptvc.session.files.contents import Contents
from promptvc.session.files.views import FileView
from promptvc.session.workspace.snapshot import table_of
from promptvc.storage.store import ObjectStore

Place = tuple[str, int]
Pair = tuple[Request | None, OutputRow | None]

_Item = TypeVar("_Item", Request, OutputRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """The result of rebuilding a run's requests. Places are example id and sample index.

    - ``rows``: in the output file; ``verified``: of them, those that answer the request that the inputs give;
    - ``astray``: rows with the hash of another request; ``left_over``: rows of no example, or of one that has its row;
    - ``missing``: requests of the inputs without a row; ``failed``: rows with an error, or not called yet;
    - ``lacking``: why inputs are not available, in words; then no row is checked;
    - ``unverifiable``: why nothing proves what made the rows: they were recorded, or nothing is pinned;
    - ``edited``: the rows are not those that the record names;
    - ``changed``: pinned files that differ at this version; ``stale``: if the version is a commit, the rows that do not
      follow from the commit's own files: the outputs were stale when they were committed.
    """

    name: str
    label: str
    rows: int
    verified: int = 0
    astray: tuple[Place, ...] = ()
    left_over: tuple[Place, ...] = ()
    missing: tuple[Place, ...] = ()
    failed: tuple[Place, ...] = ()
    lacking: tuple[str, ...] = ()
    unverifiable: str | None = None
    edited: bool = False
    changed: tuple[Pin, ...] = ()
    stale: tuple[Place, ...] = ()

    @property
    def is_verified(self) -> bool:
        """Whether every row follows from the inputs, and none is missing."""
        return self.unverifiable is None and not (
            self.edited or self.astray or self.left_over or self.missing or self.failed or self.lacking
        )


@dataclass(frozen=True)
class Rebuilt:
    """A run's requests, rebuilt from its record: ``spec`` and ``calling`` come from the record alone."""

    record: RunRecord
    spec: RunSpec
    calling: Calling
    prompt: Prompt
    table: Table

    def requests(self) -> Iterator[Request]:
        """Every request, in the order of the examples; without a hash if the prompt cannot be rendered for it."""
        rows = _Reader(example_ids(self.table, self.record.example_key))
        while True:
            try:
                yield from requests(self.spec, self.calling, self.prompt, rows)
                return
            except RenderFailed:
                yield from (Request(rows.id, sample, (), "") for sample in range(self.spec.samples))

    def pairs(self, rows: Iterable[OutputRow]) -> Iterator[Pair]:
        """Each request with its row; None for what only one side has."""
        return _pairs(self.requests(), rows)


def reproduce(source: RunSource, name: str, contents: Contents, store: ObjectStore) -> Reproduction:
    """Rebuild the requests of a run, and check its rows.

    At a commit, prompt and examples are the pinned objects, whatever the commit has at their paths. For the working
    files they are the present files at the pinned paths, so that rows are reported that no longer follow from them. All
    else is as recorded. Raises `RunMissing`, `RunUnreadable`.
    """
    run = load_run(source, name, contents, store)
    rows, record = len(run.table), run.record
    reason = why_unverifiable(record)
    if record is None or reason is not None:
        return Reproduction(name=name, label=source.label, rows=rows, unverifiable=reason)
    changed = tuple(pin for pin in _pins(record) if _id_at(source, pin) != pin.id)
    edited = record.outputs != source.files[output_path(name)].id
    try:
        found = _check(rebuild(source, run), run)
    except Lacking as error:
        return Reproduction(
            name=name, label=source.label, rows=rows, lacking=error.reasons, edited=edited, changed=changed
        )
    stale = _stale(source, run, changed) if not isinstance(source, WorkingSource) else ()
    return Reproduction(
        name=name,
        label=source.label,
        rows=rows,
        verified=found.verified,
        astray=tuple(found.astray),
        left_over=tuple(found.left_over),
        missing=tuple(found.missing),
        failed=tuple(found.failed),
        edited=edited,
        changed=changed,
        stale=stale,
    )


def why_unverifiable(record: RunRecord | None) -> str | None:
    """Why nothing proves what made the rows of a run; None if its record says enough to ask again."""
    if record is None:
        return "there is no record of what made these outputs"
    if record.recorded:
        where = f" from {record.source}" if record.source else ""
        return f"recorded{where}, not run: nothing proves what made these outputs"
    named = {
        "prompt": record.prompt,
        "examples": record.examples,
        "provider": record.provider,
        "model": record.model,
    }
    lacking = [name for name, value in named.items() if value is None]
    return f"the record names no {' and no '.join(lacking)}" if lacking else None


# --- inputs -------------------------------------------------------------------------------------------------


class Lacking(Exception):
    """Inputs of a run are not available; ``reasons`` say which, and why. Users never see this error."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(*reasons)
        self.reasons = reasons


def rebuild(source: RunSource, run: LoadedRun) -> Rebuilt:
    """A run as recorded, with its inputs (see `reproduce`); raises `Lacking`."""
    record = run.record
    assert record is not None
    take = _take_working if isinstance(source, WorkingSource) else _take_pinned
    files, reasons = list[FileView](), list[str]()
    for pin in _pins(record):
        try:
            files.append(take(source, run, pin))
        except PromptvcError as error:
            reasons.append(error.message)
    if reasons:
        raise Lacking(*reasons)
    return _rebuilt(source, record, *files)


def spec_of(record: RunRecord) -> RunSpec:
    """The declaration that a record implies."""
    assert record.prompt is not None
    assert record.examples is not None
    return RunSpec(
        name=record.name,
        prompt=record.prompt.path,
        examples=record.examples.path,
        provider=record.provider or "",
        base_url=record.base_url,
        model=record.model,
        params=record.params,
        tools=record.tools,
        response_format=record.response_format,
        samples=record.samples,
        inputs=record.inputs,
        scorers=tuple(ScorerSpec(pin.name, *_kind_and_argument(pin.spec)) for pin in record.scorers),
        slices=record.slices,
    )


def _kind_and_argument(text: str) -> tuple[str, str]:
    kind, _, argument = text.partition(":")
    return kind, argument


def _pins(record: RunRecord) -> list[Pin]:
    return [pin for pin in (record.prompt, record.examples) if pin is not None]


def _id_at(source: RunSource, pin: Pin) -> ObjectId | None:
    entry = source.files.get(pin.path)
    return None if entry is None else ObjectId(entry.id)


def _take_working(source: RunSource, run: LoadedRun, pin: Pin) -> FileView:
    if pin.path not in source.files:
        raise PathMissing(f"{pin.path} is no longer among the {source.label}")
    return source.file(pin.path)


def _take_pinned(source: RunSource, run: LoadedRun, pin: Pin) -> FileView:
    file = pinned(run.store, run.contents, pin)
    if file is None:
        raise PathMissing(f"{pin.path} as it was is not in the store: object {pin.id} is missing")
    run.store.verify_object(pin.id)
    return file


def _rebuilt(source: RunSource, record: RunRecord, prompt: FileView, examples: FileView) -> Rebuilt:
    spec = spec_of(record)
    calling = Calling(
        provider=spec.provider,
        model=spec.model or "",
        params=spec.params,
        tools=spec.tools,
        response_format=spec.response_format,
        base_url=spec.base_url,
    )
    try:
        read = read_prompt(prompt.path, prompt.read())
        return Rebuilt(record, spec, calling, read, table_of(examples, source.project))
    except PromptvcError as error:
        raise Lacking(error.message) from error


class _Reader:
    """Examples with their ids, in order; ``id`` is that of the last one read."""

    def __init__(self, rows: Iterator[tuple[str, Row]]) -> None:
        self._rows, self.id = rows, ""

    def __iter__(self) -> Iterator[tuple[str, Row]]:
        for id, row in self._rows:
            self.id = id
            yield id, row


# --- comparing --------------------------------------------------------------------------------------------------


@dataclass
class _Found:
    verified: int = 0
    astray: list[Place] = field(default_factory=list)
    left_over: list[Place] = field(default_factory=list)
    missing: list[Place] = field(default_factory=list)
    failed: list[Place] = field(default_factory=list)

    @property
    def contradicting(self) -> list[Place]:
        """The places that do not follow from the inputs, or are missing."""
        return self.astray + self.left_over + self.missing


def _check(rebuilt: Rebuilt, run: LoadedRun) -> _Found:
    """Compare hashes, row by row; raises `Lacking` if a part of the inputs cannot be read."""
    found = _Found()
    try:
        for request, row in rebuilt.pairs(run.rows()):
            if request is None or row is None:
                unpaired = found.left_over if request is None else found.missing
                unpaired.append(_place(request, row))
            elif row.error is not None and row.request_hash in (None, request.hash):
                found.failed.append(row.place)
            elif row.request_hash != request.hash:
                found.astray.append(row.place)
            else:
                found.verified += 1
    except (ObjectMissing, ObjectDamaged) as error:
        raise Lacking(error.message) from error
    return found


def _stale(source: RunSource, run: LoadedRun, changed: Sequence[Pin]) -> tuple[Place, ...]:
    """The places that do not follow from a commit's own files, if those are not the pinned ones."""
    record = run.record
    if record is None or not changed or any(_id_at(source, pin) is None for pin in changed):
        return ()
    try:
        own = _rebuilt(source, record, *(source.file(pin.path) for pin in _pins(record)))
        return tuple(_check(own, run).contradicting)
    except (Lacking, PromptvcError):
        return ()


def _place(request: Request | None, row: OutputRow | None) -> Place:
    present = request or row
    assert present is not None
    return present.place


def _pairs(asked: Iterable[Request], rows: Iterable[OutputRow]) -> Iterator[Pair]:
    """Pair by place; if both sides are in the same order, nothing is held. Equal places pair first with first."""
    requests_held, rows_held = _Held[Request](), _Held[OutputRow]()
    for request, row in zip_longest(asked, rows):
        if request is not None and row is not None and request.place == row.place:
            yield request, row
            continue
        if row is not None:
            earlier = requests_held.take(row.place)
            if earlier is not None:
                yield earlier, row
            else:
                rows_held.put(row)
        if request is not None:
            made = rows_held.take(request.place)
            if made is not None:
                yield request, made
            else:
                requests_held.put(request)
    yield from ((request, None) for request in requests_held)
    yield from ((None, row) for row in rows_held)


class _Held(Generic[_Item]):
    """Items that wait for their counterpart, by place."""

    def __init__(self) -> None:
        self._items: dict[Place, deque[_Item]] = {}

    def put(self, item: _Item) -> None:
        self._items.setdefault(item.place, deque()).append(item)

    def take(self, place: Place) -> _Item | None:
        held = self._items.get(place)
        if held is None:
            return None
        item = held.popleft()
        if not held:
            del self._items[place]
        return item

    def __iter__(self) -> Iterator[_Item]:
        for held in self._items.values():
            yield from held
