"""How alike two files are, for finding those that were renamed and changed."""

from __future__ import annotations

from promptvc.content.text.diff import likeness
from promptvc.session.files.views import FileView

LIKENESS_LIMIT = 1 << 20
"""Bytes above which files are not read to find a rename."""


def file_likeness(old: FileView, new: FileView) -> float:
    """From 0 to 1; 0 where one of the two is too large to be read for this."""
    if old.size() > LIKENESS_LIMIT or new.size() > LIKENESS_LIMIT:
        return 0.0
    return likeness(*(file.read().decode("utf-8", "replace") for file in (old, new)))
