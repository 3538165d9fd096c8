"""Commits as text: id, refs, subject, then date and author; beside the graph if requested."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from itertools import chain, repeat
from typing import TYPE_CHECKING

from promptvc.cli.show.chars import visible
from promptvc.cli.show.graph import GraphPart
from promptvc.ids import ObjectId, RefName
from promptvc.versioning.commit import peel

if TYPE_CHECKING:
    from promptvc.cli.output import Output
    from promptvc.repo import Repo
    from promptvc.storage.objects import Commit, Signature

_LANE_COLORS = ("red", "green", "yellow", "blue", "magenta", "cyan")
_INDENT = " " * 8

RefNames = Mapping[ObjectId, Sequence[tuple[str, str]]]
"""Commit -> what points to it, as (text, colour)."""


def ref_names(repo: Repo) -> RefNames:
    """The refs in parentheses after a commit: ``HEAD → main``, ``tag: v1``, ``origin/main``."""
    names: dict[ObjectId, list[tuple[str, str]]] = {}
    head, at = repo.parts.refs.head(), repo.parts.refs.current()
    if at is not None:
        text = f"HEAD → {head.short}" if isinstance(head, RefName) else "HEAD"
        names[at] = [(text, "cyan")]
    kinds = (("refs/tags/", "tag: ", "yellow"), ("refs/heads/", "", "green"), ("refs/remotes/", "", "red"))
    for prefix, lead, color in kinds:
        for ref, id in repo.parts.refs.find(prefix).items():
            if ref != head and not ref.endswith("/HEAD"):
                names.setdefault(peel(repo.parts.store, id), []).append((lead + ref.short, color))
    return names


def refs_text(out: Output, names: Sequence[tuple[str, str]]) -> str:
    """``(HEAD → main, tag: v1)``; empty without names."""
    shown = ", ".join(out.style(visible(text), fg=color, bold=True) for text, color in names)
    return f"({shown})" if shown else ""


def commit_lines(
    out: Output, id: ObjectId, commit: Commit, names: Sequence[tuple[str, str]], *, short: bool
) -> Iterator[str]:
    """One commit: a line, and unless ``short`` a line with date and author, then the rest of its message."""
    parts = [out.style(id.short, fg="yellow"), refs_text(out, names), visible(commit.subject)]
    yield " ".join(part for part in parts if part)
    if short:
        return
    yield out.style(f"{_INDENT}{date_text(commit.author)}  {visible(commit.author.name)}", dim=True)
    _, _, body = commit.message.strip().partition("\n")
    for line in body.strip("\n").splitlines():
        yield f"{_INDENT}{visible(line)}".rstrip()


def with_graph(out: Output, lines: Iterable[str], part: GraphPart) -> Iterator[str]:
    """The lines of one commit with its part of the graph to their left."""
    beside = chain([part.head, *part.edges], repeat(part.rest))
    width = max(len(text) for text in (part.head, *part.edges, part.rest))
    reported = 0
    for line in lines:
        drawn = next(beside)
        reported += 1
        yield f"{_colored(out, drawn)}{' ' * (width - len(drawn))} {line}".rstrip()
    for drawn in part.edges[max(reported - 1, 0) :]:
        yield _colored(out, drawn)


def date_text(who: Signature, *, seconds: bool = False) -> str:
    """``2026-11-03 14:02``, in the author's time zone; optionally with seconds and zone."""
    try:
        zone = timezone(timedelta(minutes=who.offset))
        moment = datetime.fromtimestamp(who.time, UTC).astimezone(zone)
    except (ValueError, OverflowError, OSError):  # an invalid time is shown too
        return f"second {who.time} of 1970"
    return moment.strftime("%Y-%m-%d %H:%M:%S %z" if seconds else "%Y-%m-%d %H:%M")


def _colored(out: Output, drawn: str) -> str:
    if not out.color:
        return drawn
    return "".join(
        letter if letter in " *" else out.style(letter, fg=_LANE_COLORS[at // 2 % len(_LANE_COLORS)])
        for at, letter in enumerate(drawn)
    )
