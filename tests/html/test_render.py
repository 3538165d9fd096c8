"""Templates: all are there, each is used, and jinja2 is imported for nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import promptvc
from promptvc.html.render import render, shown

PACKAGE = Path(promptvc.__file__).parent
TEMPLATES = sorted(path.name for path in (PACKAGE / "html" / "templates").iterdir())


def test_every_template_is_used_and_every_used_one_is_there() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    used = set(re.findall(r'render\(\s*"([\w.]+)"', code))
    assert used | {"parts.html"} == set(TEMPLATES)


def test_no_template_marks_text_as_safe_but_the_page_with_its_own_script() -> None:
    for name in TEMPLATES:
        text = (PACKAGE / "html" / "templates" / name).read_text(encoding="utf-8")
        assert name == "page.html" or "safe" not in text
        assert "autoescape" not in text


def test_no_module_builds_html_by_hand() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"</?(table|tr|td|th|div|pre)[ >]", text), path
        assert "from html import escape" not in text, path


def test_jinja_is_imported_only_where_html_is_asked_for(tmp_path: Path) -> None:
    code = (
        "import sys, promptvc; repo = promptvc.init('.'); snap = repo.status(); repr(snap)\n"
        "import promptvc.session.workspace.comparison, promptvc.content.table.view, promptvc.runs.compare.compare\n"
        "print('jinja2' in sys.modules)\n"
        "snap._repr_html_(); print('jinja2' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == "False\nTrue\n"


def test_everything_is_escaped_and_can_be_written() -> None:
    html = render("table.html", caption="<b>&\ud800", names=["<i>"], rows=[["\"'"]], rest=1)
    assert "&lt;b&gt;&amp;?" in html
    assert "<i>" not in html
    html.encode()


def test_values_are_shown_as_text() -> None:
    assert shown("text") == "text"
    assert shown({"a": [1, None]}) == '{"a": [1, null]}'
    assert shown("x" * 200) == "x" * 119 + "…"
    assert len(shown(["x" * 200])) == 120
