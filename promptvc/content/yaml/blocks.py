"""YAML text as blocks: the entries of a mapping or sequence, each with its lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal

from msgspec import Struct

from promptvc.content.formats.base import Json
from promptvc.content.formats.equal import same
from promptvc.content.formats.missing import MISSING, Missing
from promptvc.content.yaml.load import YamlInvalid, load_yaml
from promptvc.patterns import compiled

BlockKind = Literal["mapping", "sequence", "nothing"]

_LONE_RETURN = compiled(r"\r(?!\n)")
_BLANK_OR_COMMENT = compiled(r"[ \t]*(#[^\n]*)?\r?\n?\Z")


class Entry(Struct, frozen=True):
    """One entry: the blank lines and comments above it, and its own lines, all of them with line ends.

    ``name`` is "" for an item of a sequence.
    """

    name: str
    lead: str
    text: str
    value: Json


class Blocks(Struct, frozen=True):
    """A text divided: ``preface`` (a line ``---``, mostly), the entries in order, and what follows the last one.

    ``kind`` is ``nothing`` where the text holds no value; ``column`` is where the entries begin.
    """

    kind: BlockKind
    column: int = 0
    preface: str = ""
    entries: tuple[Entry, ...] = ()
    tail: str = ""

    @property
    def text(self) -> str:
        """The whole text; `split` undone."""
        return self.preface + "".join(entry.lead + entry.text for entry in self.entries) + self.tail

    def named(self, name: str) -> Entry | None:
        """The entry of that name."""
        return next((entry for entry in self.entries if entry.name == name), None)


def value_of(text: str) -> Json | Missing:
    """The value that the text holds; `MISSING` where it cannot be read."""
    try:
        return load_yaml(text)
    except YamlInvalid:
        return MISSING


def holds(text: str | None, value: Json | Missing) -> bool:
    """Whether the text can be read, as exactly that value."""
    found = MISSING if text is None else value_of(text)
    return not isinstance(found, Missing) and not isinstance(value, Missing) and same(found, value)


def count_repeats(text: str) -> int:
    """How many names stand in a mapping that has them already; the text can be read."""
    import yaml  # only here: it takes longer to import than most commands take to run

    count, seen = 0, set()
    nodes = [yaml.compose(text, Loader=_loader(yaml))]
    while nodes:
        node: Any = nodes.pop()
        if id(node) in seen or not isinstance(node, yaml.CollectionNode):
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            count += len(names) - len(set(names))
            nodes += [value for _, value in node.value]
        else:
            nodes += node.value
    return count


def split(text: str) -> Blocks | None:
    """Divide a mapping or sequence in block style, indented or not; None for what has no such lines of its own.

    Refused too are a text without final line end, aliases to what stands elsewhere, merge keys and names given twice.
    """
    value = value_of(text)
    if isinstance(value, Missing) or _LONE_RETURN.search(text) or text[-1:] not in ("\n", ""):
        return None
    if value is None and all(_BLANK_OR_COMMENT.match(line) for line in rows(text)):
        return Blocks("nothing", tail=text)
    found = _starts(text, value) if isinstance(value, dict | list) else None
    items = value if isinstance(value, list) else []
    values = list(value.items()) if isinstance(value, dict) else [("", item) for item in items]
    if found is None or len(found[1]) != len(values):
        return None
    return _divided(text, "mapping" if isinstance(value, dict) else "sequence", *found, values)


def rows(text: str) -> list[str]:
    r"""The lines with their ends; only ``\n`` ends one."""
    *whole, last = text.split("\n")
    return [line + "\n" for line in whole] + ([last] if last else [])


def parts(entry: Entry, kind: BlockKind, column: int) -> tuple[str, str] | None:
    r"""Heading and inner text of an entry that holds a mapping or sequence in block style; None for any other.

    ``a:\\n  b: 1\\n`` -> ``a:\\n`` and ``  b: 1\\n``. The inner text of an item has a space in place of the dash.
    """
    if not entry.value or not isinstance(entry.value, dict | list):
        return None
    if kind == "sequence":
        heading, inner = "", _with_sign(entry.text, column, " ")
    else:
        at = entry.text.find("\n") + 1
        heading, inner = entry.text[:at], entry.text[at:]
    return (heading, inner) if holds(inner, entry.value) else None


def joined(heading: str, inner: str, kind: BlockKind, column: int) -> str:
    """Heading and inner text as one entry; `parts` undone."""
    return heading + (_with_sign(inner, column, "-") if kind == "sequence" else inner)


def around_value(entry: Entry) -> tuple[str, str, str] | None:
    """What stands before the entry's value, the value as written, and what follows; None for block style."""
    import yaml  # only here: it takes longer to import than most commands take to run

    try:
        node: Any = yaml.compose(entry.text, Loader=_loader(yaml))
    except yaml.YAMLError:
        return None
    if node is None or len(node.value) != 1 or not isinstance(node.value[0], tuple | yaml.Node):
        return None
    value: Any = node.value[0][1] if isinstance(node.value[0], tuple) else node.value[0]
    in_block = value.style in ("|", ">") if isinstance(value, yaml.ScalarNode) else not value.flow_style
    start, stop = value.start_mark.index, value.end_mark.index
    if (
        in_block
        or start == stop
        or (isinstance(node.value[0], tuple) and start < node.value[0][0].end_mark.index)
    ):
        return None
    return entry.text[:start], entry.text[start:stop], entry.text[stop:]


