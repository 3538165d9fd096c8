"""The checks that promptvc.toml declares."""

from __future__ import annotations

from collections.abc import Sequence

from promptvc.content.runs.checkspec import CheckSpec
from promptvc.errors import Usage
from promptvc.runs.sources import RunSource


def declared(source: RunSource, names: Sequence[str] = ()) -> list[CheckSpec]:
    """The checks declared at a version, or the named ones of them; raises `Usage` for an unknown name."""
    checks = source.project.checks
    if not checks:
        where = "" if source.label == "working files" else f" at {source.label}"
        raise Usage(
            f"promptvc.toml{where} declares no check", "[checks.NAME] with run and min = {…} declares one"
        )
    strange = next((name for name in names if name not in checks), None)
    if strange is not None:
        raise Usage(f"promptvc.toml declares no check {strange!r}", f"it declares {', '.join([*checks][:8])}")
    return [checks[name] for name in dict.fromkeys(names)] or list(checks.values())
