"""Forgetting: rewrites history without a row, a field or a file, here and at a remote, and purges every trace."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from promptvc.content.formats.base import Malformed, Row
from promptvc.content.formats.equal import same
from promptvc.content.runs.request import example_id
from promptvc.errors import Advice, PathMissing, Refused, Usage
from promptvc.ids import ObjectId, RefName, RepoPath
from promptvc.repo.branch.merges import WithMerges
from promptvc.repo.place import CALLS, LOCAL
from promptvc.runs.calls.journal import drop_lines
from promptvc.session.files.rowstream import key_of_file
from promptvc.session.files.views import FileView
from promptvc.session.forget.plan import ForgetPlan, Planner
from promptvc.session.forget.purge import INCOMING, Marker, drop_incoming, purge
from promptvc.session.forget.quotes import Quote
from promptvc.session.forget.versions import FileVersions
from promptvc.session.forget.wanted import Wanted, spellings
from promptvc.storage.refs import HEAD, PRIVATE
from promptvc.versioning.commit import find_commits
from promptvc.versioning.forgotten import APPLIED, FORGOTTEN, Forgotten, load_forgotten, write_forgotten
from promptvc.versioning.rewriting import Rewriter
from promptvc.versioning.sync.push import PushResult, Send
from promptvc.versioning.sync.refspec import Refspec
from promptvc.versioning.tree import FileEntry
from promptvc.versioning.upkeep.upkeep import fold

if TYPE_CHECKING:
    from promptvc.transports.remote import Progress

Moves = dict[RefName, tuple[ObjectId | None, ObjectId | None]]
Report = Callable[["Progress"], None]


class ForgetResult(Struct, frozen=True, kw_only=True):
    """The result of forgetting, or with ``dry_run`` the expected one.

    - ``versions``: versions of the file that were examined; ``commits``: commits that got new ids;
    - ``refs``: branches and tags that moved, from and to; ``files``: working files written;
    - ``objects``: objects that must not return; ``answers``: answers dropped from the journal of calls;
    - ``quotes``: files that still contain it; ``unreached``: what could not be examined;
    - ``pushed``: the result of the push to the remote, if there was one.
    """

    versions: int
    commits: int
    refs: Mapping[RefName, tuple[ObjectId | None, ObjectId | None]]
    files: tuple[RepoPath, ...]
    objects: int
    answers: int
    quotes: tuple[Quote, ...]
    unreached: tuple[str, ...]
    pushed: PushResult | None = None


def forget(
    parts: WithMerges,
    wanted: Wanted | None,
    *,
    everywhere: bool = False,
    dry_run: bool = False,
    remote: str | None = None,
    report: Report | None = None,
) -> ForgetResult:
    """Forget the given data, or what a remote's list says; with ``remote``, there too. See `Repo.forget`."""
    parts.merges.need_no_merge()
    if parts.store.shallow():
        raise Refused("this history lacks its beginning", "forget in a whole clone")
    if remote is not None:
        bring(parts, remote, report)
    fold(parts.store)  # all of history is read several times
    with parts.intents.exclusive():
        done = _Forgetting(parts, wanted, everywhere).run(dry_run)
    if remote is None or dry_run:
        return done.result
    return replace(done.result, pushed=_send(parts, remote, done, report))


def wanted_of(parts: WithMerges, path: str, key: Any, field: str | None) -> Wanted:
    """The data meant by a path, a key and a field; raises `Usage`."""
    if key is None:
        if field is not None:
            raise Usage("a field is forgotten of the rows with a key", Advice("forget-what"))
        return Wanted(path=path)
    if callable(key):
        return Wanted(path=path, is_of=key, field=field)
    file, fields = _table(parts, RepoPath(path))
    values = key if isinstance(key, tuple) else (key,)
    if len(values) != len(fields):
        raise Usage(f"{path}: the key has {len(fields)} fields: {', '.join(fields)}")
    if field in fields:
        raise Usage(f"{path}: {field!r} is of the key", Advice("forget-what"))
    if file.format is not None and file.format.text_only:
        values = tuple(value if isinstance(value, str) else json.dumps(value) for value in values)
    meant = dict(zip(fields, values, strict=True))
    return Wanted(
        path=path,
        is_of=lambda row: not isinstance(row, Malformed) and _has(row, meant),
        field=field,
        texts=values[:1] if isinstance(values[0], str) else (),
        key=meant,
        example=example_id(meant, fields),
    )


