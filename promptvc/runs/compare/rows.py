"""The rows of a comparison, read again on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import ne, or_
from typing import TYPE_CHECKING, Any, Literal, overload

from msgspec import Struct, field

from promptvc.content.formats.base import Json, Row
from promptvc.content.formats.words import plural
from promptvc.content.runs.run import OutputRow
from promptvc.content.table.frames import rows_to_pandas
from promptvc.errors import FileChanging
from promptvc.runs.compare.columns import Columns, Pairs, Place, picked
from promptvc.runs.compare.examples import Described

if TYPE_CHECKING:
    import pandas

    from promptvc.content.table.view import Table

PairStatus = Literal["fixed", "broken", "changed", "same", "only_before", "only_after"]
Numbers = tuple[int | None, int | None]
"""A row's number on each side, None if that side lacks it."""

_BATCH = 25_000
_FEW = 200
"""Up to this many rows are looked up by number; for more, the table is read through."""


class ComparedRow(Struct, frozen=True, kw_only=True):
    """One example and sample on both sides.

    - ``status``: ``fixed`` and ``broken`` by the score that decides it; ``changed`` if otherwise the output, the error
      or any score differs;
    - ``slices``: the slice fields of the run, with the example's values;
    - ``input``: the example fields that the prompt uses, shortened; ``expected``: the field that scorers compare with;
      ``expected_before``: its value before, if it differed. None if they are not known.
    """

    example_id: str
    sample_index: int
    status: PairStatus
    before: OutputRow | None
    after: OutputRow | None
    slices: dict[str, Json] = field(default_factory=dict)
    input: str | None = None
    expected: Json = None
    expected_before: Json = None

    def to_value(self) -> dict[str, Json]:
        """As in `RunComparison.to_json`; ``expected_before`` only if it differed."""
        other = {} if self.expected_before is None else {"expected_before": self.expected_before}
        return {
            "example_id": self.example_id,
            "sample_index": self.sample_index,
            "slices": self.slices,
            "input": self.input,
            "expected": self.expected,
            **other,
            "before": _side_value(self.before),
            "after": _side_value(self.after),
            "status": self.status,
        }


class PairSide(Struct, frozen=True):
    """Where the rows of one side are read from."""

    table: Table
    columns: Columns


class Pairer(Struct, frozen=True):
    """Makes compared rows from row numbers.

    ``passing`` is the boolean score that decides what is fixed and broken; ``describe`` describes an example by its id.
    """

    before: PairSide
    after: PairSide
    passing: str | None
    describe: Callable[[str], Described]

    def statuses(self, pairs: Pairs) -> list[PairStatus]:
        """The status of each row that both sides have."""
        old, new = self.before.columns, self.after.columns
        differ = list(map(ne, picked(old.answers, pairs.before), picked(new.answers, pairs.after)))
        columns: list[tuple[Sequence[object], Sequence[object]]] = [(old.answered, new.answered)]
        columns += [(old.score(name), new.score(name)) for name in old.scores.keys() | new.scores.keys()]
        for before, after in columns:
            differ = list(map(or_, differ, map(ne, picked(before, pairs.before), picked(after, pairs.after))))
        found: list[PairStatus] = ["changed" if differs else "same" for differs in differ]
        if self.passing is not None:
            was, now = old.score(self.passing), new.score(self.passing)
            judged = zip(picked(was, pairs.before), picked(now, pairs.after), strict=True)
            for at, (passed, passes) in enumerate(judged):
                if passed is not passes and passed is not None and passes is not None:
                    found[at] = "fixed" if passes else "broken"
        return found

    def read(self, numbers: Sequence[Numbers]) -> Iterator[ComparedRow]:
        """The rows with these numbers, in this order; some thousand in memory at a time."""
        for start in range(0, len(numbers), _BATCH):
            batch = numbers[start : start + _BATCH]
            old = _read_rows(self.before.table, [b for b, _ in batch if b is not None])
            new = _read_rows(self.after.table, [a for _, a in batch if a is not None])
            both = [(b, a) for b, a in batch if b is not None and a is not None]
            statuses = iter(self.statuses(Pairs([b for b, _ in both], [a for _, a in both])))
            for b, a in batch:
                status = "only_after" if b is None else "only_before" if a is None else next(statuses)
                yield self._row(b, a, old, new, status)

    def _row(
        self,
        b: int | None,
        a: int | None,
        old: dict[int, OutputRow],
        new: dict[int, OutputRow],
        status: PairStatus,
    ) -> ComparedRow:
        before = None if b is None else _checked(old, b, self.before)
        after = None if a is None else _checked(new, a, self.after)
        found = after or before
        assert found is not None
        of = self.describe(found.example_id)
        return ComparedRow(
            example_id=found.example_id,
            sample_index=found.sample_index,
            status=status,
            before=before,
            after=after,
            slices=of.slices,
            input=of.input,
            expected=of.expected,
            expected_before=of.expected_before,
        )