# --- details ------------------------------------------------------------------------------------------


def _loader(yaml: Any) -> Any:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _with_sign(text: str, column: int, sign: str) -> str:
    return text[:column] + sign + text[column + 1 :]


def _starts(text: str, value: Json) -> tuple[int, list[int]] | None:
    """The column of the entries, and where the line of each begins."""
    import yaml  # only here: it takes longer to import than most commands take to run

    node: Any = yaml.compose(text, Loader=_loader(yaml))
    if node is None or node.flow_style or not node.value:
        return None
    column = node.start_mark.column
    if isinstance(value, dict):
        marks = [key.start_mark.index for key, _ in node.value]
    else:
        marks = list(_dashes(yaml.scan(text, Loader=_loader(yaml)), column))
    starts = [mark - column for mark in marks]
    in_order = all(left < right for left, right in pairwise(starts))
    whole = all(start >= 0 and _begins_line(text, start, column) for start in starts)
    return (column, starts) if in_order and whole else None


def _dashes(tokens: Iterable[Any], column: int) -> Iterator[int]:
    """Where the items of the outermost sequence begin: those of inner ones stand further right."""
    for token in tokens:
        if type(token).__name__ == "BlockEntryToken" and token.start_mark.column == column:
            yield token.start_mark.index


def _begins_line(text: str, start: int, column: int) -> bool:
    return not text[start : start + column].strip(" ") and text[start - 1 : start] in ("", "\n")


def _divided(
    text: str, kind: BlockKind, column: int, starts: list[int], values: Sequence[tuple[str, Json]]
) -> Blocks:
    preface, lead = _without_comments(text[: starts[0]], len(text))
    entries = []
    for (name, value), start, stop in zip(values, starts, [*starts[1:], len(text)], strict=True):
        own, rest = _without_comments(text[start:stop], column)
        entries.append(Entry(name, lead, own, value))
        lead = rest
    return Blocks(kind, column, preface, tuple(entries), lead)


def _without_comments(text: str, column: int) -> tuple[str, str]:
    """The text, and the blank lines and comments at its end; a comment right of ``column`` belongs to the text."""
    lines = rows(text)
    at = len(lines)
    while at and _BLANK_OR_COMMENT.match(lines[at - 1]) and _indent(lines[at - 1]) <= column:
        at -= 1
    return "".join(lines[:at]), "".join(lines[at:])


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t")) if line.strip() else 0
