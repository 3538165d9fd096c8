"""Two versions of a run, or two runs over the same examples, compared row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import compress
from operator import and_, ne

from promptvc.content.formats.missing import MISSING
from promptvc.content.runs.scores import ScoreKind
from promptvc.content.values.dotted import paths_of, pick
from promptvc.errors import Advice, Usage
from promptvc.html.render import render
from promptvc.runs.compare.columns import Columns, Pairing, Pairs, pair, picked, read_columns
from promptvc.runs.compare.comparison import Comparison
from promptvc.runs.compare.examples import ComparedExamples
from promptvc.runs.compare.measures import compare_measures
from promptvc.runs.compare.report.texts import score_texts
from promptvc.runs.compare.report.words import cause_words, summary
from promptvc.runs.compare.rows import ComparedRow as ComparedRow
from promptvc.runs.compare.rows import Pairer, PairSide
from promptvc.runs.compare.scores import NoiseComparison, compare_noise, compare_score, score_kinds
from promptvc.runs.compare.side import RunSide as RunSide
from promptvc.runs.compare.side import side_of
from promptvc.runs.compare.slices import compare_slices, slice_fields
from promptvc.runs.compare.why import causes
from promptvc.runs.sources import LoadedRun


class RunComparison(Comparison):
    """A comparison that displays itself as one line, and as a table in notebooks; see `Comparison`."""

    def __repr__(self) -> str:
        return f"RunComparison {summary(self)}"

    def _repr_html_(self) -> str:
        return render("scores.html", comparison=self, texts=score_texts, summary=summary, causes=cause_words)


def compare_runs(
    before: LoadedRun, after: LoadedRun, *, score: str | None = None, slices: Sequence[str] | None = None
) -> RunComparison:
    """Compare two versions of a run.

    ``score`` names the primary score (by default the first boolean one, else the first), ``slices`` the fields of the
    examples to slice by (by default those that the run declares). Raises `Usage` for unknown names, `RunUnreadable`.
    """
    after = replace(after, blocks=before.blocks)
    old, new = read_columns(before), read_columns(after)
    pairing = pair(old, new)
    kinds = score_kinds(old, new)
    primary = _primary(kinds, score)
    fields = slice_fields(before, after) if slices is None else tuple(slices)
    examples = ComparedExamples(before, after, fields, primary)
    if slices:
        _check_fields(before, after, fields)
    answered = _answered(old, new, pairing.pairs)
    passing = primary if primary and kinds[primary] == "boolean" else None
    pairer = Pairer(PairSide(before.table, old), PairSide(after.table, new), passing, examples.describe)
    return RunComparison(
        before=side_of(before, old),
        after=side_of(after, new),
        pairs=len(pairing.pairs),
        why=causes(before, after),
        outputs_changed=sum(
            map(ne, picked(old.answers, answered.before), picked(new.answers, answered.after))
        ),
        requests_changed=_requests_changed(old, new, pairing),
        scores=tuple(compare_score(name, kind, old, new, pairing.pairs) for name, kind in kinds.items()),
        slices=compare_slices(fields, examples.row, kinds, old, new, pairing.pairs),
        measures=compare_measures(old, new, answered),
        noise=_noise(kinds, old, new),
        primary=primary,
        _pairer=pairer,
        _pairing=pairing,
    )


def _primary(kinds: dict[str, ScoreKind], asked: str | None) -> str | None:
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
            Advice("pin-examples"),
        )
    strange = next((name for name in fields if all(pick(row, name) is MISSING for row in rows)), None)
    if strange is not None:
        raise Usage(f"no example has a field {strange!r}", f"they have {', '.join(paths_of(rows)[:12])}")


def _requests_changed(old: Columns, new: Columns, pairing: Pairing) -> int | None:
    before, after = picked(old.requests, pairing.pairs.before), picked(new.requests, pairing.pairs.after)
    if before.count(None) == len(before) or after.count(None) == len(after):
        return None
    pairs = zip(before, after, strict=True)
    known = [was != now for was, now in pairs if was is not None and now is not None]
    return sum(known) if known else None


def _answered(old: Columns, new: Columns, pairs: Pairs) -> Pairs:
    """The pairs that have an output on both sides."""
    if all(old.answered) and all(new.answered):
        return pairs
    known = list(map(and_, picked(old.answered, pairs.before), picked(new.answered, pairs.after)))
    return Pairs(list(compress(pairs.before, known)), list(compress(pairs.after, known)))


def _noise(kinds: dict[str, ScoreKind], old: Columns, new: Columns) -> tuple[NoiseComparison, ...]:
    found = (compare_noise(name, old, new) for name, kind in kinds.items() if kind != "label")
    return tuple(each for each in found if each is not None)
