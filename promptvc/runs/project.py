"""The runs of a project: finding, planning and running them, with the parts of its repository."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from promptvc.content.runs.spec import RunSpec
from promptvc.errors import NotTrusted, Usage
from promptvc.ids import RepoPath
from promptvc.runs.calls.store import CallStore
from promptvc.runs.execute.kept import KeptRequests
from promptvc.runs.execute.prepared import declared, prepare
from promptvc.runs.execute.runner import JOBS, Runner
from promptvc.runs.execute.secrets import AnswerGuard, need_clean, need_no_password
from promptvc.runs.execute.staleness import Staleness, declared_runs, staleness
from promptvc.runs.providers.python import load_function
from promptvc.runs.providers.registry import provider_of
from promptvc.runs.scoring.scorers import scorers_of
from promptvc.runs.sources import RunSource, WorkingSource
from promptvc.runs.trust import Confirm, Trust, what_needs_trust, what_scores
from promptvc.session.files.contents import Contents
from promptvc.session.files.views import FileView
from promptvc.session.workspace.workspace import Workspace
from promptvc.storage.git import GitConfig
from promptvc.storage.refs import Refs
from promptvc.storage.store import ObjectStore
from promptvc.versioning.tree import Files

if TYPE_CHECKING:
    from promptvc.content.runs.request import Calling
    from promptvc.runs.execute.results import Plan, RunResult
    from promptvc.runs.execute.runner import Runner
    from promptvc.runs.execute.workers import CallProgress
    from promptvc.runs.providers.registry import Provider
    from promptvc.runs.scoring.scorers import Scorer

_COUNTED = 20_000
"""Most requests that `status` and `commit` make to count stale rows: a second's work."""


