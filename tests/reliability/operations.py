"""The operations that are stopped: how each begins, what it does, and between which states it may be stopped."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.reliability.hands import library, pvc

PROJECT = "project"
ROWS = 5000
"""Rows of the large table: about 400 KB, so that it is kept in chunks."""
CALLS = "PROMPTVC_TEST_CALLS"
"""Names the file to which the provider of the tests adds a letter a call."""
ASKED = "asked"
"""What the provider puts into the trace at each call."""

Act = Callable[[Path], int]

_MODEL = f'''
import ctypes
import os

def answer(messages, model, params):
    with open(os.environ["{CALLS}"], "a") as log:
        log.write("x")
    getattr(ctypes.CDLL(None), "pvc_mark", lambda note: None)(b"{ASKED}")
    return {{"output": messages[-1]["content"].split()[0], "input_tokens": 3, "output_tokens": 1}}
'''
_SETTINGS = """
[tables."examples/large.jsonl"]
key = ["id"]

[runs.mini]
prompt = "prompts/sort.md"
examples = "examples/tickets.jsonl"
provider = "python:reliability_model:answer"
model = "rules"
inputs = { ticket = "input" }
scorers = ["exact:expected"]
"""
TICKETS = 12


@dataclass(frozen=True, slots=True)
class Operation:
    """``prepare`` makes the folder as it is before; ``act`` does the operation there and gives the exit code.

    ``stages`` are states in between that are whole too: each is made from the state before by doing a part.
    ``fresh`` is for operations that make the project: before them there is none.
    """

    name: str
    act: Act
    prepare: Callable[[Path], None] = lambda folder: None
    stages: tuple[Callable[[Path], None], ...] = ()
    fresh: bool = False
    calls: bool = False


# --- the project that all of them begin with ---------------------------------------------------------------------


def make_base(folder: Path) -> None:
    """A project with prompts, tables and branches: feature, ahead, clash and main, in ``folder/project``."""
    root = folder / PROJECT
    write(root, "prompts/sort.md", "system:\nSort the ticket.\n\nuser:\n{{ ticket }}\n")
    write(root, "prompts/a.md", "".join(f"line {n} of a\n" for n in range(20)))
    write(root, "prompts/b.md", "".join(f"line {n} of b\n" for n in range(20)))
    write(root, "prompts/old.j2", "{% for x in xs %}{{ x }}{% endfor %}\n")
    write(root, "prompts/chat.prompt", "---\nmodel: m\ntemperature: 0\n---\nHello {{name}}\n")
    write(root, "examples/large.jsonl", large())
    write(root, "examples/small.csv", "id,word\n" + "".join(f"{n},w{n}\n" for n in range(9)))
    rows = [{"id": f"t{n}", "input": f"word{n % 3} x{n}", "expected": "word1"} for n in range(TICKETS)]
    write(root, "examples/tickets.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    write(root, "promptvc.toml", _SETTINGS)
    write(root, "reliability_model.py", _MODEL)
    done(root, "init")
    done(root, "config", "trust")
    done(root, "commit", "-m", "base")
    done(root, "switch", "-c", "feature")
    feature(root)
    done(root, "commit", "-m", "feature")
    done(root, "switch", "main")
    done(root, "switch", "-c", "clash")
    edit(root, "prompts/a.md", "line 3 of a", "line 3 of clash")
    edit(root, "examples/small.csv", "5,w5", "5,clash")
    edit(root, "prompts/b.md", "line 7 of b", "line 7 of clash")
    done(root, "commit", "-m", "clash")
    done(root, "switch", "main")
    edit(root, "prompts/a.md", "line 3 of a", "line 3 of main")
    edit(root, "examples/small.csv", "5,w5", "5,main")
    edit(root, "prompts/chat.prompt", "temperature: 0", "temperature: 1")
    done(root, "commit", "-m", "main")
    done(root, "switch", "-c", "ahead")
    edit(root, "prompts/b.md", "line 9 of b", "line 9 of ahead")
    edit(root, "examples/large.jsonl", '"n": 2500,', '"n": -2500,')
    write(root, "prompts/ahead.md", "ahead\n")
    done(root, "commit", "-m", "ahead")
    done(root, "switch", "main")


def large() -> str:
    """The large table."""
    return "".join(
        json.dumps({"id": f"r{n}", "n": n, "text": f"row {n} " + "x" * 50}) + "\n" for n in range(ROWS)
    )


def feature(root: Path) -> None:
    """Several files changed, one made, one removed."""
    edit(root, "prompts/a.md", "line 15 of a", "line 15 of feature")
    edit(root, "prompts/b.md", "line 2 of b", "line 2 of feature")
    edit(root, "examples/large.jsonl", '"n": 100,', '"n": -100,')
    edit(root, "examples/large.jsonl", '"n": 4900,', '"n": -4900,')
    write(root, "prompts/deep/new.md", "new\n")
    (root / "prompts/old.j2").unlink()


# --- what is done --------------------------------------------------------------------------------------------------


def cli(*words: str) -> Act:
    """The operation that is one command in the project."""

    def act(folder: Path) -> int:
        from promptvc.cli.main import run

        return run(["-C", str(folder / PROJECT), *words])

    return act


def _prepared(*steps: Callable[[Path], None]) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        for step in steps:
            step(folder)

    return prepare


def _command(*words: str, code: int = 0) -> Callable[[Path], None]:
    return lambda folder: done(folder / PROJECT, *words, code=code)


def _edited(folder: Path) -> None:
    feature(folder / PROJECT)


def _shared(folder: Path) -> None:
    """A bare repository beside the project, which has all its branches."""
    bare = folder / "remote.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(bare)], check=True)
    done(folder / PROJECT, "remote", "add", "origin", str(bare))
    done(folder / PROJECT, "push", "-u", "origin", "main")


def _colleague(folder: Path) -> None:
    """At the remote there are two commits more, of a colleague."""
    done(folder, "clone", str(folder / "remote.git"), str(folder / "colleague"))
    root = folder / "colleague"
    feature(root)
    done(root, "commit", "-m", "of a colleague")
    edit(root, "prompts/b.md", "line 18 of b", "line 18 of a colleague")
    done(root, "commit", "-m", "of a colleague again")
    done(root, "push")
    subprocess.run(["rm", "-r", str(root)], check=True)


def _own_commit(folder: Path) -> None:
    root = folder / PROJECT
    edit(root, "prompts/b.md", "line 11 of b", "line 11 of mine")
    edit(root, "examples/large.jsonl", '"n": 1100,', '"n": -1100,')
    done(root, "commit", "-m", "mine")


def _results(folder: Path) -> None:
    rows = [{"id": f"t{n}", "answer": f"word{n % 3}"} for n in range(TICKETS)]
    write(folder / PROJECT, "results.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


def _transaction(branch: str) -> Act:
    def act(folder: Path) -> int:
        return library(lambda: _write_rows(folder / PROJECT, branch))

    return act


def _write_rows(root: Path, branch: str) -> None:
    import promptvc

    repo = promptvc.open(root)
    with repo.transaction(branch, message="rows") as tx:
        tx.upsert("examples/large.jsonl", [{"id": "r7", "n": -7, "text": "seven"}])
        tx.write("prompts/b.md", "written by a service\n")
        tx.write("prompts/service.md", "made by a service\n")


def _merge_values(folder: Path) -> int:
    return library(lambda: _merge_elsewhere(folder / PROJECT))


def _merge_elsewhere(root: Path) -> None:
    import promptvc

    done = promptvc.open(root).merge("main", into="clash")
    done.resolve(take="theirs")
    done.conclude()


def _init(folder: Path) -> int:
    from promptvc.cli.main import run

    return run(["init", str(folder / PROJECT)])


def _clone(folder: Path) -> int:
    from promptvc.cli.main import run

    return run(["clone", str(folder / "remote.git"), str(folder / PROJECT)])


def _only_prompts(folder: Path) -> None:
    root = folder / PROJECT
    subprocess.run(["rm", "-r", str(root)], check=True)
    write(root, "prompts/a.md", "a\n")
    write(root, "examples/small.csv", "id,word\n1,w\n")


def _only_remote(folder: Path) -> None:
    _shared(folder)
    subprocess.run(["rm", "-r", str(folder / PROJECT)], check=True)


def _garbage(folder: Path) -> None:
    """Several packs, and commits that nothing leads to but reflogs."""
    root = folder / PROJECT
    done(root, "switch", "-c", "gone")
    for n in range(3):
        edit(root, "prompts/a.md", f"line {n + 8} of a", f"line {n + 8} of gone")
        done(root, "commit", "-m", f"gone {n}")
    done(root, "switch", "main")
    done(root, "branch", "-f", "-d", "gone")


_REMOTE = ("config", "--remove-section", "remote.origin")


def _forgotten(*words: str) -> Callable[[Path], None]:
    """A part of forgetting a remote: its refs go, then its settings."""

    def forget(folder: Path) -> None:
        store = f"--git-dir={folder / PROJECT / '.promptvc'}"
        subprocess.run(["git", store, "update-ref", "-d", "refs/remotes/origin/main"], check=True)
        subprocess.run(["git", store, *words], check=True)

    return forget


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("commit", cli("commit", "-m", "done"), _edited),
        Operation("commit one file", cli("commit", "prompts/a.md", "-m", "done"), _edited),
        Operation("switch", cli("switch", "feature")),
        Operation(
            "switch -c",
            cli("switch", "-c", "topic", "feature"),
            stages=(_command("branch", "topic", "feature"),),
        ),
        Operation("restore", cli("restore", "-f", "."), _edited),
        Operation("merge", cli("merge", "feature")),
        Operation("merge, fast-forward", cli("merge", "ahead")),
        Operation("merge, conflicts", cli("merge", "clash")),
        Operation("merge --into", cli("merge", "feature", "--into", "ahead")),
        Operation("merge as values", _merge_values),
        Operation("resolve", cli("resolve", ".", "--take", "theirs"), _command("merge", "clash", code=1)),
        Operation(
            "merge, concluded",
            cli("commit", "-m", "merged"),
            _prepared(_command("merge", "clash", code=1), _command("resolve", ".", "--take", "theirs")),
        ),
        Operation("merge --abort", cli("merge", "--abort"), _command("merge", "clash", code=1)),
        Operation("cherry-pick", cli("cherry-pick", "feature")),
        Operation("revert", cli("revert", "HEAD"), _prepared(_command("merge", "ahead"))),
        Operation(
            "pull, fast-forward", cli("pull"), _prepared(_shared, _colleague), stages=(_command("fetch"),)
        ),
        Operation(
            "pull, merge",
            cli("pull"),
            _prepared(_shared, _colleague, _own_commit),
            stages=(_command("fetch"),),
        ),
        Operation("fetch", cli("fetch"), _prepared(_shared, _colleague)),
        Operation(
            "push",
            cli("push"),
            _prepared(_shared, _own_commit),
            stages=(lambda folder: _push_by_git(folder),),
        ),
        Operation("gc", cli("gc"), _garbage),
        Operation("gc --prune now", cli("gc", "--prune", "now"), _garbage),
        Operation("forget", cli("forget", "examples/large.jsonl", "--key", "r2500", "--yes"), _garbage),
        Operation("forget a file", cli("forget", "prompts/b.md", "--yes")),
        Operation("undo of a merge", cli("undo"), _command("merge", "feature")),
        Operation("undo of a switch", cli("undo"), _command("switch", "feature")),
        Operation("undo of a commit", cli("undo"), _prepared(_edited, _command("commit", "-m", "done"))),
        Operation("redo", cli("undo"), _prepared(_command("merge", "feature"), _command("undo"))),
        Operation("run", cli("run", "--jobs", "1"), calls=True),
        Operation(
            "record",
            cli("record", "mini", "--from", "results.jsonl", "--example-key", "id", "--output", "answer"),
            _results,
        ),
        Operation("transaction here", _transaction("main")),
        Operation("transaction elsewhere", _transaction("ahead")),
        Operation("branch", cli("branch", "topic", "feature")),
        Operation("branch -d", cli("branch", "-f", "-d", "feature")),
        Operation(
            "branch -m",
            cli("branch", "-m", "feature", "renamed"),
            stages=(_command("branch", "renamed", "feature"),),
        ),
        Operation("tag", cli("tag", "v1")),
        Operation("tag -m", cli("tag", "v1", "-m", "first")),
        Operation("remote add", cli("remote", "add", "other", "https://example.org/x.git")),
        Operation(
            "remote remove",
            cli("remote", "remove", "origin"),
            _shared,
            stages=(_forgotten("update-ref", "-d", "refs/remotes/origin/main"), _forgotten(*_REMOTE)),
        ),
        Operation("config", cli("config", "user.name", "Somebody")),
        Operation("init", _init, _only_prompts, fresh=True),
        Operation("clone", _clone, _only_remote, fresh=True),
    )
}


def _push_by_git(folder: Path) -> None:
    """The remote has it, and nothing here tells."""
    words = [
        "git",
        f"--git-dir={folder / PROJECT / '.promptvc'}",
        "push",
        "-q",
        str(folder / "remote.git"),
        "main",
    ]
    subprocess.run(words, check=True, capture_output=True)


# --- small things --------------------------------------------------------------------------------------------------


def write(root: Path, path: str, text: str) -> None:
    """Write a file below a folder."""
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def edit(root: Path, path: str, old: str, new: str) -> None:
    """Replace what a file has once."""
    text = (root / path).read_text()
    assert text.count(old) >= 1, (path, old)
    (root / path).write_text(text.replace(old, new, 1))


def done(root: Path, *words: str, code: int = 0) -> None:
    """Run a command that ends with this exit code."""
    said = pvc(root, *words)
    assert said.code == code, (words, said)


def calls_made() -> int:
    """How often the provider was asked."""
    path = Path(os.environ[CALLS])
    return path.stat().st_size if path.exists() else 0
