"""A merge as a value: what it did, and how what conflicts is resolved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from promptvc.content.formats.missing import MISSING
from promptvc.content.values.conflict import MergeConflict
from promptvc.errors import NoMergeOpen
from promptvc.html.render import render
from promptvc.ids import ObjectId, RepoPath
from promptvc.session.merge.desk import Desk
from promptvc.session.merge.leaf import MergedFile
from promptvc.session.merge.request import MergeRequest
from promptvc.session.merge.resolve import Choice, Resolving
from promptvc.session.merge.runs import MergedRun
from promptvc.session.merge.selection import Selection
from promptvc.session.workspace.workspace import Committed
from promptvc.versioning.tree import Files

if TYPE_CHECKING:
    from promptvc.session.files.keys import KeyWarning
    from promptvc.session.merge.resolve import Resolved, Resolving, Take

Outcome = Literal["up-to-date", "fast-forward", "merged", "conflicts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a merge did, or would do.

    - ``outcome``: ``up-to-date``, ``fast-forward``, ``merged`` (a commit was made), or ``conflicts``;
    - ``before`` and ``commit``: where the branch was and is; ``commit`` is None where nothing was committed;
    - ``request``: what was asked; ``other``: the commit that was merged, picked or reverted;
    - ``merged``: the files that both sides changed; ``taken``: the paths that come from the other side as they are;
    - ``conflicts``: what both sides changed differently; ``warnings``: rows that share a key;
    - ``files``: the files as they are after it; ``runs``: what became of outputs that had to be merged.

    What conflicts waits on ``_desk``, unless nothing was to be done.
    """

    outcome: Outcome
    before: ObjectId | None
    commit: ObjectId | None
    other: ObjectId
    request: MergeRequest
    files: Files
    merged: tuple[MergedFile, ...] = ()
    taken: tuple[RepoPath, ...] = ()
    conflicts: tuple[MergeConflict, ...] = ()
    warnings: tuple[KeyWarning, ...] = ()
    runs: tuple[MergedRun, ...] = ()
    _desk: Desk | None = field(default=None, compare=False, repr=False)

    @property
    def clean(self) -> bool:
        """Whether nothing conflicts."""
        return not self.conflicts

    def _repr_html_(self) -> str:
        return render("merged.html", done=self, missing=MISSING)

    def unresolved(self) -> tuple[MergeConflict, ...]:
        """The conflicts that are left; raises `NoMergeOpen` where the merge does not wait, or not any more."""
        return self._resolving().conflicts()

    def resolve(
        self,
        paths: str | Sequence[str] = (),
        *,
        take: Take | None = None,
        value: Any = MISSING,
        as_is: bool = False,
        key: Any = None,
        field: str | None = None,
        line: int | None = None,
    ) -> Resolved:
        """Resolve conflicts of this merge; what is given means what it means for `Repo.resolve`."""
        which = Selection.of(paths, key=key, field=field, line=line)
        return self._resolving().resolve(which, Choice.one_of(take, value, as_is=as_is))

    def conclude(self, message: str = "") -> Committed:
        """Commit the merge, whose conflicts are resolved; without a message the commit says what the merge would have.

        Raises `ConflictsRemain`, `DuplicateKey`, `RefMoved` where the branch moved meanwhile, and `NoMergeOpen`.
        """
        return self._waiting().commit(message, self.request.author(), self.request.committer())

    def _resolving(self) -> Resolving:
        return Resolving(self._waiting())

    def _waiting(self) -> Desk:
        """Where this very merge waits: among the working files another one may have begun since."""
        if self._desk is None:
            raise NoMergeOpen
        found = self._desk.load()
        if (found.head, found.other, found.step) != (self.before, self.other, self.request.step):
            raise NoMergeOpen
        return self._desk
