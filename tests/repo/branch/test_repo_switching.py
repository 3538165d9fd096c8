"""repo.switch and repo.restore."""

from __future__ import annotations

import pytest

from promptvc.errors import PathMissing, StoreExists, UnknownRevision, Usage, WorkWouldBeLost
from promptvc.repo import Repo


@pytest.fixture
def repo(repo: Repo) -> Repo:
    write(repo, "prompts/a.md", "one\n")
    repo.commit("first")
    return repo


def write(repo: Repo, path: str, text: str) -> None:
    assert repo.root is not None
    (repo.root / path).parent.mkdir(exist_ok=True)
    (repo.root / path).write_text(text)


def read(repo: Repo, path: str) -> str:
    assert repo.root is not None
    return (repo.root / path).read_text()


def test_switch_makes_branches_and_goes_back(repo: Repo) -> None:
    done = repo.switch("side", create=True)
    assert (done.branch, done.created, done.files, repo.branch) == ("side", True, (), "side")
    write(repo, "prompts/a.md", "two\n")
    second = repo.commit("second").id
    done = repo.switch("-")
    assert (done.branch, done.files, done.created) == ("main", ("prompts/a.md",), False)
    assert read(repo, "prompts/a.md") == "one\n"
    assert repo.switch("other", create=True, at="side").head == second
    with pytest.raises(StoreExists):
        repo.switch("side", create=True)
    with pytest.raises(UnknownRevision, match="no branch 'sid'"):
        repo.switch("sid")


def test_what_would_be_lost_is_refused(repo: Repo) -> None:
    repo.switch("side", create=True)
    write(repo, "prompts/a.md", "two\n")
    repo.commit("second")
    write(repo, "prompts/a.md", "three\n")
    with pytest.raises(WorkWouldBeLost):
        repo.switch("main")
    assert repo.branch == "side"
    repo.switch("main", force=True)
    assert read(repo, "prompts/a.md") == "one\n"


def test_commits_of_a_detached_head_are_named(repo: Repo) -> None:
    assert repo.switch("main", detach=True).branch is None
    write(repo, "prompts/a.md", "two\n")
    lost = repo.commit("on no branch").id
    assert repo.switch("main").left_behind == (lost,)
    with pytest.raises(Usage):
        repo.switch("main", detach=True, create=True)


def test_restore_puts_files_back(repo: Repo) -> None:
    write(repo, "prompts/a.md", "two\n")
    write(repo, "prompts/b.md", "new\n")
    repo.commit("second")
    write(repo, "prompts/a.md", "three\n")
    with pytest.raises(WorkWouldBeLost):
        repo.restore("prompts/a.md")
    assert repo.restore("prompts/a.md", force=True).files == ("prompts/a.md",)
    assert read(repo, "prompts/a.md") == "two\n"
    done = repo.restore(["prompts"], source="HEAD~1")
    assert (done.restored, done.removed) == (("prompts/a.md",), ("prompts/b.md",))
    with pytest.raises(PathMissing):
        repo.restore("prompts/none.md")
