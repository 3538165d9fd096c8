"""What the gates of one check look at: the outputs, their examples and scores, and the revisions to compare with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from promptvc.content.runs.checkspec import CheckSpec
from promptvc.content.runs.scores import ScoreKind
from promptvc.errors import UnknownRevision
from promptvc.runs.check.measures import Numbers, score_kinds
from promptvc.runs.check.needs import known_scores
from promptvc.runs.check.rows import Examples, GateRows, Side, read_examples, read_side
from promptvc.runs.compare.columns import Columns, pair
from promptvc.runs.sources import Source
from promptvc.session.files.contents import Contents
from promptvc.session.files.project import PROJECT_FILE
from promptvc.storage.store import ObjectStore


@dataclass(frozen=True, slots=True)
class Base:
    """The revision that outputs are compared with.

    ``numbers`` leads from each row that both have to its number there; ``means`` are the scores that have one there.
    """

    side: Side
    numbers: Mapping[int, int]
    only_there: int
    means: tuple[str, ...]

    def lacking(self, run: str) -> str:
        """Why there is nothing to compare with."""
        if self.side.table is None:
            return f"no rows: {self.side.label} has no outputs of {run}"
        if not self.numbers:
            return f"no rows that {self.side.label} has too"
        return "no rows with a score in both"


@dataclass
class Subject:
    """A declared check and the version that is checked; all else is read when a gate asks for it."""

    spec: CheckSpec
    source: Source
    contents: Contents
    store: ObjectStore
    source_at: Callable[[str], Source]
    bases: dict[str, Base] = field(default_factory=dict)

    @cached_property
    def side(self) -> Side:
        """The outputs that are checked."""
        return read_side(self.source, self.spec.run, self.contents, self.store)

    @property
    def columns(self) -> Columns:
        """Their rows by column."""
        return self.side.columns

    @cached_property
    def examples(self) -> Examples:
        """The examples that they were made from."""
        return read_examples(self.source, self.spec, self.side, self.contents, self.store)

    @cached_property
    def kinds(self) -> dict[str, ScoreKind]:
        """What the values are of each score that some row has."""
        return score_kinds(self.columns)

    @cached_property
    def known_scores(self) -> list[str]:
        """The scores that rows have, and those that the run's scorers would give."""
        return known_scores(self.spec, self.source, self.side, self.kinds)

    @cached_property
    def passing(self) -> tuple[str, ...]:
        """The scores that say whether a row passes."""
        return self.spec.score or tuple(name for name, kind in self.kinds.items() if kind == "boolean")

    def base(self, revision: str) -> Base:
        """The rows at a revision, paired with those here; raises `UnknownRevision`, saying who names it."""
        if revision not in self.bases:
            try:
                source = self.source_at(revision)
            except UnknownRevision as error:
                error.message = f"{PROJECT_FILE}: checks.{self.spec.name}.no_worse_than: {error.message}"
                error.args = (error.message,)
                raise
            side = read_side(source, self.spec.run, self.contents, self.store)
            pairing = pair(side.columns, self.columns)
            numbers = {after: before for before, after in pairing.pairs}
            means = tuple(name for name, kind in score_kinds(side.columns).items() if kind != "label")
            self.bases[revision] = Base(side, numbers, len(pairing.only_before), means)
        return self.bases[revision]

    def rows(self, numbers: Numbers, scores: Sequence[str], revision: str | None = None) -> GateRows:
        """The rows that a gate names, with these scores, and what those were at a revision."""
        base = self.base(revision) if revision is not None and numbers else None
        before = (base.side.columns, base.numbers) if base else None
        return GateRows(self.side, self.examples, numbers, scores, before)
