"""Changed words in their text: ``[-removed-]{+added+}``, or red and green without the brackets; wrapped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from promptvc.cli.show.chars import cut, visible, wrap
from promptvc.content.text.diff import Op, Span
from promptvc.patterns import compiled

if TYPE_CHECKING:
    from promptvc.cli.output import Output

COLORS: dict[str, dict[str, Any]] = {
    "=": {},
    "-": {"fg": "red"},
    "+": {"fg": "green"},
    "~": {"fg": "yellow"},
    "@": {"fg": "cyan"},
}
MARKS = {"-": "−", "+": "+", "~": "~", "=": " "}
_BRACKETS: dict[Op, tuple[str, str]] = {"=": ("", ""), "-": ("[-", "-]"), "+": ("{+", "+}")}
_LINE = compiled(r"[^\n]*\n|[^\n]+")
LONGEST = 600
"""Most characters of one removed or added span to show; the middle of longer ones is left out."""


def word_lines(out: Output, spans: Iterable[Span], room: int, *, whole: bool = False) -> list[str]:
    """The spans as lines of at most ``room`` columns; very long changes shortened unless ``whole``."""
    pieces = [(span.op, _marked(out, span, whole)) for span in spans if span.text]
    plain = "".join(text for _, text in pieces)
    return [_styled(out, parts) for parts in _within(pieces, wrap(plain, room))]


def paint(out: Output, op: str, text: str) -> str:
    """Text in the colour of an operation: ``-`` red, ``+`` green, ``~`` yellow; ``@`` is a position."""
    return text if op == "=" else out.style(text, **COLORS[op])


def mark(out: Output, op: str) -> str:
    """``−``, ``+`` or ``~`` in its colour."""
    return paint(out, op, MARKS[op])


def bracketed(out: Output, op: Op, text: str, **style: Any) -> str:
    """``{+text+}``, or only its colour, with further styles, if colour is on."""
    opening, closing = ("", "") if out.color else _BRACKETS[op]
    return out.style(f"{opening}{text}{closing}", **COLORS[op], **style)


def by_line(spans: Iterable[Span]) -> Iterator[list[Span]]:
    """The spans of each line, line ends included."""
    line: list[Span] = []
    for span in spans:
        for piece in _LINE.findall(span.text):
            line.append(Span(span.op, piece))
            if piece.endswith("\n"):
                yield line
                line = []
    if line:
        yield line


def has_words_in_common(spans: Iterable[Span], before: str, after: str, share: float) -> bool:
    """Whether more than this share of the shorter text is in both."""
    common = sum(len(span.text) for span in spans if span.op == "=" and not span.text.isspace())
    return common > share * min(len(before), len(after))


def text_block(out: Output, op: Op, text: str, room: int, lines: int | None) -> list[str]:
    """A separate text, wrapped, with a mark before it: used for two texts with little in common."""
    shown = visible(text)
    places = wrap(shown, room - 2)
    made = [paint(out, op, shown[start:stop]) for start, stop in places[:lines]]
    if lines is not None and len(places) > lines:
        rest = len(shown) - places[lines - 1][1]
        made.append(out.style(f"… {rest:,} more characters", dim=True))
    return [f"{mark(out, op) if at == 0 else ' '} {line}" for at, line in enumerate(made)]


def _marked(out: Output, span: Span, whole: bool) -> str:
    text = span.text if whole or span.op == "=" else _middle_cut(span.text)
    shown = visible(text)
    if span.op != "=" and text.isspace():
        shown = "".join(letter if letter == " " else _space_name(letter) for letter in text)
    opening, closing = ("", "") if out.color else _BRACKETS[span.op]
    return f"{opening}{shown}{closing}"


def _space_name(letter: str) -> str:
    return visible(letter) if visible(letter) != letter else f"\\u{ord(letter):04x}"


def _middle_cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    left_out = len(text) - 2 * half
    return f"{text[:half].rstrip()} … {left_out:,} characters … {text[-half:].lstrip()}"


def _styled(out: Output, parts: Iterable[tuple[Op, str]]) -> str:
    """Parts of a line, each in its colour."""
    return "".join(
        text if op == "=" else out.style(text, **COLORS[op], reverse=True if text.isspace() else None)
        for op, text in parts
    )


def _within(
    pieces: Sequence[tuple[Op, str]], lines: Iterable[tuple[int, int]]
) -> Iterator[list[tuple[Op, str]]]:
    """The parts of each line, given as rising (start, stop) in the joined pieces; reads each piece once."""
    place = at = 0  # the current piece, and where it begins
    for start, stop in lines:
        parts: list[tuple[Op, str]] = []
        while place < len(pieces):
            op, text = pieces[place]
            part = text[max(0, start - at) : max(0, stop - at)]
            if part:
                parts.append((op, part))
            if at + len(text) > stop:
                break
            place, at = place + 1, at + len(text)
        yield parts


def name_cut(text: str, room: int) -> str:
    """A name made visible and cut, for keys, columns and paths."""
    return cut(visible(text), room)
