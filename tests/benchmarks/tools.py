"""The programs that are measured, and the commands with which each does the same work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

STEPS = ("first", "status", "edit", "diff")
"""In this order: commit the base, ask for changes when there are none, commit 100 edited rows, compare the two."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A program's commands by step. ``file`` is the data in the working copy, ``cache`` what can be derived again.

    ``check`` fails unless ``diff`` found the 100 edited rows; ``restore`` writes the first version to stdout.
    """

    name: str
    setup: str
    steps: Mapping[str, str]
    file: str = "data.jsonl"
    cache: str | None = None
    check: str = "true"
    restore: str | None = None


def git_tool() -> Tool:
    """C git, as it comes."""
    commit = "git add data.jsonl && git commit -qm"
    return Tool(
        "git",
        "git init -q -b main .",
        {
            "first": f"{commit} v1",
            "status": "git status --porcelain",
            "edit": f"{commit} v2",
            "diff": "git diff HEAD~1 HEAD >../git.diff",
        },
        check="test $(grep -c '^+{' ../git.diff) = 100",
        restore="git show HEAD~1:data.jsonl",
    )


def dvc_tool(program: Path) -> Tool:
    """DVC with git beside it. Its ``diff`` knows files, not rows, so that step is left out."""
    dvc = quote(str(program))
    commit = f"{dvc} add -q data.jsonl && git add data.jsonl.dvc .gitignore && git commit -qm"
    return Tool(
        "dvc",
        f"git init -q -b main . && {dvc} init -q && {dvc} config -q core.analytics false"
        f" && {dvc} config -q core.check_update false && git add -A . && git commit -qm init",
        {"first": f"{commit} v1", "status": f"{dvc} status -q", "edit": f"{commit} v2"},
        cache=".dvc/tmp",
    )


def promptvc_tool(program: Path) -> Tool:
    """The program of this project."""
    promptvc = quote(str(program))
    return Tool(
        "promptvc",
        f"{promptvc} init",
        {
            "first": f"{promptvc} commit -m v1",
            "status": f"{promptvc} status",
            "edit": f"{promptvc} commit -m v2",
            "diff": f"{promptvc} diff HEAD~1 HEAD >../promptvc.diff",
        },
        file="examples/data.jsonl",
        cache=".promptvc/promptvc",
        check=f"{promptvc} diff --json HEAD~1 HEAD | tail -1 | grep -q '\"changed\": *100'",
        restore=f"{promptvc} cat HEAD~1:examples/data.jsonl",
    )
