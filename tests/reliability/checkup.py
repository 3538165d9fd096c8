"""What a damaged project must still do right, or refuse by name, compared with the undamaged one."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from tests.reliability.damage import CACHES, Damage
from tests.reliability.hands import Said, captured, git, library, pvc
from tests.reliability.operations import TICKETS, done, edit, make_base, write
from tests.reliability.states import STORE
from tests.reliability.walk import Broken, calm

BROKEN = 99
"""The exit code of a traceback, an internal error, or a wait without end."""
RESTING, MERGING = "resting", "merging"
_NAMES_IT = re.compile(r"[0-9a-f]{7,}|/|\bHEAD\b|\bconfig\b|packed-refs")
_LOCAL = frozenset(("operation log", "reflogs", "private refs", "call journal"))
"""Kinds that hold no history: with them something local may be gone, never something else be told."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one question was answered: the exit code, and a hash of what was printed."""

    code: int
    hash: str
    lines: tuple[str, ...] = ()
    error: str = ""
    hint: str = ""


Truth = dict[str, Answer]
_QUESTIONS = {
    "status": "status",
    "log": "log --all",
    "diff": "diff",
    "diff feature main": "diff feature main",
    "rows": "rows feature:examples/large.jsonl --offset 4890 --limit 20",
    "rows here": "rows examples/large.jsonl --offset 3990 --limit 20",
    "blame": "blame prompts/a.md",
    "branch": "branch",
    "tag": "tag",
    "undo --list": "undo --list",
}


def make_project(folder: Path, name: str) -> None:
    """A project with every kind of file in its store; ``merging`` has a merge with conflicts under way."""
    import promptvc

    make_base(folder)
    root = folder / "project"
    done(root, "run", "--jobs", "1")
    git(root / STORE, "pack-refs", "--all")
    done(root, "tag", "v1", "-m", "first")
    edit(root, "prompts/sort.md", "Sort", "Please sort")
    done(root, "commit", "prompts/sort.md", "-m", "one more")
    promptvc.open(root).snapshot("main").table("examples/large.jsonl").to_arrow()
    edit(root, "prompts/sort.md", "Please sort", "Sort")
    done(root, "commit", "prompts/sort.md", "-m", "as before")
    if name == MERGING:
        (root / "outputs/mini.jsonl").unlink()
        (root / "outputs/mini.run.json").unlink()
        done(root, "merge", "clash", code=1)
    else:
        edit(root, "examples/large.jsonl", '"n": 4000,', '"n": -4000,')
        write(root, "prompts/fresh.md", "fresh\n")
    done(root, "status")


def truth(folder: Path) -> Truth:
    """The answers to all questions, of a project that is whole."""
    return {**_ask_all(folder), **_change_all(folder)}


def _ask_all(folder: Path) -> Truth:
    """Ask everything that changes nothing."""
    root = folder / "project"
    found = {name: _asked(pvc, root, *words.split(), "--json") for name, words in _QUESTIONS.items()}
    found["arrow"] = _asked(captured, lambda: library(lambda: _print_arrow(root)))
    return {**found, **_contents(root)}


def _change_all(folder: Path) -> Truth:
    """Do what changes something: known answers are written, garbage is collected, one edit is committed."""
    root = folder / "project"
    found = {}
    if not (root / STORE / "promptvc/merging").exists():
        found["run --offline"] = _outputs(root)
    found["gc"] = replace(_asked(pvc, root, "gc"), hash="", lines=())
    write(root, "prompts/chat.prompt", "---\nmodel: n\n---\nHello again\n")
    said = _asked(pvc, root, "commit", "-m", "edits")
    found["commit"] = replace(said, hash="", lines=())
    if said.code == 0:
        for path in ("examples/large.jsonl", "prompts/chat.prompt"):
            there = _asked(pvc, root, "cat", path)
            here = hashlib.sha1((root / path).read_bytes()).hexdigest()
            found[f"committed {path}"] = replace(there, hash=str(there.hash == here), lines=())
    return found


def _addresses(root: Path) -> list[str]:
    """Every file at every commit, each content once; remembered beside the project, since refs may be damaged."""
    memory = root.parent / "addresses.json"
    if not memory.exists():
        found: dict[str, str] = {}
        for commit in git(root / STORE, "rev-list", "--all").stdout.split():
            for line in git(root / STORE, "ls-tree", "-r", "-t", commit).stdout.splitlines():
                meta, _, path = line.partition("\t")
                if not any(part.endswith((".jsonl",)) for part in path.split("/")[:-1]) and (
                    " blob " in meta or path.endswith(".jsonl")
                ):
                    found.setdefault(f"{meta} {path}", f"{commit}:{path}")
        memory.write_text(json.dumps(list(found.values())))
    addresses: list[str] = json.loads(memory.read_text())
    return addresses


def _contents(root: Path) -> Truth:
    """Every file at every commit, read by one repository."""
    import promptvc

    opened = cache(lambda: promptvc.open(root))  # by the first that reads: that may be refused

    def read(address: str) -> int:
        commit, _, path = address.partition(":")
        return library(lambda: sys.stdout.buffer.write(opened().snapshot(commit).read(path)))

    return {f"cat {address}": _asked(captured, partial(read, address)) for address in _addresses(root)}


def _print_arrow(root: Path) -> None:
    import promptvc

    table = promptvc.open(root).snapshot("main").table("examples/large.jsonl").to_arrow()
    columns = [
        column.combine_chunks().to_numpy(zero_copy_only=False).tobytes() for column in table.columns[1:2]
    ]
    print(
        table.num_rows,
        [hashlib.sha1(column).hexdigest() for column in columns],
        table.slice(4000, 20).to_pylist(),
    )


