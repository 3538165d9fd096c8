"""The built-in kinds of scorers, each a function from its argument to a function that scores an output.

In all of them a FIELD of the example is a dotted path. Text is compared exactly, with case, except for surrounding
white space; a number, object or boolean is compared as JSON. If a field holds an array, each of its elements is an
accepted answer, and the best match counts. An output that is None counts as empty text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from promptvc.content.formats.base import Row
from promptvc.content.formats.missing import MISSING
from promptvc.content.json_type import LooseJson as Json
from promptvc.content.runs.run import OutputRow
from promptvc.content.values.dotted import pick
from promptvc.errors import ConfigInvalid
from promptvc.patterns import compiled

Measure = Callable[[str | None, Row, OutputRow], object]
Read = Callable[[str], bytes]
"""Returns the bytes of a tracked file; raises `PathMissing`."""

_NUMBER = compiled(
    r"(?:(?<![\w.,)\]])[-+\u2212])?"  # a sign, unless it is between two numbers: 16-3 is 16 and 3
    r"(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?"
)


class Unscored(Exception):
    """Why an output cannot be given a score; it never leaves the scorers."""


class Made(Struct, frozen=True):
    """A function that scores outputs, and what besides the kind determines its results."""

    measure: Measure
    data: bytes = b""


class ScorerKind(Struct, frozen=True):
    """A built-in kind. ``version`` changes whenever the same outputs would get other scores.

    ``expects`` gives the example field with the expected output, from the argument; None for a kind that compares
    outputs with nothing.
    """

    usage: str
    version: str
    make: Callable[[str, Read | None], Made]
    expects: Callable[[str], str] | None = None


def kinds_hint() -> str:
    """The syntax of each kind."""
    return f"there are {', '.join(kind.usage for kind in KINDS.values())}, python:module:function"


# --- exact, contains, similarity ------------------------------------------------------------------------------


def _exact(field: str, read: Read | None) -> Made:
    """Whether the output equals the field."""
    return Made(lambda output, example, row: (output or "").strip() in _answers(example, field))


def _contains(field: str, read: Read | None) -> Made:
    """Whether the field occurs in the output."""

    def measure(output: str | None, example: Row, row: OutputRow) -> bool:
        answers = [answer for answer in _answers(example, field) if answer]
        if not answers:
            raise Unscored(f"the field {field!r} is empty, which any output contains")
        return any(answer in (output or "") for answer in answers)

    return Made(measure)


def _similarity(field: str, read: Read | None) -> Made:
    """How similar output and field are, 0 to 1: 1 - insertions and deletions / both lengths (Indel of rapidfuzz)."""

    def measure(output: str | None, example: Row, row: OutputRow) -> float:
        from rapidfuzz.distance import Indel  # 20 ms that only this kind needs

        text = (output or "").strip()
        return max(float(Indel.normalized_similarity(text, answer)) for answer in _answers(example, field))

    return Made(measure)


# --- regex ----------------------------------------------------------------------------------------------------


def _regex(argument: str, read: Read | None) -> Made:
    r"""Whether a regular expression matches in the output; ``@FIELD`` takes that of the example, ``\@`` is an ``@``.

    The syntax is that of Python's `re`; a leading ``(?i)`` ignores case.
    """
    if not argument.startswith("@"):
        pattern = _compiled(argument)
        return Made(lambda output, example, row: pattern.search(output or "") is not None)
    field = _field_after_at("regex", argument)

    def measure(output: str | None, example: Row, row: OutputRow) -> bool:
        patterns = _answers(example, field)
        return any(re.search(each, output or "") is not None for each in patterns)  # re keeps the last 512

    return Made(measure)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ConfigInvalid(
            f"the scorer regex:{pattern} has no regular expression: {error}", "correct it in promptvc.toml"
        ) from error


# --- numeric --------------------------------------------------------------------------------------------------


def _numeric(argument: str, read: Read | None) -> Made:
    """Whether the last number of the output equals that of the field: ``#### 1,319`` in an answer is 1319.

    Two numbers are equal within ``tolerance`` (1e-6), or within ``relative`` (0) times the expected one.
    """
    field, limits = _numeric_options(argument)

    def measure(output: str | None, example: Row, row: OutputRow) -> bool:
        wanted = [number for value in _values(example, field) if (number := _number_in(value)) is not None]
        if not wanted:
            raise Unscored(f"the field {field!r} has no number")
        found = last_number(output or "")
        return found is not None and any(_is_near(found, number, limits) for number in wanted)

    return Made(measure)


def last_number(text: str) -> float | None:
    """The last number of a text, None if it has none: ``"16-3 = 13, so $1,300.50." -> 1300.5``."""
    found = _NUMBER.findall(text)
    return float(found[-1].replace(",", "").replace("\u2212", "-")) if found else None


def _number_in(value: Json) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _float(value)
    return last_number(value) if isinstance(value, str) else None


def _float(value: float) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


def _is_near(found: float, wanted: float, limits: dict[str, float]) -> bool:
    if found == wanted:
        return True
    return abs(found - wanted) <= max(limits["tolerance"], limits["relative"] * abs(wanted))


def _numeric_options(argument: str) -> tuple[str, dict[str, float]]:
    field, *options = argument.split(",")
    limits = {"tolerance": 1e-6, "relative": 0.0}
    for option in options:
        name, found, text = option.partition("=")
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not found or name.strip() not in limits or not (0 <= value < math.inf):
            raise ConfigInvalid(
                f"the scorer numeric:{argument} cannot be read at {option.strip()!r}",
                "numeric:FIELD,tolerance=0.01,relative=0.001",
            )
        limits[name.strip()] = value
    if not field.strip():
        raise ConfigInvalid("the scorer 'numeric' needs the name of a field", KINDS["numeric"].usage)
    return field.strip(), limits


# --- json_schema ----------------------------------------------------------------------------------------------


def _json_schema(argument: str, read: Read | None) -> Made:
    """Whether the output is JSON that a schema accepts: that of a tracked file, ``@FIELD`` of the example, or inline.

    All of the output must be JSON: text before it, or a fence around it, would break the program that reads it.
    References resolve inside the schema only; nothing is fetched.
    """
    if argument.startswith("@"):
        field = _field_after_at("json_schema", argument)

        def by_field(output: str | None, example: Row, row: OutputRow) -> bool:
            schema = pick(example, field)
            if schema is MISSING or schema is None:
                raise Unscored(f"the example has no field {field!r}")
            return _is_valid(_validator(json.loads(schema) if isinstance(schema, str) else schema), output)

        return Made(by_field)
    data = argument.encode() if argument.startswith("{") else _schema_file(argument, read)
    validator = _validator(_parsed(data, argument))
    return Made(lambda output, example, row: _is_valid(validator, output), data)


def _schema_file(path: str, read: Read | None) -> bytes:
    if read is None:
        raise ConfigInvalid(
            f"the scorer json_schema:{path} needs a project to read from", "give the schema inline"
        )
    return read(path)


def _parsed(data: bytes, name: str) -> Json:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ConfigInvalid(f"the schema {name[:80]} is not JSON: {error}", "correct it") from error


def _validator(schema: Json) -> Any:
    from jsonschema.exceptions import SchemaError  # 60 ms that only this kind needs
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry

    kind = validator_for(schema, Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        where = "/".join(map(str, error.absolute_path)) or "its beginning"
        raise ConfigInvalid(
            f"a schema is not valid at {where}: {error.message}", "correct the schema"
        ) from error
    return kind(schema, registry=Registry())  # a registry of its own, so that no schema is ever fetched


def _is_valid(validator: Any, output: str | None) -> bool:
    try:
        value = json.loads(output or "", parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return False
    return bool(validator.is_valid(value))


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


# --- fields ---------------------------------------------------------------------------------------------------


def _field_after_at(kind: str, argument: str) -> str:
    field = argument[1:].strip()
    if not field:
        raise ConfigInvalid(f"the scorer {kind}:@ needs the name of a field", KINDS[kind].usage)
    return field


def _values(example: Row, field: str) -> Sequence[Json]:
    """The accepted answers in a field; raises `Unscored` if it holds none."""
    found = pick(example, field)
    if found is MISSING:
        raise Unscored(f"the example has no field {field!r}")
    values = found if isinstance(found, list) else [found]
    if not values or values == [None]:
        raise Unscored(f"the field {field!r} holds no answer")
    return values


def _whole(argument: str) -> str:
    return argument.strip()


def _before_options(argument: str) -> str:
    return argument.partition(",")[0].strip()


def _answers(example: Row, field: str) -> list[str]:
    return [
        (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)).strip()
        for value in _values(example, field)
    ]


KINDS = {
    "exact": ScorerKind("exact:FIELD", "exact-1", _exact, _whole),
    "contains": ScorerKind("contains:FIELD", "contains-1", _contains, _whole),
    "regex": ScorerKind("regex:PATTERN or regex:@FIELD", "regex-1", _regex),
    "numeric": ScorerKind(
        "numeric:FIELD[,tolerance=1e-6][,relative=0]", "numeric-1", _numeric, _before_options
    ),
    "json_schema": ScorerKind(
        "json_schema:FILE, json_schema:@FIELD or json_schema:{…}", "json_schema-1", _json_schema
    ),
    "similarity": ScorerKind("similarity:FIELD", "similarity-1", _similarity, _whole),
}
