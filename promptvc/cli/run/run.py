"""``promptvc run``: make the missing outputs."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stdout
from typing import TYPE_CHECKING, Any

import click

from promptvc.cli.app import App, json_option, pass_app
from promptvc.cli.exit_codes import DONE, NEGATIVE
from promptvc.cli.show.chars import cut
from promptvc.runs.compare.report.numbers import dollars

if TYPE_CHECKING:
    from collections.abc import Callable

    from promptvc.runs.execute.results import Plan, RunResult
    from promptvc.runs.execute.staleness import Staleness
    from promptvc.runs.execute.workers import CallProgress
    from promptvc.runs.scoring.scorers import Scorer


@click.command("run")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("-n", "--dry-run", is_flag=True, help="Only show what is known, what would be called, and why.")
@click.option("-j", "--jobs", type=click.IntRange(1, 1000), metavar="N", help="Calls at a time (8).")
@click.option(
    "--limit", type=click.IntRange(0), metavar="N", help="Make at most N calls; the other rows wait."
)
@click.option("--offline", is_flag=True, help="Make no calls: an unknown answer is an error.")
@click.option("--allow-secrets", is_flag=True, help="Keep answers that hold tokens or private keys.")
@json_option
@pass_app
def command(
    app: App,
    names: tuple[str, ...],
    dry_run: bool,
    jobs: int | None,
    limit: int | None,
    offline: bool,
    allow_secrets: bool,
) -> int:
    """Make the missing outputs of all runs that promptvc.toml declares, or of those named.

    An answer that is in any commit, or was paid for before, is not asked for again. After an interrupt, the next run
    continues. For the files of a run and how to declare one, see docs/runs.md.

    An answer that holds a token or a private key is withheld: it stays in the local journal, and its row says so.

    Exit code 1 if calls failed, which running again retries, if an answer was withheld, or if a scorer could not score
    anything.
    """
    runs = app.repo.parts.runs
    code = DONE
    for name in runs.names(names):
        if dry_run:
            tell_plan(app, *runs.look(name))
            continue
        with (
            _bar(app, name) as report,
            redirect_stdout(sys.stderr),
        ):  # output of the project's code is not a result
            done, scorers = runs.run(
                name, jobs=jobs, limit=limit, offline=offline, allow_secrets=allow_secrets, report=report
            )
        tell(app, done, scorers)
        if done.failed or any(score["count"] == 0 for score in _scores(done).values()):
            code = NEGATIVE
    return code


@contextmanager
def _bar(app: App, name: str) -> Iterator[Callable[[CallProgress], None]]:
    """A progress bar with the cost so far, on a terminal; an interrupt reports what is kept."""
    seen: list[CallProgress] = []
    try:
        with _view(name) if sys.stderr.isatty() else nullcontext(seen.append) as show:

            def report(progress: CallProgress) -> None:
                seen[:] = [progress]
                show(progress)

            yield report
    except KeyboardInterrupt:
        if seen:
            done = seen[0].done - seen[0].failed
            app.out.note(
                f"note: {done:,} of {seen[0].total:,} answers are kept: promptvc run {name} goes on from there"
            )
        raise


@contextmanager
def _view(name: str) -> Iterator[Callable[[CallProgress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as View

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the cursor is restored
    view = View(*columns, TextColumn("{task.fields[said]}"), console=Console(stderr=True), transient=True)
    task = view.add_task(name, total=None, said="")
    try:
        with ExitStack() as shown:

            def report(progress: CallProgress) -> None:
                if not view.live.is_started:  # the user may be asked something before the first call
                    shown.enter_context(view)
                said = [dollars(progress.cost_usd)] if progress.cost_usd else []
                said += [_retries(progress.retries)] if progress.retries else []
                said += [f"{progress.failed} failed"] if progress.failed else []
                view.update(task, completed=progress.done, total=progress.total, said="  ".join(said))

            yield report
    finally:
        signal.signal(signal.SIGTERM, before)


def tell_plan(app: App, plan: Plan, stale: Staleness) -> None:
    """Print what a run would do."""
    app.out.value(
        {
            "run": plan.name,
            "calls": plan.calls,
            "known": plan.known,
            "to_pay": plan.missing,
            "estimated_tokens": plan.tokens,
            **staleness_value(stale),
        }
    )
    pay = (
        f"{plan.missing:,} to pay, about {_rounded(plan.tokens):,} tokens" if plan.missing else "none to pay"
    )
    app.out.text(f"{plan.name}   {plan.calls:,} requests: {plan.known:,} known, {pay}")
    if not stale.is_fresh and stale.rows:
        app.out.text(f"  {stale.words()}")


def staleness_value(stale: Staleness) -> dict[str, object]:
    """How up to date a run's outputs are, for programs."""
    names = ("rows", "fresh", "stale", "failed", "missing", "left_over", "rescore")
    return {name: getattr(stale, name) for name in names} | {"reasons": dict(stale.reasons)}


