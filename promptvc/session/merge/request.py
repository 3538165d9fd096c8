"""What is asked of a merge: how it is called, what it says, and who does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from promptvc.content.formats.words import plural
from promptvc.errors import Advice, Usage
from promptvc.ids import ObjectId
from promptvc.session.merge.openmerge import Step
from promptvc.storage.objects import Signature
from promptvc.storage.store import ObjectStore
from promptvc.versioning.commit import read_commit

Forward = Literal["auto", "never", "only"]


class MergeRequest(Struct, frozen=True, kw_only=True):
    """A merge, cherry-pick or revert that is asked for.

    ``labels`` name the two sides; ``message`` is what the commit says; ``keep_author`` is whose it is where that is
    somebody else than who asks.
    """

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

    @property
    def reason(self) -> str:
        """What reflogs say of its commit."""
        subject = self.message.split("\n", 1)[0]
        return f"{self.step}: {subject}"

    @property
    def forward_reason(self) -> str:
        """What reflogs say where the branch only moves on."""
        return f"{self.step} {self.labels[1]}: Fast-forward"


def message_of(store: ObjectStore, step: Step, commit: ObjectId) -> str:
    """What a commit says that picks another one or undoes it, as git words it."""
    found = read_commit(store, commit)
    if step == "revert":
        return f'Revert "{found.subject}"\n\nThis reverts commit {commit}.\n'
    return f"{found.message.rstrip()}\n\n(cherry picked from commit {commit})\n"


def parent_of(store: ObjectStore, commit: ObjectId, mainline: int | None) -> ObjectId | None:
    """The parent that a commit is compared with; raises `Usage` where there are several and none is named."""
    parents = read_commit(store, commit).parents
    if len(parents) > 1 and mainline is None:
        raise Usage(f"{commit.short} is a merge", "-m 1 takes what it did to the branch it was merged into")
    number = mainline or 1
    if not 0 < number <= max(1, len(parents)):
        count = plural(len(parents), "parent")
        raise Usage(f"{commit.short} has {count}", Advice("show-parents"))
    return parents[number - 1] if parents else None
