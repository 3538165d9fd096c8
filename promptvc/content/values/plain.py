"""Values of Python, numpy and pandas as JSON values. None of these libraries is imported for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from promptvc.content.formats.base import Json, Row

_AS_THEY_ARE = (str, int, float, bool, type(None))
_MISSING = ("NAType", "NaTType")
"""The classes of ``pandas.NA`` and ``pandas.NaT``."""


def plain_row(row: Mapping[str, Any]) -> Row:
    """The row with JSON values, as far as `plain` knows them; what it does not know is for those who write it."""
    try:
        return {name: plain(value) for name, value in row.items()}
    except RecursionError:
        return dict(row)


def plain(value: Any) -> Json:
    """A JSON value for a scalar or array of numpy, a moment (ISO 8601 text) or a missing value of pandas (None).

    Inside objects and arrays too; anything else stays as it is.
    """
    if type(value) in _AS_THEY_ARE:
        scalar: Json = value
        return scalar
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if type(value).__name__ in _MISSING:
        return None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int | float):
        return value.__int__() if isinstance(value, int) else value.__float__()
    return _from_numpy(value) if hasattr(value, "dtype") and hasattr(value, "tolist") else value


def cell(value: Any) -> Json:
    """`plain` of a value in a data frame, where NaN stands for a missing one, inside lists and objects too."""
    return _without_nan(plain(value))


def is_nan(value: Json) -> bool:
    """Whether a JSON value is the NaN that Python reads and writes beside those of the RFC."""
    return isinstance(value, float) and value != value


def _without_nan(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _without_nan(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if is_nan(value) else value


def _from_numpy(value: Any) -> Json:
    if value.dtype.kind != "M":
        return plain(value.tolist())
    if value.shape:
        return [_from_numpy(item) for item in value]
    text = str(value)
    return None if text == "NaT" else text.rstrip("0").rstrip(".") if "." in text else text
