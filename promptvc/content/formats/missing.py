"""MISSING: what stands for the value of a field that is not there."""

from __future__ import annotations

import enum
from typing import Final


class Missing(enum.Enum):
    """The type of `MISSING`."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING
"""Stands for the value of a field that a row does not have; null is a value."""
