"""Exit codes, by kind of error; docs/cli.md shows the same table."""

from __future__ import annotations

from promptvc import errors
from promptvc.errors import Negative, PromptvcError, Refused, Usage

DONE, NEGATIVE, USAGE, REFUSED, INTERRUPTED = 0, 1, 2, 3, 130

_BY_BRANCH: tuple[tuple[type[PromptvcError], int], ...] = (
    (Negative, NEGATIVE),
    (Usage, USAGE),
    (Refused, REFUSED),
)


def exit_code(error: PromptvcError) -> int:
    """The exit code for an error, by its branch of the class tree."""
    return next((code for branch, code in _BY_BRANCH if isinstance(error, branch)), REFUSED)


def table() -> list[tuple[str, int, str]]:
    """(kind, exit code, meaning) of every error, by code and kind."""
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, PromptvcError)]
    rows = {
        c.kind: (_code_of(c), (c.__doc__ or "").strip().split("\n")[0])
        for c in classes
        if c is not PromptvcError
    }
    return sorted(
        ((kind, code, text) for kind, (code, text) in rows.items()), key=lambda row: (row[1], row[0])
    )


def _code_of(kind: type[PromptvcError]) -> int:
    return next((code for branch, code in _BY_BRANCH if issubclass(kind, branch)), REFUSED)
