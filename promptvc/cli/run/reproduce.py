"""``promptvc reproduce``: whether the rows of a run follow from what its record pins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.arguments import Words, WordsCommand, find_range, words_of
from promptvc.cli.exit_codes import DONE, NEGATIVE
from promptvc.cli.progress import progress
from promptvc.cli.show.chars import plural
from promptvc.content.keys.tokens import output_name
from promptvc.errors import RunMissing, Usage
from promptvc.runs.compare.report.numbers import dollars

if TYPE_CHECKING:
    from promptvc.runs.reproduce.drift import Drift, Drifted
    from promptvc.runs.reproduce.reproduce import Place, Reproduction

SHOWN = 10
"""Most rows to name in text; --json has all."""


@click.command("reproduce", cls=WordsCommand)
@click.argument("words", nargs=-1, metavar="[REV] [[--] RUN...]")
@click.option("--call", is_flag=True, help="Ask the model again, and show which answers differ.")
@click.option(
    "--limit", type=click.IntRange(1), metavar="N", help="With --call: ask only for the first N rows."
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="With --call: calls at a time (8).",
)
@json_option
@pass_app
def command(app: App, words: tuple[str, ...], call: bool, limit: int | None, jobs: int | None) -> int:
    """Rebuild every request of a run from what its record pins, and check each row against it, without calls.

    At REV, prompt and examples are the versions that the record pins. Without REV they are the working files, so that
    rows that no longer follow from them are reported. All runs that have outputs are checked, or those named; words
    after -- are RUNs. Exit code 1 unless every row is verified.

    --call pays for every row again. It writes nothing: the outputs stay as they are.
    """
    if not call and (limit is not None or jobs is not None):
        raise click.UsageError("--limit and --jobs are for --call")
    revision, names = _asked(app, words_of(words))
    repo, code = app.repo, DONE
    for name in names:
        [found] = repo.reproduce(name, revision=revision)
        tell(app, found)
        code = code if found.is_verified else NEGATIVE
        if call and found.verified:
            drift = _measure_drift(app, name, revision, limit, jobs)
            tell_drift(app, name, drift)
            code = NEGATIVE if drift.failed else code
    return code


# --- arguments ----------------------------------------------------------------------------------------


def _asked(app: App, words: Words) -> tuple[str | None, list[str]]:
    """The revision and the runs; raises `Usage`, `RunMissing`."""
    plain = list(words.plain)
    revision = plain.pop(0) if plain and find_range(app.repo, plain[0]) else None
    if revision is not None and ".." in revision:
        raise Usage(f"{revision}: reproduce takes one revision")
    if words.paths is not None and plain:
        raise Usage(f"{plain[0]!r} is not a revision", "promptvc log lists the commits")
    runs = app.repo.runs
    if revision is None and plain:
        try:
            runs.with_outputs(plain[0])
        except RunMissing as error:
            raise RunMissing(f"{plain[0]!r} is neither a revision nor a run", error.hint) from None
    return revision, runs.with_outputs(*plain, *(words.paths or ()), revision=revision)


def _measure_drift(app: App, name: str, revision: str | None, limit: int | None, jobs: int | None) -> Drift:
    with progress(name, at_once=False) as bar:  # the user may be asked something first
        return app.repo.runs.drift(
            name, revision, limit=limit, jobs=jobs, report=lambda p: bar.update(p.done, p.total)
        )


# --- report -------------------------------------------------------------------------------------------


def tell(app: App, found: Reproduction) -> None:
    """Print the result of rebuilding a run's requests."""
    app.out.value(reproduction_value(found))
    where = "" if found.label == "working files" else f" at {found.label}"
    title = f"{found.name}{where}"
    if found.unverifiable is not None:
        app.out.text(f"{title}   {plural(found.rows, 'row')}: cannot be verified")
        app.out.text(f"  {found.unverifiable}")
        return
    verified = "all verified" if found.is_verified else f"{found.verified:,} verified"
    app.out.text(f"{title}   {plural(found.rows, 'row')}: {verified}")
    for reason in found.lacking:
        app.out.text(f"  {reason}")
    basis = "the working files" if not where else "what is pinned"
    verb = "does" if len(found.astray) == 1 else "do"
    _tell_places(app, found.astray, f"{verb} not follow from {basis}")
    _tell_places(app, found.left_over, "of no example")
    _tell_places(app, found.failed, "without an answer")
    _tell_places(app, found.missing, "without its row", "request")
    if found.edited:
        app.out.text(f"  edited since: outputs/{found.name}.jsonl is not what the record names")
    _tell_changed(app, found, bool(where))


def _tell_places(app: App, places: Sequence[Place], what: str, noun: str = "row") -> None:
    if places:
        app.out.text(f"  {plural(len(places), noun)} {what}: {_named(places)}")


