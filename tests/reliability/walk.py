"""What is done after a fault, step by step; and how the steps must go for an operation that was stopped."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.reliability.hands import Said, captured, git, pvc
from tests.reliability.operations import CALLS, PROJECT, TICKETS, Operation, calls_made
from tests.reliability.states import STORE, State, difference, state

PATIENCE = 4
"""Seconds after which a command counts as blocked: the locks of processes that are gone wait for nobody."""
_COMMAND = re.compile(r"promptvc ([a-z][a-z-]*(?: --?[a-z][a-z-]*| \.(?= |$))*)")
"""A command that a hint names, with its options."""
__all__ = ["CALLS", "Broken", "Step", "examine", "walk"]


class Broken(Exception):
    """Something that is promised did not hold."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the walk: how it ended, and how things stand after it."""

    name: str
    code: int
    state: State


def walk(operation: Operation, folder: Path) -> list[Step]:
    """Status, a commit, the operation again, another commit; raises `Broken` where one ends as none may."""
    return list(_steps(operation, folder))


def _steps(operation: Operation, folder: Path) -> Iterator[Step]:
    root = folder / PROJECT

    def step(name: str, said: Said) -> Step:
        return Step(
            name, said.code, state(folder, PROJECT, volatile=operation.calls or operation.name == "record")
        )

    status = _calm("status", pvc, root, "status")
    if status.code not in (0, 3) or (status.code == 3 and not status.hint):
        raise Broken(f"status ends with {status.code}: {status.err.strip()}")
    yield Step("status", status.code, _told(root) if status.code == 0 else {})
    if operation.fresh:
        yield step("again", _calm("again", captured, lambda: operation.act(folder)))
    else:
        yield step("commit", _committed(root))
        yield step("again", _calm("again", captured, lambda: operation.act(folder)))
    place = "prompts/sort.md" if (root / "prompts/sort.md").exists() else "prompts/a.md"
    if (root / place).exists():
        (root / place).write_text((root / place).read_text() + "later\n")
    yield step("later", _calm("later commit", pvc, root, "commit", place, "-m", "later"))
    said = _calm("fsck at the end", pvc, root, "fsck")
    if said.code != 0:
        raise Broken(
            f"fsck at the end ends with {said.code}: {said.out.strip()[:300]} {said.err.strip()[:300]}"
        )


def _told(root: Path) -> State:
    """What ``status --json`` says."""
    said = _calm("status --json", pvc, root, "status", "--json")
    if said.code != 0:
        raise Broken(f"status --json ends with {said.code}: {said.err.strip()}")
    told: State = json.loads(said.out)
    return told


def _committed(root: Path) -> Said:
    """Commit; where that is refused and a command is named, do what is named and try again."""
    said = _calm("commit", pvc, root, "commit", "-m", "after")
    for _ in range(3):
        named = _COMMAND.search(said.hint) or _COMMAND.search(said.error)
        if said.code != 3 or named is None or "conflict" in said.error:
            break
        words = named[1].split()
        helped = _calm(f"named {words}", pvc, root, *words)
        if helped.code not in (0, 1):
            raise Broken(
                f"commit says {said.error!r}, hint {said.hint!r}; which ends with {helped.code}: {helped.err.strip()}"
            )
        said = _calm("commit", pvc, root, "commit", "-m", "after")
    return said


def examine(
    operation: Operation, folder: Path, said: Said | None, ways: dict[str, list[Step]], before: State
) -> str:
    """What does not hold after the operation was stopped; nothing where all does.

    ``said`` is what it printed if it was not killed. ``ways`` are the walks from the states that are whole: "old",
    "new", and the stages between.
    """
    try:
        _examine(operation, folder, said, ways, before)
    except Broken as broken:
        return str(broken)
    return ""


def _examine(
    operation: Operation, folder: Path, said: Said | None, ways: dict[str, list[Step]], before: State
) -> None:
    root = folder / PROJECT
    now = state(folder, PROJECT)
    if said is not None:
        _check_said(said, now, before, ways)
    store = root / STORE
    if not operation.fresh or (store / "HEAD").exists():
        _check_fsck(operation, root)
    asked = calls_made() if operation.calls else 0
    steps = walk(operation, folder)
    open_ways = {"new": ways["new"]} if said is not None and said.code == 0 else ways
    for number, step in enumerate(steps):
        left = {name: way for name, way in open_ways.items() if _agrees(step, way[number])}
        if not left:
            raise Broken(_mixture(step, {name: way[number] for name, way in open_ways.items()}))
        open_ways = left
    if operation.calls and calls_made() > max(TICKETS + 1, asked):
        raise Broken(f"asked {calls_made()} times for {TICKETS} answers, {asked} of them before")


def _agrees(step: Step, expected: Step) -> bool:
    if step.name == "status":
        unfinished = any(value for name, value in step.state.items() if name not in expected.state)
        return step.code == 3 or unfinished or step.state == expected.state  # the commit tells
    return step.state == expected.state and (step.code == expected.code or step.code in (0, 1))


def _mixture(step: Step, expected: dict[str, Step]) -> str:
    parts = []
    for name, other in expected.items():
        where = difference(step.state, other.state) or f"exit code {step.code} for {other.code}"
        parts.append(f"not {name} ({where})")
    return f"after {step.name} (exit {step.code}): {'; '.join(parts)}"


def _check_said(said: Said, now: State, before: State, ways: dict[str, list[Step]]) -> None:
    text = said.err
    if "Traceback" in text or said.code == 99:
        raise Broken(f"traceback: {text.strip().splitlines()[-1][:300]}")
    if "Exception ignored" in text:
        raise Broken(f"exception ignored: {text.strip().splitlines()[-1][:300]}")
    if "internal error" in text:
        raise Broken(f"internal error: {said.error[:300]}")
    if said.code not in (0, 1, 3):
        raise Broken(f"ends with {said.code}: {text.strip()[:300]}")
    if said.code == 3 and not said.error:
        raise Broken(f"ends with 3 and no error line: {text.strip()[:300]}")
    if said.code == 3 and not said.hint:
        raise Broken(f"no hint: {said.error[:300]}")
    if said.code == 3 and "nothing was changed" in said.err and now != before:
        raise Broken(f"says that nothing was changed, but: {difference(now, before)}")


def _check_fsck(operation: Operation, root: Path) -> None:
    said = _calm("fsck", pvc, root, "fsck")
    if said.code != 0 and not (operation.fresh and said.code == 3 and said.hint):
        raise Broken(f"fsck ends with {said.code}: {(said.out + said.err).strip()[:300]}")
    found = git(root / STORE, "fsck", "--strict")
    if found.returncode != 0 and not operation.fresh:
        raise Broken(f"git fsck ends with {found.returncode}: {(found.stdout + found.stderr).strip()[:300]}")


def _calm(name: str, do: Callable[..., Said], *arguments: Any) -> Said:
    """Do it within the time that nobody has to wait for, and without a traceback."""
    with _alarm(name):
        said = do(*arguments)
    if "Traceback" in said.err or said.code == 99:
        raise Broken(f"{name}: traceback: {said.err.strip().splitlines()[-1][:300]}")
    if "internal error" in said.err:
        raise Broken(f"{name}: {said.error[:300]}")
    return said


class _Blocked(BaseException):
    pass


@contextmanager
def _alarm(name: str) -> Iterator[None]:
    def ring(number: int, frame: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.5)  # again, should something have caught it
        raise _Blocked

    old = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    except _Blocked:
        raise Broken(f"{name} is blocked: it waits for more than {PATIENCE} seconds") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
