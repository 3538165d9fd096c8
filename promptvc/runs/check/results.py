"""What a check finds: a result for each gate, and all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from promptvc.content.formats.base import Json
from promptvc.runs.check.rows import NO_ROWS, GateRows, Slice
from promptvc.runs.compare.columns import Place

Kind = Literal["fresh", "min", "max", "must_pass", "no_worse_than", "no_broken"]


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate: what was asked, what is.

    - ``subject``: the score, the measure, or the rows that are meant; ``revision``: what they are compared with;
    - ``wanted``, ``found``: numbers; of ``fresh`` whether it is, of ``must_pass`` and ``no_broken`` how many rows fail;
    - ``words``: both in a few words; ``slice``: the only rows looked at, None for all;
    - ``rows``: why it failed, none of a gate that passed; ``places``: of ``must_pass``, every row that must pass.
    """

    kind: Kind
    subject: str
    passed: bool
    wanted: Json
    found: Json
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


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A check of a run at one version, ``label``.

    ``notes`` say what was not looked at; ``hint`` is the command that goes on from what failed.
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
        """The gates that did not."""
        return tuple(gate for gate in self.gates if not gate.passed)


def slice_name(slice: Slice) -> str:
    """``slice=billing``; ``slice=(none)`` for the rows that have no value there."""
    name, value = slice
    return f"{name}={'(none)' if value is None else value}"
