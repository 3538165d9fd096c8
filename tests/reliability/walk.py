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
_UNFINISHED = re.compile(
    r"interrupted|unfinished|not finished|was stopped|half done|under way since", re.IGNORECASE
)
__all__ = ["CALLS", "Broken", "Step", "examine", "walk"]


class Broken(Exception):
    """Something that is promised did not hold."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the walk: how it ended, and how things stand after it.

    ``refused`` is whether it said that something is unfinished, or was refused before it went well.
    """

    name: str
    code: int
    state: State
    refused: bool = False


def walk(operation: Operation, folder: Path) -> list[Step]:
    """Status, a commit, the operation again, another commit; raises `Broken` where one ends as none may."""
    return list(_steps(operation, folder))


def _steps(operation: Operation, folder: Path) -> Iterator[Step]:
    root = folder / PROJECT

    def step(name: str, said: Said, *, refused: bool = False) -> Step:
        volatile = operation.calls or operation.name == "record"
        return Step(name, said.code, state(folder, PROJECT, volatile=volatile), refused)

    status = calm("status", pvc, root, "status")
    if status.code not in (0, 3) or (status.code == 3 and not status.hint):
        raise Broken(f"status ends with {status.code}: {status.err.strip()}")
    told = _told(root) if status.code == 0 else {}
    yield Step("status", status.code, told, refused=bool(_UNFINISHED.search(status.out + status.err)))
    if operation.fresh:
        yield step("again", calm("again", captured, lambda: operation.act(folder)))
    else:
        tried = _committed(root)
        yield step("commit", tried[-1], refused=tried[0].code == 3)
        yield step("again", calm("again", captured, lambda: operation.act(folder)))
    place = "prompts/sort.md" if (root / "prompts/sort.md").exists() else "prompts/a.md"
    if (root / place).exists():
        (root / place).write_text((root / place).read_text() + "later\n")
    yield step("later", calm("later commit", pvc, root, "commit", place, "-m", "later"))
    said = calm("fsck at the end", pvc, root, "fsck")
    if said.code != 0:
        raise Broken(
            f"fsck at the end ends with {said.code}: {said.out.strip()[:300]} {said.err.strip()[:300]}"
        )


def _told(root: Path) -> State:
    """What ``status --json`` says."""
    said = calm("status --json", pvc, root, "status", "--json")
    if said.code != 0:
        raise Broken(f"status --json ends with {said.code}: {said.err.strip()}")
    told: State = json.loads(said.out)
    return told


def _committed(root: Path) -> list[Said]:
    """Commit; where that is refused and a command is named, do what is named and try again. Gives each attempt."""
    tried = [calm("commit", pvc, root, "commit", "-m", "after")]
    for _ in range(3):
        said = tried[-1]
        named = _COMMAND.search(said.hint) or _COMMAND.search(said.error)
        if said.code != 3 or named is None or "conflict" in said.error:
            break
        words = named[1].split()
        helped = calm(f"named {words}", pvc, root, *words)
        if helped.code not in (0, 1):
            hint = f"commit says {said.error!r}, hint {said.hint!r}"
            raise Broken(f"{hint}; {words} ends with {helped.code}: {helped.err.strip()}")
        tried.append(calm("commit", pvc, root, "commit", "-m", "after"))
    return tried


def examine(
    operation: Operation, folder: Path, said: Said | None, ways: dict[str, list[Step]], before: State
) -> str:
    """What does not hold after the operation was stopped; nothing where all does.

    ``said`` is what it printed if it was not killed. ``ways`` are the walks from the states that are whole: "old",
    "new", and the stages between.
    """
    problems = list(_said_wrongly(said, before, folder)) if said is not None else []
    for check in (_check_fsck, _check_git, _check_walk):
        try:
            check(operation, folder, said, ways)
        except Broken as broken:
            problems.append(str(broken))
    return " | ".join(problems)


def _check_walk(operation: Operation, folder: Path, said: Said | None, ways: dict[str, list[Step]]) -> None:
    """The steps must go as from one of the whole states; as from the new one where the operation ended well.

    What ``status`` says may be of a state in between only if it says so, or if the commit is refused at first. Where
    it is refused for good, the operation itself, done again, must lead out.
    """
    asked = calls_made() if operation.calls else 0
    possible = {"new": ways["new"]} if said is not None and said.code == 0 else ways
    between = ""
    for number, step in enumerate(_steps(operation, folder)):
        if between and not step.refused:
            raise Broken(between)
        between = ""
        left = {name: way for name, way in possible.items() if _agrees(step, way[number])}
        if not left:
            mixture = _mixture(step, {name: way[number] for name, way in possible.items()})
            if step.name == "status":
                between = mixture
            elif (step.name, step.code) != ("commit", 3):
                raise Broken(mixture)
        possible = left or possible
    if operation.calls and calls_made() > max(TICKETS + 1, asked):
        raise Broken(f"asked {calls_made()} times for {TICKETS} answers, {asked} of them before")


def _agrees(step: Step, expected: Step) -> bool:
    if step.name == "status" and (step.code == 3 or step.refused):
        return True
    return step.state == expected.state and (step.code == expected.code or step.code in (0, 1))


def _mixture(step: Step, expected: dict[str, Step]) -> str:
    parts = []
    for name, other in expected.items():
        where = difference(step.state, other.state) or f"exit code {step.code} for {other.code}"
        parts.append(f"not {name} ({where})")
    return f"after {step.name} (exit {step.code}): {'; '.join(parts)}"


def _said_wrongly(said: Said, before: State, folder: Path) -> Iterator[str]:
    """What is not well said by an operation that was given an error."""
    text = said.err
    if "Traceback" in text or said.code == 99:
        yield f"traceback: {text.strip().splitlines()[-1][:300]}"
    elif "Exception ignored" in text:
        yield f"exception ignored: {text.strip().splitlines()[-1][:300]}"
    elif "internal error" in text:
        yield f"internal error: {said.error[:300]}"
    elif said.code not in (0, 1, 3) or (said.code == 3 and not said.error):
        yield f"ends with {said.code}: {text.strip()[:300]}"
    elif said.code == 3 and not said.hint:
        yield f"no hint: {said.error[:300]}"
    elif said.code == 3 and len(text.strip().splitlines()) > 2:
        yield f"more than two lines: {text.strip()[:300]}"
    now = state(folder, PROJECT)
    if said.code == 3 and "nothing was changed" in text and now != before:
        yield f"says that nothing was changed, but: {difference(now, before)}"


def _check_fsck(operation: Operation, folder: Path, said: Said | None, ways: dict[str, list[Step]]) -> None:
    found = calm("fsck", pvc, folder / PROJECT, "fsck")
    if found.code != 0 and not (operation.fresh and found.code == 3 and found.hint):
        raise Broken(f"fsck ends with {found.code}: {(found.out + found.err).strip()[:300]}")


def _check_git(operation: Operation, folder: Path, said: Said | None, ways: dict[str, list[Step]]) -> None:
    found = git(folder / PROJECT / STORE, "fsck", "--strict")
    if found.returncode != 0 and not operation.fresh:
        raise Broken(f"git fsck ends with {found.returncode}: {(found.stdout + found.stderr).strip()[:300]}")


def calm(name: str, do: Callable[..., Said], *arguments: Any) -> Said:
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
