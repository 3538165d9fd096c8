"""``promptvc cat``: bytes in, bytes out."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.conftest import Project


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no line end",
        b"\xef\xbb\xbf{\"a\": 1}\r\n\r\nnot json\r\n{\"a\": \"\xff\xfe\"}",
        b"\0\x1b[31m\n",
        b"".join(b'{"id": %d, "text": "%s"}\n' % (n, b"x" * 300) for n in range(2000)),
    ],
    ids=["empty", "no line end", "CRLF, BOM, bad UTF-8", "binary", "a rope"],
)  # fmt: skip
def test_the_bytes_are_those_that_were_committed(project: Project, content: bytes) -> None:
    project.write("examples/f.jsonl", content)
    project.commit()
    project.write("examples/f.jsonl", b"other")
    assert project("cat", "HEAD:examples/f.jsonl").raw == content
    assert project("cat", "examples/f.jsonl").raw == content
    assert project("cat", "f.jsonl", folder="examples").raw == content


@given(content=st.binary(max_size=200))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_come_back(project: Project, content: bytes) -> None:
    project.write("prompts/p.md", content)
    project.repo.commit("p", allow_empty=True)
    assert project("cat", "main:prompts/p.md").raw == content


def test_several_files_follow_one_another(project: Project) -> None:
    for name in "ab":
        project.write(f"prompts/{name}.md", name)
    project.commit()
    project.write("prompts/a.md", "A")
    project.commit()
    assert project("cat", "HEAD:prompts/a.md", "HEAD~1:prompts/a.md", "prompts/b.md").raw == b"Aab"


def test_a_colon_in_a_name_is_no_revision(project: Project) -> None:
    project.write("prompts/a:b.md", "x")
    project.commit()
    assert project("cat", "prompts/a:b.md").raw == b"x"
    assert project("cat", "HEAD:prompts/a:b.md").raw == b"x"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("HEAD:prompts", "prompts is a folder"),
        ("prompts", "prompts is a folder"),
        ("HEAD:no.md", "no.md is not in"),
        ("no.md", "no.md is not in"),
        (":prompts/a.md", "names no revision"),
        ("nosuch:prompts/a.md", "unknown revision 'nosuch'"),
        ("HEAD~5:prompts/a.md", "unknown revision 'HEAD~5'"),
    ],
)
def test_what_is_no_file_is_refused(project: Project, word: str, message: str) -> None:
    project.write("prompts/a.md", "x")
    project.commit()
    told = project("cat", word, code=2)
    assert message in told.err
    assert told.raw == b""