def _table(parts: WithMerges, path: RepoPath) -> tuple[FileView, tuple[str, ...]]:
    """The newest version of a table, and its key; raises `Usage`, `PathMissing`."""
    head = parts.refs.current()
    tips = [*([head] if head else []), *parts.refs.find("refs/heads/").values()]
    for commit in parts.history.in_order(dict.fromkeys(tips)):
        snapshot = parts.snapshot_of(commit)
        if path in snapshot.files:
            file = parts.stored(path, snapshot.files[path])
            key = key_of_file(file, snapshot.project)
            if not key:
                raise Usage(f"{path} has no key", 'key = ["…"] in promptvc.toml names it')
            return file, key
    raise PathMissing(f"{path}: no commit has this file")


def _has(row: Row, meant: Mapping[str, Any]) -> bool:
    return all(name in row and same(row[name], value) for name, value in meant.items())


def bring(parts: WithMerges, remote: str, report: Report | None) -> None:
    """Fetch all branches and tags of a remote under hidden refs."""
    drop_incoming(parts.refs, parts.who())
    specs = [Refspec.parse(f"+refs/{kind}/*:{INCOMING}{kind}/*") for kind in ("heads", "tags")]
    parts.sharing.fetch(remote, parts.who(), report, specs=specs, tags="none", with_forgotten=True)


class _Done(Struct, frozen=True):
    """What was done, and the moves of the remote's refs: by name there, from and to."""

    result: ForgetResult
    incoming: Mapping[RefName, tuple[ObjectId, ObjectId]]


class _Forgetting:
    """One forget operation. It locks the working files for this process."""

    def __init__(self, parts: WithMerges, wanted: Wanted | None, everywhere: bool) -> None:
        self._parts, self._wanted, self._everywhere = parts, wanted, everywhere
        self._tips = {**parts.refs.find(), **parts.refs.find(INCOMING)}
        head = parts.refs.head()
        if isinstance(head, ObjectId):
            self._tips[HEAD] = head
        self._known = load_forgotten(parts.store, parts.refs)

    def run(self, dry_run: bool) -> _Done:
        """Plan it, and apply it."""
        with ExitStack() as stack:
            stack.enter_context(self._parts.store.writing())  # gc keeps what is written until refs lead to it
            lying = self._lying()
            writer = stack.enter_context(self._parts.store.begin())
            versions = FileVersions(self._parts.store, find_commits(self._parts.store, self._tips.values()))
            plan = self._plan(Planner(self._parts.store, self._parts.contents, writer, versions, lying))
            history = Rewriter(self._parts.store, writer, plan.edit)
            moves: Moves = {name: (id, history.tip(id)) for name, id in self._tips.items()}
            files = self._files(plan, lying)
            if not dry_run:
                writer.finish()
                moves[FORGOTTEN] = self._list(plan.forgotten)
                moves[APPLIED] = self._parts.refs.read(APPLIED), self._applied(moves[FORGOTTEN])
            moves = {name: pair for name, pair in moves.items() if pair[0] != pair[1]}
            answers = 0 if dry_run else self._do(moves, files, history.commits, plan, stack)
        result = ForgetResult(
            versions=plan.versions,
            commits=sum(old != new for old, new in history.commits.items()),
            refs={name: pair for name, pair in moves.items() if not name.startswith(PRIVATE)},
            files=tuple(files),
            objects=len(plan.forgotten.cuts),
            answers=answers,
            quotes=plan.quotes if dry_run else tuple(_renamed(plan.quotes, history.commits)),
            unreached=tuple(_unreached(self._parts)),
        )
        return _Done(result, _incoming(moves))

    # --- planning -------------------------------------------------------------------------------------------

    def _plan(self, planner: Planner) -> ForgetPlan:
        if self._wanted is not None:
            return planner.forget(self._wanted, everywhere=self._everywhere)
        if not self._known:
            raise Usage("nothing was forgotten yet, here or at a remote", Advice("forget-what"))
        return planner.apply(self._known)

    def _lying(self) -> dict[RepoPath, FileEntry]:
        """The working files that may hold the data, stored if they are not in history."""
        if self._parts.root is None:
            return {}
        worktree, head = self._parts.workspace.worktree, self._parts.workspace.head_files()
        paths = {*head, *([RepoPath(self._wanted.path)] if self._wanted else [])}
        with self._parts.store.begin() as writer:
            found = worktree.keep(sorted(paths), writer)
            writer.finish()
        return {path: entry for path, entry in found.items() if entry is not None}

    def _files(
        self, plan: ForgetPlan, lying: Mapping[RepoPath, FileEntry]
    ) -> dict[RepoPath, tuple[FileEntry | None, FileEntry | None]]:
        edited = ((path, entry, plan.edit(path, entry)) for path, entry in lying.items())
        return {path: (entry, new) for path, entry, new in edited if new != entry}

    def _list(self, more: Forgotten) -> tuple[ObjectId | None, ObjectId | None]:
        """The list with the newly forgotten data: its old and new commit."""
        before = self._parts.refs.read(FORGOTTEN)
        both = self._known.joined(more)
        if both == self._known:
            return before, before
        path = self._wanted.path if self._wanted else "what a list says"
        with self._parts.store.begin() as writer:
            parents = () if before is None else (before,)
            made = write_forgotten(writer, both, parents, f"Forget of {path}", self._parts.who())
            writer.finish()
        return before, made

    def _applied(self, lists: tuple[ObjectId | None, ObjectId | None]) -> ObjectId | None:
        """The list that this store is then clean of: the new one, unless someone else's is still to be applied."""
        was = self._parts.refs.read(APPLIED)
        return lists[1] if self._wanted is None or was == lists[0] else was

    # --- applying -------------------------------------------------------------------------------------------

    def _do(
        self,
        moves: Moves,
        files: Mapping[RepoPath, tuple[FileEntry | None, FileEntry | None]],
        became: Mapping[ObjectId, ObjectId],
        plan: ForgetPlan,
        stack: ExitStack,
    ) -> int:
        """Move refs, then write working files, then purge. If it is stopped in between, the next command continues."""
        parts, who = self._parts, self._parts.who()
        refs = {name: pair for name, pair in moves.items() if name != HEAD}
        head = moves.get(HEAD)
        answers = drop_lines(parts.path / LOCAL / CALLS, spellings(plan.texts))
        marker = Marker(parts.path / LOCAL)
        with parts.intents.block(
            "forget", files=files, refs=refs, head=_texts(head) if head else None, onward=True
        ):
            try:
                marker.write(became)
                with parts.oplog.silent():
                    for name, (before, after) in refs.items():
                        parts.refs.move(name, before, after, who, "forget")
                    if head is not None and head[1] is not None:
                        parts.refs.set_head(head[1], who, "forget")
            finally:
                stack.close()  # nothing can be dropped while the store is being written
            if files:
                target = {path: new for path, (_, new) in files.items() if new is not None}
                parts.workspace.worktree.put_back(files, target)
                parts.workspace.worktree.make_durable(files)
            purge(parts.traces())
            parts.contents.indexes.clear()
        return answers