def _tell_changed(app: App, found: Reproduction, committed: bool) -> None:
    if not found.changed:
        return
    paths = " and ".join(pin.path for pin in found.changed)
    verb = "is not the version" if len(found.changed) == 1 else "are not the versions"
    if not committed:
        app.out.note(
            f"note: {paths} {verb} that the record pins; promptvc reproduce HEAD {found.name} takes those"
        )
        return
    app.out.note(
        f"note: {paths} at {found.label} {verb} that the record pins: outputs were stale when committed"
    )
    if found.stale:
        verb = "does" if len(found.stale) == 1 else "do"
        rows = plural(len(found.stale), "row")
        app.out.note(f"note: {rows} {verb} not follow from what is at {found.label}: {_named(found.stale)}")


def _named(places: Sequence[Place]) -> str:
    """``t-1, t-2 sample 1, … and 31 more``."""
    shown = [output_name(*place) for place in places[:SHOWN]]
    more = f" and {len(places) - SHOWN:,} more" if len(places) > SHOWN else ""
    return ", ".join(shown) + more


def reproduction_value(found: Reproduction) -> dict[str, Any]:
    """The result of rebuilding a run's requests, for programs."""
    return {
        "type": "reproduction",
        "run": found.name,
        "at": found.label,
        "is_verified": found.is_verified,
        "edited": found.edited,
        "rows": found.rows,
        "verified": found.verified,
        "astray": place_values(found.astray),
        "left_over": place_values(found.left_over),
        "missing": place_values(found.missing),
        "failed": place_values(found.failed),
        "lacking": list(found.lacking),
        "unverifiable": found.unverifiable,
        "changed": [pin.to_value() for pin in found.changed],
        "stale": place_values(found.stale),
    }


def place_values(places: Iterable[Place]) -> list[dict[str, Any]]:
    """Examples and samples, for programs."""
    return [{"example_id": id, "sample_index": sample} for id, sample in places]


# --- drift ------------------------------------------------------------------------------------------------


def tell_drift(app: App, name: str, drift: Drift) -> None:
    """Print the result of asking again."""
    app.out.value(drift_value(name, drift))
    cost = f" for {dollars(drift.cost_usd)}" if drift.cost_usd else ""
    parts = [f"{drift.equal:,} of {drift.asked:,} outputs equal"]
    parts += [f"{drift.different:,} different"] if drift.different else []
    parts += [f"{len(drift.failed):,} not answered"] if drift.failed else []
    app.out.text(f"  asked again with {plural(drift.calls, 'call')}{cost}: {', '.join(parts)}")
    for score, mean in sorted(drift.after["scores"].items()):
        if "mean" in mean:
            app.out.text(f"  {score:<16}  {drift.before['scores'][score]['mean']:.3f} → {mean['mean']:.3f}")
    for row in drift.rows[:SHOWN]:
        app.out.text(f"    {_named([row.place])}   {_drift_words(row)}")
    if len(drift.rows) > SHOWN:
        app.out.text(f"    and {len(drift.rows) - SHOWN:,} more; --json has all of them, with both outputs")
    for place, error in list(drift.failed.items())[:1]:
        app.out.warn(f"{_named([place])}: {error}")
    if drift.not_scored is not None:
        app.out.note(f"note: not scored: {drift.not_scored}")


def _drift_words(row: Drifted) -> str:
    """``62 % alike, exact true → false, finish_reason stop → length``."""
    words = [f"{row.similarity * 100:.0f} % alike"] if "output" in row.changed else []
    for name in row.changed:
        if name == "output":
            continue
        if name == "tool_calls":
            words.append("other tool calls")
            continue
        before, after = (_value_of(side, name) for side in (row.before, row.after))
        words.append(f"{name.removeprefix('scores.')} {_shown(before)} → {_shown(after)}")
    return ", ".join(words)


def _value_of(row: Any, name: str) -> object:
    score = name.removeprefix("scores.")
    return row.scores.get(score) if score != name else getattr(row, name)


def _shown(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def drift_value(name: str, drift: Drift) -> dict[str, Any]:
    """The result of asking again, for programs."""
    return {
        "type": "drift",
        "run": name,
        "asked": drift.asked,
        "equal": drift.equal,
        "different": drift.different,
        "calls": drift.calls,
        "retries": drift.retries,
        "cost_usd": drift.cost_usd,
        "before": dict(drift.before),
        "after": dict(drift.after),
        "failed": [{**place_values([place])[0], "error": error} for place, error in drift.failed.items()],
        "not_scored": drift.not_scored,
        "rows": [
            {
                **place_values([row.place])[0],
                "changed": list(row.changed),
                "similarity": row.similarity,
                "before": row.before.to_value(),
                "after": row.after.to_value(),
            }
            for row in drift.rows
        ],
    }