@dataclass(kw_only=True)
class Runs:
    """The runs that the working promptvc.toml declares. ``folder`` is for data local to the store."""

    store: ObjectStore
    refs: Refs
    contents: Contents
    workspace: Workspace
    folder: Path
    config: GitConfig
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    code_commit: Callable[[], str | None] = lambda: None
    now: Callable[[], float] = time.time
    operation: Callable[[str], AbstractContextManager[None]] = lambda what: nullcontext()
    notice: Callable[[str], None] = lambda text: None
    confirm: Confirm | None = None

    @cached_property
    def calls(self) -> CallStore:
        """Every known answer."""
        return CallStore(self.store, self.refs, self.contents, self.folder / "calls", self.notice)

    def close(self) -> None:
        """Close the files of the call store, if it is open."""
        if (calls := self.__dict__.pop("calls", None)) is not None:
            calls.close()

    def source(self, files: Files | None = None) -> RunSource:
        """The working files as they are now, or as given if they were just listed."""
        return WorkingSource(self.workspace, files)

    def names(self, wanted: Sequence[str] = (), source: RunSource | None = None) -> list[str]:
        """The declared runs, or the wanted ones of them; raises `RunMissing`, and `Usage` if none is declared."""
        runs = (source or self.source()).project.runs
        if not runs:
            raise Usage(
                "promptvc.toml declares no run", "[runs.NAME] with prompt, examples and provider declares one"
            )
        return [declared(runs, name).name for name in wanted] or list(runs)

    # --- planning -----------------------------------------------------------------------------------------

    def plan(self, name: str) -> Plan:
        """What running it would do; makes no calls and runs no code of the project."""
        return self._runner(self.source(), name, score=False).plan()

    def look(self, name: str) -> tuple[Plan, Staleness]:
        """Its plan, and how up to date its outputs are; each request is rendered and hashed once for both."""
        source = self.source()
        with KeptRequests() as kept:
            runner = self._runner(source, name, score=False)
            runner.prepared = replace(runner.prepared, kept=kept)
            spec = runner.prepared.spec
            stands = staleness(source, spec, self.contents, self.store, prepared=runner.prepared)
            return runner.plan(), stands

    def staleness(self, name: str, source: RunSource | None = None) -> Staleness:
        """How up to date its outputs are."""
        here = source or self.source()
        return staleness(here, declared(here.project.runs, name), self.contents, self.store)

    def stale(self, source: RunSource | None = None) -> list[Staleness]:
        """The runs whose outputs are out of date; for large runs without counting rows."""
        here = source or self.source()
        found = (staleness(here, spec, self.contents, self.store, _COUNTED) for spec in declared_runs(here))
        return [each for each in found if not each.is_fresh]

    # --- running ------------------------------------------------------------------------------------------

    def run(
        self,
        name: str,
        *,
        jobs: int | None = None,
        limit: int | None = None,
        offline: bool = False,
        allow_secrets: bool = False,
        report: Callable[[CallProgress], None] = lambda progress: None,
    ) -> tuple[RunResult, list[Scorer]]:
        """Make the missing outputs; returns the result, and the scorers with the outputs they could not score.

        Raises `NotTrusted` if the run names code that came with the store and nobody approved it, `SecretFound` if its
        prompt or examples hold a secret, unless ``allow_secrets``, and what `Runner.run` raises.
        """

        source = self.source()
        runner = self._runner(source, name)
        need_no_password(runner.prepared.calling.base_url)
        runner.guard = self.answer_guard(source, allow_secrets)
        prepared = runner.prepared
        self.need_clean([source.file(prepared.spec.prompt), prepared.examples_file], source, allow_secrets)

        def provider() -> Provider:
            self.need_trust(runner.prepared.spec)  # only if there is something to call
            return self.provider(runner.prepared.calling)

        done = runner.run(
            provider,
            self.workspace.worktree,
            jobs=jobs or JOBS,
            limit=limit,
            offline=offline,
            report=report,
            operation=self.operation,
        )
        return done, list(runner.scorers)

    def answer_guard(self, source: RunSource, allow_secrets: bool = False) -> AnswerGuard:
        """A guard that withholds answers that hold a secret."""
        allowed = source.project.allowed_secrets
        return AnswerGuard(environment=self.environment, allowed=allowed, is_on=not allow_secrets)

    def need_clean(self, files: Iterable[FileView | None], source: RunSource, allow_secrets: bool) -> None:
        """Raise `SecretFound` if one of these files, not in the store yet, holds a secret."""
        new = [file for file in files if file is not None and not self.store.contains(file.entry.id)]
        need_clean(self.store, new, source.project.allowed_secrets, not allow_secrets)

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.workspace.worktree.root

    def _runner(self, source: RunSource, name: str, *, score: bool = True) -> Runner:
        spec = declared(source.project.runs, name)
        if score:
            self.trust.need(what_scores(spec), what_needs_trust(spec))
        prepared = prepare(source, spec)
        scorers = self.scorers(spec, source) if score else []
        commit = self.code_commit()
        return Runner(
            prepared=prepared,
            source=source,
            calls=self.calls,
            contents=self.contents,
            store=self.store,
            scorers=scorers,
            code_commit=commit,
            now=self.now,
        )

    def scorers(self, spec: RunSpec, source: RunSource) -> list[Scorer]:
        """The scorers of a run; raises `ConfigInvalid`. The caller checks first whether code may run: `need_trust`."""
        with self.trust.guarding():
            return scorers_of(
                spec.scorers,
                lambda target: load_function(target, self.root),
                lambda path: source.file(RepoPath(path)).read(),
            )

    def usable_scorers(self, spec: RunSpec, source: RunSource) -> list[Scorer]:
        """The scorers of a run that may run without asking: all if functions may run, else the built-in ones."""
        if self.trust.allows(what_scores(spec)):
            with suppress(NotTrusted):
                return self.scorers(spec, source)
        return builtin_scorers(spec, source)

    def need_trust(self, spec: RunSpec) -> None:
        """Raise `NotTrusted` if a run names code, or an address for the key, that may have come from elsewhere."""
        self.trust.need(what_needs_trust(spec))

    def provider(self, calling: Calling) -> Provider:
        """The provider; raises `ConfigInvalid`, `Refused`. The caller checks first if code may run: `need_trust`."""
        with self.trust.guarding():
            return provider_of(calling, self.root, self.environment)

    @cached_property
    def trust(self) -> Trust:
        """The trust decisions of this project."""
        assert self.contents.origins is not None
        return Trust(self.contents.origins, self.confirm)


def builtin_scorers(spec: RunSpec, source: RunSource) -> list[Scorer]:
    """The scorers of a run that need no code of the project."""

    def refuse(target: str) -> Callable[..., object]:
        raise AssertionError(target)

    wanted = [scorer for scorer in spec.scorers if not scorer.is_function]
    return scorers_of(wanted, refuse, lambda path: source.file(RepoPath(path)).read())
