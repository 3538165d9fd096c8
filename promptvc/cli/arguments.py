"""The arguments of a command: which words are revisions, which are paths, what ``REV:PATH`` means, and values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from promptvc.errors import PathMissing, PromptvcError, UnknownRevision, Usage

if TYPE_CHECKING:
    from promptvc.cli.app import App
    from promptvc.repo import Repo
    from promptvc.versioning.revision import Range

_AFTER_DASHES = "promptvc.after_dashes"


class WordsCommand(click.Command):
    """A command that knows where ``--`` was: all words after it are paths."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Set aside the words after ``--``; `words_of` returns them."""
        if "--" in args:
            place = args.index("--")
            ctx.meta[_AFTER_DASHES] = args[place + 1 :]
            args = args[:place]
        return super().parse_args(ctx, args)


class Words(Struct, frozen=True):
    """Words before ``--``, and those after it; None without ``--``."""

    plain: tuple[str, ...]
    paths: tuple[str, ...] | None


def from_json(text: str) -> Any:
    """A word as JSON, or as text if it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def words_of(plain: tuple[str, ...]) -> Words:
    """The words of the running command, with those after ``--`` separate."""
    after = click.get_current_context().meta.get(_AFTER_DASHES)
    return Words(plain, None if after is None else tuple(after))


def split_words(app: App, words: Words, most: int | None = None) -> tuple[list[Range], list[str]]:
    """Revisions first, then paths relative to the project; a word that is both is taken as a revision.

    At most ``most`` revisions. Raises `UnknownRevision` or `PathMissing` for a word that is neither.
    """
    ranges: list[Range] = []
    rest = list(words.plain)
    while rest and (most is None or len(ranges) < most):
        found = find_range(app.repo, rest[0])
        if found is None:
            break
        ranges.append(found)
        rest.pop(0)
    if words.paths is not None:
        if rest:
            raise _unknown(app.repo, rest[0])
        return ranges, app.paths(words.paths)
    if rest and most is not None and len(ranges) == most and find_range(app.repo, rest[0]):
        raise Usage(f"{rest[0]} is one revision too many", f"-- {rest[0]} if a file of that name is meant")
    paths = app.paths(tuple(rest))
    for text, path in zip(rest, paths, strict=True):
        if not is_known_path(app.repo, path, ranges):
            raise _neither(app.repo, text)
    return ranges, paths


def find_range(repo: Repo, text: str) -> Range | None:
    """The commits that a text names; None if it names none. Raises `AmbiguousId`."""
    try:
        return repo.parts.revisions.range(text)
    except UnknownRevision:
        return None


def split_path(text: str) -> tuple[str, str] | None:
    """``main:prompts/a.md -> ("main", "prompts/a.md")``; None without a colon outside braces."""
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "{") - (letter == "}")
        if letter == ":" and depth <= 0:
            return text[:place], text[place + 1 :]
    return None


def revision_path(app: App, revision: str, path: str) -> str:
    """The path in ``REV:PATH``, from the project's root as in git; ``./`` means the user's folder."""
    if not revision:
        raise Usage(f":{path} names no revision", f"HEAD:{path} is the last committed version")
    if path in (".", "..") or path.startswith(("./", "../")):
        return app.paths((path,))[0]
    return path.strip("/")


def is_known_path(repo: Repo, path: str, ranges: Sequence[Range]) -> bool:
    """Whether a path exists, or existed at one of these revisions (by default HEAD)."""
    if path == "" or (repo.root is not None and (repo.root / path).exists()):
        return True
    ids = [id for item in ranges for id in (item.start, item.end) if id]
    head = find_range(repo, "HEAD")
    return any(
        name == path or name.startswith(path + "/")
        for id in (ids or ([head.end] if head else []))
        for name in repo.snapshot(id).files
    )


def _unknown(repo: Repo, text: str) -> UnknownRevision:
    """The error for a text that is not a revision; for a range, for the side that is not."""
    try:
        repo.parts.revisions.range(text)
    except UnknownRevision as error:
        return error
    return UnknownRevision(text)


def _neither(repo: Repo, text: str) -> PromptvcError:
    if "@{" in text:  # no file has such a name, and the error says how far the log goes back
        return _unknown(repo, text)
    if ".." not in text and ("/" in text or "." in text):
        return PathMissing(
            f"{text} is neither a revision nor a file here",
            f"promptvc show HEAD: lists the files; -- {text} stands for one that is no more",
        )
    error = _unknown(repo, text)
    if ".." not in text:
        error.message = f"{text!r} is neither a revision nor a file here"
    return error
