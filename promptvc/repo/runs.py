"""What a repository does with runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from promptvc.repo.parts import Parts
from promptvc.repo.place import LOCAL

if TYPE_CHECKING:
    from promptvc.runs.compare.compare import RunComparison
    from promptvc.runs.execute.results import RunResult
    from promptvc.runs.project import Runs
    from promptvc.runs.record.logbook import RunLog
    from promptvc.runs.record.record import Recorded, RecordOptions
    from promptvc.session.merge.runs import RunsMerger


class WithRuns(Parts):
    """Runs: made, compared, taken in, logged."""

    @cached_property
    def runs(self) -> Runs:
        """The runs of the project: planned, done and looked after; raises `Usage` for a store without working files."""
        from promptvc.runs.project import Runs

        world = self.surroundings
        return Runs(
            self.store,
            self.refs,
            self.contents,
            self.workspace,
            self.path / LOCAL,
            self.config,
            world.environment,
            self._code_commit,
            world.now,
            lambda what: self.oplog.operation(what),
            world.notice,
        )

    def run(
        self, name: str, *, jobs: int | None = None, limit: int | None = None, offline: bool = False
    ) -> RunResult:
        """Make the outputs of a declared run that are missing; known answers are not asked for again.

        Raises `RunMissing`, `NotTrusted`, `CallsMissing` where ``offline``, and what `Runner.run` raises.
        """
        return self.runs.run(name, jobs=jobs, limit=limit, offline=offline)[0]

    def compare(
        self,
        before: str = "HEAD",
        after: str | None = None,
        *,
        run: str | None = None,
        score: str | None = None,
        slices: Sequence[str] | None = None,
    ) -> RunComparison:
        """A run's outputs at two revisions, row by row; ``after`` None stands for the working files.

        Without ``run``, the only one that both have. Raises `RunMissing`, `RunUnreadable`, `Usage`, `UnknownRevision`.
        """
        from promptvc.runs.compare.compare import compare_runs
        from promptvc.runs.compare.sources import only_run
        from promptvc.runs.sources import CommitSource, WorkingSource, load_run

        old = CommitSource(self.snapshot(before), before)
        new = WorkingSource(self.workspace) if after is None else CommitSource(self.snapshot(after), after)
        name = run or only_run(old, new)
        sides = [load_run(side, name, self.contents, self.store) for side in (old, new)]
        return compare_runs(*sides, score=score, slices=slices)

    def record_run(
        self,
        name: str,
        rows: Iterable[Mapping[str, Any]] | str | Path,
        **options: Unpack[RecordOptions],
    ) -> Recorded:
        """Take in outputs that another tool made, a file or rows, as the run ``name`` among the working files.

        ``repo.record_run("gpt", "results.csv", example_key="question", output="answer", score="is_correct")``;
        `RecordOptions` has all options. Raises what `promptvc.runs.record.record.record_run` raises.
        """
        from promptvc.runs.record.record import record_run

        return record_run(self.runs, name, rows, options)

    def log_run(
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
    ) -> RunLog:
        """A context that takes in one's own calls, and writes them as the outputs of a run at its end.

        What is given says how all of them are asked; prompt and examples, tracked files, are pinned as they are now.
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
        return RunLog(self.runs, LogSettings(name, calling, prompt, examples, inputs or {}, slices))

    def _output_merger(self) -> RunsMerger:
        from promptvc.runs.merge import OutputMerger
        from promptvc.runs.project import builtin_scorers

        scorers = self.runs.usable_scorers if self.root is not None else builtin_scorers
        return OutputMerger(self.contents, self.store, scorers)

    def _code_commit(self) -> str | None:
        from promptvc.session.code import code_commit

        return code_commit(self.root) if self.root is not None else None
