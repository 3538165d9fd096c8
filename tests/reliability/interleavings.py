"""Operations beside each other in forced schedules: every write that was acknowledged is there, and nothing else is.

python -m tests.reliability.interleavings "switch beside transaction" 17 --seed 3    # one schedule
python -m tests.reliability.interleavings --amount 500 --seed 3                     # a sample
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from promptvc.api import init
from promptvc.api import open as open_repo
from promptvc.errors import (
    Conflict,
    NotFastForward,
    PushRejected,
    RefMoved,
    Refused,
    StoreBusy,
    WorkWouldBeLost,
)
from promptvc.ids import ObjectId, RefName
from promptvc.repo import Repo
from promptvc.storage.objects import Kind
from promptvc.versioning.sync.push import Send
from promptvc.versioning.upkeep.upkeep import GRACE, collect
from tests.reliability.causes import print_outcomes
from tests.reliability.counts import Outcome, seed_from_environment
from tests.reliability.interleave import Schedule, Worker
from tests.reliability.outcomes import own_world
from tests.reliability.server import copy_project
from tests.runs.projects import SETTINGS, Project, tickets

TABLE = "examples/t.jsonl"
ROWS = 10
EDIT = "my own words\n"
NOW = -10.0
"""A grace that spares nothing."""
Act = Callable[[Path], object]


@dataclass(frozen=True)
class Pair:
    """Operations beside each other: each is given the folder that holds the projects, and opens its own.

    ``allowed`` are the documented refusals; ``edits`` the working files that the user changed before, ``writes`` those
    that the operations leave changed; ``check`` says what else is wrong afterwards.
    """

    name: str
    acts: Mapping[str, Act]
    allowed: Mapping[str, tuple[type[Exception], ...]] = field(default_factory=dict)
    edits: Mapping[str, str] = field(default_factory=dict)
    writes: tuple[str, ...] = ()
    prepare: Act = lambda folder: None
    check: Callable[[Path, Mapping[str, Worker]], str] = lambda folder, workers: ""


def interleavings(seed: int, amount: int | None = None) -> Iterator[Outcome]:
    """Try drawn schedules, spread evenly over the pairs; 30 of each without an amount."""
    total = 30 * len(PAIRS) if amount is None else amount
    with tempfile.TemporaryDirectory(prefix="interleavings") as text, own_world(Path(text)):
        folder = Path(text)
        _make_template(folder / "template")
        for number in range(total):
            yield _tried(folder, PAIRS[number % len(PAIRS)], seed, number // len(PAIRS))


def one(name: str, seed: int, number: int) -> Outcome:
    """Try one schedule of a pair again."""
    with tempfile.TemporaryDirectory(prefix="interleavings") as text, own_world(Path(text)):
        _make_template(Path(text) / "template")
        return _tried(Path(text), next(pair for pair in PAIRS if pair.name == name), seed, number)


def _tried(folder: Path, pair: Pair, seed: int, number: int) -> Outcome:
    work = folder / "w"
    shutil.rmtree(work, ignore_errors=True)
    copy_project(folder / "template", work)  # whose code may run there too
    pair.prepare(work)
    for path, text in pair.edits.items():
        (work / "project" / path).write_text(text)
    acts = {name: _bound(act, work) for name, act in pair.acts.items()}
    schedule = Schedule(acts, f"{seed} {pair.name} {number}")
    schedule.run()
    wrong = "; ".join(_wrong(work, pair, schedule))
    message = f"{wrong} [{schedule.story}]" if wrong else ""
    return Outcome("interleavings", f"{pair.name} {number}", not wrong, message)


def _bound(act: Act, folder: Path) -> Callable[[], object]:
    return lambda: act(folder)


# --- what must hold -----------------------------------------------------------------------------------------


def _wrong(folder: Path, pair: Pair, schedule: Schedule) -> Iterator[str]:
    if schedule.is_deadlocked:
        yield "all of them waited for each other"
    for worker in schedule.workers:
        error = worker.error
        if error is not None and not isinstance(error, pair.allowed.get(worker.name.split()[0], ())):
            yield f"{worker.name}: {type(error).__name__}: {error}"
    workers = {worker.name: worker for worker in schedule.workers}
    for root in sorted(folder.iterdir()):
        problems = open_repo(root).verify()
        if problems:
            yield f"fsck of {root.name}: {[problem.message for problem in problems[:3]]}"
            return
    repo = open_repo(folder / "project")
    yield from _files_wrong(repo, pair)
    undone = [each.what for worker in schedule.workers for each in getattr(worker.result, "operations", ())]
    for worker in schedule.workers:
        if any(what.startswith(worker.name) for what in undone):
            continue  # what was acknowledged was taken back as it was asked for
        if worker.error is None and isinstance(worker.result, _Written):
            yield from _lost(repo, worker.name, worker.result)
    found = pair.check(folder, workers)
    if found:
        yield found


def _files_wrong(repo: Repo, pair: Pair) -> Iterator[str]:
    """Working files must be as in HEAD, or as the user left them."""
    root = repo.root
    assert root is not None
    if (repo.path / "promptvc/intent").exists():
        yield "an intent was left"
    left = [path.name for path in (repo.path / "promptvc/tmp").glob("*")]
    if left:
        yield f"half-made files were left: {left}"
    for change in repo.status().changes:
        place = root / change.path
        here = place.read_text() if place.is_file() else None
        if change.path not in pair.writes and (here is None or here != pair.edits.get(change.path)):
            yield f"{change.path} is {change.status} although nobody did so"
    head = repo.snapshot("HEAD")
    for path, text in pair.edits.items():
        if text not in ((root / path).read_text(), head.read(path).decode() if path in head.paths else ""):
            yield f"what the user wrote to {path} is gone"


@dataclass(frozen=True)
class _Written:
    """What a transaction was told to be committed: the commit, on a branch, with rows and files."""

    commit: ObjectId | None
    branch: str
    rows: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)


def _lost(repo: Repo, name: str, written: _Written) -> Iterator[str]:
    tip = repo.snapshot(written.branch)
    if written.commit is None or not repo.parts.history.is_ancestor(written.commit, tip.id):
        yield f"{name}: its commit is not in {written.branch}"
        return
    if written.rows:
        there = {row["id"] for row in tip.table(TABLE)}
        if not there.issuperset(written.rows) or len(there) < ROWS:
            yield f"{name}: rows are lost"
    for path, text in written.files.items():
        if tip.read(path).decode() != text:
            yield f"{name}: {path} is not what was written"


# --- the operations -----------------------------------------------------------------------------------------


def _transaction(
    name: str, branch: str = "main", files: Mapping[str, str] | None = None, rows: int = 2
) -> Act:
    def act(folder: Path) -> _Written:
        ids = tuple(f"{name}-{n}" for n in range(rows))
        repo = open_repo(folder / "project")
        with repo.transaction(branch, f"transaction {name}") as tx:
            if rows:
                tx.upsert(TABLE, [{"id": id, "n": 1} for id in ids])
            for path, text in (files or {}).items():
                tx.write(path, text)
        return _Written(tx.commit_id, branch, ids, files or {})

    return act


def _collect(grace: float) -> Act:
    def act(folder: Path) -> object:
        repo = open_repo(folder / "project")
        return collect(repo.parts.store, repo.parts.refs, grace=grace)

    return act


def _commit(folder: Path) -> _Written:
    done = open_repo(folder / "project").commit("by the user")
    return _Written(done.id, "main")


def _switch(folder: Path) -> object:
    repo = open_repo(folder / "project")
    ref = RefName.branch("feature")
    repo.parts.merges.need_no_merge()
    return repo.parts.workspace.switch(repo.parts.refs.read(ref), ref, repo.parts.who())


def _merge(folder: Path) -> object:
    return open_repo(folder / "project").merge("feature")


def _undo(folder: Path) -> object:
    return open_repo(folder / "project").undo()


def _fetch(folder: Path) -> object:
    repo = open_repo(folder / "project")
    return repo.parts.sharing.fetch("hub", repo.parts.who())


def _push(name: str) -> Act:
    def act(folder: Path) -> object:
        repo = open_repo(folder / name)
        tip = repo.parts.refs.read(RefName.branch("main"))
        done = repo.parts.sharing.push("hub", [Send(RefName.branch("main"), tip)], repo.parts.who())
        if done.refused:
            raise PushRejected(done.refused[0].reason)
        return tip

    return act


def _run(folder: Path) -> object:
    return open_repo(folder / "project").run("mini")


# --- how they begin -----------------------------------------------------------------------------------------


def _make_template(folder: Path) -> None:
    """A project on main with the branch feature, and a hub that has one commit more."""
    root = folder / "project"
    init(root)
    for part in ("prompts", "examples"):
        (root / part).mkdir()
    for path in ("a", "b", "c"):
        (root / f"prompts/{path}.md").write_text(f"{path}\n")
    (root / TABLE).write_text("".join(json.dumps({"id": f"r{n}", "n": n}) + "\n" for n in range(ROWS)))
    (root / "promptvc.toml").write_text(f'[tables."{TABLE}"]\nkey = ["id"]\n')
    repo = open_repo(root)
    base = repo.commit("base").id
    repo.parts.refs.move(RefName.branch("feature"), None, base, repo.parts.who(), "branch")
    with repo.transaction("feature", "feature") as tx:
        tx.write("prompts/b.md", "b of feature\n")
        tx.write("prompts/new.md", "new\n")
    repo.parts.sharing.add("hub", str(folder / "hub"))
    shutil.copytree(root, folder / "hub")
    with open_repo(folder / "hub").transaction("main", "on the hub") as tx:
        tx.upsert(TABLE, [{"id": "hub", "n": 1}])
        tx.write("prompts/hub.md", "hub\n")


def _forgotten(folder: Path) -> None:
    """What the transaction will write was there long ago, and nothing leads to it."""
    repo = open_repo(folder / "project")
    with repo.parts.store.begin() as writer:
        writer.add(Kind.BLOB, b"written before\n")
        index = writer.finish()
    assert index is not None
    for path in (index, index.with_suffix(".pack")):
        os.utime(path, (1_000_000_000, 1_000_000_000))


def _two_clones(folder: Path) -> None:
    """Two projects with a commit each that the hub, which is bare and behind, has not."""
    shutil.rmtree(folder / "hub")
    shutil.copytree(folder / "project", folder / "other")
    shutil.copytree(folder / "project/.promptvc", folder / "hub")
    for name in ("project", "other"):
        repo = open_repo(folder / name)
        repo.parts.sharing.set_url("hub", str(folder / "hub"))
        with repo.transaction("main", f"of {name}") as tx:
            tx.write(f"prompts/of-{name}.md", name)


def _hub_by_path(folder: Path) -> None:
    open_repo(folder / "project").parts.sharing.set_url("hub", str(folder / "hub/.promptvc"))


def _runnable(folder: Path) -> None:
    shutil.rmtree(folder / "project")
    project = Project(folder / "project", tickets(6), SETTINGS)
    project.commit("base")


def _something_to_undo(folder: Path) -> None:
    repo = open_repo(folder / "project")
    repo.parts.workspace.restore(["prompts/b.md"], repo.snapshot("feature").files)


def _paid_once(folder: Path, workers: Mapping[str, Worker]) -> str:
    calls = folder / "project/calls.txt"
    count = len(calls.read_text()) if calls.exists() else 0
    done = [worker for worker in workers.values() if worker.error is None]
    if count > 6:
        return f"{count} calls for 6 examples"
    return "" if not done or count == 6 else f"only {count} calls were made"


def _fetched(folder: Path, workers: Mapping[str, Worker]) -> str:
    repo = open_repo(folder / "project")
    tip = repo.parts.refs.read(RefName.remote("hub", "main"))
    if workers["fetch"].error is not None:
        return ""
    if tip is None or tip != open_repo(folder / "hub").parts.refs.read(RefName.branch("main")):
        return "hub/main is not what the hub has"
    return "" if repo.snapshot("hub/main").read("prompts/hub.md") == b"hub\n" else "hub.md is not there"


def _pushed(folder: Path, workers: Mapping[str, Worker]) -> str:
    hub = open_repo(folder / "hub")
    tip = hub.parts.refs.read(RefName.branch("main"))
    assert tip is not None
    done = [worker.result for worker in workers.values() if worker.error is None]
    if len(done) != 1:
        return f"{len(done)} of two pushes that exclude each other were taken"
    return "" if tip == done[0] else "the hub has not what was acknowledged"


_BUSY: Mapping[str, tuple[type[Exception], ...]] = {"gc": (StoreBusy,)}
_FILES = {"prompts/a.md": "a by a service\n"}

PAIRS: Sequence[Pair] = (
    Pair(
        "transaction beside transaction",
        {"one": _transaction("one"), "two": _transaction("two", files=_FILES)},
    ),
    Pair("transaction beside gc", {"transaction": _transaction("one", files=_FILES), "gc": _collect(NOW)}),
    Pair(
        "transaction that reuses a forgotten blob beside gc",
        {
            "transaction": _transaction("one", files={"prompts/a.md": "written before\n"}),
            "gc": _collect(GRACE),
        },
        prepare=_forgotten,
    ),
    Pair(
        "commit beside transaction",
        {"commit": _commit, "transaction": _transaction("one", files=_FILES)},
        edits={"prompts/b.md": EDIT},
    ),
    Pair(
        "commit of a file beside transaction on it",
        {"commit": _commit, "transaction": _transaction("one", rows=0, files=_FILES)},
        allowed={"commit": (RefMoved,), "transaction": (Conflict,)},
        edits={"prompts/b.md": EDIT},
    ),
    Pair(
        "switch beside transaction on main",
        {"switch": _switch, "transaction": _transaction("one", files=_FILES)},
        allowed={"switch": (WorkWouldBeLost, RefMoved)},
    ),
    Pair(
        "switch beside transaction on feature",
        {"switch": _switch, "transaction": _transaction("one", "feature", files=_FILES)},
        allowed={"switch": (RefMoved,)},
    ),
    Pair("fetch beside gc", {"fetch": _fetch, "gc": _collect(NOW)}, prepare=_hub_by_path, check=_fetched),
    Pair(
        "fetch beside transaction",
        {"fetch": _fetch, "transaction": _transaction("one", files=_FILES)},
        prepare=_hub_by_path,
        check=_fetched,
    ),
    Pair(
        "run beside run",
        {"run": _run, "run too": _run},
        allowed={"run": (StoreBusy,)},
        writes=("outputs/mini.jsonl", "outputs/mini.run.json"),
        prepare=_runnable,
        check=_paid_once,
    ),
    Pair(
        "push beside push",
        {"push": _push("project"), "push too": _push("other")},
        allowed={"push": (NotFastForward, PushRejected)},
        prepare=_two_clones,
        check=_pushed,
    ),
    Pair(
        "merge beside transaction",
        {"merge": _merge, "transaction": _transaction("one", files=_FILES)},
        allowed={"merge": (RefMoved, WorkWouldBeLost)},
        prepare=_transaction("before"),
    ),
    Pair(
        "undo beside transaction",
        {"undo": _undo, "transaction": _transaction("one", files=_FILES)},
        allowed={"undo": (Refused,)},
        writes=("prompts/b.md", "prompts/new.md"),
        prepare=_something_to_undo,
    ),
    Pair(
        "commit beside transaction beside gc",
        {"commit": _commit, "transaction": _transaction("one", files=_FILES), "gc": _collect(NOW)},
        allowed=_BUSY,
        edits={"prompts/b.md": EDIT},
    ),
)


def main(words: Sequence[str] | None = None) -> int:
    """Try what the command line names, and print each outcome that failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", nargs="?", choices=[*(pair.name for pair in PAIRS), None])
    parser.add_argument("number", nargs="?", type=int)
    parser.add_argument("--seed", type=int, default=seed_from_environment())
    parser.add_argument("--amount", type=int, help="how many; 30 of each pair where it is not given")
    given = parser.parse_args(words)
    if given.name is None:
        return print_outcomes(interleavings(given.seed, given.amount), given.seed)
    numbers = range(given.amount or 30) if given.number is None else [given.number]
    return print_outcomes((one(given.name, given.seed, number) for number in numbers), given.seed)


if __name__ == "__main__":
    raise SystemExit(main())
