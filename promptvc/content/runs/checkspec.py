"""What ``[checks.NAME]`` in promptvc.toml declares."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct, field

from promptvc.content.formats.base import Json
from promptvc.content.runs.spec import NAME

MEASURES = ("rows", "errors", "cost_usd", "latency_ms", "input_tokens", "output_tokens")
"""What ``min`` and ``max`` can name beside scores: sums over the rows, of latency the mean."""

_LIMITS = ("min", "max", "no_worse_than", "tolerance")
_SETTINGS = ("run", "fresh", *_LIMITS, "must_pass", "no_broken", "score", "slices", "per_slice")

Invalid = Callable[[str], Exception]


class RowFilter(Struct, frozen=True):
    """The rows whose example has, in each of these fields, one of these values, or a list with one of them.

    Fields may be dotted paths. Without fields, every row is meant.
    """

    fields: tuple[tuple[str, tuple[Json, ...]], ...] = ()

    def __str__(self) -> str:
        """``tags=gold, slice=billing|auth``; empty for every row."""
        return ", ".join(f"{name}={'|'.join(map(_text, values))}" for name, values in self.fields)


class Limits(Struct, frozen=True):
    """What rows must keep to.

    - ``min``, ``max``: by score (its mean) or by one of `MEASURES`;
    - ``no_worse_than``: a revision, below which no score's mean may be by more than ``tolerance``.
    """

    min: Mapping[str, float] = field(default_factory=dict)
    max: Mapping[str, float] = field(default_factory=dict)
    no_worse_than: str | None = None
    tolerance: float = 0.0


class SliceSpec(Struct, frozen=True):
    """What the rows must keep to whose example has this value in this field."""

    field: str
    value: str
    limits: Limits


class CheckSpec(Struct, frozen=True, kw_only=True):
    """One declared check of a run.

    - ``fresh``: the outputs must be up to date;
    - ``must_pass``: the rows that must pass; ``no_broken``: those that must pass if they did at ``no_worse_than``;
    - ``score``: the scores that say whether a row passes, and that ``no_worse_than`` compares; empty: all of them;
    - ``slices``: limits of single slices; ``per_slice``: fields of which each value must keep to ``min`` of scores and
      to ``no_worse_than``.
    """

    name: str
    run: str
    limits: Limits
    fresh: bool = True
    must_pass: RowFilter | None = None
    no_broken: RowFilter | None = None
    score: tuple[str, ...] = ()
    slices: tuple[SliceSpec, ...] = ()
    per_slice: tuple[str, ...] = ()

    @property
    def filters(self) -> tuple[RowFilter, ...]:
        """The filters that are declared."""
        return tuple(each for each in (self.must_pass, self.no_broken) if each is not None)

    @property
    def slice_fields(self) -> tuple[str, ...]:
        """The fields that the slices are made by."""
        return tuple(dict.fromkeys((*(each.field for each in self.slices), *self.per_slice)))


def read_check(name: str, values: Mapping[str, Any], invalid: Invalid) -> CheckSpec:
    """Read one ``[checks.NAME]``; raises what ``invalid`` makes of a sentence that says what is wrong."""
    label = f"checks.{name}"
    if not NAME.fullmatch(name):
        raise invalid(f"{label}: a check's name is made of letters, digits, - _ and .")
    take = _Taker(label, values, invalid)
    take.check_names(_SETTINGS)
    run = take.text("run")
    if not run:
        raise invalid(f"{label}.run is missing")
    limits = take.limits()
    found = CheckSpec(
        name=name,
        run=run,
        limits=limits,
        fresh=take.flag("fresh", True),
        must_pass=take.rows("must_pass"),
        no_broken=take.rows("no_broken"),
        score=take.names("score"),
        slices=tuple(_slices(take, limits)),
        per_slice=take.names("per_slice"),
    )
    _check_sense(label, found, invalid)
    return found


def _check_sense(label: str, spec: CheckSpec, invalid: Invalid) -> None:
    """Refuse what would check nothing."""
    limits, scores = spec.limits, [name for name in spec.limits.min if name not in MEASURES]
    if spec.no_broken is not None and limits.no_worse_than is None:
        raise invalid(f"{label}.no_broken needs no_worse_than, the revision at which rows passed")
    if spec.per_slice and not (scores or limits.no_worse_than):
        raise invalid(f"{label}.per_slice needs min of a score, or no_worse_than, to apply to each slice")
    gates = (limits.min, limits.max, limits.no_worse_than, spec.filters, spec.slices, spec.fresh)
    if not any(gates):
        raise invalid(f"{label} checks nothing; min, max, must_pass or no_worse_than says what")


def _slices(take: _Taker, whole: Limits) -> Iterator[SliceSpec]:
    """``slices.FIELD.VALUE``, where the tolerance is that of the check unless another is given."""
    for name in take.table("slices"):
        inner = take.inside("slices").inside(name)
        for value in inner.values:
            each = inner.inside(value)
            each.check_names(_LIMITS)
            limits = each.limits(whole.tolerance)
            if not (limits.min or limits.max or limits.no_worse_than):
                raise each.invalid(f"{each.label} checks nothing; it has {', '.join(_LIMITS)}")
            yield SliceSpec(name, value, limits)


class _Taker:
    """Settings of one table, checked as they are taken."""

    def __init__(self, label: str, values: Mapping[str, Any], invalid: Invalid) -> None:
        self.label, self.values, self.invalid = label, values, invalid

    def check_names(self, known: tuple[str, ...]) -> None:
        strange = next((each for each in self.values if each not in known), None)
        if strange is not None:
            raise self.invalid(f"{self.label} has no setting {strange!r}; it has {', '.join(known)}")

    def inside(self, name: str) -> _Taker:
        return _Taker(f"{self.label}.{name}", self.table(name), self.invalid)

    def table(self, name: str) -> Mapping[str, Any]:
        found = self.values.get(name, {})
        if not isinstance(found, dict):
            raise self.invalid(f"{self.label}.{name} must be a table")
        return found

    def text(self, name: str) -> str | None:
        found = self.values.get(name)
        if found is not None and not (isinstance(found, str) and found):
            raise self.invalid(f"{self.label}.{name} must be text")
        return found

    def flag(self, name: str, default: bool) -> bool:
        found = self.values.get(name, default)
        if not isinstance(found, bool):
            raise self.invalid(f"{self.label}.{name} must be true or false")
        return found

    def names(self, name: str) -> tuple[str, ...]:
        """One name, or a list of them."""
        found = self.values.get(name, [])
        listed = [found] if isinstance(found, str) else found
        if not isinstance(listed, list) or not all(isinstance(each, str) and each for each in listed):
            raise self.invalid(f"{self.label}.{name} must be a name or a list of names")
        return tuple(dict.fromkeys(listed))

    def limits(self, tolerance: float = 0.0) -> Limits:
        revision = self.text("no_worse_than")
        if "tolerance" in self.values:
            tolerance = self._number(f"{self.label}.tolerance", self.values["tolerance"])
            if revision is None:
                raise self.invalid(f"{self.label}.tolerance needs no_worse_than beside it")
            if tolerance < 0:
                raise self.invalid(f"{self.label}.tolerance must be 0 or more")
        return Limits(self._numbers("min"), self._numbers("max"), revision, tolerance)

    def rows(self, name: str) -> RowFilter | None:
        """``true`` for every row, or a table from fields to values, or lists of them; inner tables are dotted paths."""
        found = self.values.get(name)
        if found is None or found is False:
            return None
        if found is True:
            return RowFilter()
        if not isinstance(found, dict) or not found:
            raise self.invalid(f"{self.label}.{name} must be true, or a table from fields to values")
        return RowFilter(tuple(self._fields(f"{self.label}.{name}", "", found)))

    def _fields(
        self, label: str, prefix: str, values: Mapping[str, Any]
    ) -> Iterator[tuple[str, tuple[Json, ...]]]:
        for name, value in values.items():
            if isinstance(value, dict):
                yield from self._fields(f"{label}.{name}", f"{prefix}{name}.", value)
                continue
            listed = tuple(value) if isinstance(value, list) else (value,)
            if not listed or not all(isinstance(each, str | int | float) for each in listed):
                raise self.invalid(f"{label}.{name} must be text, a number, true or false, or a list of them")
            yield f"{prefix}{name}", listed

    def _numbers(self, name: str) -> dict[str, float]:
        return {
            each: self._number(f"{self.label}.{name}.{each}", value)
            for each, value in self.table(name).items()
        }

    def _number(self, label: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.invalid(f"{label} must be a number")
        return value


def _text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
