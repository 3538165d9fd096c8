"""Revisions from the reflog: what lies beyond it is an error that says how far it goes."""

from __future__ import annotations

import re

import pytest

from promptvc.errors import UnknownRevision
from promptvc.ids import ObjectId, RefName
from promptvc.repo import Repo
from promptvc.storage.objects import Signature
from tests.drawing import draw

MAIN = RefName.branch("main")
START = 1_700_000_000


@pytest.fixture
def drawn(repo: Repo) -> dict[str, ObjectId]:
    """Three commits, to which main came one after the other, an hour apart."""
    made = draw(repo, "a──b──c   other")
    before = None
    for number, name in enumerate("abc"):
        who = Signature("Me", "me@example.com", START + 3600 * number)
        repo.parts.refs.move(MAIN, before, made[name], who, name)
        before = made[name]
    return made


def test_a_time_within_the_log_is_found(repo: Repo, drawn: dict[str, ObjectId]) -> None:
    for name, time in (("a", START), ("a", START + 3599), ("b", START + 3600), ("c", START + 9999)):
        assert repo.parts.revisions.resolve(f"main@{{{_text(time)}}}") == drawn[name]


def test_a_time_before_the_log_is_an_error_with_the_oldest_time(
    repo: Repo, drawn: dict[str, ObjectId]
) -> None:
    with pytest.raises(UnknownRevision, match="the log of main begins at ") as caught:
        repo.parts.revisions.resolve(f"main@{{{_text(START - 1)}}}")
    oldest = re.search(r"main@\{[^}]+\}", caught.value.hint or "")
    assert oldest is not None
    assert repo.parts.revisions.resolve(oldest[0]) == drawn["a"]


@pytest.mark.usefixtures("drawn")
@pytest.mark.parametrize("number", [3, 4, 99])
def test_a_number_beyond_the_log_is_an_error_that_says_how_many_there_are(repo: Repo, number: int) -> None:
    with pytest.raises(UnknownRevision, match="the log of main has 3 entries") as caught:
        repo.parts.revisions.resolve(f"main@{{{number}}}")
    assert "main@{2}" in (caught.value.hint or "")


def test_the_value_before_the_oldest_entry_counts_as_git_counts_it(
    repo: Repo, drawn: dict[str, ObjectId]
) -> None:
    log = repo.path / "logs/refs/heads/main"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[1:]))
    assert repo.parts.revisions.resolve("main@{2}") == drawn["a"]
    with pytest.raises(UnknownRevision, match="the log of main has 2 entries"):
        repo.parts.revisions.resolve("main@{3}")


@pytest.mark.parametrize("text", ["v1@{1}", "v1@{yesterday}"])
def test_a_ref_without_a_log_says_so(repo: Repo, drawn: dict[str, ObjectId], text: str) -> None:
    repo.parts.refs.move(RefName.tag("v1"), None, drawn["a"], repo.parts.who(), "tag")
    with pytest.raises(UnknownRevision, match="there is no log of v1"):
        repo.parts.revisions.resolve(text)


def _text(time: int) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(time).isoformat(sep=" ")
