"""Scorers: give an output a score, as a number, a boolean or a label."""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from promptvc.content.formats.base import Row
from promptvc.content.runs.run import OutputRow, Score, ScorerPin
from promptvc.content.runs.spec import ScorerSpec
from promptvc.errors import ConfigInvalid
from promptvc.runs.providers.answer import reason_of
from promptvc.runs.scoring.kinds import KINDS, Measure, Read, Unscored, kinds_hint

Load = Callable[[str], Callable[..., object]]
"""Finds the function that ``module:function`` names."""

_KEPT = 10
"""How many problem messages of a scorer are kept; more are only counted."""
_ID = 60
"""Most characters of an example's id in them."""


class Scorer:
    """Scores outputs one by one, and never raises.

    ``code`` is the sha256 of what determines the scores: the name of a version for a built-in kind (with the bytes of
    its schema, for ``json_schema``), the source file for a function. ``failures`` counts the outputs that should have
    a score but could not be scored; ``problems`` says why, for the first few.
    """

    def __init__(self, spec: ScorerSpec, code: str, measure: Measure) -> None:
        self.name, self.spec, self.code = spec.name, spec.text, code
        self.failures = 0
        self.problems: list[str] = []
        self._measure = measure

    def score(self, output: str | None, example: Row, row: OutputRow) -> Score:
        """The score of an output; None if the row has an error, and if it cannot be computed."""
        if row.error is not None:
            return None
        try:
            return checked(self._measure(output, example, row))
        except Unscored as reason:
            self._note(row, str(reason))
        except (Exception, SystemExit) as error:  # noqa: BLE001  # a run goes on whatever a function does
            self._note(row, reason_of(error))
        return None

    def pin(self) -> ScorerPin:
        """The scorer as in the record of a run."""
        return ScorerPin(self.name, self.spec, self.code)

    def _note(self, row: OutputRow, reason: str) -> None:
        self.failures += 1
        if len(self.problems) < _KEPT:
            id = " ".join(row.example_id.split())
            shown = id if len(id) <= _ID else f"{id[:_ID]}…"
            self.problems.append(f"{self.name}, example {shown}: {reason}")

    def __repr__(self) -> str:
        return f"Scorer {self.name} ({self.spec})"


def scorers_of(specs: Sequence[ScorerSpec], load: Load, read: Read | None = None) -> list[Scorer]:
    """The declared scorers, in order.

    ``load`` finds the function of a ``python:`` scorer: the caller checks first whether it may run. ``read`` returns
    the bytes of a tracked file, for ``json_schema``. Raises `ConfigInvalid` for an unknown kind, and for an argument
    that is missing or wrong.
    """
    return [_scorer(spec, load, read) for spec in specs]


def scores_of(scorers: Sequence[Scorer], example: Row, row: OutputRow) -> dict[str, Score]:
    """The scores that all scorers give a row, by name."""
    return {scorer.name: scorer.score(row.output, example, row) for scorer in scorers}


def checked(value: object) -> Score:
    """A score that can be stored; raises `Unscored` for values that cannot: NaN, infinity, a list."""
    if not isinstance(value, bool | int | float | str | None) and hasattr(value, "item"):
        value = value.item()  # a number of numpy
    if isinstance(value, float) and not math.isfinite(value):
        raise Unscored(f"{value} is not a score")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise Unscored(f"{type(value).__name__} is not a score: those are numbers, booleans and text")


def _scorer(spec: ScorerSpec, load: Load, read: Read | None) -> Scorer:
    if spec.is_function:
        return _python(spec, load)
    kind = KINDS.get(spec.kind)
    if kind is None:
        raise ConfigInvalid(f"there is no scorer {spec.kind!r} (in {spec.text!r})", kinds_hint())
    if not spec.argument.strip():
        raise ConfigInvalid(f"the scorer {spec.kind!r} needs an argument: {kind.usage}", kinds_hint())
    made = kind.make(spec.argument.strip(), read)
    return Scorer(spec, hashlib.sha256(kind.version.encode() + made.data).hexdigest(), made.measure)


def _python(spec: ScorerSpec, load: Load) -> Scorer:
    module, _, name = spec.argument.rpartition(":")
    if not module or not name:
        raise ConfigInvalid(f"{spec.text!r} names no function", "python:module:function does")
    function = load(spec.argument)
    call: Callable[..., object] = function
    takes_row = _takes_row(function)

    def measure(output: str | None, example: Row, row: OutputRow) -> object:
        return call(output, example, row) if takes_row else call(output, example)

    return Scorer(spec, _code_of(function, spec.argument), measure)


def _takes_row(function: Callable[..., object]) -> bool:
    """Whether a function takes a third argument without a default, or one called ``row``."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return False
    placed = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(placed) < 3:
        return any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return placed[2].default is inspect.Parameter.empty or placed[2].name == "row"


def _code_of(function: Callable[..., object], name: str) -> str:
    """The sha256 of a function's source file; of its name where it has none."""
    wrapped: Any = function
    for _ in range(50):
        inner = getattr(wrapped, "__wrapped__", getattr(wrapped, "func", None))
        if inner is None:
            break
        wrapped = inner
    target = wrapped if inspect.isroutine(wrapped) else type(wrapped)
    try:
        file = inspect.getsourcefile(target)
        data = Path(file).read_bytes() if file else name.encode()
    except (TypeError, OSError):
        data = name.encode()
    return hashlib.sha256(data).hexdigest()
