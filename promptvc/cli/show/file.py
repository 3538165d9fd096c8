"""Describes one file: a table's rows and columns, a prompt's messages, variables and settings, a run's record."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from promptvc.cli.show.chars import columns, json_text, plural, visible, wrap
from promptvc.cli.show.describe import size_words
from promptvc.cli.show.diff.table import row_name
from promptvc.cli.show.diff.words import name_cut, paint
from promptvc.cli.show.record import record_facts
from promptvc.cli.show.rows import NamedRow, grid_lines
from promptvc.content.formats.base import Malformed
from promptvc.content.formats.dicts import malformed_row
from promptvc.content.prompt.prompt import read_prompt
from promptvc.content.runs.run import read_record
from promptvc.errors import NotAPrompt, RunUnreadable
from promptvc.session.files.rowstream import file_rows, key_of_file

if TYPE_CHECKING:
    from promptvc.cli.output import Output
    from promptvc.content.prompt.prompt import Prompt
    from promptvc.session.files.project import Project
    from promptvc.session.files.views import FileView

_FIRST_ROWS = 5
_LABEL = 11
_SAMPLE = 1000
"""Rows from which the column names are taken, if there is no header."""


def file_lines(out: Output, file: FileView, project: Project) -> Iterator[str]:
    """A file's description, and the beginning of its content."""
    if file.kind == "table":
        yield from _table(out, file, project)
    elif file.kind == "prompt":
        yield from _prompt(out, file)
    elif file.kind == "run":
        yield from _run(out, file)
    else:
        yield _title(out, file, size_words(file.size()))
        if file.kind == "text":
            yield ""
            yield from _text(file)


def file_value(file: FileView, project: Project) -> dict[str, Any]:
    """The same facts for programs."""
    value: dict[str, Any] = {"path": file.path, "kind": file.kind, "size": file.size(), "id": file.entry.id}
    if file.kind == "table":
        key = key_of_file(file, project)
        value |= {"rows": file.count_rows(), "key": list(key) if key else None, "columns": column_names(file)}
        value["first"] = [_fields(item.row, item.body) for item in islice(file_rows(file), _FIRST_ROWS)]
    elif file.kind == "prompt":
        value |= _prompt_value(file)
    elif file.kind == "run":
        value |= _run_value(file)
    return value


def column_names(file: FileView) -> list[str]:
    """The header's names; without a header, the fields of the first thousand rows."""
    if file.format is not None and file.format.columns is not None:
        return file.format.columns
    rows = (item.row for item in islice(file_rows(file), _SAMPLE))
    return list(dict.fromkeys(name for row in rows if not isinstance(row, Malformed) for name in row))


def _title(out: Output, file: FileView, facts: str) -> str:
    name, right = visible(file.path), f"{file.kind}, {facts}"
    space = max(out.width - columns(name) - columns(right), 2)
    return f"{out.style(name, bold=True)}{' ' * space}{out.style(right, dim=True)}"


def _table(out: Output, file: FileView, project: Project) -> Iterator[str]:
    count, key = file.count_rows(), key_of_file(file, project)
    named = f", key {', '.join(key)}" if key else ""
    yield _title(out, file, f"{plural(count, 'row')}{named}, {size_words(file.size())}")
    names = ", ".join(name_cut(name, 40) for name in column_names(file))
    for at, (start, stop) in enumerate(wrap(names, out.width - _LABEL - 2)):
        yield f"  {'columns' if at == 0 else '':<{_LABEL}}{names[start:stop]}"
    if not count:
        return
    yield ""
    rows = []
    for item in islice(file_rows(file), _FIRST_ROWS):
        fields = _fields(item.row, item.body)
        named_by = {name: fields[name] for name in key or () if name in fields}
        rest = {name: value for name, value in fields.items() if name not in named_by}
        rows.append(NamedRow(row_name(named_by, item.number), rest))
    yield from grid_lines(out, ", ".join(key) if key else "", rows)
    if count > _FIRST_ROWS:
        yield out.style(f"… {count - _FIRST_ROWS:,} more", dim=True)


def _fields(row: dict[str, Any] | Malformed, body: bytes) -> dict[str, Any]:
    return malformed_row(body) if isinstance(row, Malformed) else row


def _prompt(out: Output, file: FileView) -> Iterator[str]:
    try:
        prompt = _read(file)
    except NotAPrompt as error:
        yield from _unread(out, file, "a prompt", error.message)
        return
    yield _title(out, file, f"{plural(len(prompt.messages), 'message')}, {size_words(file.size())}")
    yield f"  {'variables':<{_LABEL}}{', '.join(map(visible, prompt.variables)) or 'none'}"
    for name, value in _settings(prompt):
        yield f"  {name:<{_LABEL}}{value}"
    for message in prompt.messages:
        yield paint(out, "@", f"  @@ {visible(message.role)}")
        for line in message.text.split("\n"):
            shown = visible(line)
            yield from (f"  {shown[start:stop]}" for start, stop in wrap(shown, out.width - 2))
        for name, extra in message.extra.items():
            yield f"  {name_cut(name, 20)}: {json_text(extra)}"


def _run(out: Output, file: FileView) -> Iterator[str]:

    try:
        record = read_record(file.read(), file.path)
    except RunUnreadable as error:
        yield from _unread(out, file, "the record of a run", error.message)
        return
    yield _title(out, file, f"the record of {visible(record.name)}, {size_words(file.size())}")
    for label, words in record_facts(record):
        for at, (start, stop) in enumerate(wrap(words, out.width - _LABEL - 2)):
            yield f"  {label if at == 0 else '':<{_LABEL}}{words[start:stop]}"


def _run_value(file: FileView) -> dict[str, Any]:
    try:
        return {"record": read_record(file.read(), file.path).to_value()}
    except RunUnreadable as error:
        return {"problem": error.message}


def _unread(out: Output, file: FileView, what: str, why: str) -> Iterator[str]:
    yield _title(out, file, size_words(file.size()))
    yield f"  not read as {what}: {visible(why)}"
    yield ""
    yield from _text(file)


def _settings(prompt: Prompt) -> Iterator[tuple[str, str]]:
    """The model, its parameters, and the names of the other fields of the front matter."""
    if prompt.model:
        yield "model", visible(prompt.model)
    if prompt.parameters:
        yield "parameters", ", ".join(f"{visible(k)} {json_text(v)}" for k, v in prompt.parameters.items())
    reported = {"model", "parameters", "config", "modelParameters", *prompt.parameters}
    others = [name for name in prompt.config if name not in reported]
    if others:
        yield "also", ", ".join(visible(str(name)) for name in others)


def _prompt_value(file: FileView) -> dict[str, Any]:
    try:
        prompt = _read(file)
    except NotAPrompt as error:
        return {"problem": error.message}
    messages = [
        {"role": message.role, "content": message.content, **message.extra} for message in prompt.messages
    ]
    return {
        "syntax": prompt.syntax,
        "messages": messages,
        "variables": list(prompt.variables),
        "model": prompt.model,
        "parameters": prompt.parameters,
        "config": prompt.config,
    }


def _read(file: FileView) -> Prompt:
    return read_prompt(file.path, file.read())


def _text(file: FileView) -> Iterator[str]:
    text = file.read().decode("utf-8", "replace")
    return (visible(line, keep="\t") for line in text.splitlines())
