"""What a comparison shows of an example: its slices, the prompt's input, the expected value."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from promptvc.content.formats.base import Json, Row
from promptvc.content.formats.equal import same
from promptvc.content.formats.missing import MISSING
from promptvc.content.prompt.prompt import read_prompt
from promptvc.content.runs.run import RunRecord
from promptvc.content.runs.spec import ScorerSpec
from promptvc.content.values.dotted import pick
from promptvc.errors import NotAPrompt, ObjectMissing
from promptvc.runs.compare.slices import slice_values, value_at
from promptvc.runs.scoring.expected import expected_field, expected_fields
from promptvc.runs.sources import LoadedRun

INPUT_LENGTH = 500
"""Characters of an input that are kept."""


class Described(Struct, frozen=True):
    """The facts about an example that are shown with its rows; see `ComparedRow`."""

    slices: dict[str, Json] = field(default_factory=dict)
    input: str | None = None
    expected: Json = None
    expected_before: Json = None


class ComparedExamples:
    """The pinned examples of both sides; for an example on both sides, that of the side after."""

    def __init__(
        self, before: LoadedRun, after: LoadedRun, slices: Sequence[str], primary: str | None
    ) -> None:
        self._before, self._after, self._slices = before, after, slices
        self._expected = [name for run in (before, after) for name in _expected_fields(run, primary)]
        self._used = _used_fields(after) or _used_fields(before)
        pins = [run.record.examples if run.record else None for run in (before, after)]
        self._differ = all(pins) and pins[0] != pins[1]
        self._keys = {name for run in (before, after) if run.record for name in run.record.example_key or ()}

    def row(self, id: str) -> Row:
        """An example by its id; empty if it is not known."""
        return self._after.examples.get(id) or self._before.examples.get(id) or {}

    def describe(self, id: str) -> Described:
        """Slices, input and expected value of an example, and the expected value before."""
        row = self.row(id)
        if not row:
            return Described()
        slices = {name: value_at(row, name) for name in self._slices if pick(row, name) is not MISSING}
        field = expected_field(row, self._expected)
        names = [name for name in self._used if name in row]
        if not self._used:
            left_out = {field, *self._keys, *self._slices}
            names = [name for name in row if name not in left_out] or [*self._keys]
        expected = None if field is None else value_at(row, field)
        return Described(slices, input_text(row, names), expected, self._other_before(id, expected))

    def _other_before(self, id: str, expected: Json) -> Json:
        """The expected value before, if it differed; None also if it is not known."""
        row = self._before.examples.get(id) if self._differ else None
        field = expected_field(row, self._expected) if row else None
        was = value_at(row, field) if row and field else None
        return None if same(was, expected) else was


def input_text(row: Row, names: Sequence[str]) -> str | None:
    """The text of one field; for several fields one line ``name: text`` each; shortened to `INPUT_LENGTH`."""
    texts = {name: "; ".join(t or "" for t in slice_values(row[name])) for name in names if name in row}
    text = next(iter(texts.values())) if len(texts) == 1 else "\n".join(f"{n}: {t}" for n, t in texts.items())
    if not texts:
        return None
    return text if len(text) <= INPUT_LENGTH else text[: INPUT_LENGTH - 1].rstrip() + "…"


def _expected_fields(run: LoadedRun, primary: str | None) -> list[str]:
    """The fields that scorers compare outputs with, first that of the primary score."""
    pins = sorted(run.record.scorers if run.record else (), key=lambda pin: pin.name != primary)
    return expected_fields(ScorerSpec.parse(pin.spec) for pin in pins)


def _used_fields(run: LoadedRun) -> list[str]:
    """The fields that the pinned prompt takes from a row; empty if they are not known."""
    record = run.record
    if record is None:
        return []
    names = _variables(run, record)
    return list(dict.fromkeys(record.inputs.get(name, name) for name in names)) or list(
        record.inputs.values()
    )


def _variables(run: LoadedRun, record: RunRecord) -> Sequence[str]:
    try:
        file = record.prompt and run.pinned_file(record.prompt)
        return read_prompt(file.path, file.read()).variables if file else ()
    except (NotAPrompt, ObjectMissing):
        return ()