def tell(app: App, done: RunResult, scorers: Sequence[Scorer]) -> None:
    """Print what a run did."""
    names = ("rows", "known", "called", "failed", "withheld", "stale", "retries", "cost_usd", "changed")
    value = {"run": done.name} | {name: getattr(done, name) for name in names}
    app.out.value(value | {"totals": done.record.totals})
    parts = [f"{done.rows:,} rows", f"{done.known:,} known", f"{done.called:,} called"]
    parts += [_retries(done.retries)] if done.retries else []
    parts += [dollars(done.cost_usd)] if done.cost_usd else []
    app.out.text(f"{done.name}   {', '.join(parts)}" + ("" if done.changed else "; nothing changed"))
    answered = done.rows - done.failed - done.stale
    for name, score in _scores(done).items():
        over = f"   over {score['count']:,} of {done.rows:,} rows" if score["count"] < done.rows else ""
        app.out.text(f"  {name:<16}  {_score_words(score)}{over}")
        if score["count"] < answered:
            scorer = next((each for each in scorers if each.name == name and each.problems), None)
            why = f": {scorer.problems[0]}" if scorer else ""
            app.out.warn(cut(f"{name}: {answered - score['count']:,} outputs could not be scored{why}", 300))
    if done.stale:
        app.out.note(f"note: {done.stale:,} rows wait for their call: promptvc run {done.name}")
    failed = done.failed - done.withheld
    if failed:
        app.out.warn(cut(f"{failed:,} failed, the first with: {done.first_error or 'an error'}", 300))
        app.out.note(f"hint: promptvc run {done.name} tries them again")
    if done.withheld:
        _tell_withheld(app, done)


def _tell_withheld(app: App, done: RunResult) -> None:
    kinds = ", ".join(dict.fromkeys(done.secrets.values()))
    what = "1 answer holds a secret" if done.withheld == 1 else f"{done.withheld:,} answers hold secrets"
    app.out.warn(cut(f"{what} ({kinds}): only the local journal has them, their rows say so", 300))
    digests = ", ".join(f'"{digest}"' for digest in list(done.secrets)[:3])
    app.out.note(
        f"hint: if they may be kept: [secrets] allow = [{digests}] in promptvc.toml, or --allow-secrets"
    )


def _scores(done: RunResult) -> dict[str, dict[str, Any]]:
    """The totals of each scorer, in the order of declaration, including scorers that scored nothing."""
    found = done.record.totals["scores"]
    return {pin.name: found.get(pin.name, {"count": 0}) for pin in done.record.scorers}


def _score_words(score: Mapping[str, Any]) -> str:
    if "mean" in score:
        return f"{score['mean']:,.3f}"
    return "  ".join(f"{label} {count:,}" for label, count in score.get("labels", {}).items()) or "–"


def _retries(count: int) -> str:
    return "1 retry" if count == 1 else f"{count:,} retries"


def _rounded(tokens: int) -> int:
    """Rounded to two digits, since it is an estimate."""
    digits = max(len(str(tokens)) - 2, 0)
    return round(tokens, -digits)
