"""Which field of an example holds the expected output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from promptvc.content.formats.base import Row
from promptvc.content.formats.missing import MISSING
from promptvc.content.runs.spec import ScorerSpec
from promptvc.content.values.dotted import pick
from promptvc.runs.scoring.kinds import KINDS

COMMON = ("expected", "expected_output", "answer", "target", "ideal", "reference", "ground_truth", "label")
"""Fields that commonly hold the expected output, if no scorer names one."""


def expected_fields(scorers: Iterable[ScorerSpec]) -> list[str]:
    """The fields that scorers compare outputs with, in the order of the scorers."""
    kinds = ((scorer, KINDS.get(scorer.kind)) for scorer in scorers)
    return [kind.expects(scorer.argument) for scorer, kind in kinds if kind is not None and kind.expects]


def expected_field(example: Row, named: Sequence[str]) -> str | None:
    """The first of the named fields, or else of the `COMMON` ones, that an example has; None if it has none."""
    return next((name for name in (*named, *COMMON) if pick(example, name) is not MISSING), None)
