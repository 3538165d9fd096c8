"""What a check says beside its gates: what was not looked at, and how to go on from what failed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from promptvc.content.runs.run import output_path
from promptvc.runs.check.measures import rows_words
from promptvc.runs.check.results import GateResult
from promptvc.runs.check.subject import Subject

_PLAIN = re.compile(r"[\w-]+")


def notes(subject: Subject) -> Iterator[str]:
    """What was not looked at, and scores that are gone."""
    for revision, base in subject.bases.items():
        both, only_here = len(base.numbers), len(subject.columns) - len(base.numbers)
        if both and (only_here or base.only_there):
            yield (
                f"compared with {revision}: {rows_words(both)} in both; "
                f"{only_here:,} only here, {base.only_there:,} only there"
            )
        gone = [name for name in base.means if name not in subject.known_scores]
        if gone:
            yield f"not scored here any more, as it was at {revision}: {', '.join(gone)}"


def hint(subject: Subject, gates: Sequence[GateResult]) -> str | None:
    """The command that makes outputs up to date, or else lists the rows because of which a gate failed."""
    failed = [gate for gate in gates if not gate.passed]
    if not failed:
        return None
    record, run = subject.side.record, subject.spec.run
    if any(gate.kind == "fresh" for gate in failed):
        if record is not None and record.recorded:
            return f"promptvc record {run} takes in outputs that are up to date"
        return f"promptvc run {run}"
    compared = next((gate for gate in failed if gate.revision), None)
    if compared is not None and compared.revision is not None:
        if subject.bases[compared.revision].side.table is None:
            return f"no_worse_than needs outputs that are committed at {compared.revision}"
        return _compare(subject, compared, compared.revision)
    return _rows(subject, failed)


def _compare(subject: Subject, gate: GateResult, revision: str) -> str:
    """``promptvc compare main triage --broken``, where the score is one that rows pass."""
    here = "" if subject.source.label == "working files" else f" {subject.source.label}"
    command = f"promptvc compare {revision}{here} {subject.spec.run}"
    booleans = [name for name, kind in subject.kinds.items() if kind == "boolean"]
    judging = [gate.subject] if gate.kind == "no_worse_than" else list(subject.passing)
    if not gate.rows or len(judging) != 1 or judging[0] not in booleans:
        return command
    return f"{command} --broken" + ("" if judging == booleans[:1] else f" --score {judging[0]}")


def _rows(subject: Subject, failed: Sequence[GateResult]) -> str:
    """``promptvc rows outputs/triage.jsonl --where scores.exact=false``, where that finds the rows of a gate."""
    version = "" if subject.source.label == "working files" else f"{subject.source.label}:"
    command = f"promptvc rows {version}{output_path(subject.spec.run)}"
    for gate in failed:
        judging = subject.passing if gate.kind == "must_pass" else (gate.subject,)
        if (
            gate.rows
            and len(judging) == 1
            and _PLAIN.fullmatch(judging[0])
            and all(subject.columns.score(judging[0])[n] is False for n in gate.rows.numbers)
        ):
            return f"{command} --where scores.{judging[0]}=false"
    return command
