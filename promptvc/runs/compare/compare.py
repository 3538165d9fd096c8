"""Two versions of a run, or two runs over the same examples, compared row by row.

compare_columns   a side in columns, and the pairing of rows    compare_scores    means, intervals, fixed and broken
compare_side      what is said of a side as a whole             compare_slices    the same by slice
compare_examples  what is known of an example                   compare_measures  length, tokens, cost, time
compare_rows      the rows themselves, read when asked for      compare_why       what the records pin differently
compare_words     numbers and reasons in words                  compare_markdown  as a comment on GitHub
compare_html      for notebooks                                 compare_sources   runs in common, files anywhere
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from promptvc.content.formats.missing import MISSING
from promptvc.content.json_type import LooseJson as Json
from promptvc.content.values.dotted import paths_of, pick
from promptvc.errors import Usage
from promptvc.runs.compare.columns import Columns, Pairing, pair, read_columns
from promptvc.runs.compare.examples import Examples
from promptvc.runs.compare.measures import Measures, compare_measures
from promptvc.runs.compare.rows import ComparedRow as ComparedRow
from promptvc.runs.compare.rows import Numbers, Pairer, RowList, Side, Status
from promptvc.runs.compare.scores import (
    Kind,
    NoiseComparison,
    ScoreComparison,
    compare_noise,
    compare_score,
    score_kinds,
)
from promptvc.runs.compare.side import RunSide as RunSide
from promptvc.runs.compare.side import side_of
from promptvc.runs.compare.slices import SliceComparison, compare_slices, slice_fields
from promptvc.runs.compare.why import Cause, causes
from promptvc.runs.sources import LoadedRun


@dataclass(frozen=True, repr=False, eq=False)
class RunComparison:
    """What became of a run's outputs from one version to another.

    - ``pairs``: rows of the same example and sample on both sides; ``only_before`` and ``only_after``: the others;
    - ``why``: what the records pin differently; None where a side has no record;
    - ``outputs_changed``: pairs with an output on both sides that is not the same; ``requests_changed``: pairs that
      asked the model something else, None where a side was recorded elsewhere;
    - ``scores``, ``slices``, ``measures``, ``noise``: over the pairs; noise only where there are several samples;
    - ``primary``: the score that matters most; a boolean one says what is fixed and broken; None where there is none;
    - ``rows``: all rows, those only before last; ``fixed``, ``broken``, ``changed``: those of that status.
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
    rows: RowList
    _pairer: Pairer
    _pairing: Pairing

    @cached_property
    def _by_status(self) -> dict[Status, list[Numbers]]:
        found: dict[Status, list[Numbers]] = {}
        for numbers in _all_numbers(self._pairing):
            found.setdefault(self._pairer.status(*numbers), []).append(numbers)
        return found

    def of_status(self, status: Status) -> RowList:
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
        """Rows that differ, but are neither fixed nor broken."""
        return self.of_status("changed")

    @property
    def only_before(self) -> RowList:
        """Rows without a partner after."""
        return self.of_status("only_before")

    @property
    def only_after(self) -> RowList:
        """Rows without a partner before."""
        return self.of_status("only_after")

    def score(self, name: str | None = None) -> ScoreComparison | None:
        """The comparison of one score, of the primary one where none is named; None where there is none."""
        wanted = name or self.primary
        return next((score for score in self.scores if score.name == wanted), None)

    def to_json(self, *, rows: bool = True) -> dict[str, Json]:
        """Everything as JSON values, as docs/runs.md describes them; without ``rows``, all but these."""
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

    def __repr__(self) -> str:
        from promptvc.runs.compare.words import summary

        return f"RunComparison {summary(self)}"

    def _repr_html_(self) -> str:
        from promptvc.runs.compare.html import html

        return html(self)


def compare_runs(
    before: LoadedRun, after: LoadedRun, *, score: str | None = None, slices: Sequence[str] | None = None
) -> RunComparison:
    """Compare two versions of a run.

    ``score`` names the primary score (the first boolean one, else the first), ``slices`` the fields of the examples to
    divide the rows by (those that the run declares). Raises `Usage` for names that are not there, `RunUnreadable`.
    """
    old, new = read_columns(before), read_columns(after)
    pairing = pair(old, new)
    kinds = score_kinds(old, new)
    primary = _primary(kinds, score)
    fields = slice_fields(before, after) if slices is None else tuple(slices)
    examples = Examples(before, after, fields, primary)
    if slices:
        _check_fields(before, after, fields)
    answered = [(b, a) for b, a in pairing.pairs if old.answered[b] and new.answered[a]]
    passing = primary if primary and kinds[primary] == "boolean" else None
    pairer = Pairer(Side(before.table, old), Side(after.table, new), passing, examples.describe)
    return RunComparison(
        side_of(before, old),
        side_of(after, new),
        len(pairing.pairs),
        causes(before, after),
        sum(old.answers[b] != new.answers[a] for b, a in answered),
        _requests_changed(old, new, pairing),
        tuple(compare_score(name, kind, old, new, pairing.pairs) for name, kind in kinds.items()),
        compare_slices(fields, examples.row, kinds, old, new, pairing.pairs),
        compare_measures(old, new, answered),
        _noise(kinds, old, new),
        primary,
        RowList(pairer, _all_numbers(pairing), "compared"),
        pairer,
        pairing,
    )


def _primary(kinds: dict[str, Kind], asked: str | None) -> str | None:
    if asked is None:
        return next((name for name, kind in kinds.items() if kind == "boolean"), next(iter(kinds), None))
    if asked not in kinds:
        raise Usage(
            f"there is no score {asked!r}",
            f"there {'are' if len(kinds) > 1 else 'is'} {', '.join(kinds)}"
            if kinds
            else "neither side has scores",
        )
    return asked


def _check_fields(before: LoadedRun, after: LoadedRun, fields: Sequence[str]) -> None:
    rows = [row for run in (after, before) for row in run.examples.values()]
    if not rows:
        raise Usage(
            f"the examples of {after.name} are not known, so there are no slices",
            "promptvc run and promptvc record --examples pin them",
        )
    strange = next((name for name in fields if all(pick(row, name) is MISSING for row in rows)), None)
    if strange is not None:
        raise Usage(f"no example has a field {strange!r}", f"they have {', '.join(paths_of(rows)[:12])}")


def _requests_changed(old: Columns, new: Columns, pairing: Pairing) -> int | None:
    known = [
        (old.requests[b], new.requests[a])
        for b, a in pairing.pairs
        if old.requests[b] is not None and new.requests[a] is not None
    ]
    return sum(before != after for before, after in known) if known else None


def _noise(kinds: dict[str, Kind], old: Columns, new: Columns) -> tuple[NoiseComparison, ...]:
    found = (compare_noise(name, old, new) for name, kind in kinds.items() if kind != "label")
    return tuple(each for each in found if each is not None)


def _all_numbers(pairing: Pairing) -> list[Numbers]:
    """Every row in the order after, those that are only before at the end."""
    only_after = [(None, number) for number in pairing.only_after]
    both = sorted([*pairing.pairs, *only_after], key=lambda numbers: numbers[1])
    return [*both, *((number, None) for number in pairing.only_before)]


def _place_values(rows: RowList) -> list[Json]:
    return [{"example_id": example, "sample_index": sample} for example, sample in rows.places]
