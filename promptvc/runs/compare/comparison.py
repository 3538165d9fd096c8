"""The result of comparing a run's outputs, as a value; display is separate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from promptvc.content.json_type import LooseJson as Json
from promptvc.runs.compare.columns import Pairing
from promptvc.runs.compare.measures import Measures
from promptvc.runs.compare.rows import Numbers, Pairer, PairStatus, RowList
from promptvc.runs.compare.scores import NoiseComparison, ScoreComparison
from promptvc.runs.compare.side import RunSide
from promptvc.runs.compare.slices import SliceComparison
from promptvc.runs.compare.why import Cause


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class Comparison:
    """The result of comparing a run's outputs at two versions.

    - ``pairs``: rows of the same example and sample on both sides; ``only_before`` and ``only_after``: the others;
    - ``why``: what the records pin differently; None if a side has no record;
    - ``outputs_changed``: pairs that have an output on both sides, and not the same one; ``requests_changed``: pairs
      with different requests, None if a side was recorded elsewhere;
    - ``scores``, ``slices``, ``measures``, ``noise``: over the pairs; noise only if there are several samples;
    - ``primary``: the main score; a boolean one decides what is fixed and broken; None without scores;
    - ``rows``: all rows, those only before last; ``fixed``, ``broken``, ``changed``: the rows of that status.
    """

    before: RunSide
    after: RunSide
    pairs: int
    why: tuple[Cause, ...] | None
    outputs_changed: int
    requests_changed: int | None
    scores: tuple[ScoreComparison, ...]
    slices: tuple[SliceComparison, ...]
    measures: Measures
    noise: tuple[NoiseComparison, ...]
    primary: str | None
    _pairer: Pairer
    _pairing: Pairing

    @cached_property
    def rows(self) -> RowList:
        """All rows, in the order of the side after, those only before last."""
        return RowList(self._pairer, all_numbers(self._pairing), "compared")

    @cached_property
    def _by_status(self) -> dict[PairStatus, list[Numbers]]:
        found: dict[PairStatus, list[Numbers]] = {
            "only_before": [(number, None) for number in self._pairing.only_before],
            "only_after": [(None, number) for number in self._pairing.only_after],
        }
        pairs = self._pairing.pairs
        numbers = zip(pairs.before, pairs.after, strict=True)
        for status, pair in zip(self._pairer.statuses(pairs), numbers, strict=True):
            found.setdefault(status, []).append(pair)
        return found

    def of_status(self, status: PairStatus) -> RowList:
        """The rows of one status."""
        return RowList(self._pairer, self._by_status.get(status, ()), status.replace("_", " "))

    @property
    def fixed(self) -> RowList:
        """Rows that failed before and pass now."""
        return self.of_status("fixed")

    @property
    def broken(self) -> RowList:
        """Rows that passed before and fail now."""
        return self.of_status("broken")

    @property
    def changed(self) -> RowList:
        """Rows that differ but are neither fixed nor broken."""
        return self.of_status("changed")

    @property
    def only_before(self) -> RowList:
        """Rows that only the side before has."""
        return self.of_status("only_before")

    @property
    def only_after(self) -> RowList:
        """Rows that only the side after has."""
        return self.of_status("only_after")

    def score(self, name: str | None = None) -> ScoreComparison | None:
        """The comparison of one score, by default the primary one; None if there is none."""
        wanted = name or self.primary
        return next((score for score in self.scores if score.name == wanted), None)

    def to_json(self, *, rows: bool = True) -> dict[str, Json]:
        """Everything as JSON values, as docs/runs.md describes them; without ``rows``, all but the rows."""
        value = {
            "before": self.before.to_value(),
            "after": self.after.to_value(),
            "pairs": self.pairs,
            "only_before": _place_values(self.only_before),
            "only_after": _place_values(self.only_after),
            "why": None if self.why is None else [cause.to_value() for cause in self.why],
            "outputs_changed": self.outputs_changed,
            "requests_changed": self.requests_changed,
            "errors": {"before": self.before.errors, "after": self.after.errors},
            "stale": {"before": self.before.stale, "after": self.after.stale},
            "primary": self.primary,
            "fixed": len(self.fixed),
            "broken": len(self.broken),
            "changed": len(self.changed),
            "scores": [score.to_value() for score in self.scores],
            "slices": [each.to_value() for each in self.slices],
            "characters": self.measures.characters.to_value(),
            "tokens": {
                "input": self.measures.input_tokens.to_value(),
                "output": self.measures.output_tokens.to_value(),
            },
            "cost_usd": self.measures.cost_usd.to_value(),
            "latency_ms": self.measures.latency_ms.to_value(),
            "noise": [each.to_value() for each in self.noise],
        }
        if rows:
            value["rows"] = [row.to_value() for row in self.rows]
        return value


def all_numbers(pairing: Pairing) -> list[Numbers]:
    """Every row in the order of the side after, then those that are only before."""
    only_after = [(None, number) for number in pairing.only_after]
    pairs = zip(pairing.pairs.before, pairing.pairs.after, strict=True)
    both = sorted([*pairs, *only_after], key=lambda numbers: numbers[1])
    return [*both, *((number, None) for number in pairing.only_before)]


def _place_values(rows: RowList) -> list[Json]:
    return [{"example_id": example, "sample_index": sample} for example, sample in rows.places]
