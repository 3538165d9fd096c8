"""How a prompt changed, as text: messages with their changed words, then settings and variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from promptvc.cli.show.chars import columns, cut, pad, visible
from promptvc.cli.show.diff.cells import value_lines
from promptvc.cli.show.diff.words import MARKS, by_line, mark, name_cut, paint, word_lines
from promptvc.content.prompt.diff import MessageDiff, PromptDiff
from promptvc.content.tablediff.diff import MISSING
from promptvc.content.text.diff import Op, Span, elide

if TYPE_CHECKING:
    from promptvc.cli.output import Output

_LABEL = 11
_HANGING = " " * 4
"""The indent of the rest of a long line."""
_LONG_LINES = 4
"""Terminal lines that a changed line may take before its unchanged parts are left out."""


def prompt_lines(out: Output, diff: PromptDiff, *, whole: bool = False) -> Iterator[str]:
    """Every change of a prompt that a model would see."""
    for message in diff.messages:
        yield from _message(out, message, whole)
    yield from _settings(out, "settings", diff.settings, whole)
    changes = [("+", name) for name in diff.variables_added] + [
        ("-", name) for name in diff.variables_removed
    ]
    if changes:
        names = "  ".join(paint(out, op, f"{MARKS[op]} {name_cut(name, 40)}") for op, name in changes)
        yield f"  {'variables':<{_LABEL}}{names}"


def _message(out: Output, message: MessageDiff, whole: bool) -> Iterator[str]:
    sign = {"added": "+ ", "removed": "− ", "changed": ""}[message.op]
    place = message.after if message.after is not None else message.before
    number = f"  (message {place + 1})" if place else ""
    yield paint(out, "@", f"  @@ {sign}{name_cut(message.role, 40)}") + out.style(number, dim=True)
    if message.op == "changed":
        yield from _changed_text(out, message.spans, whole)
    else:
        yield from _whole_text(out, "+" if message.op == "added" else "-", message.spans)
    yield from _settings(out, "", message.fields, whole)


def _whole_text(out: Output, op: Op, spans: Sequence[Span]) -> Iterator[str]:
    for line in by_line(Span("=", span.text) for span in spans):
        for at, text in enumerate(word_lines(out, [Span("=", _bare(line[0].text))], out.width - 4)):
            yield f"  {mark(out, op) if at == 0 else ' '} {paint(out, op, text)}".rstrip(" ")


def _changed_text(out: Output, spans: Sequence[Span], whole: bool) -> Iterator[str]:
    """Changed lines, one unchanged line beside each, ``…`` for the rest."""
    lines = list(by_line(_settled(spans)))
    changed = {at for at, line in enumerate(lines) if any(span.op != "=" for span in line)}
    near = range(len(lines)) if whole else sorted({n for at in changed for n in (at - 1, at, at + 1)})
    last = -1
    for at in near:
        if not 0 <= at < len(lines):
            continue
        if at > last + 1:
            yield out.style("  …", dim=True)
        last = at
        if at in changed:
            for part, line in enumerate(_changed_line(out, lines[at], whole)):
                yield f"{'  ' if part == 0 else _HANGING}{line}".rstrip(" ")
        else:
            yield f"  {cut(visible(_bare(lines[at][0].text)), out.width - 2)}".rstrip(" ")
    if changed and last < len(lines) - 1:
        yield out.style("  …", dim=True)


def _changed_line(out: Output, line: Sequence[Span], whole: bool) -> list[str]:
    spans = [Span(span.op, _bare(span.text) or ("" if span.op == "=" else "↵")) for span in line]
    if not whole and sum(len(span.text) for span in spans) > _LONG_LINES * out.width:
        spans = elide(spans, out.width)
    return word_lines(out, spans, out.width - len(_HANGING), whole=whole)


def _settled(spans: Sequence[Span]) -> Iterator[Span]:
    """Spans with line ends where a reader expects them.

    Whole lines that were added after a line begin with its end: that end is moved out. A line end within a change that
    joins or splits lines is shown as ``↵``.
    """
    at_start = True
    for place, span in enumerate(spans):
        text, rest = span.text, spans[place + 1 :]
        ends_line = not rest or next((s.text for s in rest if s.op == "="), "\n").startswith("\n")
        if span.op == "=" or "\n" not in text or (at_start and text.endswith("\n")):
            yield span
        elif not at_start and text.startswith("\n") and ends_line and len(text) > 1:
            yield Span("=", "\n")
            yield Span(span.op, text[1:])
        else:
            yield Span(span.op, text.replace("\n", "↵\n"))
        if span.op != "-":
            at_start = text.endswith("\n")


def _settings(out: Output, label: str, settings: Mapping[str, tuple[Any, Any]], whole: bool) -> Iterator[str]:
    names = [name_cut(name, 32) for name in settings]
    width = (
        max((columns(name) for name in names), default=0) + 1
        if len(names) < 2
        else max(map(columns, names)) + 2
    )
    indent = _LABEL if label else 2
    room = out.width - indent - width - 2
    for name, (before, after) in zip(names, settings.values(), strict=True):
        old, new = (MISSING if value is None else value for value in (before, after))
        for at, line in enumerate(value_lines(out, old, new, room, whole=whole)):
            lead = f"{label:<{indent}}{pad(name, width)}" if at == 0 else " " * (indent + width)
            yield f"  {lead}{line}"
        label = ""


def _bare(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")
