"""Names near one that is not there: what a user may have meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from promptvc.errors import Advice

_LIMIT = 3


def did_you_mean(asked: str, names: Iterable[str], otherwise: str | Advice) -> str | Advice:
    """A hint: ``did you mean prompts/classify.md?``, or another one where no name is near."""
    near = near_names(asked, names)
    return f"did you mean {' or '.join(near)}?" if near else otherwise


def near_names(asked: str, names: Iterable[str], limit: int = _LIMIT) -> list[str]:
    """The names that were meant, the nearest first.

    ``classify`` means every path with this stem, as ``prompts/classify.md``; else names are near that differ by some
    letters as a whole, or in what stands behind the last slash.
    """
    from difflib import get_close_matches  # only those who made a mistake wait for it

    by_form: dict[str, list[str]] = {}
    for name in names:
        for form in _forms(name):
            by_form.setdefault(form, []).append(name)
    wanted = asked.strip("/").lower()
    found = [wanted] if wanted in by_form else get_close_matches(wanted, by_form, limit)
    return list(dict.fromkeys(name for form in found for name in by_form[form]))[:limit]


def _forms(name: str) -> Iterator[str]:
    """What a name may be called: as it is, without its folders, without its suffixes, without both."""
    folders, slash, last = name.lower().rpartition("/")
    stem = last[:1] + last[1:].partition(".")[0]
    yield from dict.fromkeys([folders + slash + last, last, folders + slash + stem, stem])
