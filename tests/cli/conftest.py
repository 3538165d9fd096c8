"""The command line, run in the test's own process on a project of its own."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from promptvc.cli.main import run
from promptvc.repo import Repo
from promptvc.surroundings import surroundings


@dataclass(frozen=True)
class Told:
    """What a command said: exit code, stdout, stderr."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        """stdout as text."""
        return self.raw.decode()

    @property
    def lines(self) -> list[str]:
        """The lines of stdout."""
        return self.out.removesuffix("\n").split("\n") if self.raw else []

    @property
    def values(self) -> list[Any]:
        """stdout as JSON Lines."""
        return [json.loads(line) for line in self.lines]


class Project:
    """A project in a temporary folder. Calling it runs a command: ``project("diff", "--json").values``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.repo = Repo.init(root, surroundings())

    def __call__(self, *arguments: object, code: int | None = 0, folder: str = "") -> Told:
        """Run a command in the project, or in a folder of it; fails the test on another exit code than expected."""
        out, err = io.BytesIO(), io.StringIO()
        stdout = io.TextIOWrapper(out, encoding="utf-8", write_through=True)
        words = ["-C", str(self.root / folder), *(str(a) for a in arguments)]
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(err):
            found = run(words)
        stdout.detach()
        told = Told(found, out.getvalue(), err.getvalue())
        assert code is None or found == code, f"{arguments}: exit code {found}\n{told.raw!r}\n{told.err}"
        return told

    def json(self, command: str, *arguments: object) -> list[Any]:
        """Run a command with ``--json``; gives its values."""
        return self(command, "--json", *arguments).values

    def write(self, path: str, content: bytes | str | list[dict[str, Any]]) -> Path:
        """Write a working file: bytes, text, or rows as JSON Lines."""
        if isinstance(content, list):
            content = "".join(json.dumps(row) + "\n" for row in content)
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def commit(self, message: str = "a change") -> str:
        """Commit everything; gives the id."""
        return self.repo.commit(message).id


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """An empty project; whatever the test wrote must verify at its end."""
    made = Project(tmp_path / "project")
    yield made
    assert made.repo.verify() == []
