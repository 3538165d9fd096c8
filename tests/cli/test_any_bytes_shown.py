"""Whatever bytes are committed, the commands that look at them answer."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.conftest import Project

PATHS = [
    "examples/f.jsonl", "examples/f.csv", "examples/f.tsv", "examples/f.json", "examples/f.txt",
    "prompts/f.md", "prompts/f.j2", "prompts/f.prompty", "prompts/f.prompt", "prompts/f.yml", "prompts/f.json",
]  # fmt: skip
PIECES = [
    b'{"id": 1, "a": ', b'"x"}', b"\n", b"\r\n", b"[", b"]", b"{", b"}", b",", b'"', b"---\n", b"system:\n",
    b"{{ x }}", b"{% for", b"\xff", b"\xef\xbb\xbf", b"\0", b"\x1b[31m", b"id,a\n", b"a: &b [*b]\n", b"1e999",
    b'[{"role":"user","content":"hi"}]', b'{"a": {"b": [1, 2, {"c": null}]}}', "é漢😀\u202e".encode(), b"\\ud800",
]  # fmt: skip
CONTENT = st.lists(st.sampled_from(PIECES) | st.binary(max_size=6), max_size=14).map(b"".join)


@pytest.fixture(autouse=True)
def _tracebacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPTVC_DEBUG", "1")


@given(path=st.sampled_from(PATHS), before=CONTENT, after=CONTENT)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_look_answers(project: Project, path: str, before: bytes, after: bytes) -> None:
    project.write(path, before)
    project.repo.commit("before", allow_empty=True)
    project.write(path, after)
    for options in (["--json"], [], ["--full"], ["--stat"]):
        assert project("diff", *options).raw.count(b"\x1b") == 0
    project.repo.commit("after", allow_empty=True)
    assert project("cat", f"HEAD~1:{path}").raw == before
    assert project("cat", f"HEAD:{path}").raw == after
    for words in (["show"], ["show", f"HEAD:{path}"], ["show", "--json"], ["show", "--json", f"HEAD:{path}"]):
        assert project(*words).raw.count(b"\x1b") == 0
    kind = project.json("show", f"HEAD:{path}")[0]["kind"]
    if kind == "table":
        rows = project.json("rows", path)
        assert len(project("rows", path, "--table").lines) >= 2
        assert len(project("rows", path).lines) == len(rows)
        assert len(project.json("rows", path, "--malformed")) == sum("$malformed" in row for row in rows)