def _outputs(root: Path) -> Answer:
    """What the answers that are known make, without what depends on the clock."""
    for place in (root / "outputs").glob("*"):
        place.unlink()
    said = _asked(pvc, root, "run", "--offline", "--jobs", "1")
    place = root / "outputs/mini.jsonl"
    lines = place.read_text().splitlines() if said.code == 0 and place.exists() else []
    rows = [{k: json.loads(line).get(k) for k in ("example_id", "output", "scores")} for line in lines]
    assert said.code != 0 or len(rows) == TICKETS, rows
    return Answer(said.code, json.dumps(rows), (), said.error, said.hint)


def _asked(do: Callable[..., Said], *arguments: Any) -> Answer:
    """What a command answers; a traceback, or a wait without end, is the answer too."""
    try:
        said = calm("", do, *arguments)
    except Broken as broken:
        return Answer(BROKEN, "", error=str(broken).removeprefix(": "))
    lines = tuple(said.out.splitlines()) if len(said.out) < 20_000 else ()
    return Answer(said.code, hashlib.sha1(said.raw).hexdigest(), lines, said.error, said.hint)


# --- the checkup -----------------------------------------------------------------------------------------------


def examine_damage(damage: Damage, folder: Path, right: Truth) -> str:
    """What does not hold of a damaged project; nothing where all does."""
    problems = dict.fromkeys(_checkup(damage, folder, right))
    return " | ".join(sorted(problems, key=_weight)[:8])


def _weight(problem: str) -> int:
    """What is worst comes first: wrong data, then a wrong all-well, then how it is said."""
    words = ("other data", "all is well", "after gc", "internal error", "traceback")
    return next((place for place, word in enumerate(words) if word in problem), len(words))


def _checkup(damage: Damage, folder: Path, right: Truth) -> Iterator[str]:
    root = folder / "project"
    before = _ask_all(folder)
    for name, answer in before.items():
        yield from _judge(damage, name, answer, right[name])
    fsck = _asked(pvc, root, "fsck")
    yield from _judge_fsck(damage, fsck, before, right)
    for name, answer in _change_all(folder).items():
        if name == "commit" and answer.code == 0 and answer != right[name]:
            yield f"commit ends well, not with {right[name].code}"
        elif name.startswith("committed "):
            if answer != right.get(name) and not (fsck.code == 1 and _is_refused(answer)):
                yield f"{name} is other data than the working file: {answer.error}"
        elif name != "gc" or answer.code != 0:
            yield from _judge(damage, name, answer, right[name])
    for name, again in _contents(root).items():
        if before[name] == right[name] and again != right[name]:
            yield f"after gc and commit, {name} is {again.error or 'other data'}"
    if fsck.code == 0:
        end = _asked(pvc, root, "fsck")
        if end.code != 0:
            yield f"fsck ends with {end.code} after gc and a commit: {' '.join(end.lines)[:200]} {end.error}"


def _judge(damage: Damage, name: str, answer: Answer, right: Answer) -> Iterator[str]:
    """Right, or an error that names what is damaged; of caches, right."""
    if answer == right or (answer.code == right.code and answer.hash == right.hash):
        return
    shown = name if not name.startswith("cat ") else "cat"
    if answer.code == BROKEN:
        yield f"{shown}: {answer.error}"
        return
    missing = answer.code == 2 and damage.kind in (
        "packs",
        "pack indexes",
    )  # a commit that is not found at all
    if (answer.code in (1, 3) or missing) and answer.error:
        if damage.kind in CACHES:
            yield f"{shown} fails for a damaged cache: {answer.error[:160]}"
        elif not _NAMES_IT.search(answer.error) and not _is_known_gap(damage, name):
            yield f"{shown} names nothing: {answer.error[:160]}"
        return
    if damage.kind == "operation log" and _is_known_gap(damage, name):
        return
    local = damage.kind in _LOCAL and name in ("undo --list", "log") and _fewer(answer, right)
    if not local:
        yield f"{shown} gives other data than the truth, with exit code {answer.code}"


def _is_refused(answer: Answer) -> bool:
    """A commit does not read what it takes over: what was damaged there before may be refused, by name, as before."""
    return answer.code in (1, 3) and bool(_NAMES_IT.search(answer.error))


def _judge_fsck(damage: Damage, fsck: Answer, before: Truth, right: Truth) -> Iterator[str]:
    wrong = [
        name
        for name in before
        if name.startswith(("cat ", "log", "branch", "tag")) and _differs(before, right, name)
    ]
    if fsck.code == 0 and wrong and not (damage.kind in _LOCAL and wrong == ["log"]):
        yield f"fsck says that all is well, but {wrong[0].partition(' ')[0]} is not as it was"
    if fsck.code not in (0, 1, 3):
        yield f"fsck ends with {fsck.code}: {fsck.error}"
    if fsck.code == 3 and not fsck.error:
        yield "fsck ends with 3 and no error line"
    if fsck.code != 0 and damage.kind in CACHES:
        yield f"fsck complains about a cache: {fsck.error or ' '.join(fsck.lines)[:160]}"


def _is_known_gap(damage: Damage, name: str) -> bool:
    """What stood at the end of a journal that was cut off looks as if it had never been there."""
    asked = {"call journal": "run --offline", "operation log": "undo --list"}
    return asked.get(damage.kind) == name and damage.how in ("half", "empty", "delete")


def _differs(found: Truth, right: Truth, name: str) -> bool:
    return (found[name].code, found[name].hash) != (right[name].code, right[name].hash)


def _fewer(answer: Answer, right: Answer) -> bool:
    return answer.code == right.code and set(answer.lines) <= set(right.lines)
