"""What the arguments of ``promptvc compare`` mean: revisions, runs or files of output rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from promptvc.cli.arguments import Words, find_range, revision_path, split_path
from promptvc.content.runs.run import output_path, run_name, run_names
from promptvc.errors import RunMissing, Usage
from promptvc.repo.judge.sources import source_at
from promptvc.runs.compare.sources import common_runs, load_file, load_rows
from promptvc.runs.sources import load_run

if TYPE_CHECKING:
    from promptvc.cli.app import App
    from promptvc.runs.sources import LoadedRun, RunSource
    from promptvc.versioning.revision import Range

Pair = tuple["LoadedRun", "LoadedRun"]
_ROWS = ".jsonl"


def find_sides(app: App, words: Words) -> list[Pair]:
    """The runs to compare, each at its two sides, all of them existing; raises `Usage`, `RunMissing`, `PathMissing`."""
    if words.paths is None and words.plain and _is_file(app, words.plain[0]):
        return [_two_files(app, words.plain)]
    option = next((text for text in words.paths or () if text.startswith("-")), None)
    if option is not None:
        raise Usage(f"{option} is after --, where runs are", "options go before --")
    revisions, rest = _revisions(app, words)
    runs = [_run_name(app, text) for text in rest]
    if len(revisions) < 2 and len(runs) == 2:
        where = revisions[0] if revisions else _source(app)
        return [(_load(app, where, runs[0]), _load(app, where, runs[1]))]
    if len(revisions) < 2 and len(runs) > 2:
        raise Usage("two runs are compared at a time", f"promptvc compare -- {runs[0]} {runs[1]}")
    before = revisions[0] if revisions else _source(app, "HEAD")
    after = revisions[1] if len(revisions) == 2 else _source(app)

    names = runs or common_runs(before, after)
    return [(_load(app, before, name), _load(app, after, name)) for name in names]


# --- revisions and runs -----------------------------------------------------------------------------------


def _revisions(app: App, words: Words) -> tuple[list[RunSource], list[str]]:
    """At most two revisions from the front, and the remaining words, which are runs."""
    found: list[RunSource] = []
    rest = list(words.plain)
    while rest and len(found) < 2:
        range = find_range(app.repo, rest[0])
        if range is None:
            break
        if range.start is not None and found:
            raise click.UsageError("give A..B, or A and B, not both")
        _need_sense(app, rest, words, len(found))
        found += _of_range(app, rest.pop(0), range)
    if words.paths is not None and rest:
        app.repo.rev_parse(rest[0])  # raises the error for a word that is not a revision
        raise Usage(f"{rest[0]} is one revision too many")
    rest += words.paths or ()
    if words.paths is None:
        for text in rest:
            _need_run(app, text, found)
    return found, rest


def _of_range(app: App, text: str, range: Range) -> list[RunSource]:
    if range.symmetric:
        raise Usage(f"{text}: compare takes A..B, or A and B")
    if range.start is None:
        return [_source(app, text)]
    start, _, end = text.partition("..")
    return [_source(app, start or "HEAD"), _source(app, end or "HEAD")]


def _need_sense(app: App, rest: Sequence[str], words: Words, before: int) -> None:
    """Raise `Usage` if the word is a revision and a run, and both would make sense.

    ``terse concise``, where both are runs and terse is also a branch, may mean two runs, or one since a revision.
    """
    if words.paths is not None or len(rest) != 2 or find_range(app.repo, rest[1]):
        return
    where = _source(app, words.plain[0]) if before else _source(app)
    if _has_run(where, _run_name(app, rest[0])):
        start = f"promptvc compare {words.plain[0]} " if before else "promptvc compare "
        raise Usage(
            f"{rest[0]} is a revision and a run",
            f"{start}-- {rest[0]} {rest[1]} compares the runs, {start}{rest[0]} -- {rest[1]} the revisions",
        )


def _need_run(app: App, text: str, found: Sequence[RunSource]) -> None:
    where = found or [_source(app)]
    if any(_has_run(source, _run_name(app, text)) for source in where):
        return
    names = dict.fromkeys(name for source in where for name in run_names(source.files))
    hint = f"runs: {', '.join(names)}" if names else "promptvc run makes a run, promptvc record takes one in"
    if len(found) == 2:
        raise RunMissing(f"there is no run {text!r} at {found[0].label} or {found[1].label}", hint)
    raise RunMissing(f"{text!r} is neither a revision nor a run", hint)


def _has_run(source: RunSource, name: str) -> bool:
    return output_path(name) in source.files


def _run_name(app: App, text: str) -> str:
    """The name of a run as typed: its name, or the path of its rows or record."""
    return (run_name(app.path(text)) if "/" in text or text.endswith(".json") else None) or text


def _source(app: App, revision: str | None = None) -> RunSource:
    """A commit, or the working files; HEAD if the store has none."""
    return source_at(app.repo.parts, revision)


def _load(app: App, source: RunSource, name: str) -> LoadedRun:
    return load_run(source, name, app.repo.parts.contents, app.repo.parts.store)


# --- files ------------------------------------------------------------------------------------------------


def _is_file(app: App, text: str) -> bool:
    """Whether a word is a file of output rows, by its suffix, also as ``REV:PATH``; revisions take precedence."""
    return text.endswith(_ROWS) and find_range(app.repo, text) is None


def _two_files(app: App, texts: Sequence[str]) -> Pair:
    if len(texts) != 2 or not _is_file(app, texts[1]):
        raise Usage(
            f"{texts[0]} is a file, so the other side has to be one", f"promptvc compare {texts[0]} FILE"
        )
    return _file(app, texts[0]), _file(app, texts[1])


def _file(app: App, text: str) -> LoadedRun:
    from dataclasses import replace

    repo, pair = app.repo, split_path(text)
    parts = repo.parts.contents, repo.parts.store
    if pair is not None and pair[0] and find_range(repo, pair[0]):
        source = _source(app, pair[0])
        return replace(load_rows(source, revision_path(app, *pair), *parts), label=text)
    where = _source(app)
    path = app.path(text)
    if path in where.files:
        return replace(load_rows(where, path, *parts), label=text)
    return load_file(Path(app.folder, text), text, where.project, *parts)
