"""What every importer returns: rows of another tool, and which fields they have where."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from promptvc.content.formats.base import Row
from promptvc.content.json_type import LooseJson as Json
from promptvc.errors import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """The dotted path of each field in the rows; None for fields they do not have.

    - ``example_key``: from fields of the examples to paths in the rows, ``{"question": "vars.question"}``;
    - ``scores``: from names of scores to paths;
    - ``latency_ms`` and ``cost_usd``: numbers in milliseconds and US dollars.
    """

    example_key: Mapping[str, str] = field(default_factory=dict)
    output: str | None = None
    scores: Mapping[str, str] = field(default_factory=dict)
    sample: str | None = None
    finish_reason: str | None = None
    input_tokens: str | None = None
    output_tokens: str | None = None
    latency_ms: str | None = None
    cost_usd: str | None = None
    error: str | None = None
    response_model: str | None = None

    def over(self, base: Fields) -> Fields:
        """These paths, with those of ``base`` as defaults."""
        return Fields(**{name: getattr(self, name) or getattr(base, name) for name in self.__slots__})


MADE = Fields(
    output="output",
    sample="sample",
    finish_reason="finish_reason",
    input_tokens="input_tokens",
    output_tokens="output_tokens",
    latency_ms="latency_ms",
    cost_usd="cost_usd",
    error="error",
    response_model="response_model",
)
"""The fields of rows that an importer builds itself. Scores are in ``scores``: all of them are taken."""


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """What another tool wrote.

    - ``source``: the file's name and format, as the record gives it;
    - ``fields``: the paths of the fields, as far as the format defines them;
    - ``key_folder``: the field in which the identity of examples is looked up first; ``key``: the field that
      identifies them by default;
    - ``all_scores``: whether the rows have all their scores in ``scores``, by name;
    - ``texts``: whether every value is text, as in CSV;
    - ``chosen``: whether the requested provider only selected among its outputs, and ``provider`` is its id;
    - ``started``, ``ended``: when the calls were made, in seconds since 1970.
    """

    rows: Iterable[Row]
    source: str
    fields: Fields = field(default_factory=Fields)
    key_folder: str | None = None
    key: str | None = None
    all_scores: bool = False
    texts: bool = False
    provider: str | None = None
    model: str | None = None
    chosen: bool = False
    started: float | None = None
    ended: float | None = None
    notes: tuple[str, ...] = ()


def parse_json(data: bytes, name: str) -> Json:
    """The JSON value that a file holds; raises `Usage`, naming the line."""
    try:
        return json.loads(data.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        what = f"{name} line {error.lineno} is not JSON: {error.msg} (column {error.colno})"
        raise Usage(what, "is it the whole file, and of this format?") from None
    except (ValueError, RecursionError) as error:  # not UTF-8, numbers of thousands of digits
        raise Usage(f"{name} is not JSON: {error}", "is it of this format?") from None


def as_mapping(value: Any) -> Mapping[str, Json]:
    """A JSON object unchanged, an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: Any) -> list[Json]:
    """A JSON array unchanged, an empty one for anything else."""
    return value if isinstance(value, list) else []


def as_text(value: Json) -> str | None:
    """Text unchanged, another value as JSON; None for null."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)
