"""The results of a check: one per gate and one for all, and their numbers as text."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from promptvc.content.formats.base import Json
from promptvc.content.formats.words import plural
from promptvc.runs.check.rows import NO_ROWS, GateRows
from promptvc.runs.check.subject import Slice
from promptvc.runs.compare.columns import Place
from promptvc.runs.compare.report.numbers import decimals, dollars, milliseconds

EQUAL = 1e-9
"""The tolerance for sums of decimals: 0.1 + 0.2 counts as no more than 0.3."""
_UNITS = {"cost_usd": " USD", "latency_ms": " ms"}

GateKind = Literal["fresh", "min", "max", "must_pass", "no_worse_than", "no_broken"]


class GateResult(Struct, frozen=True, kw_only=True):
    """One gate: what was wanted and what was found.

    - ``subject``: the score, the measure or the rows; ``revision``: what they are compared with;
    - ``wanted``, ``found``: numbers; for ``fresh`` booleans, for ``must_pass`` and ``no_broken`` how many rows fail;
    - ``words``: both as text; ``slice``: the slice that was checked, None for all rows;
    - ``rows``: the rows that made it fail, empty if it passed; ``places``: for ``must_pass``, every row that must pass.
    """

    kind: GateKind
    subject: str = ""
    passed: bool
    wanted: Json = None
    found: Json = None
    words: str
    slice: Slice | None = None
    revision: str | None = None
    rows: GateRows = NO_ROWS
    places: Sequence[Place] = ()

    @property
    def name(self) -> str:
        """``min exact``, ``no_worse_than main exact [slice=billing]``."""
        words = " ".join(filter(None, (self.kind, self.revision, self.subject)))
        return f"{words} [{slice_name(self.slice)}]" if self.slice else words


class CheckResult(Struct, frozen=True, kw_only=True):
    """A check of a run at one version, ``label``.

    ``notes`` say what was not checked; ``hint`` is the command to run after a failure.
    """

    name: str
    run: str
    label: str
    gates: tuple[GateResult, ...]
    notes: tuple[str, ...] = ()
    hint: str | None = None

    @property
    def passed(self) -> bool:
        """Whether all gates passed."""
        return all(gate.passed for gate in self.gates)

    @property
    def failed(self) -> tuple[GateResult, ...]:
        """The gates that failed."""
        return tuple(gate for gate in self.gates if not gate.passed)


def slice_name(slice: Slice) -> str:
    """``slice=billing``; ``slice=(none)`` for the rows without a value."""
    name, value = slice
    return f"{name}={'(none)' if value is None else value}"


# --- as text --------------------------------------------------------------------------------------------------


def over_words(known: int, count: int) -> str:
    """``over 24 rows``; ``over 20 of 24 rows``."""
    return f"over {known:,} of {plural(count, 'row')}" if known < count else f"over {plural(count, 'row')}"


def fail_words(count: int) -> str:
    """The verb: one row fails, two rows fail."""
    return "fails" if count == 1 else "fail"


def limit_words(kind: Literal["min", "max"], name: str, wanted: float) -> str:
    """``at most 0.5 USD``."""
    number = format(Decimal(repr(wanted)), ",f").removesuffix(".0")  # as declared, without an exponent
    return f"at {'least' if kind == 'min' else 'most'} {number}{_UNITS.get(name, '')}"


def found_words(name: str, found: float, wanted: float, known: int, count: int) -> str:
    """``0.8996 over 24 rows``, ``mean 812 ms over 20 of 24 rows``; for counts of rows ``24 rows``, ``2 of 24 rows``."""
    if name == "rows":
        return plural(round(found), "row")
    if name == "errors":
        return f"{found:,.0f} of {plural(count, 'row')}"
    return f"{number_words(name, found, wanted)} {over_words(known, count)}"


def number_words(name: str, found: float, wanted: float) -> str:
    """``0.8996``, ``mean 812 ms``, ``0.000033 USD``, ``1,200``; with more digits if the limit is close."""
    if name in ("input_tokens", "output_tokens"):
        return f"{found:,.0f}"
    words = {"cost_usd": dollars, "latency_ms": milliseconds}.get(name)
    if words is None:
        return digits(found, wanted)
    near = words(found) == words(wanted) and abs(found - wanted) > EQUAL
    shown = f"{digits(found, wanted)}{_UNITS[name]}" if near else words(found)
    return f"mean {shown}" if name == "latency_ms" else shown


def digits(found: float, other: float) -> str:
    """As `compare_words.number`, with enough digits to differ from another number: ``0.8996`` beside ``0.9``."""
    places = decimals(abs(found))
    while places < 9 and round(found, places) == round(other, places) and abs(found - other) > EQUAL:
        places += 1
    return f"{found:,.{places}f}"
