"""What a command may not import: libraries whose start takes longer than the command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from promptvc.repo import Surroundings
from tests.cli.shell import Shell

FORBIDDEN = {"pyarrow", "numpy", "pandas", "jinja2", "rich", "urllib3", "requests", "httpx", "ssl", "asyncio"}
_LIST = """
import atexit, sys
atexit.register(lambda: print("modules", *sys.modules, file=sys.stderr))
from promptvc.__main__ import main
main()
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shell = Shell(tmp_path_factory.mktemp("start") / "p")
    shell.run("init")
    with (shell.folder / ".promptvc" / "config").open("a") as config:
        config.write("[user]\n\tname = Me\n\temail = me@example.com\n")
    shell.write("prompts/a.txt", "Say {{ name }}\n")
    shell.write("examples/t.jsonl", '{"id": 1}\n')
    shell.run("commit", "-m", "one")
    shell.write("examples/t.jsonl", '{"id": 1}\n{"id": 2}\n')
    return shell.folder


def _modules(folder: Path, *args: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _LIST, *args], cwd=folder, capture_output=True, text=True, check=True
    )
    return set(done.stderr.rpartition("modules ")[2].split())


@pytest.mark.parametrize("command", ["status", "diff", "log", "rows examples/t.jsonl", "commit -m two"])
def test_a_common_command_imports_no_heavy_library(project: Path, command: str) -> None:
    assert not _modules(project, *command.split()) & FORBIDDEN


def test_version_imports_no_command_and_no_store(project: Path) -> None:
    found = _modules(project, "--version")
    assert not found & (FORBIDDEN | {"click", "dulwich", "msgspec", "shutil", "dataclasses"})
    assert not [name for name in found if name.startswith(("promptvc.cli.work", "promptvc.cli.look"))]


def test_status_without_declared_runs_imports_nothing_of_runs(project: Path) -> None:
    assert "promptvc.content.runs.spec" not in _modules(project, "status")


def test_the_environment_and_the_token_are_not_shown() -> None:
    shown = repr(Surroundings(environment={"KEY": "hidden-1"}, token="hidden-2", interactive=True))
    assert "hidden" not in shown
    assert "interactive=True" in shown
