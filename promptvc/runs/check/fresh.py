"""The gate that asks whether outputs are up to date."""

from __future__ import annotations

from promptvc.content.runs.run import Pin
from promptvc.errors import PathMissing
from promptvc.runs.check.results import GateResult
from promptvc.runs.check.subject import Subject
from promptvc.runs.execute.staleness import staleness
from promptvc.runs.sources import Source, pin_of


def fresh(subject: Subject) -> GateResult:
    """The outputs are those of the prompt, the examples and the settings of this version."""
    why = _not_fresh(subject)
    return GateResult("fresh", "", why is None, True, why is None, why or "up to date")


def _not_fresh(subject: Subject) -> str | None:
    """Why the outputs are not those of the prompt and the examples at this version; None where they are."""
    if subject.side.table is None:
        return "there are no outputs"
    declared, record = subject.source.project.runs.get(subject.spec.run), subject.side.record
    if declared is not None:
        found = staleness(subject.source, declared, subject.contents, subject.store)
        if not found.is_fresh:
            return found.words()
    if record is None:
        return None
    done = "recorded" if record.recorded else "scored"
    for pin in (record.prompt if record.recorded else None, record.examples):
        if pin is not None and not _has(subject.source, pin):
            return f"{pin.path} changed since the outputs were {done}"
    return None


def _has(source: Source, pin: Pin) -> bool:
    """Whether a pinned file is as it was."""
    try:
        return pin_of(source.file(pin.path)).id == pin.id
    except PathMissing:
        return False
