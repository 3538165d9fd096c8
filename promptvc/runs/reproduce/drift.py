"""Drift: makes a run's requests again and compares the answers with its own. Writes and keeps nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from promptvc.content.json_type import LooseJson as Json
from promptvc.content.runs.request import Request
from promptvc.content.runs.run import OutputRow, Score, Totals
from promptvc.content.runs.spec import RunSpec
from promptvc.content.text.words import words
from promptvc.errors import PromptvcError, Refused
from promptvc.runs.execute.runner import JOBS
from promptvc.runs.execute.workers import CallProgress, Calls
from promptvc.runs.reproduce.reproduce import Lacking, Place, Rebuilt, rebuild, why_unverifiable
from promptvc.runs.sources import LoadedRun, RunSource, load_run

if TYPE_CHECKING:
    from promptvc.runs.project import Runs
    from promptvc.runs.scoring.scorers import Scorer

_COMPARED = ("output", "tool_calls", "finish_reason", "response_model")


class Drifted(Struct, frozen=True):
    """A row whose answer differs now.

    ``changed`` names the fields, ``scores.exact`` for a score; both rows have the scores of the present scorers.
    ``similarity`` is the share of words that both outputs have in common, in order: from 0 to 1.
    """

    before: OutputRow
    after: OutputRow
    changed: tuple[str, ...]
    similarity: float

    @property
    def place(self) -> Place:
        """Example and sample."""
        return self.before.place


class Drift(Struct, frozen=True, kw_only=True):
    """The result of asking again.

    - ``asked``: rows with a new answer; ``equal``: of them, those with the same output;
    - ``rows``: those with any difference, the least similar first; ``failed``: rows without a new answer, and why;
    - ``calls``, ``retries``, ``cost_usd``: of the calls made; equal requests are sent once;
    - ``before``, ``after``: totals over the rows asked (see `promptvc.content.runs.run.Totals`);
    - ``not_scored``: why scores are not compared, if they are not.
    """

    asked: int
    equal: int
    rows: tuple[Drifted, ...]
    failed: Mapping[Place, str]
    calls: int
    retries: int
    cost_usd: float
    before: Mapping[str, Json]
    after: Mapping[str, Json]
    not_scored: str | None = None

    @property
    def different(self) -> int:
        """Rows with a different output."""
        return self.asked - self.equal


def measure_drift(
    runs: Runs,
    source: RunSource,
    name: str,
    *,
    limit: int | None = None,
    jobs: int | None = None,
    report: Callable[[CallProgress], None] = lambda progress: None,
) -> Drift:
    """Ask again for the rows that are verified (see `reproduce`), at most ``limit`` of them.

    The provider, and functions that score, are the project's present ones. Raises `NotTrusted` if such code may not
    run, `ConfigInvalid` and `Refused` for a provider that cannot work, and for a run that cannot be verified.
    """
    run = load_run(source, name, runs.contents, runs.store)
    reason = why_unverifiable(run.record)
    if reason is not None:
        raise Refused(f"{name}: {reason}")
    try:
        rebuilt = rebuild(source, run)
    except Lacking as error:
        raise Refused(f"{name}: {error.reasons[0]}") from None
    runs.need_trust(rebuilt.spec)
    asking = _Asking(runs, source, run, rebuilt)
    asked = list(islice(_verified(rebuilt, run), limit))
    answers, progress, errors = asking.ask([request for request, _ in asked], jobs, report)
    return asking.compare(asked, answers, progress, errors)


def _verified(rebuilt: Rebuilt, run: LoadedRun) -> Iterator[tuple[Request, OutputRow]]:
    for request, row in rebuilt.pairs(run.rows()):
        if request is not None and row is not None and row.is_answer and row.request_hash == request.hash:
            yield request, row


@dataclass
class _Asking:
    """A run whose requests are made again."""

    runs: Runs
    source: RunSource
    run: LoadedRun
    rebuilt: Rebuilt

    def ask(
        self, requests: Sequence[Request], jobs: int | None, report: Callable[[CallProgress], None]
    ) -> tuple[dict[str, OutputRow], CallProgress, dict[str, str]]:
        """Make the calls; returns answers and errors by request hash."""
        calling, answers = self.rebuilt.calling, dict[str, OutputRow]()
        distinct = list({request.hash: request for request in requests}.values())
        progress = CallProgress(len(distinct))

        guard, withheld = self.runs.answer_guard(self.source), dict[str, str]()

        def keep(row: OutputRow) -> None:
            checked = guard.checked(row)
            if checked.error is not None:
                withheld[row.request_hash or ""] = checked.error
            else:
                answers[row.request_hash or ""] = row

        if not distinct:
            return answers, progress, {}
        provider = self.runs.provider(calling)
        try:
            calls = Calls(
                provider=provider,
                calling=calling,
                spec=self._priced(),
                keep=keep,
                jobs=jobs or JOBS,
                report=report,
                redact=guard.redact,
                progress=progress,
            )
            return answers, progress, {**calls.make(distinct), **withheld}
        finally:
            provider.close()

    def compare(
        self,
        asked: Sequence[tuple[Request, OutputRow]],
        answers: Mapping[str, OutputRow],
        progress: CallProgress,
        errors: Mapping[str, str],
    ) -> Drift:
        """Compare the new answers with those of the file."""
        scorers, not_scored = self._scorers()
        before, after = Totals(), Totals()
        drifted, failed, equal = list[Drifted](), dict[Place, str](), 0
        for request, row in asked:
            answer = answers.get(request.hash)
            if answer is None:
                failed[request.place] = errors.get(request.hash, "no answer")
                continue
            new = replace(answer, example_id=row.example_id, sample_index=row.sample_index)
            old, new = _scored(scorers, request, row), _scored(scorers, request, new)
            before.add(old)
            after.add(new)
            changed = _changed(old, new)
            equal += not {"output", "tool_calls"}.intersection(changed)
            if changed:
                drifted.append(Drifted(old, new, changed, similarity(old.output, new.output)))
        return Drift(
            asked=len(asked) - len(failed),
            equal=equal,
            rows=tuple(sorted(drifted, key=lambda each: each.similarity)),
            failed=failed,
            calls=progress.done - progress.failed,
            retries=progress.retries,
            cost_usd=progress.cost_usd,
            before=before.to_value(),
            after=after.to_value(),
            not_scored=not_scored,
        )

    def _priced(self) -> RunSpec:
        """The run with its declared price, which is not part of any request."""
        declared = self.source.project.runs.get(self.run.name)
        return replace(self.rebuilt.spec, price=declared.price) if declared else self.rebuilt.spec

    def _scorers(self) -> tuple[list[Scorer], str | None]:
        try:
            return self.runs.scorers(self.rebuilt.spec, self.source), None
        except PromptvcError as error:
            return [], error.message


def _scored(scorers: Sequence[Scorer], request: Request, row: OutputRow) -> OutputRow:
    scores: dict[str, Score] = {scorer.name: scorer.score(row.output, request.row, row) for scorer in scorers}
    return replace(row, scores=scores)


def _changed(before: OutputRow, after: OutputRow) -> tuple[str, ...]:
    fields = [name for name in _COMPARED if (getattr(before, name) or None) != (getattr(after, name) or None)]
    scores = [f"scores.{name}" for name in after.scores if before.scores.get(name) != after.scores[name]]
    return (*fields, *scores)


def similarity(before: str | None, after: str | None) -> float:
    """How similar two texts are, by words: 1 - words inserted and deleted / words of both (Indel of rapidfuzz)."""
    if before == after:
        return 1.0
    from rapidfuzz.distance import Indel  # 20 ms, needed only if answers differ

    return float(Indel.normalized_similarity(words(before or ""), words(after or "")))
