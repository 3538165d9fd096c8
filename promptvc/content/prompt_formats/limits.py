"""How much a template may do: steps, sizes, and which methods and filters it may call.

Best effort against templates that were written to exhaust the machine; a template that formats a prompt
comes nowhere near any of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from promptvc.patterns import compiled

MAX_TEXT = 16 << 20
"""Characters in any one text that a template makes."""

_MAX_STEPS = (
    1_000_000  # loop rounds, calls, filters; 256 characters made or 64 values walked count as one more
)
_MAX_VALUES = 1_000_000  # in one list or mapping that is written out
_MAX_BITS = 8_192
_MAX_WIDTH = 1_000

_STR_METHODS = (
    "capitalize casefold count endswith find format format_map index isalnum isalpha isascii isdecimal isdigit "
    "islower isnumeric isspace istitle isupper join lower lstrip partition removeprefix removesuffix replace rfind "
    "rindex rpartition rsplit rstrip split splitlines startswith strip swapcase title upper"
)
STR_METHODS = frozenset(_STR_METHODS.split())
MAPPING_METHODS = frozenset({"get", "items", "keys", "values"})
SEQUENCE_METHODS = frozenset({"count", "index"})

# Left out: random and lipsum, because the same values must give the same prompt; those made for HTML;
# and those whose results grow with a product of their arguments.
_FILTERS = (
    "abs attr batch capitalize center count d default dictsort e escape first float format groupby indent int "
    "items join last length list lower map max min reject rejectattr replace reverse round safe select selectattr "
    "slice sort string sum title trim truncate unique upper urlencode wordcount"
)
FILTERS = frozenset(_FILTERS.split())

_FORMAT_WIDTH = compiled(r"\d{4}|\*|\{[^{}]*:[^{}]*\{")


class TooMuch(Exception):
    """A template asks for more than a prompt can need."""


class Budget:
    """The steps that are left to one rendering."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = _MAX_STEPS

    def spend(self, steps: int = 1) -> None:
        """Take steps; raises `TooMuch` when none are left."""
        self._left -= steps
        if self._left < 0:
            raise TooMuch(f"the template takes more than {_MAX_STEPS} steps")

    def made(self, value: object) -> None:
        """Count a value that was made; raises `TooMuch` for a text that is too long."""
        if isinstance(value, str | bytes | list | tuple):
            check_length(len(value))
            self.spend(1 + (len(value) >> 8))
        else:
            self.spend()

    def walk(self, value: object) -> None:
        """Count everything in a list or mapping before it is written out; it may hold itself many times over."""
        if not isinstance(value, list | tuple | Mapping):
            return
        seen, open_values = 0, [value]
        while open_values:
            inner = open_values.pop()
            items = list(inner.values()) if isinstance(inner, Mapping) else inner
            seen += len(items) + 1
            if seen > _MAX_VALUES:
                raise TooMuch(f"more than {_MAX_VALUES} values in one")
            open_values += [item for item in items if isinstance(item, list | tuple | Mapping)]
        self.spend(seen >> 6)


def bounded_join(pieces: Iterable[str]) -> str:
    """The pieces as one text; raises `TooMuch` before it is too long."""
    kept, length = [], 0
    for piece in pieces:
        length += len(piece)
        check_length(length)
        kept.append(piece)
    return "".join(kept)


def check_length(length: int) -> None:
    """Raise `TooMuch` for a text or list of this length."""
    if length > MAX_TEXT:
        raise TooMuch(f"the text grows beyond {MAX_TEXT >> 20} million characters")


def check_operation(operator: str, left: object, right: object) -> None:
    """Raise `TooMuch` for an operation whose result would be too large."""
    if operator == "%" and isinstance(left, str):
        check_format(left)
    elif isinstance(left, int) and isinstance(right, int):
        _check_integers(operator, left, right)
    elif operator == "+":
        check_length(_length(left) + _length(right))
    elif operator == "*":
        times = left if isinstance(left, int) else right if isinstance(right, int) else 1
        check_length((_length(left) + _length(right)) * max(times, 0))


def _check_integers(operator: str, left: int, right: int) -> None:
    bits = left.bit_length() * max(right, 1) if operator == "**" else left.bit_length() + right.bit_length()
    if operator in ("*", "**") and bits > _MAX_BITS:
        raise TooMuch("a number grows too large")


def _length(value: object) -> int:
    return len(value) if isinstance(value, str | bytes | list | tuple) else 0


def check_format(template: str) -> None:
    """Refuse widths of thousands, and widths that are themselves computed."""
    if _FORMAT_WIDTH.search(template):
        raise TooMuch("a format asks for too much width")


def check_call(name: str, subject: object, args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
    """Raise `TooMuch` for a filter or text method whose result would be too large."""
    values = [*args, *kwargs.values()]
    numbers = [value for value in values if isinstance(value, int)]
    if name in ("center", "round", "indent", "slice", "batch") and any(abs(n) > _MAX_WIDTH for n in numbers):
        raise TooMuch(f"{name} asks for too much")
    if name == "indent" and isinstance(subject, str):
        widest = max([len(value) if isinstance(value, str) else _MAX_WIDTH for value in values], default=4)
        check_length(len(subject) + subject.count("\n") * widest)
    elif name == "replace" and isinstance(subject, str) and len(values) > 1:
        old, new = str(values[0]), str(values[1])
        check_length(len(subject) + subject.count(old) * len(new))
    elif name == "join":
        glue = subject if not args and not kwargs else values[0] if values else ""
        _check_join(subject, values, glue)
    elif name == "format" and isinstance(subject, str):
        check_format(subject)


def _check_join(subject: object, values: list[object], glue: object) -> None:
    items = subject if isinstance(subject, list | tuple) else values[0] if values else ()
    glue = subject if isinstance(subject, str) else glue
    if isinstance(items, list | tuple | Mapping):
        check_length(len(items) * _length(glue) + sum(_length(item) for item in items))
