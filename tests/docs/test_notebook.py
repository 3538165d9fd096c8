"""The notebook of the documentation runs from top to bottom, and shows what it should."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.examples import ROOT
from tests.html.elements import Elements

NOTEBOOK = ROOT / "docs" / "morning.ipynb"


def cells() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return found


def run_with_a_kernel(folder: Path) -> Iterator[str]:
    """The text, or the HTML where there is some, of every output."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            yield data.get("text/html") or data.get("text/plain") or output.get("text", "")


def run_without_a_kernel() -> Iterator[str]:
    """The same where nbclient is not installed, but for what is printed."""
    names: dict[str, Any] = {}
    for cell in cells():
        if cell["cell_type"] == "code":
            tree = ast.parse("".join(cell["source"]))
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, NOTEBOOK.name, "exec"), names)
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), NOTEBOOK.name, "eval"), names)
                yield value._repr_html_() if hasattr(value, "_repr_html_") else repr(value)


def has_a_kernel() -> bool:
    try:
        import ipykernel  # noqa: F401
        import nbclient  # noqa: F401
    except ImportError:
        return False
    return True


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    shown = list(run_with_a_kernel(tmp_path) if has_a_kernel() else run_without_a_kernel())
    text = "\n".join(Elements(output).text if output.startswith("<") else output for output in shown)
    for words in (
        "On main, no commits yet",
        "Prompt prompts/triage.prompt: 2 messages",
        "(24, 0)",
        "exact 0.792 → 0.875, fixed 4, broken 2",
        'undo: transaction "Three tickets of this morning"',
        "Merged ",
        "(27, 24, 3)",
        "3 only new",
        "[])",
    ):
        assert words in text
    marked = [mark for output in shown if output.startswith("<") for mark in Elements(output).marked["ins"]]
    assert any("Money that should come back is a refund." in mark for mark in marked)


def test_the_notebook_is_kept_without_outputs() -> None:
    for cell in cells():
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


def test_the_notebook_uses_the_public_api_alone() -> None:
    for cell in cells():
        if cell["cell_type"] == "code":
            for node in ast.walk(ast.parse("".join(cell["source"]))):
                if isinstance(node, ast.ImportFrom):
                    assert not (node.module or "").startswith("promptvc")
                if isinstance(node, ast.Import):
                    assert not any(alias.name.startswith("promptvc.") for alias in node.names)
