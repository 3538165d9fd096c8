"""A merge as values: what is to be done, and what it did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from promptvc.content.formats.missing import MISSING
from promptvc.content.values.conflict import Conflict
from promptvc.html.render import render
from promptvc.ids import ObjectId, RepoPath
from promptvc.session.merge.leaf import MergedFile
from promptvc.session.merge.openmerge import Step
from promptvc.session.merge.runs import MergedRun
from promptvc.session.merge.tree import TreeMerge
from promptvc.storage.objects import Signature
from promptvc.versioning.tree import Files

if TYPE_CHECKING:
    from promptvc.session.files.keys import KeyWarning

Forward = Literal["auto", "never", "only"]
Outcome = Literal["up-to-date", "fast-forward", "merged", "conflicts"]


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did, or would do.

    - ``outcome``: ``up-to-date``, ``fast-forward``, ``merged`` (a commit was made), or ``conflicts``;
    - ``before`` and ``commit``: where the branch was and is; ``commit`` is None where nothing was committed;
    - ``merged``: the files that both sides changed; ``taken``: the paths that come from the other side as they are;
    - ``conflicts``: what both sides changed differently; ``warnings``: rows that share a key;
    - ``files``: the files as they are after it; ``runs``: what became of outputs that had to be merged.
    """

    outcome: Outcome
    before: ObjectId | None
    commit: ObjectId | None
    other: ObjectId
    files: Files
    merged: tuple[MergedFile, ...] = ()
    taken: tuple[RepoPath, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    warnings: tuple[KeyWarning, ...] = ()
    runs: tuple[MergedRun, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing conflicts."""
        return not self.conflicts

    def _repr_html_(self) -> str:
        return render("merged.html", done=self, missing=MISSING)


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """What is to be done: how it is called, what it says, and who does it."""

    step: Step
    labels: tuple[str, str]
    message: str
    author: Callable[[], Signature]
    committer: Callable[[], Signature]
    keep_author: Signature | None = None

    @property
    def title(self) -> str:
        """What it is called in the list of operations."""
        ours, theirs = self.labels
        return f"{self.step} {theirs}" + (f" into {ours}" if self.step == "merge" else "")


def merged(
    found: TreeMerge,
    head: ObjectId,
    id: ObjectId | None,
    other: ObjectId,
    warnings: Sequence[KeyWarning] = (),
) -> Merged:
    """A merge of files as what it did to a branch."""
    outcome: Outcome = "conflicts" if found.conflicts else "merged"
    return Merged(
        outcome,
        head,
        id,
        other,
        found.files,
        found.merged,
        found.taken,
        found.conflicts,
        tuple(warnings),
        found.runs,
    )
