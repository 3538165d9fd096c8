"""YAML text given another value: what keeps its value keeps its lines."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from promptvc.content.formats.base import Json
from promptvc.content.formats.equal import same
from promptvc.content.values.lists import align_lists, token
from promptvc.content.yaml.blocks import (
    BlockKind,
    Blocks,
    Entry,
    around_value,
    holds,
    joined,
    parts,
    rows,
    split,
)
from promptvc.patterns import compiled

_DATE = compiled(r"\d{4}-\d\d?-\d\d?(\Z|[Tt \t])")


def rewrite_yaml(text: str, value: Json, like: str = "") -> str | None:
    """The text changed to hold that value, entry by entry; None where that cannot be done line by line.

    Comments stay, also those above an entry that goes. What ``like``, another text, holds in the same place is
    written as it is there.
    """
    blocks = split(text)
    if blocks is None:
        return None
    end = "\r\n" if "\r\n" in text else "\n"
    model = split(like) or Blocks("nothing")
    if isinstance(value, dict) and blocks.kind in ("mapping", "nothing"):
        made = _mapping(blocks, value, end, model)
    elif isinstance(value, list) and blocks.kind in ("sequence", "nothing"):
        made = _sequence(blocks, value, end, model)
    else:
        return None
    return made if holds(made, value) or (not value and holds(made, None)) else None


def rewrite_entry(
    entry: Entry, value: Json, kind: BlockKind, column: int, end: str, like: Entry | None = None
) -> Entry:
    """The entry with another value, written as closely as possible to how it was, or is in ``like``."""
    if same(entry.value, value):
        return entry
    for made in (_in_place(entry, value, like), _inside(entry, value, kind, column, like)):
        if made is not None and holds(made, _whole(entry.name, value, kind)):
            return replace(entry, text=made, value=value)
    return replace(new_entry(entry.name, value, kind, column, end, like), lead=entry.lead)


def new_entry(
    name: str, value: Json, kind: BlockKind, column: int, end: str, like: Entry | None = None
) -> Entry:
    """An entry for a value that the text does not have yet, as it is written in ``like``."""
    if like is not None and same(like.value, value):
        text = like.text.replace("\r\n", "\n").replace("\n", end)
        if len(text) - len(text.lstrip(" ")) == column and holds(text, _whole(name, value, kind)):
            return Entry(name, "", text, value)
    return Entry(name, "", _emit(_whole(name, value, kind), column, end), value)


def _whole(name: str, value: Json, kind: BlockKind) -> Json:
    """What the text of one entry holds."""
    return [value] if kind == "sequence" else {name: value}


def _mapping(blocks: Blocks, value: dict[str, Json], end: str, like: Blocks) -> str:
    entries: list[Entry] = []
    kept = ""  # comments above an entry that goes
    for entry in blocks.entries:
        name = entry.name
        if name not in value:
            kept += entry.lead
            continue
        made = rewrite_entry(entry, value[name], "mapping", blocks.column, end, like.named(name))
        entries.append(replace(made, lead=kept + made.lead))
        kept = ""
    new = [name for name in value if blocks.named(name) is None]
    entries += [new_entry(name, value[name], "mapping", blocks.column, end, like.named(name)) for name in new]
    return _text(blocks, entries, kept)


def _sequence(blocks: Blocks, value: list[Json], end: str, like: Blocks) -> str:
    kept = align_lists([entry.value for entry in blocks.entries], value).kept
    source = {place: entry for entry, place in zip(blocks.entries, kept, strict=True) if place is not None}
    models = {token(entry.value): entry for entry in like.entries}
    entries = []
    for place, item in enumerate(value):
        model = models.get(token(item))
        entries.append(
            rewrite_entry(source[place], item, "sequence", blocks.column, end, model)
            if place in source
            else new_entry("", item, "sequence", blocks.column, end, model)
        )
    return _text(blocks, entries, "")


def _text(blocks: Blocks, entries: list[Entry], kept: str) -> str:
    if blocks.kind == "nothing":
        return replace(blocks, preface=blocks.tail, tail="", entries=tuple(entries)).text
    return replace(blocks, entries=tuple(entries), tail=kept + blocks.tail).text


def _in_place(entry: Entry, value: Json, like: Entry | None) -> str | None:
    """Another value on the same line, where both are written on one."""
    around = around_value(entry)
    if around is None or (isinstance(value, str) and "\n" in value):
        return None
    before, old, after = around
    if isinstance(value, dict | list) and value and old[:1] not in "[{":
        return None
    if like is not None and same(like.value, value):
        model = around_value(like)
        return before + model[1] + after if model is not None and "\n" not in model[1] else None
    # A date is text here, and for others only if it has quotes: it gets none where there are none.
    if isinstance(value, str) and old == entry.value and _DATE.match(old) and _DATE.match(value):
        return before + value + after
    return before + _emit_inline(value) + after


def _inside(entry: Entry, value: Json, kind: BlockKind, column: int, like: Entry | None) -> str | None:
    found = parts(entry, kind, column)
    model = parts(like, kind, column) if like is not None else None
    inner = None if found is None else rewrite_yaml(found[1], value, model[1] if model else "")
    return None if found is None or inner is None else joined(found[0], inner, kind, column)


# --- values as YAML -------------------------------------------------------------------------------------


def _emit(value: Json, column: int = 0, end: str = "\n") -> str:
    """The value as YAML in block style, each line indented; the lines of a text of several lines as they are."""
    import yaml  # only here: it takes longer to import than most commands take to run

    text = yaml.dump(
        value,
        Dumper=_dumper(yaml),
        default_flow_style=False,
        allow_unicode=True,
        sort_keys=False,
        width=1 << 20,
    )
    return "".join((" " * column + line if line.strip() else line) for line in rows(text)).replace("\n", end)


def _emit_inline(value: Json) -> str:
    """The value on one line."""
    import yaml  # only here: it takes longer to import than most commands take to run

    text: str = yaml.safe_dump(
        [value], default_flow_style=True, allow_unicode=True, sort_keys=False, width=1 << 20
    )
    return text.strip()[1:-1]


def _dumper(yaml: Any) -> Any:
    def represent(dumper: Any, text: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    def increase_indent(self: Any, flow: bool = False, indentless: bool = False) -> Any:
        return yaml.SafeDumper.increase_indent(self, flow, False)

    methods = {"ignore_aliases": lambda self, data: True, "increase_indent": increase_indent}
    dumper = type("BlockDumper", (yaml.SafeDumper,), methods)
    dumper.add_representer(str, represent)  # type: ignore[attr-defined]
    return dumper
