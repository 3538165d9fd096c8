"""A secret that was found: its kind and place, never its value."""

from __future__ import annotations

from msgspec import Struct


class SecretFinding(Struct, frozen=True, kw_only=True):
    """A secret: its kind, and the file, row and field, or line, that hold it, counted from 1.

    ``digest`` is the ``sha256:…`` that allows it in promptvc.toml; ``commit`` is the commit with the file, if any.
    """

    kind: str
    digest: str
    path: str
    row: int | None = None
    field: str | None = None
    line: int | None = None
    commit: str | None = None

    @property
    def where(self) -> str:
        """``examples/tickets.jsonl: row 12, field answer``."""
        parts = [f"row {self.row}"] if self.row is not None else []
        parts += [f"field {self.field}"] if self.field is not None else []
        parts += [f"line {self.line}"] if self.line is not None else []
        return f"{self.path}: {', '.join(parts)}" if parts else self.path
