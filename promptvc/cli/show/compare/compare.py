"""A comparison of runs as text: unpaired rows, the causes, scores and slices, cost and time, and rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from promptvc.cli.show.chars import columns, cut, pad, plural, visible, wrap
from promptvc.cli.show.compare.rows import row_lists
from promptvc.content.keys.tokens import output_name
from promptvc.runs.compare.report.texts import ScoreTexts, measure_texts, noise_texts, score_texts
from promptvc.runs.compare.report.words import cause_words, title, unpaired_counts, without_output

if TYPE_CHECKING:
    from promptvc.cli.output import Output
    from promptvc.cli.show.compare.rows import Again
    from promptvc.runs.compare.compare import RunComparison
    from promptvc.runs.compare.rows import PairStatus, RowList
    from promptvc.runs.compare.scores import NoiseComparison, ScoreComparison
    from promptvc.runs.compare.slices import SliceComparison

_NAME_LEAST, _NAME_MOST = 18, 30
_SLICES = 10
"""Slices of one field to show by default."""
_LABELS = 6


class _Layout(Struct, frozen=True):
    """The width of the names on the left, and of the means."""

    out: Output
    name: int
    before: int
    after: int
    difference: int

    def line(self, name: str, text: str) -> str:
        return f"  {pad(cut(visible(name), self.name - 1), self.name)}{text}"

    def lines(self, name: str, text: str) -> Iterator[str]:
        """Text on as many lines as needed."""
        for at, (start, stop) in enumerate(wrap(text, self.out.width - self.name - 2)):
            yield self.line("" if at else name, text[start:stop])

    def numbers(self, score: ScoreComparison) -> str:
        texts = score_texts(score)
        color = {"better": "green", "worse": "red", None: None}[score.verdict]
        shown = self.out.style(texts.difference.rjust(self.difference), fg=color)
        return f"{texts.before.rjust(self.before)} → {texts.after.rjust(self.after)}   {shown}"


def comparison_lines(
    out: Output, comparison: RunComparison, asked: Sequence[PairStatus], limit: int | None, again: Again
) -> Iterator[str]:
    """The lines of a comparison; ``asked`` are the kinds of rows to list in full, at most ``limit`` of each.

    ``again`` gives the command that lists all rows of a kind.
    """
    layout = _layout(out, comparison)
    yield from short_lines(out, comparison)
    yield from _slices(layout, comparison)
    for texts in measure_texts(comparison.measures):
        yield from layout.lines(texts.name, "   ".join(filter(None, (texts.both, texts.change, texts.over))))
    yield from row_lists(out, comparison, asked, limit, again)


def short_lines(out: Output, comparison: RunComparison) -> Iterator[str]:
    """The beginning of a comparison: unpaired rows, the causes, and the scores."""
    layout = _layout(out, comparison)
    yield from _head(out, comparison)
    for name, rows in (("only new", comparison.only_after), ("only old", comparison.only_before)):
        if rows:
            yield layout.line(name, out.style(_ids(rows, out.width - layout.name - 2), fg="yellow"))
    yield from _why(layout, comparison)
    yield layout.line("outputs", _output_words(comparison))
    if words := _error_words(comparison):
        yield layout.line("without output", out.style(words, fg="yellow"))
    for score in comparison.scores:
        yield from _score(layout, score)
        yield from _noise(layout, next((n for n in comparison.noise if n.name == score.name), None))


def _layout(out: Output, comparison: RunComparison) -> _Layout:
    shown = [*comparison.scores, *filter(None, (s.score(comparison.primary) for s in comparison.slices))]
    texts = list(map(score_texts, shown))
    names = [score.name for score in comparison.scores]
    names += [_slice_name(comparison, each) for each in comparison.slices]
    widest = max((columns(visible(name)) for name in names), default=0) + 2
    return _Layout(
        out,
        min(max(widest, _NAME_LEAST), _NAME_MOST),
        max((len(each.before) for each in texts), default=0),
        max((len(each.after) for each in texts), default=0),
        max((len(each.difference) for each in texts), default=0),
    )


def _head(out: Output, comparison: RunComparison) -> Iterator[str]:
    counts = ", ".join([f"{plural(comparison.pairs, 'row')} in both", *unpaired_counts(comparison)])
    name = visible(title(comparison))
    if columns(name) + len(counts) + 3 <= out.width:
        yield f"{out.style(name, bold=True)}   {counts}"
    else:
        yield out.style(cut(name, out.width), bold=True)
        yield f"  {counts}"


def _ids(rows: RowList, room: int) -> str:
    """The ids that fit, and how many more there are."""
    ids = [visible(output_name(*place)) for place in rows.places[:40]]
    shown: list[str] = []
    used = 0
    for id in ids:
        used += min(columns(id), 30) + 2
        if shown and used > room - 12:
            break
        shown.append(cut(id, 30))
    left = len(rows) - len(shown)
    return ", ".join(shown) + (f", … {left:,} more" if left else "")


def _why(layout: _Layout, comparison: RunComparison) -> Iterator[str]:
    words = cause_words(comparison)
    text = visible(", ".join(words)) if words else "the same prompt, examples and model: drawn anew"
    if not words and not comparison.outputs_changed:
        text = "nothing: the same prompt, examples and model"
    name = "changed because" if words else "pinned"
    yield from layout.lines(name, text)


def _output_words(comparison: RunComparison) -> str:
    asked = comparison.requests_changed
    changed = f"{comparison.outputs_changed:,} of {comparison.pairs:,} changed"
    return changed if asked is None else f"{changed}; {plural(asked, 'request')} changed"


def _error_words(comparison: RunComparison) -> str:
    """Rows without scores: ``3 failed before; 2 failed, 41 stale after``."""
    sides = without_output(comparison)
    return "; ".join(f"{', '.join(counts)} {when}" for when, counts in sides if counts)


# --- scores -----------------------------------------------------------------------------------------------


def _score(layout: _Layout, score: ScoreComparison) -> Iterator[str]:
    if not score.pairs:
        yield layout.line(score.name, "on one side only")
    elif score.kind == "label":
        yield from _labels(layout, score)
    else:
        texts = score_texts(score)
        parts = [layout.numbers(score), f"95% {texts.interval}" if texts.interval else "", texts.p]
        text = "  ".join(part for part in parts if part)
        plain = columns(text) if not layout.out.color else 0
        fits = plain + layout.name + 2 <= layout.out.width
        yield layout.line(score.name, text if fits else parts[0])
        if not fits:
            yield layout.line("", "  ".join(part for part in parts[1:] if part))
        if score.kind == "boolean":
            yield layout.line("", _fixed_words(layout.out, texts))


def _fixed_words(out: Output, texts: ScoreTexts, fixed: int = 0, broken: int = 0) -> str:
    """``fixed 4, broken 2``, each number padded to so many digits."""
    first, second = f"fixed {texts.fixed}", f"broken {texts.broken}"
    green = out.style(first, fg="green") if texts.fixed != "0" else first
    red = out.style(second, fg="red") if texts.broken != "0" else second
    return f"{green},{' ' * max(1, fixed - len(texts.fixed) + 1)}{red}{' ' * (broken - len(texts.broken))}"


def _labels(layout: _Layout, score: ScoreComparison) -> Iterator[str]:
    moved = [change for change in score.labels if change.before != change.after]
    yield layout.line(score.name, _label_words(score))
    for change in moved[:_LABELS]:
        text = f"{visible(change.before)} → {visible(change.after)}"
        yield layout.line("", f"{change.rows:>5,}  {cut(text, layout.out.width - layout.name - 9)}")
    if len(moved) > _LABELS:
        rest = sum(change.rows for change in moved[_LABELS:])
        yield layout.line("", f"{rest:>5,}  in {len(moved) - _LABELS:,} other ways")


def _label_words(score: ScoreComparison) -> str:
    return f"{score_texts(score).changed} of {plural(score.pairs, 'label')} changed"


def _noise(layout: _Layout, found: NoiseComparison | None) -> Iterator[str]:
    """How far sampling again would move the mean."""
    if found is None:
        return
    texts = noise_texts(found)
    differ, moves = f"samples differ by {texts.within}", f"which moves the mean by {texts.of_mean}"
    text = f"{differ}, {moves}"
    if len(text) + layout.name + 2 <= layout.out.width:
        yield layout.line("  noise within", layout.out.style(text, dim=True))
    else:
        yield layout.line("  noise within", layout.out.style(differ, dim=True))
        yield layout.line("", layout.out.style(moves, dim=True))


# --- slices -----------------------------------------------------------------------------------------------


def _slices(layout: _Layout, comparison: RunComparison) -> Iterator[str]:
    fields = dict.fromkeys(each.field for each in comparison.slices)
    for field in fields:
        members = [each for each in comparison.slices if each.field == field]
        shown = members[:_SLICES]
        scores = [each.score(comparison.primary) for each in shown]
        texts = [score_texts(score) for score in scores if score]
        fixed = max((len(each.fixed) for each in texts), default=0)
        broken = max((len(each.broken) for each in texts), default=0)
        for each, score in zip(shown, scores, strict=True):
            if score is not None:
                yield layout.line(
                    _slice_name(comparison, each), _slice(layout, each, score, fixed, broken).rstrip()
                )
        if len(members) > len(shown):
            more = f"… {len(members) - len(shown):,} more by {visible(field)}: --json has them all"
            yield layout.line("", layout.out.style(more, dim=True))


def _slice(layout: _Layout, each: SliceComparison, score: ScoreComparison, fixed: int, broken: int) -> str:
    out = layout.out
    texts = score_texts(score)
    if not score.pairs:
        return "no scores on both sides"
    if score.kind == "label":
        return _label_words(score)
    text = layout.numbers(score)
    if score.kind == "boolean":
        text += f"  {_fixed_words(out, texts, fixed, broken)}"
    else:
        text += f"  {plural(score.pairs, 'row')}"
    return f"{text}   {out.style('← worse', fg='red')}" if score.verdict == "worse" else text


def _slice_name(comparison: RunComparison, each: SliceComparison) -> str:
    """``slice billing``; where there are several fields to slice by, ``source web``."""
    several = any(other.field != each.field for other in comparison.slices)
    value = "none" if each.value is None else each.value or '""'
    return f"{each.field if several else 'slice'} {value}"
