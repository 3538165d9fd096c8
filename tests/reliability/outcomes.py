"""What an attack on a store came to, the seed it was drawn from, and the command line it goes through."""

from __future__ import annotations

import contextlib
import io
import os
import random
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from promptvc.cli.main import run
from promptvc.repo import Repo
from promptvc.surroundings import surroundings
from tests.reliability.counts import SEED_NAME, Outcome


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said: exit code, stdout, stderr."""

    code: int
    out: str
    err: str


def drawn_seed() -> int:
    """The seed of this run, printed so that it can be given again: PROMPTVC_TEST_SEED."""
    seed = int(os.environ.get(SEED_NAME) or random.SystemRandom().randrange(1 << 32))
    print(f"{SEED_NAME}={seed}")
    return seed


def check_all(outcomes: Iterator[Outcome], least: int) -> list[Outcome]:
    """Let every attack be made, then fail with all that did not hold; ``least`` attacks must have been made."""
    made = list(outcomes)
    failed = [outcome for outcome in made if not outcome.ok]
    text = "\n".join(f"{each.kind} {each.name}: {each.message}" for each in failed)
    assert not failed, f"{len(failed)} of {len(made)}:\n{text}"
    assert len(made) >= least, f"only {len(made)} attacks were made"
    return made


@contextlib.contextmanager
def own_world(folder: Path) -> Iterator[dict[str, str]]:
    """The environment of this process without the user's settings, and the one for git; the old one comes back."""
    before = dict(os.environ)
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    (home / "gitconfig").write_text(
        "[init]\n\tdefaultBranch = main\n[safe]\n\tdirectory = *\n[protocol]\n\tallow = always\n"
        "[gc]\n\tauto = 0\n[receive]\n\tautogc = false\n"
    )
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        del os.environ[name]
    os.environ.update(
        HOME=str(home),
        GIT_CONFIG_GLOBAL=str(home / "gitconfig"),
        GIT_CONFIG_NOSYSTEM="1",
        GIT_TERMINAL_PROMPT="0",
        LC_ALL="C.UTF-8",
        PROMPTVC_CACHE=str(home / "cache"),
    )
    os.environ.pop("PROMPTVC_DEBUG", None)
    for who in ("AUTHOR", "COMMITTER"):
        os.environ.update(
            {
                f"GIT_{who}_NAME": "Me",
                f"GIT_{who}_EMAIL": "me@example.com",
                f"GIT_{who}_DATE": "1700000000 +0000",
            }
        )
    try:
        yield dict(os.environ)
    finally:
        os.environ.clear()
        os.environ.update(before)


def promptvc(folder: Path, *words: str) -> Said:
    """Run a command in this process."""
    out, err = io.BytesIO(), io.BytesIO()
    stdout, stderr = (io.TextIOWrapper(raw, encoding="utf-8", write_through=True) for raw in (out, err))
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = run(["-C", str(folder), *words])
    return Said(code, out.getvalue().decode("utf-8", "replace"), err.getvalue().decode("utf-8", "replace"))


def not_clear(said: Said, codes: Sequence[int] = (0, 3)) -> str:
    """What is wrong with an answer: a code that is not expected, a traceback, or a refusal that is not one line."""
    words = said.out + said.err
    if said.code not in codes:
        return f"exit code {said.code}: {words!r}"
    if "Traceback" in words or "internal error" in words:
        return f"not a clear answer: {words!r}"
    errors = [line for line in said.err.splitlines() if line.startswith("error: ")]
    if said.code == 3 and (len(errors) != 1 or "\nhint: " not in "\n" + said.err):
        return f"a refusal without one line and a hint: {said.err!r}"
    return ""


def damage(root: Path, environment: Mapping[str, str]) -> str:
    """What promptvc and git find wrong with a project's store; empty where nothing is."""
    problems = Repo.open(root, surroundings()).verify()
    if problems:
        return f"fsck: {problems}"
    return git_damage(root / ".promptvc", environment)


def git_damage(store: Path, environment: Mapping[str, str]) -> str:
    """What git finds wrong with a repository; empty where nothing is."""
    done = subprocess.run(
        ["git", f"--git-dir={store}", "fsck", "--strict", "--full", "--no-dangling"],
        capture_output=True,
        text=True,
        env=dict(environment),
        check=False,
    )
    words = done.stdout + done.stderr
    return f"git fsck: {words}" if done.returncode or "error" in words else ""


def refs_of(store: Path) -> dict[str, str]:
    """Every ref of a repository and HEAD, read as files by nobody's code but this."""
    found: dict[str, str] = {}
    with contextlib.suppress(FileNotFoundError):
        for line in (store / "packed-refs").read_text().splitlines():
            if line[:1] not in ("#", "^", ""):
                id, _, name = line.partition(" ")
                found[name] = id
    for path in (store / "refs").rglob("*"):
        if path.is_file() and path.suffix != ".lock":
            found[path.relative_to(store).as_posix()] = path.read_text().strip()
    found["HEAD"] = (store / "HEAD").read_text().strip()
    return {name: id for name, id in found.items() if not name.startswith("refs/promptvc/")}


def files_of(root: Path) -> dict[str, bytes]:
    """The working files of a project."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".promptvc" not in path.parts
    }
