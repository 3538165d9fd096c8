"""The marker that makes a tree a rope: its first entry, a constant blob whose mode is the file's."""

from __future__ import annotations

from promptvc.errors import UnsupportedFormat
from promptvc.storage.objects import Kind, TreeEntry, object_id

MARKER_NAME = ".rope"
MARKER = b"promptvc rope 1\n"
MARKER_ID = object_id(Kind.BLOB, MARKER)


def is_rope(entries: list[TreeEntry]) -> bool:
    """Whether a tree is a rope's root. Raises `UnsupportedFormat` for a rope of a newer format."""
    marker = next((entry for entry in entries[:1] if entry.name == MARKER_NAME and not entry.is_folder), None)
    if marker is not None and marker.id != MARKER_ID:
        raise UnsupportedFormat("a table", f"marker {marker.id.short}", 1)
    return marker is not None


def rope_mode(entries: list[TreeEntry]) -> int:
    """The mode of the file that a rope is."""
    return entries[0].mode
