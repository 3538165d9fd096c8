"""Checks recorded outputs against gates, and against the requests that they answer. Makes no calls."""

from __future__ import annotations

from collections.abc import Sequence

from promptvc.content.runs.run import output_path, run_names
from promptvc.errors import Advice, RunMissing
from promptvc.repo.judge.sources import source_at
from promptvc.repo.parts import Parts
from promptvc.runs.check.check import check_run
from promptvc.runs.check.declared import declared
from promptvc.runs.check.results import CheckResult
from promptvc.runs.reproduce.reproduce import Reproduction, reproduce
from promptvc.runs.sources import RunSource


def check(parts: Parts, names: Sequence[str], revision: str | None) -> list[CheckResult]:
    """Run the declared checks, or the named ones: see `Repo.check`."""
    source = source_at(parts, revision)
    specs = declared(source, names)
    return [
        check_run(spec, source, parts.contents, parts.store, lambda text: source_at(parts, text))
        for spec in specs
    ]


def reproduce_runs(parts: Parts, names: Sequence[str], revision: str | None) -> list[Reproduction]:
    """Reproduce all runs with outputs, or the named ones: see `Repo.reproduce`."""
    source = source_at(parts, revision)
    return [reproduce(source, name, parts.contents, parts.store) for name in with_outputs(source, names)]


def with_outputs(source: RunSource, names: Sequence[str]) -> list[str]:
    """The runs that have outputs, or the named ones; raises `RunMissing` if one has none, or there are none."""
    known = run_names(source.files)
    missing = next((name for name in names if output_path(name) not in source.files), None)
    if missing is not None:
        hint = f"runs: {', '.join(known[:8])}" if known else Advice("first-output")
        raise RunMissing(f"{source.label} has no outputs of a run {missing!r}", hint)
    if not (names or known):
        raise RunMissing(f"{source.label} has no outputs of a run", Advice("make-run"))
    return list(names) or known
