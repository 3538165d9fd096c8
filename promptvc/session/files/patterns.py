"""Patterns of .gitignore files, matched in time that grows with path and pattern, whatever is in them.

pathspec makes regular expressions of them in which every ``*`` and ``**`` may be tried at every place, in all
combinations. Of two that follow each other the first may take the first place that fits: what comes behind finds there
whatever it would find later. So only the last of each is tried at several places.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from promptvc.errors import ConfigInvalid
from promptvc.patterns import compiled

LONGEST, MOST = 1000, 1000
"""Characters of a pattern, and patterns of a list."""
_SHAPE = compiled(r"(\^(?:\(\?:\.\+/\)\?)?)(.*?)(\(\?:\(\?P<ps_d>/\)\|\$\)|\(\?P<ps_d>/\)|/)", re.DOTALL)
_BETWEEN = "(?:/.+)?"
_STAR, _MARK = "[^/]*", "\0*"
_WHOLE, _WHOLE_MARK = "[^/]+", "\0+"


def read_patterns(label: str, patterns: Sequence[str], given: Sequence[str]) -> Any:
    """What says whether a path fits: a `GitIgnoreSpec`. ``given`` are those of the patterns that a user wrote.

    Raises `ConfigInvalid` for patterns that are none, too long or too many.
    """
    from pathspec import GitIgnoreSpec  # 15 ms, and only where files are looked for

    _need_bounded(label, given)
    try:
        return GitIgnoreSpec.from_lines(patterns, _linear_pattern(), backend="simple")
    except (ValueError, re.error) as error:  # a lone "!"
        raise _invalid(f"{label}: {error}") from error


def linear(regex: str) -> str:
    """The regular expression of one pattern, as pathspec makes it, without combinations to try."""
    shape = _SHAPE.fullmatch(regex)
    if shape is None:
        return regex
    start, body, end = shape.groups()
    first, *others = (_linear_block(block) for block in body.split(_BETWEEN))
    if not others:
        return start + first + end
    lead = "(?:.+?/)??" if start != "^" else ""
    middle = "".join(f"(?>(?:/.+?)??{block}(?=/))" for block in others[:-1])
    return f"^(?>{lead}{first}(?=/)){middle}{_BETWEEN}{others[-1]}{end}"


def _linear_block(block: str) -> str:
    marked = block.replace(_STAR, _MARK).replace(_WHOLE, _WHOLE_MARK)
    return "/".join(map(_linear_name, marked.split("/"))).replace(_WHOLE_MARK, _WHOLE)


def _linear_name(name: str) -> str:
    first, *others = name.split(_MARK)
    if not others:
        return first
    middle = "".join(f"(?>[^/]*?{part})" for part in others[:-1] if part)
    return f"{first}{middle}{_STAR}{others[-1]}"


def _linear_pattern() -> Any:
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    class LinearPattern(GitIgnoreSpecPattern):
        """A pattern whose regular expression is a linear one."""

        __slots__ = ()

        @classmethod
        def pattern_to_regex(cls, pattern: Any) -> Any:
            """See pathspec."""
            regex, include = super().pattern_to_regex(pattern)
            return (linear(regex) if regex is not None else None), include

    return LinearPattern


def _need_bounded(label: str, patterns: Sequence[str]) -> None:
    if len(patterns) > MOST:
        raise _invalid(f"{label} has {len(patterns):,} patterns; at most {MOST:,} are taken")
    for pattern in patterns:
        if len(pattern) > LONGEST:
            raise _invalid(
                f"{label}: a pattern of {len(pattern):,} characters; at most {LONGEST:,} are taken"
            )
        if "\0" in pattern:
            raise _invalid(f"{label}: a pattern with a zero byte, which no path has")


def _invalid(what: str) -> ConfigInvalid:
    return ConfigInvalid(f"promptvc.toml: {what}", "correct the file; nothing was changed")
