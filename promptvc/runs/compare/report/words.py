"""A comparison in words: its title, the rows that only one side has, why its sides differ."""

from __future__ import annotations

import json

from promptvc.content.formats.base import Json
from promptvc.content.formats.words import plural
from promptvc.runs.compare.comparison import Comparison
from promptvc.runs.compare.report.texts import score_texts
from promptvc.runs.compare.why import Cause

_VALUE_LENGTH = 40


def summary(comparison: Comparison) -> str:
    """One line: ``support-mini main → terse: 499 rows in both; exact 0.812 → 0.846, fixed 28, broken 11``."""
    parts = [f"{plural(comparison.pairs, 'row')} in both", *unpaired_counts(comparison)]
    score = comparison.score()
    if score is not None and score.before is not None and score.after is not None:
        texts = score_texts(score)
        counts = f", fixed {texts.fixed}, broken {texts.broken}" if score.kind == "boolean" else ""
        parts.append(f"{score.name} {texts.before} → {texts.after}{counts}")
    else:
        parts.append(f"{plural(comparison.outputs_changed, 'output')} changed")
    return f"{title(comparison)}: {'; '.join(parts)}"


def title(comparison: Comparison) -> str:
    """``support-mini main → terse``; for two runs ``plain → terse``, with the version; for two files their paths."""
    old, new = comparison.before, comparison.after
    if new.label.endswith(".jsonl"):
        return f"{old.label} → {new.label}"
    if old.name == new.name:
        return f"{old.name} {old.label} → {new.label}"
    if old.label == new.label:
        return f"{old.name} → {new.name} ({old.label})"
    return f"{old.name} ({old.label}) → {new.name} ({new.label})"


def unpaired_counts(comparison: Comparison) -> list[str]:
    """Rows that only one side has: ``["2 only new", "1 only old"]``."""
    counts = (len(comparison.only_after), "only new"), (len(comparison.only_before), "only old")
    return [f"{count:,} {words}" for count, words in counts if count]


def without_output(comparison: Comparison) -> list[tuple[str, list[str]]]:
    """Rows without an output, by side: ``[("before", ["3 failed"]), ("after", ["2 failed", "41 stale"])]``."""
    made = []
    for side, when in ((comparison.before, "before"), (comparison.after, "after")):
        counts = (side.errors, "failed"), (side.stale, "stale")
        made.append((when, [f"{count:,} {name}" for count, name in counts if count]))
    return made


def cause_words(comparison: Comparison) -> list[str]:
    """Why the sides differ, one entry per reason; says so if nothing pinned differs, or nothing is pinned."""
    if comparison.why is None:
        return ["not known: there is no record"]
    if comparison.why:
        return [_cause(cause) for cause in comparison.why]
    if comparison.before.recorded or comparison.after.recorded:
        return ["not known: outputs recorded from elsewhere"]
    return []


def _cause(cause: Cause) -> str:
    if cause.what in ("prompt", "examples"):
        name = cause.name if cause.name else cause.what
        if cause.before is None or cause.after is None:
            return f"{name} (pinned only {'before' if cause.after is None else 'after'})"
        counts = ("+", cause.added), ("−", cause.removed), ("~", cause.rows)
        words = " ".join(f"{sign}{count:,}" for sign, count in counts if count)
        return f"{name} ({words})" if words else name
    if cause.what == "scorers":
        if cause.before == cause.after:
            return f"scorer {cause.name} (its code)"
        return f"scorer {cause.name} {_value(cause.before)} → {_value(cause.after)}"
    name = cause.name or cause.what.replace("_", " ")
    if cause.what in ("tools", "response_format"):
        return name
    name = f"input {name}" if cause.what == "inputs" else name
    return f"{name} {_value(cause.before)} → {_value(cause.after)}"


def _value(value: Json) -> str:
    if value is None:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _VALUE_LENGTH else text[: _VALUE_LENGTH - 1] + "…"
