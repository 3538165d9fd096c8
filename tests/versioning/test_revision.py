"""Texts that name commits, and those that cannot."""

from __future__ import annotations

import pytest

from promptvc.errors import UnknownRevision
from promptvc.repo import Repo
from promptvc.versioning.revision import parse_time


@pytest.fixture
def written(repo: Repo) -> Repo:
    assert repo.root is not None
    (repo.root / "prompts").mkdir(exist_ok=True)
    (repo.root / "prompts" / "a.md").write_text("one\n")
    repo.commit("one")
    return repo


@pytest.mark.parametrize(
    "text",
    ["\0", "main\0", "main~" + "9" * 5000, "main^" + "9" * 5000, "main@{²}", "main@{" + "9" * 5000 + "}", "\ud800",
     "../config", "refs/../HEAD", "x" * 5000, "main~²", "HEAD@{٣}"],
)  # fmt: skip
def test_a_text_that_no_ref_or_number_can_be_is_an_unknown_revision(written: Repo, text: str) -> None:
    with pytest.raises(UnknownRevision):
        written.parts.revisions.resolve(text)


def test_a_time_long_before_the_log_is_a_time() -> None:
    assert parse_time("99999999999999 days ago", 0.0) == pytest.approx(-99999999999999 * 86400)
    assert parse_time("9" * 30 + " days ago", 0.0) is None
