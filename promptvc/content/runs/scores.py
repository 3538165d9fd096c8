"""What the scores of some rows come to: their kind, and their mean.

Rows count, wherever a mean or a total is given: in a run's totals, in `compare`, in `check`. An example with three
samples weighs three times as much as one with a single sample. Only what says how sure a difference is (intervals,
tests: `promptvc.runs.compare.stats`) counts examples, since samples of one example are not independent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from promptvc.content.runs.run import Score

ScoreKind = Literal["boolean", "number", "label"]


def kind_of(scores: Iterable[Score]) -> ScoreKind:
    """What the values of a score are: with any text labels; numbers and booleans mixed are numbers.

    ``[True, None] -> "boolean"``, ``[True, 0.5] -> "number"``, ``[None] -> "boolean"``
    """
    types = {type(score) for score in scores}
    if str in types:
        return "label"
    return "number" if types & {int, float} else "boolean"


def as_number(score: Score) -> float | None:
    """A number, of a boolean 0 or 1; None for a label, and where there is none."""
    return None if score is None or isinstance(score, str) else float(score)


def mean(values: Iterable[float]) -> float | None:
    """The sum of the rows' values over the number of rows; None of no rows."""
    known = list(values)
    return math.fsum(known) / len(known) if known else None
