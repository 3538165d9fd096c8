"""A store full of names that would steer a terminal, made with real git: no command that looks lets one through raw."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from promptvc.errors import TransferFailed
from promptvc.repo import Repo, Surroundings
from promptvc.repo.clone import clone_into
from tests.cli.shell import EXE, Shell

# C1 controls, a bidi override and isolate, a mark without width: what git lets into names of refs.
EVIL = "x\u009b31my\u202egnp\u2066\u200bz"
SPEAKING = "\x1b]0;owned\x07\x1b[2J\u202e"
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f]")
LOOKS = [
    ("status",),
    ("branch",),
    ("branch", "-a"),
    ("tag",),
    ("remote",),
    ("log",),
    ("log", "--graph", "--stat"),
    ("log", EVIL),
    ("log", "prompts"),
    ("show",),
    ("show", EVIL),
    ("show", "nothing" + EVIL),
    ("diff", "HEAD~1"),
    ("diff", "--stat", "HEAD~1", "HEAD"),
    ("blame", f"prompts/{SPEAKING}.md"),
    ("blame", f"examples/{EVIL}.jsonl"),
    ("rows", f"examples/{EVIL}.jsonl"),
    ("cat", f"prompts/{EVIL}{SPEAKING}"),
    ("config",),
    ("config", f"no.{SPEAKING}"),
    ("config", "trust", "--show"),
    ("fetch", "--all"),
    ("fetch", EVIL),
    ("undo", "--list"),
    ("resolve",),
    ("compare", EVIL),
    ("check",),
    ("run", "--dry-run"),
    ("run", SPEAKING),
    ("reproduce", EVIL),
    ("fsck",),
    ("switch", EVIL + SPEAKING),
    ("merge", SPEAKING),
    ("-C", f"/nowhere/{SPEAKING}", "status"),
    (SPEAKING,),
    ("log", f"--{SPEAKING}"),
]


def git(*arguments: object, **options: object) -> str:
    done = subprocess.run(
        ["git", *map(str, arguments)], check=True, capture_output=True, text=True, **options
    )  # type: ignore[call-overload]
    return str(done.stdout).strip()


@pytest.fixture
def hostile(repo: Repo) -> Shell:
    """A project whose store got, by real git, what promptvc would not write."""
    assert repo.root is not None
    shell = Shell(repo.root)
    shell.write("prompts/a.md", "one")
    shell.write(
        "promptvc.toml",
        f'[runs.mini]\nprompt = "prompts/a.md"\nexamples = "{EVIL}"\nprovider = "command:{EVIL}"\n',
    )
    repo.commit("one")
    store = repo.path
    git_dir = ("--git-dir", store)
    author = {**os.environ, "GIT_AUTHOR_NAME": f"Eve{SPEAKING}", "GIT_AUTHOR_EMAIL": f"e{EVIL}@x"}
    blob = git(*git_dir, "hash-object", "-w", "--stdin", input='{"id": 1}\n')
    lines = [f"100644 blob {blob}\tprompts/{name}" for name in (f"{SPEAKING}.md", "x\nforged line", EVIL)]
    lines.append(f"100644 blob {blob}\texamples/{EVIL}.jsonl")
    index = {**author, "GIT_INDEX_FILE": str(store / "index-of-test")}
    git(*git_dir, "read-tree", "HEAD", env=index)
    for line in lines:
        mode, _, rest = line.split(" ", 2)
        id, path = rest.split("\t", 1)
        git(*git_dir, "update-index", "--add", "--cacheinfo", mode, id, path, env=index)
    tree = git(*git_dir, "write-tree", env=index)
    message = f"subject {SPEAKING}\n\nbody {SPEAKING}"
    commit = git(*git_dir, "commit-tree", tree, "-p", "HEAD", "-m", message, env=author)
    for ref in (f"heads/{EVIL}", f"tags/{EVIL}", f"remotes/{EVIL}/{EVIL}", "heads/main"):
        git(*git_dir, "update-ref", f"refs/{ref}", commit)
    git(
        *git_dir,
        "tag",
        "-a",
        "-m",
        SPEAKING,
        f"annotated{EVIL}",
        commit,
        env={**author, "GIT_COMMITTER_NAME": SPEAKING},
    )
    git(*git_dir, "config", f"remote.{EVIL}.url", f"https://{EVIL}.invalid/{EVIL}")
    git(*git_dir, "config", "branch.main.remote", EVIL)
    git(*git_dir, "config", "branch.main.merge", f"refs/heads/{EVIL}")
    (store / "index-of-test").unlink()
    return shell


@pytest.mark.parametrize("color", ["never", "always"])
def test_no_command_that_looks_prints_a_raw_control_or_bidi_character(hostile: Shell, color: str) -> None:
    for words in LOOKS:
        done = subprocess.run(
            [*EXE, "--color", color, *words],
            cwd=hostile.folder, capture_output=True, check=False, timeout=60, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if words[0] == "cat" and done.returncode == 0:
            continue
        for stream in (done.stdout, done.stderr):
            said = stream.decode("utf-8")
            said = re.sub(r"\x1b\[[0-9;]{1,12}m", "", said) if color == "always" else said
            found = RAW.search(said)
            assert found is None, (words, found, said[:600])
            assert not any(line.startswith("forged line") for line in said.split("\n")), (words, said)
            if color == "always":
                assert "\x1b[2J" not in said
        assert b"Traceback" not in done.stderr, (words, done.stderr)
        assert b"internal error" not in done.stderr, (words, done.stderr)


def test_colours_of_a_name_are_no_colours_of_ours(hostile: Shell) -> None:
    store = ("--git-dir", hostile.folder / ".promptvc")
    commit = git(*store, "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "a \x1b[31mred\x1b[0m subject")
    git(*store, "update-ref", "refs/heads/main", commit)
    said = hostile.run("--color", "always", "log", "-n", "1").stdout
    assert "\x1b[" in said
    assert "a \\x1b[31mred\\x1b[0m subject" in said


# --- names that no commit takes -----------------------------------------------------------------------------


def store_with(folder: Path, *names: str) -> Path:
    """A bare store, made by git on top of one commit of promptvc, with files of these names."""
    shell = Shell(folder / "made")
    shell.run("init")
    shell.write("prompts/a.md", "one")
    shell.run("commit", "-m", "one")
    store = shell.folder / ".promptvc"
    blob = git("--git-dir", store, "hash-object", "-w", "--stdin", input="data")
    inner = "".join(f"100644 blob {blob}\t{name}\0" for name in sorted(names))
    below = git("--git-dir", store, "mktree", "-z", input=inner)
    tree = git("--git-dir", store, "mktree", input=f"040000 tree {below}\tprompts")
    commit = git("--git-dir", store, "commit-tree", tree, "-p", "HEAD", "-m", "names")
    git("--git-dir", store, "update-ref", "refs/heads/main", commit)
    return store


NEVER = ["a\x1b[31m", "a\nb", "a\x7f", "a\u009bb", "a\u202eb"]
RESERVED = ["git~1", "GIT~1", "PROMPT~1", ".g\u200cit", ".git ", ".Git.", ".git:x"]


@pytest.mark.parametrize("name", NEVER + RESERVED)
def test_a_name_that_no_commit_takes_is_refused_when_it_comes(
    tmp_path: Path, world: Surroundings, name: str
) -> None:
    with pytest.raises(TransferFailed, match="a file named"):
        clone_into(str(store_with(tmp_path, name)), tmp_path / "cloned", world)
    assert not (tmp_path / "cloned").exists()
    made = Shell(tmp_path / "mine")
    made.run("init")
    made.write(f"prompts/{name}", "mine")
    refused = made.run("commit", "-m", "x", code=2).stderr
    assert ("has a control character" if name in NEVER else "uses a name that the store reserves") in refused


@pytest.mark.parametrize(
    ("names", "warning"),
    [
        (("a\\b",), "Windows cannot hold a name with one of"),
        (("nul.md",), "Windows reserves this name"),
        (("Name.md", "name.md"), "only in upper and lower case"),
        (("caf\u00e9.md", "cafe\u0301.md"), "only in how its accents are written"),
    ],
)
def test_a_name_that_some_systems_cannot_hold_is_warned_of_and_commits_go_on(
    tmp_path: Path, names: tuple[str, ...], warning: str
) -> None:
    store = store_with(tmp_path, *names)
    shell = Shell(tmp_path / "work")
    done = shell.run("clone", str(store), "copy")
    assert done.stderr.count("warning: ") == 1
    assert warning in done.stderr
    copy = Shell(tmp_path / "work" / "copy")
    assert "clean" in copy.out("status") or copy.json("status")
    copy.write("prompts/b.md", "more")
    assert "warning" not in copy.run("commit", "-m", "more").stderr
