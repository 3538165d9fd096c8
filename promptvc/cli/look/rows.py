"""``promptvc rows``: the rows of a table, in the working files or at a revision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

import click
from msgspec import Struct, field

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.look.row_filter import Condition, look_up
from promptvc.cli.look.row_key import WantedKey
from promptvc.cli.look.row_source import open_rows
from promptvc.cli.show.chars import cut, plural, visible
from promptvc.cli.show.diff.table import row_name
from promptvc.cli.show.rows import NamedRow, compact_line, grid_lines, whole_row_lines
from promptvc.content.formats.base import Malformed
from promptvc.content.formats.dicts import malformed_row
from promptvc.content.table.needle import text_needle, value_needle
from promptvc.content.tablediff.diff import MISSING
from promptvc.errors import Usage

if TYPE_CHECKING:
    from promptvc.cli.look.row_filter import Condition
    from promptvc.cli.look.row_source import RowSource
    from promptvc.cli.output import Output
    from promptvc.cli.show.rows import NamedRow
    from promptvc.content.formats.base import Row
    from promptvc.session.files.rowstream import NumberedRow

ON_A_TERMINAL = 20
"""Rows shown on a terminal by default."""


class Choice(Struct, frozen=True):
    """Which rows to show, and which of their fields (by default all); ``seen`` are the fields that occurred."""

    conditions: tuple[Condition, ...]
    columns: tuple[str, ...]
    limit: int | None
    offset: int
    seen: set[str] = field(default_factory=set)

    def of(self, source: RowSource) -> Iterator[NumberedRow]:
        """The rows that meet every condition, from the offset up to the limit."""
        if not self.conditions:
            return islice(source.rows(self.offset), self.limit)
        needles = [value_needle(source.format, each.text, each.value) for each in self.conditions]
        best = max(filter(None, needles), key=lambda needle: len(needle.data), default=None)
        found = (item for item in source.with_needle(best) if self._meets(item))
        return islice(found, self.offset, None if self.limit is None else self.offset + self.limit)

    def look_for_fields(self, source: RowSource) -> None:
        """Find out for each condition whether any row has its field: rows without a value were not looked at."""
        for condition in self.conditions:
            if not condition.seen:
                name = text_needle(condition.name.partition(".")[0])
                rows = source.with_needle(name if source.format.is_json else None)
                any(condition.holds(item.row) or condition.seen for item in rows)

    def _meets(self, item: NumberedRow) -> bool:
        answers = [
            condition.holds(item.row) for condition in self.conditions
        ]  # a list, so that every condition sees the row
        return all(answers)


@click.command("rows")
@click.argument("file", metavar="[REV:]FILE")
@click.option("--rev", metavar="REV", help="At this revision, instead of the working file.")
@click.option("--key", metavar="KEY", help="The row with this key, every field in full.")
@click.option("--where", multiple=True, metavar="FIELD=VALUE", help="Only rows with this value.")
@click.option("--columns", metavar="A,B", help="Only these fields.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="At most N rows; 0 for all.")
@click.option("--offset", type=click.IntRange(min=0), default=0, metavar="N", help="Skip the first N rows.")
@click.option("--malformed", is_flag=True, help="Only malformed rows: where, and why.")
@click.option(
    "--table/--no-table", "grid", default=None, help="As a table or one line each; a table on a terminal."
)
@json_option
@pass_app
def command(
    app: App,
    file: str,
    rev: str | None,
    key: str | None,
    where: tuple[str, ...],
    columns: str | None,
    limit: int | None,
    offset: int,
    malformed: bool,
    grid: bool | None,
) -> None:
    """Show the rows of a table: all of them, or the first 20 on a terminal.

    FIELD=VALUE compares as text, and as JSON with other values; a.b is a nested field: --where meta.lang=en
    --where score=1 --where 'tags=["a"]'.
    """

    source = open_rows(app, file, rev)
    if limit is None and app.out.is_terminal and not app.out.json:
        limit = ON_A_TERMINAL
    names = tuple(name for name in (columns or "").split(",") if name)
    choice = Choice(tuple(_condition(text) for text in where), names, limit or None, offset)
    if malformed:
        _show_malformed(app.out, source, choice)
    elif key is not None:
        _show_key(app.out, source, key, choice)
    elif app.out.json:
        _show_json(app.out, choice.of(source), choice)
    else:
        _show_text(app.out, source, choice, grid=app.out.is_terminal if grid is None else grid)
    _check_fields(app.out, source, choice)


def _condition(text: str) -> Condition:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"--where takes FIELD=VALUE, not {text!r}")
    return Condition.read(name, value)


def _fields(item: NumberedRow, choice: Choice) -> Row:
    """The wanted fields; a malformed row gives its text."""
    if isinstance(item.row, Malformed):
        return malformed_row(item.body)
    if not choice.columns:
        return item.row
    found = ((name, look_up(item.row, name)) for name in choice.columns)
    fields = {name: value for name, value in found if value is not MISSING}
    choice.seen.update(fields)
    return fields


def _check_fields(out: Output, source: RowSource, choice: Choice) -> None:
    """Warn about fields that no row had: otherwise a misspelt name looks like an empty result."""
    choice.look_for_fields(source)
    missing = [condition.name for condition in choice.conditions if not condition.seen]
    for name in missing or [name for name in choice.columns if name not in choice.seen]:
        out.warn(f"{source.path}: no row that was read has a field {name}")


# --- report ----------------------------------------------------------------------------------------------


def _show_json(out: Output, rows: Iterable[NumberedRow], choice: Choice) -> None:
    for item in rows:
        out.value(_fields(item, choice))


def _show_text(out: Output, source: RowSource, choice: Choice, *, grid: bool) -> None:
    shown = _Counted(choice.of(source))
    if grid:
        out.lines(_grid(out, source, shown, choice))
    else:
        out.lines(_compact(out, source, shown, choice))
    rest = None
    if choice.limit is not None and shown.count == choice.limit:
        counted = None if choice.conditions else source.count
        rest = None if counted is None else counted - choice.offset - shown.count
        if rest != 0:
            out.note(f"{rest:,} more: --limit 0" if rest else "there may be more: --limit 0")


class _Counted:
    """Passes rows on and counts them."""

    def __init__(self, rows: Iterable[NumberedRow]) -> None:
        self._rows, self.count = rows, 0

    def __iter__(self) -> Iterator[NumberedRow]:
        for row in self._rows:
            self.count += 1
            yield row


def _grid(out: Output, source: RowSource, rows: Iterable[NumberedRow], choice: Choice) -> Iterator[str]:
    wrong: list[NumberedRow] = []

    def readable() -> Iterator[NamedRow]:
        for item in rows:
            if isinstance(item.row, Malformed):
                wrong.append(item)
            else:
                yield _named(source, item, choice)

    yield from grid_lines(out, ", ".join(source.key or ("row",)), readable())
    yield from (_malformed_line(out, source, item) for item in wrong)


def _compact(out: Output, source: RowSource, rows: Iterable[NumberedRow], choice: Choice) -> Iterator[str]:
    for item in rows:
        if isinstance(item.row, Malformed):
            yield _malformed_line(out, source, item)
        else:
            yield compact_line(out, _named(source, item, choice))


def _named(source: RowSource, item: NumberedRow, choice: Choice) -> NamedRow:
    """A row with its key's values, or its number, as name; the key is not shown twice."""
    assert isinstance(item.row, dict)
    key = {name: item.row[name] for name in source.key or () if name in item.row}
    fields = _fields(item, choice)
    return NamedRow(
        row_name(key, item.number), {name: value for name, value in fields.items() if name not in key}
    )


