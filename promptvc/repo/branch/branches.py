"""The branches of a repository: list, create, move, delete, rename."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from promptvc.errors import Advice, Refused, StoreExists
from promptvc.ids import ObjectId, RefName
from promptvc.repo.parts import Parts
from promptvc.versioning.history import History

_ELSEWHERE = Advice("switch-first")


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A branch: its name, the commit it is at, and its upstream, the remote's branch (None: none)."""

    name: str
    id: ObjectId
    is_current: bool = False
    upstream: str | None = None
    _diverged: Callable[[], tuple[int, int] | None] = field(repr=False, compare=False)

    @property
    def ahead(self) -> int | None:
        """How many commits it has that its upstream lacks; None without an upstream."""
        found = self._diverged()
        return found[0] if found else None

    @property
    def behind(self) -> int | None:
        """How many commits its upstream has that it lacks; None without an upstream."""
        found = self._diverged()
        return found[1] if found else None


class Branches:
    """The branches, by name: ``len``, ``in``, ``branches["main"]``; iterating gives each `Branch`, sorted."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[Branch]:
        found = self._parts.refs.find("refs/heads/")
        self._parts.refs.current()  # raises if HEAD is lost: otherwise no branch would be current
        return iter([self._branch(ref, id) for ref, id in found.items()])

    def __len__(self) -> int:
        return len(self._parts.refs.find("refs/heads/"))

    def __contains__(self, name: object) -> bool:
        return any(ref.short == name for ref in self._parts.refs.find("refs/heads/"))

    def __getitem__(self, name: str) -> Branch:
        """A branch; raises `UnknownRevision`, `InvalidName`."""
        return self._branch(*self._known(name))

    def __repr__(self) -> str:
        names = (f"{'*' if branch.is_current else ''}{branch.name}" for branch in self)
        return f"Branches {', '.join(names)}".rstrip()

    @property
    def current(self) -> Branch | None:
        """The current branch; None if HEAD is on none, or on one without commits."""
        head, id = self._parts.refs.head(), self._parts.refs.current()
        return self._branch(head, id) if isinstance(head, RefName) and id is not None else None

    @property
    def tracking(self) -> list[Branch]:
        """The remote-tracking branches: what the remotes had at the last fetch."""
        found = self._parts.refs.find("refs/remotes/").items()
        return [self._branch(ref, id) for ref, id in found if not ref.endswith("/HEAD")]

    def create(self, name: str, at: str = "HEAD", *, force: bool = False) -> Branch:
        """Create a branch at a revision; ``force`` moves an existing one.

        Raises `StoreExists` if it exists, `Refused` for the current one, `UnknownRevision`, `InvalidName`.
        """
        parts, ref = self._parts, RefName.branch(name)
        target, before = parts.revisions.resolve(at), parts.refs.read(ref)
        if before and not force:
            raise StoreExists(f"a branch {name} exists already", Advice("force-moves"))
        if before and parts.refs.head() == ref:
            raise Refused(f"{name} is the current branch", _ELSEWHERE)
        with parts.oplog.operation(f"branch {'-f ' if before else ''}{name}"):
            parts.refs.move(ref, before, target, parts.who(), f"branch: Created from {at}")
        return self._branch(ref, target)

    def delete(self, name: str, *, force: bool = False) -> Branch:
        """Delete a branch and its upstream setting; returns what it was.

        Raises `Refused` for the current branch, and for one with commits that neither HEAD nor its upstream has, unless
        ``force`` is given; `UnknownRevision`.
        """
        parts = self._parts
        ref, id = self._known(name)
        if parts.refs.head() == ref:
            raise Refused(f"{name} is the current branch", _ELSEWHERE)
        if not force and not self._is_kept(ref, id):
            raise Refused(
                f"{name} has commits that are nowhere else",
                Advice("delete-unmerged", branch=name),
            )
        was = self._branch(ref, id)
        with parts.oplog.operation(f"branch -d {name}"):
            parts.refs.move(ref, id, None, parts.who(), "branch: deleted")
            parts.sharing.forget_branch(name)
        return was

    def move(self, old: str, new: str) -> Branch:
        """Rename a branch with its upstream setting; HEAD follows. Raises `UnknownRevision`, `StoreExists`."""
        parts, after = self._parts, RefName.branch(new)
        before, id = self._known(old)
        if parts.refs.read(after):
            raise StoreExists(f"a branch {new} exists already", "choose another name")
        reason = f"branch: renamed {before} to {after}"
        with parts.oplog.operation(f"branch -m {old} {new}"):
            is_current = parts.refs.head() == before
            parts.refs.move(after, None, id, parts.who(), reason)  # first: commits are never without a ref
            if is_current:
                parts.refs.set_head(after, parts.who(), reason)
            parts.refs.move(before, id, None, parts.who(), "branch: renamed")
            parts.sharing.rename_branch(old, new)
        return self._branch(after, id)

    # --- details ------------------------------------------------------------------------------------------------

    def _known(self, name: str) -> tuple[RefName, ObjectId]:
        ref = RefName.branch(name)
        return ref, self._parts.refs.need(ref)

    def _is_kept(self, ref: RefName, id: ObjectId) -> bool:
        """Whether a commit is reachable from HEAD or the upstream."""
        parts = self._parts
        upstream = parts.upstream(ref)
        tips = [parts.refs.current(), parts.refs.read(upstream) if upstream else None]
        return any(tip is not None and parts.history.is_ancestor(id, tip) for tip in tips)

    def _branch(self, ref: RefName, id: ObjectId) -> Branch:
        parts = self._parts
        upstream = parts.upstream(ref) if ref.startswith("refs/heads/") else None

        def diverged() -> tuple[int, int] | None:
            theirs = parts.refs.read(upstream) if upstream else None
            return History(parts.store).ahead_behind(id, theirs) if theirs else None

        return Branch(
            name=ref.short,
            id=id,
            is_current=parts.refs.head() == ref,
            upstream=upstream.short if upstream else None,
            _diverged=diverged,
        )
