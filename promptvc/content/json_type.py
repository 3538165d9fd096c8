"""The type of JSON values."""

from __future__ import annotations

from typing import Any, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""What JSON can hold."""

LooseJson: TypeAlias = Any
"""A JSON value whose shape the code around it knows; what `runs` and `cli` have not narrowed yet goes by it."""