class RowList(Sequence[ComparedRow]):
    """Some rows of a comparison; their texts are read on demand."""

    def __init__(self, pairer: Pairer, numbers: Sequence[Numbers], name: str) -> None:
        self._pairer, self._numbers, self._name = pairer, numbers, name

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[ComparedRow]:
        return self._pairer.read(self._numbers)

    @overload
    def __getitem__(self, place: int) -> ComparedRow: ...

    @overload
    def __getitem__(self, place: slice) -> RowList: ...

    def __getitem__(self, place: int | slice) -> ComparedRow | RowList:
        if isinstance(place, slice):
            return RowList(self._pairer, self._numbers[place], self._name)
        return next(self._pairer.read([self._numbers[place]]))

    @property
    def places(self) -> list[Place]:
        """The example ids and sample indexes, without reading the files."""
        old, new = self._pairer.before.columns, self._pairer.after.columns
        return [new.place(a) if a is not None else old.place(b or 0) for b, a in self._numbers]

    def to_pandas(self) -> pandas.DataFrame:
        """A `pandas.DataFrame`: outputs as ``before`` and ``after``, scores as ``before_NAME`` and ``after_NAME``."""
        return rows_to_pandas([_flat(row) for row in self])

    def __repr__(self) -> str:
        ids = [example for example, _ in self.places[:4]]
        more = ", …" if len(self) > len(ids) else ""
        shown = f": {', '.join(ids)}{more}" if ids else ""
        return f"{plural(len(self), f'{self._name} row')}{shown}"


def _read_rows(table: Table, numbers: Sequence[int]) -> dict[int, OutputRow]:
    if len(numbers) <= _FEW:
        return {number: OutputRow.from_value(table.row(number)) for number in sorted(numbers)}
    wanted, last = set(numbers), max(numbers)
    found = {}
    for number, row in enumerate(table):
        if number in wanted:
            found[number] = OutputRow.from_value(row)
        if number == last:
            break
    return found


def _checked(rows: dict[int, OutputRow], number: int, side: PairSide) -> OutputRow:
    found = rows.get(number)
    if found is None or found.place != side.columns.place(number):
        raise FileChanging(f"{side.table.path} changed while it was compared", "compare again")
    return found


def _side_value(row: OutputRow | None) -> Json:
    if row is None:
        return None
    value: dict[str, Json] = {"output": row.output, "scores": dict(row.scores), "error": row.error}
    if row.tool_calls:
        value["tool_calls"] = list(row.tool_calls)
    return value


def _flat(row: ComparedRow) -> Row:
    value: dict[str, Any] = {
        "example_id": row.example_id,
        "sample_index": row.sample_index,
        "status": row.status,
        **row.slices,
        "input": row.input,
        "expected": row.expected,
        "before": row.before and row.before.output,
        "after": row.after and row.after.output,
    }
    for label, side in (("before", row.before), ("after", row.after)):
        value[f"{label}_error"] = side and side.error
        for name, score in (side.scores if side else {}).items():
            value[f"{label}_{name}"] = score
    return value