def _malformed_line(out: Output, source: RowSource, item: NumberedRow) -> str:
    place = source.place(item.number)
    where = f"row {item.number + 1:,}  line {place.line:,}, column {place.column:,}: {place.message}"
    text = cut(visible(place.text), max(out.width - len(where) - 4, 20))
    return f"{out.style(where, fg='red')}  {text}"


def _show_malformed(out: Output, source: RowSource, choice: Choice) -> None:
    count = 0
    stop = None if choice.limit is None else choice.offset + choice.limit
    for place in islice(source.malformed(), choice.offset, stop):
        count += 1
        out.value({"row": place.number, "line": place.line, "column": place.column,
                   "message": place.message, "text": place.text})  # fmt: skip
        out.text(f"{source.path}:{place.line}:{place.column}: {place.message}")
        out.text(f"  {cut(visible(place.text), out.width - 2)}")
    if not out.json:
        out.note(
            f"{plural(count, 'row')} of {source.path} cannot be read" if count else "every row can be read"
        )


# --- one row ----------------------------------------------------------------------------------------------


def _show_key(out: Output, source: RowSource, text: str, choice: Choice) -> None:
    """The rows with a key, in full; raises `RowMissing`, or `Usage` if the table has no key."""
    if source.key is None:
        raise Usage(
            f"{source.path} has no key",
            f'--where FIELD={text} looks in a field; key = ["…"] in promptvc.toml names the key',
        )
    key = WantedKey.read(source.path, source.key, [text])
    found = key.find(source)
    if not found:
        raise key.missing(source.path)
    for item in found:
        fields = _fields(item, choice)
        if out.json:
            out.value(fields)
            continue
        assert isinstance(item.row, dict)
        name = row_name({part: item.row[part] for part in key.fields}, item.number)
        out.text(f"{out.style(name, bold=True)}{out.style(f'  (row {item.number + 1:,})', dim=True)}")
        out.lines(whole_row_lines(out, fields))
