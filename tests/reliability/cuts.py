"""Power cuts: which moments there are in an operation, what must be on the disk then, and whether it is.

Working files are not synced: they may be old, new, short or zeros. The store must be whole: what refs lead to is
there, and what the operation said is done has been kept.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.reliability.disk import Call, Disk
from tests.reliability.hands import Said, captured, git, pvc
from tests.reliability.operations import ASKED, PROJECT, TICKETS, Operation, calls_made
from tests.reliability.states import STORE, State, refs
from tests.reliability.walk import Broken, calm


@dataclass(frozen=True, slots=True)
class Promise:
    """What holds whatever the disk lost: each ref has one of these values, and so many answers are kept."""

    refs: dict[str, set[str | None]]
    done: bool
    answers: int


@dataclass(frozen=True, slots=True)
class Cuts:
    """An operation's calls, and how refs stood before and after."""

    root: str
    calls: list[Call]
    before: State
    after: State

    def moment(self, draw: random.Random) -> int:
        """After how many calls the power is cut: in one of three cases after all of them."""
        return len(self.calls) if draw.random() < 1 / 3 else draw.randrange(len(self.calls))

    def disk_at(self, moment: int, before: Path) -> Disk:
        """The disk after so many calls; ``before`` is the folder as it was."""
        disk = Disk(self.root, before)
        for call in self.calls[:moment]:
            if call.op != "!":
                disk.apply(call)
        return disk

    def promised(self, moment: int) -> Promise:
        """What must hold after a power cut at this moment."""
        notes = [call.path for call in self.calls[:moment] if call.op == "!"]
        done, asked = "exit 0" in notes, notes.count(ASKED)
        old, new = self.before["refs"], self.after["refs"]
        values = {name: {new.get(name)} if done else {old.get(name), new.get(name)} for name in {*old, *new}}
        return Promise(values, done, asked if done else max(0, asked - 1))


def examine_cut(operation: Operation, folder: Path, promise: Promise) -> str:
    """What does not hold; nothing where all does."""
    problems = []
    for check in (_refs, _git, _commands):
        try:
            problems += list(check(operation, folder, promise))
        except Broken as broken:
            problems.append(str(broken))
    return " | ".join(problems)


def _refs(operation: Operation, folder: Path, promise: Promise) -> Iterator[str]:
    found = refs(folder / PROJECT / STORE)
    for name in sorted({*promise.refs, *found}):
        allowed = promise.refs.get(name, {None})
        if found.get(name) not in allowed:
            when = "although it was done" if promise.done else "which is neither old nor new"
            yield f"{name} is {found.get(name)!r}, {when}"


def _git(operation: Operation, folder: Path, promise: Promise) -> Iterator[str]:
    found = git(folder / PROJECT / STORE, "fsck", "--strict", "--no-reflogs")
    if found.returncode != 0:
        yield f"git fsck ends with {found.returncode}: {(found.stdout + found.stderr).strip()[:300]}"


def _commands(operation: Operation, folder: Path, promise: Promise) -> Iterator[str]:
    root = folder / PROJECT
    yield from _ended("fsck", calm("fsck", pvc, root, "fsck"), 0)
    yield from _ended("status", calm("status", pvc, root, "status"), 0, 3)
    yield from _ended("log", calm("log", pvc, root, "log", "--all", "--stat"), 0)
    yield from _ended("undo --list", calm("undo --list", pvc, root, "undo", "--list"), 0)
    calm("commit", pvc, root, "commit", "-m", "after")
    if operation.calls:
        yield from _asks_again(operation, folder, promise)
    yield from _ended("restore", calm("restore", pvc, root, "restore", "-f", "-s", "HEAD", "."), 0, 3)
    (root / "prompts").mkdir(parents=True, exist_ok=True)
    (root / "prompts/later.md").write_text("later\n")
    yield from _ended("later commit", calm("later commit", pvc, root, "commit", "-m", "later"), 0, 3)
    yield from _ended("fsck at the end", calm("fsck at the end", pvc, root, "fsck"), 0)


def _asks_again(operation: Operation, folder: Path, promise: Promise) -> Iterator[str]:
    """No answer that was kept is asked for again, once the working files are there again."""
    root = folder / PROJECT
    calm("restore", pvc, root, "restore", "-f", "-s", "main~0", "prompts", "examples", "promptvc.toml")
    asked = calls_made()
    yield from _ended("run", calm("run", captured, lambda: operation.act(folder)), 0)
    if calls_made() - asked > TICKETS - promise.answers:
        yield f"asked {calls_made() - asked} times again for {TICKETS} answers, {promise.answers} of them kept"


def _ended(name: str, said: Said, *codes: int) -> Iterator[str]:
    if said.code not in codes or (said.code == 3 and not said.hint):
        yield f"{name} ends with {said.code}: {(said.out[-200:] + said.err).strip()[:300]}"
