"""How alike two files are, for finding those that were renamed and changed."""

from __future__ import annotations

from promptvc.content.text.diff import similarity
from promptvc.session.files.views import FileView

SIMILARITY_LIMIT = 1 << 20
"""Bytes above which files are not read to find a rename."""


def file_similarity(old: FileView, new: FileView) -> float:
    """From 0 to 1; 0 where one of the two is too large to be read for this."""
    if old.size() > SIMILARITY_LIMIT or new.size() > SIMILARITY_LIMIT:
        return 0.0
    return similarity(*(file.read().decode("utf-8", "replace") for file in (old, new)))
