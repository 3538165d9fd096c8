"""Why two versions of a run may differ: what their records pin differently."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from promptvc.content.formats.equal import same
from promptvc.content.json_type import LooseJson as Json
from promptvc.content.runs.run import Pin, RunRecord
from promptvc.runs.sources import LoadedRun

What = Literal[
    "prompt",
    "examples",
    "provider",
    "model",
    "params",
    "tools",
    "response_format",
    "samples",
    "inputs",
    "scorers",
]
_PLAIN: tuple[What, ...] = ("provider", "model", "tools", "response_format", "samples")


class Cause(Struct, frozen=True, kw_only=True):
    """One difference between two records.

    ``name`` is the parameter, input or scorer, or the path of the file after; ``before`` and ``after`` are its values
    (for a file ``{"path", "id"}``, for a scorer its declaration), None if it is absent. For examples that both sides
    have, ``rows`` is how many are in both and differ, ``added`` and ``removed`` how many are in only one.
    """

    what: What
    name: str | None
    before: Json
    after: Json
    rows: int | None = None
    added: int | None = None
    removed: int | None = None

    def to_value(self) -> dict[str, Json]:
        """``{"what", "name", "before", "after", "rows", "added", "removed"}``."""
        return {
            "what": self.what,
            "name": self.name,
            "before": self.before,
            "after": self.after,
            "rows": self.rows,
            "added": self.added,
            "removed": self.removed,
        }


def causes(before: LoadedRun, after: LoadedRun) -> tuple[Cause, ...] | None:
    """The differences, in a fixed order; None if a side has no record."""
    old, new = before.record, after.record
    if old is None or new is None:
        return None
    made: list[Cause] = []
    made += _pins("prompt", old.prompt, new.prompt)
    for cause in _pins("examples", old.examples, new.examples):
        counts = changed_examples(before, after) if cause.before and cause.after else None
        rows, added, removed = counts or (None, None, None)
        made.append(replace(cause, rows=rows, added=added, removed=removed))
    for what in _PLAIN:
        values = getattr(old, what), getattr(new, what)
        if not same(*values):
            made.append(Cause(what=what, name=None, before=values[0], after=values[1]))
    made += _mapping("params", dict(old.params), dict(new.params))
    made += _mapping("inputs", dict(old.inputs), dict(new.inputs))
    made += _scorers(old, new)
    return tuple(made)


def changed_examples(before: LoadedRun, after: LoadedRun) -> tuple[int, int, int] | None:
    """How many examples differ, were added, and removed; None if a side's examples are not available."""
    old, new = before.examples, after.examples
    if not old or not new:
        return None
    both, differ = new.compare(old)
    return differ, len(new) - both, len(old) - both


def _pins(what: What, old: Pin | None, new: Pin | None) -> Iterable[Cause]:
    """The change of a pinned file; equal content under another path cannot change outputs."""
    if (old and old.id) != (new and new.id):
        path = new.path if new else old.path if old else None
        yield Cause(what=what, name=path, before=old and old.to_value(), after=new and new.to_value())


def _mapping(what: What, old: dict[str, Any], new: dict[str, Any]) -> Iterable[Cause]:
    for name in dict.fromkeys((*old, *new)):
        if (name in old) != (name in new) or not same(old[name], new[name]):
            yield Cause(what=what, name=name, before=old.get(name), after=new.get(name))


def _scorers(old: RunRecord, new: RunRecord) -> Iterable[Cause]:
    ours, theirs = ({pin.name: pin for pin in record.scorers} for record in (old, new))
    for name in dict.fromkeys((*ours, *theirs)):
        before, after = ours.get(name), theirs.get(name)
        if before != after:
            yield Cause(what="scorers", name=name, before=before and before.spec, after=after and after.spec)
