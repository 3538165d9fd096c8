"""The runs of a repository: declare, make, compare, import, log, reproduce."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from promptvc.repo.parts import Parts

if TYPE_CHECKING:
    from promptvc.runs.compare.compare import RunComparison
    from promptvc.runs.execute.results import Plan, RunResult
    from promptvc.runs.execute.staleness import Staleness
    from promptvc.runs.execute.workers import CallProgress
    from promptvc.runs.record.logbook import RunLog
    from promptvc.runs.record.record import Recorded, RecordOptions
    from promptvc.runs.reproduce.drift import Drift
    from promptvc.versioning.tree import Files


class ProjectRuns:
    """The runs that promptvc.toml declares, by name: in the working files, or at HEAD if there are none."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[str]:
        return iter(self._declared())

    def __len__(self) -> int:
        return len(self._declared())

    def __contains__(self, name: object) -> bool:
        return name in self._declared()

    def __repr__(self) -> str:
        return f"Runs {', '.join(self)}".rstrip()

    # --- running --------------------------------------------------------------------------------------------

    def run(
        self,
        name: str,
        *,
        jobs: int | None = None,
        limit: int | None = None,
        offline: bool = False,
        allow_secrets: bool = False,
        report: Callable[[CallProgress], None] | None = None,
    ) -> RunResult:
        """Make the missing outputs of a declared run; known answers are not asked for again.

        At most ``jobs`` calls at a time and ``limit`` calls in all, none with ``offline``; ``report`` is called with
        the progress. An answer that holds a secret stays in the local journal, and its row says so, unless
        ``allow_secrets``. Raises `RunMissing`, `NotTrusted`, `SecretFound`, `CallsMissing` with ``offline``, and what
        `Runner.run` raises.
        """
        return self._parts.runs.run(
            name,
            jobs=jobs,
            limit=limit,
            offline=offline,
            allow_secrets=allow_secrets,
            report=report or (lambda progress: None),
        )[0]

    def plan(self, name: str) -> Plan:
        """What running it would do: known calls, and calls to pay for. Makes no calls. Raises `RunMissing`."""
        return self._parts.runs.plan(name)

    def with_outputs(self, *names: str, revision: str | None = None) -> list[str]:
        """The runs that have outputs, declared or not, or the named ones; raises `RunMissing` if one has none."""
        from promptvc.repo.judge.judging import with_outputs
        from promptvc.repo.judge.sources import source_at

        return with_outputs(source_at(self._parts, revision), names)

    def staleness(self, name: str, revision: str | None = None) -> Staleness:
        """How up to date its outputs are; raises `RunMissing`, `UnknownRevision`."""
        from promptvc.repo.judge.sources import source_at
        from promptvc.runs.execute.prepared import declared
        from promptvc.runs.execute.staleness import staleness

        source = source_at(self._parts, revision)
        return staleness(source, declared(source.project.runs, name), self._parts.contents, self._parts.store)

    def stale(self, files: Files | None = None) -> list[Staleness]:
        """The runs whose outputs do not follow from the working files; rows of large ones are not counted.

        ``files`` are the working files, if they were just listed.
        """
        if self._parts.root is None or not self._declared():  # saves most projects the imports
            return []
        runs = self._parts.runs
        return runs.stale(runs.source(files))

    # --- importing --------------------------------------------------------------------------------------------

    def record(
        self,
        name: str,
        rows: Iterable[Mapping[str, Any]] | str | Path,
        **options: Unpack[RecordOptions],
    ) -> Recorded:
        """Import outputs that another tool made, a file or rows, as the run ``name`` in the working files.

        ``repo.runs.record("gpt", "results.csv", example_key="question", output="answer", score="is_correct")``;
        `RecordOptions` has all options. Raises what `promptvc.runs.record.record.record_run` raises.
        """
        from promptvc.runs.record.record import record_run

        return record_run(self._parts.runs, name, rows, options)

    def log(
        self,
        name: str,
        *,
        provider: str,
        model: str,
        prompt: str | None = None,
        examples: str | None = None,
        params: Mapping[str, Any] | None = None,
        tools: Any = None,
        response_format: Any = None,
        base_url: str | None = None,
        inputs: Mapping[str, str] | None = None,
        slices: Sequence[str] = (),
        allow_secrets: bool = False,
    ) -> RunLog:
        """A context that logs your own calls, and writes them as the outputs of a run at its end.

        The arguments apply to all calls; prompt and examples, tracked files, are pinned as they are now.
        Raises `PathMissing`, `NotATable`, `Usage`.
        """
        from promptvc.content.runs.request import Calling
        from promptvc.runs.record.logbook import LogSettings, RunLog

        calling = Calling(
            provider=provider,
            model=model,
            params=dict(params or {}),
            tools=tools,
            response_format=response_format,
            base_url=base_url,
        )
        return RunLog(
            self._parts.runs,
            LogSettings(
                name=name,
                calling=calling,
                prompt=prompt,
                examples=examples,
                inputs=inputs or {},
                slices=slices,
                allow_secrets=allow_secrets,
            ),
        )

    # --- judging ------------------------------------------------------------------------------------------------

    def compare(
        self,
        before: str = "HEAD",
        after: str | None = None,
        *,
        run: str | None = None,
        score: str | None = None,
        slices: Sequence[str] | None = None,
    ) -> RunComparison:
        """Compare a run's outputs at two revisions, row by row; ``after`` None means the working files.

        Without ``run``, takes the only one that both have. Raises `RunMissing`, `RunUnreadable`, `Usage`,
        `UnknownRevision`.
        """
        from promptvc.runs.compare.compare import compare_runs
        from promptvc.runs.compare.sources import only_run
        from promptvc.runs.sources import CommitSource, WorkingSource, load_run

        parts = self._parts
        old = CommitSource(parts.snapshot(before), before)
        new = WorkingSource(parts.workspace) if after is None else CommitSource(parts.snapshot(after), after)
        name = run or only_run(old, new)
        sides = [load_run(side, name, parts.contents, parts.store) for side in (old, new)]
        return compare_runs(*sides, score=score, slices=slices)

    def drift(
        self,
        name: str,
        revision: str | None = None,
        *,
        limit: int | None = None,
        jobs: int | None = None,
        report: Callable[[CallProgress], None] | None = None,
    ) -> Drift:
        """Ask again for the first ``limit`` rows of a run, by default all; writes nothing, but the calls cost money.

        Raises `RunMissing`, `NotTrusted`, and what rebuilding the requests raises.
        """
        from promptvc.repo.judge.sources import source_at
        from promptvc.runs.reproduce.drift import measure_drift

        source = source_at(self._parts, revision)
        reported = report or (lambda progress: None)
        return measure_drift(self._parts.runs, source, name, limit=limit, jobs=jobs, report=reported)

    def _declared(self) -> list[str]:
        return list(self._parts.project.runs)