def _incoming(moves: Moves) -> dict[RefName, tuple[ObjectId, ObjectId]]:
    """The moves of a remote's fetched refs, by their names there."""
    return {
        RefName("refs/" + name.removeprefix(INCOMING)): (before, after)
        for name, (before, after) in moves.items()
        if name.startswith(INCOMING) and before is not None and after is not None
    }


def _renamed(quotes: Iterable[Quote], became: Mapping[ObjectId, ObjectId]) -> Iterator[Quote]:
    return (Quote(quote.path, became.get(quote.commit, quote.commit)) for quote in quotes)


def _texts(pair: tuple[ObjectId | None, ObjectId | None]) -> tuple[str, str]:
    return str(pair[0]), str(pair[1])


def _unreached(parts: WithMerges) -> Iterator[str]:
    """Places of this store's objects that it may not drop."""
    for file in parts.store.pack_folder.glob("*.keep"):
        yield f"{file.name.removesuffix('.keep')}, which is marked to be kept"
    if (parts.store.folder / "info" / "alternates").exists():
        yield "the other stores in objects/info/alternates"


def _send(parts: WithMerges, remote: str, done: _Done, report: Report | None) -> PushResult:
    """Move the remote's refs by compare-and-swap, and send the list."""
    sends = [
        Send(there, after, force=True, lease=True, expected=before)
        for there, (before, after) in done.incoming.items()
    ]
    tip = parts.refs.read(FORGOTTEN)
    if tip is not None:
        sends.append(Send(FORGOTTEN, tip))
    pushed = parts.sharing.push(remote, sends, parts.who(), report)
    drop_incoming(parts.refs, parts.who())
    return pushed
