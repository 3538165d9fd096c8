"""What a command reads, it reads once: promptvc.toml, the working tree, the files of a commit."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from promptvc.cli.main import main
from promptvc.repo import Repo
from promptvc.session.files import contents, project, worktree

SETTINGS = """
[tables."examples/t.jsonl"]
key = ["id"]

[runs.mini]
prompt = "prompts/a.md"
examples = "examples/t.jsonl"
provider = "openai"
model = "mini"
"""
READERS = ((tomllib, "loads", "settings"), (worktree, "scan", "tree"), (contents, "load_files", "commit"))


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each was read."""
    found: Counter[str] = Counter()

    def counted(module: Any, name: str, word: str) -> None:
        original = getattr(module, name)

        def call(*args: Any) -> Any:
            found[word] += 1
            return original(*args)

        monkeypatch.setattr(module, name, call)

    for reader in READERS:
        counted(*reader)
    return found


@pytest.fixture
def root(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a run, a branch ``feature`` that goes another way, and a change that is not committed."""
    assert repo.root is not None
    monkeypatch.chdir(repo.root)
    write(repo.root, settings=SETTINGS, prompt="one\n", rows='{"id": 1}\n{"id": 2}\n')
    repo.commit("base")
    run("switch", "-c", "feature")
    write(repo.root, prompt="theirs\n")
    run("commit", "-m", "theirs")
    run("switch", "main")
    write(repo.root, rows='{"id": 1, "a": 1}\n{"id": 2}\n')
    return repo.root


def write(root: Path, settings: str = "", prompt: str = "", rows: str = "") -> None:
    for name, text in (("promptvc.toml", settings), ("prompts/a.md", prompt), ("examples/t.jsonl", rows)):
        if text:
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(text)


def run(*words: str) -> None:
    with pytest.raises(SystemExit) as done:
        main([*words])
    assert not done.value.code


def run_counted(counts: Counter[str], *words: str) -> Counter[str]:
    """How often a command reads each, begun as a process begins: with nothing known."""
    project.read_project.cache_clear()
    counts.clear()
    run(*words)
    return counts


@pytest.mark.parametrize("command", ["status", "diff", "commit -m two", "commit -m two examples"])
def test_a_command_reads_each_once(root: Path, counts: Counter[str], command: str) -> None:
    found = run_counted(counts, *command.split())
    is_part = command.endswith("examples")  # then the working tree is looked at again for stale runs
    assert found == {"settings": 1, "tree": 1 + is_part, "commit": 1}


def test_a_switch_reads_both_sides_once(root: Path, counts: Counter[str]) -> None:
    run("commit", "-m", "ours")
    assert run_counted(counts, "switch", "feature") == {"settings": 1, "tree": 1, "commit": 2}


def test_a_merge_reads_each_version_once(root: Path, counts: Counter[str]) -> None:
    run("commit", "-m", "ours")
    assert run_counted(counts, "merge", "feature") == {"settings": 1, "tree": 1, "commit": 3}


def test_an_open_repository_sees_what_changes_between_calls(repo: Repo) -> None:
    assert repo.root is not None
    write(repo.root, settings="# nothing yet\n", prompt="one\n", rows='{"id": 1}\n')
    repo.commit("one")
    assert repo.status().clean
    write(repo.root, prompt="two, longer\n")
    assert [change.path for change in repo.status().changes] == ["prompts/a.md"]
    write(repo.root, settings='[track]\nexclude = ["prompts/**"]\n')
    assert [change.status for change in repo.status().changes] == ["removed", "modified"]
    Repo(repo.root / ".promptvc", repo.root, repo.parts.surroundings).commit("by another")
    assert repo.status().clean
    assert list(repo.snapshot().files) == ["examples/t.jsonl", "promptvc.toml"]


def test_files_that_were_given_are_ones_own(repo: Repo) -> None:
    assert repo.root is not None
    write(repo.root, prompt="one\n")
    repo.commit("one")
    repo.parts.workspace.head_files().clear()
    assert "prompts/a.md" in repo.parts.workspace.head_files()
