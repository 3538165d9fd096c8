"""The output of a command: text or JSON to stdout, notes and progress to stderr, colour on a terminal."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any

import click

from promptvc.patterns import compiled

_SURROGATE = compiled("[\ud800-\udfff]")
_OURS = f"\x1b<{os.urandom(8).hex()}>["
"""Stands for the start of our own colours until a line is printed, so that file content cannot imitate it."""
HIDDEN = (
    "\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f"
)
"""As a part of a regular expression: control characters, bidirectional controls, zero-width characters, line ends other
than \\n, lone surrogates, and the tag characters that can hide text in text. Joiners stay: emoji and several scripts
need them."""
_LARGE = 1 << 20
_HIDDEN = compiled(rf"{re.escape(_OURS)}([0-9;]{{0,12}}m)|[{HIDDEN}]")


class Output:
    """One command's output. With ``json``, stdout is for programs: one JSON value per line."""

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
        """Whether stdout gets colour: on request, or on a terminal without NO_COLOR (no-color.org)."""
        if self._color is not None:
            return self._color
        return self.is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    @property
    def width(self) -> int:
        """The number of columns: the terminal's, 80 in a pipe."""
        return _terminal_size().columns if self.is_terminal else int(os.environ.get("COLUMNS") or 80)

    def style(self, text: str, **style: Any) -> str:
        """Text in a colour, if colour is on: ``style("+3", fg="green")``."""
        if not (self.color and text):
            return text
        before, after = _codes(**style)
        return f"{before}{text}{after}"

    def text(self, line: str = "") -> None:
        """One line of text on stdout; nothing with --json."""
        if not self.json:
            sys.stdout.write(printable(line) + "\n")  # click.echo would flush each line, which is slow

    def lines(self, lines: Iterable[str]) -> None:
        """Many lines; through the pager if they do not fit on the terminal."""
        if self.json:
            return
        if not (self._pager and self.is_terminal):
            for line in lines:
                self.text(line)
            return
        height = _terminal_size().lines - 1
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
            data = to_json(value)
            if len(data) < _LARGE:
                sys.stdout.write(data.decode() + "\n")
                return
            sys.stdout.flush()
            sys.stdout.buffer.write(data)  # as text it would be copied three times
            sys.stdout.write("\n")

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
    """Print the line that says what is wrong, and the hint."""
    with suppress(OSError):
        sys.stdout.flush()  # keeps the order in a pipe
    _say(click.style("error: ", fg="red", bold=True), message)
    if hint:
        _say(click.style("hint: ", fg="yellow"), hint)


def _say(what: str, text: str) -> None:
    click.echo(what + printable(without_secrets(text)), err=True, color=_error_color())


def without_secrets(text: str) -> str:
    """The text without the keys of the environment, passwords of addresses, and tokens."""
    from promptvc.secrets.redact import redactor  # needed only for messages

    return redactor(os.environ)(text)


def to_json(value: Any) -> bytes:
    """JSON in UTF-8, whatever strings and numbers rows hold; NaN and infinities become null."""
    import json  # with orjson 10 ms, which text output does not need

    import orjson

    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except (TypeError, orjson.JSONEncodeError):  # integers of more than 64 bits, lone surrogates
        return json.dumps(_plain(value), ensure_ascii=True, allow_nan=False).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return _SURROGATE.sub(
            "\ufffd", value
        )  # a lone surrogate is not a character, and jq stops at its escape
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def printable(line: str) -> str:
    """A line that is safe for any terminal: without control characters, escapes or bidi overrides from files or names.

    Every printed line goes through here. Only our own styling keeps its escape character: colour and weight, nothing
    that moves the cursor or queries the terminal. Tabs stay.
    """
    if line.isprintable():
        return line
    return _HIDDEN.sub(_shown, line.encode("utf-8", "replace").decode("utf-8"))


def _shown(match: re.Match[str]) -> str:
    if match[1] is not None:
        return f"\x1b[{match[1]}"
    return match[0] if match[0] == "\t" else escaped(match[0])


def escaped(letter: str) -> str:
    """The escape for a character that is not shown."""
    code = ord(letter)
    if letter == "\n":
        return "↵"
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


@cache
def _codes(**style: Any) -> tuple[str, str]:
    before, _, after = click.style("\0", **style).replace("\x1b[", _OURS).partition("\0")
    return before, after


def _error_color() -> bool:
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def _terminal_size() -> os.terminal_size:
    import shutil  # 3 ms that output into a pipe need not pay

    return shutil.get_terminal_size((80, 24))
