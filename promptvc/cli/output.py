"""Where a command says things: text or JSON to stdout, notes and progress to stderr, colour on a terminal."""

from __future__ import annotations

import math
import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import click

_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile(r"\x1b\[[0-9;]{0,12}m|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Output:
    """One command's output. ``json`` says that stdout is for programs: one JSON value a line."""

    def __init__(self, *, json: bool = False, color: bool | None = None, pager: bool = True) -> None:
        self.json = json
        self._color = color
        self._pager = pager

    @property
    def is_terminal(self) -> bool:
        """Whether stdout is a terminal."""
        return sys.stdout.isatty()

    @property
    def color(self) -> bool:
        """Whether stdout gets colour: asked for, or a terminal without NO_COLOR (no-color.org)."""
        if self._color is not None:
            return self._color
        return self.is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    @property
    def width(self) -> int:
        """How many columns there are: the terminal's, 80 in a pipe."""
        return (
            shutil.get_terminal_size((80, 24)).columns
            if self.is_terminal
            else int(os.environ.get("COLUMNS") or 80)
        )

    def style(self, text: str, **style: Any) -> str:
        """Text in a colour, where there is colour: ``style("+3", fg="green")``."""
        return click.style(text, **style) if self.color and text else text

    def text(self, line: str = "") -> None:
        """One line of text on stdout; nothing with --json."""
        if not self.json:
            sys.stdout.write(printable(line) + "\n")  # click.echo would flush each line, which adds up

    def lines(self, lines: Iterable[str]) -> None:
        """Many lines; through the pager when they do not fit on the terminal."""
        if self.json:
            return
        if not (self._pager and self.is_terminal):
            for line in lines:
                self.text(line)
            return
        height = shutil.get_terminal_size((80, 24)).lines - 1
        rest = iter(lines)
        first: list[str] = []
        for line in rest:
            first.append(line)
            if len(first) > height:
                os.environ.setdefault(
                    "LESS", "FRX"
                )  # less: quit if it fits, keep colours, leave the text there
                click.echo_via_pager(
                    (printable(line) + "\n" for part in (first, rest) for line in part), color=self.color
                )
                return
        for line in first:
            self.text(line)

    def value(self, value: Mapping[str, Any]) -> None:
        """One JSON value on stdout, on its own line; nothing without --json."""
        if self.json:
            sys.stdout.write(to_json(value).decode() + "\n")

    def note(self, line: str) -> None:
        """A line for people on stderr."""
        sys.stdout.flush()
        click.echo(printable(without_secrets(line)), err=True)

    def warn(self, line: str) -> None:
        """A warning on stderr."""
        sys.stdout.flush()
        click.echo(
            click.style("warning: ", fg="yellow") + printable(without_secrets(line)),
            err=True,
            color=_error_color(),
        )


def show_error(message: str, hint: str | None) -> None:
    """The one line that says what is wrong, and the one that says what to do."""
    with suppress(OSError):
        sys.stdout.flush()  # so that in a pipe too it comes after what it follows
    _say(click.style("error: ", fg="red", bold=True), message)
    if hint:
        _say(click.style("hint: ", fg="yellow"), hint)


def _say(what: str, text: str) -> None:
    click.echo(what + printable(without_secrets(text)), err=True, color=_error_color())


def without_secrets(text: str) -> str:
    """The text without the keys of the environment, passwords of addresses, and tokens."""
    from promptvc.secrets.redact import redactor  # for what goes wrong, or is worth a word

    return redactor(os.environ)(text)


def to_json(value: Any) -> bytes:
    """JSON in UTF-8, whatever strings and numbers rows hold; NaN and infinities become null."""
    import json  # with orjson 10 ms, which text output need not pay

    import orjson

    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except (TypeError, orjson.JSONEncodeError):  # integers of more than 64 bits, lone surrogates
        return json.dumps(_plain(value), ensure_ascii=True, allow_nan=False).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)  # half a pair is no character, and jq stops at its escape
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def printable(text: str) -> str:
    """Text that any terminal takes: control characters shown (no escape sequence of a file gets through).

    Only our own styling keeps its escape character: colour and weight, nothing that moves or asks.
    """
    if text.isprintable():
        return text
    return _CONTROL.sub(_visible, text.encode("utf-8", "replace").decode("utf-8"))


def _visible(match: re.Match[str]) -> str:
    found = match[0]
    return found if len(found) > 1 else f"\\x{ord(found):02x}"


def _error_color() -> bool:
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")
