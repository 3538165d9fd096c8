"""`python -m promptvc` in a project imports nothing of the project."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SHADOWS = [
    "typing", "signal", "click", "yaml", "jinja2", "json", "tomllib", "dulwich", "msgspec", "orjson", "pyarrow", "rich",
    "xxhash", "xxh", "gc", "shlex", "difflib", "inspect", "readline", "numpy", "pathspec", "platformdirs", "tenacity",
]  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    place = tmp_path / "project"
    place.mkdir()
    for name in SHADOWS:
        (place / f"{name}.py").write_text(f"open('ran-{name}', 'w').close()\nraise SystemExit('{name}')\n")
    return place


@pytest.fixture
def python(tmp_path: Path) -> str:
    """A Python in which promptvc is installed as its wheel would be: beside it the file that makes it come first."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    site = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    (site / "a-paths.pth").write_text(f"{ROOT}\n{sysconfig.get_path('purelib')}\n")
    (site / "promptvc.pth").write_text((ROOT / "packaging" / "promptvc.pth").read_text())
    (site / "a-more.pth").write_text(
        "".join(f"{each}\n" for each in sys.path if each.endswith("site-packages"))
    )
    return str(tmp_path / "venv" / "bin" / "python")


def ran(project: Path) -> list[str]:
    return sorted(path.name for path in project.glob("ran-*"))


@pytest.mark.parametrize("words", [["--version"], ["init"], ["log", "--help"], ["run"]])
def test_modules_of_the_project_pass_for_nothing_that_is_installed(project: Path, words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "promptvc", *words], cwd=project, capture_output=True, text=True, check=False
    )
    assert ran(project) == [], done.stderr
    assert done.returncode in (0, 3), done.stderr


def test_an_installed_promptvc_comes_before_that_of_the_project(project: Path, python: str) -> None:
    for name in ("promptvc", "runpy", "pkgutil"):
        (project / f"{name}.py").write_text(f"open('ran-{name}', 'w').close()\n")
    for words in (
        ["-m", "promptvc", "--version"],
        ["-m", "promptvc", "init"],
        ["-B", "-m", "promptvc", "status"],
    ):
        done = subprocess.run([python, *words], cwd=project, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (words, done.stderr)
        assert ran(project) == []
    assert subprocess.run([python, "-c", "import sys; print('promptvc' in sys.modules)"], cwd=project,
                          capture_output=True, text=True, check=True).stdout == "False\n"  # fmt: skip


def test_without_it_python_can_be_told_so(project: Path) -> None:
    """Where promptvc is not installed as a wheel, -P keeps the folder out, as docs/security.md says."""
    (project / "promptvc.py").write_text("open('ran-promptvc', 'w').close()\n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "promptvc", "init"], cwd=project, capture_output=True, check=False
    )
    assert done.returncode == 0
    assert ran(project) == []
