"""repo.branches and repo.tags: listed, made, moved, deleted."""

from __future__ import annotations

import pytest

from promptvc.errors import InvalidName, Refused, StoreExists, UnknownRevision
from promptvc.ids import ObjectId
from promptvc.repo import Repo
from tests.drawing import draw


@pytest.fixture
def ids(repo: Repo) -> dict[str, ObjectId]:
    return draw(
        repo,
        """
        a──b──c   main
        └─d       side
        """,
    )


def test_there_is_none_before_the_first_commit(repo: Repo) -> None:
    assert (list(repo.branches), len(repo.branches), repo.branches.current) == ([], 0, None)
    assert "main" not in repo.branches


def test_branches_are_values(repo: Repo, ids: dict[str, ObjectId]) -> None:
    branches = repo.branches
    assert [(branch.name, branch.id, branch.is_current) for branch in branches] == [
        ("main", ids["c"], True),
        ("side", ids["d"], False),
    ]
    assert (len(branches), "side" in branches, "none" in branches) == (2, True, False)
    assert branches["side"].id == ids["d"]
    assert branches.current == branches["main"]
    assert (branches["main"].upstream, branches["main"].ahead, branches["main"].behind) == (None, None, None)
    assert repr(branches) == "Branches *main, side"
    with pytest.raises(UnknownRevision):
        branches["none"]


def test_create_and_force(repo: Repo, ids: dict[str, ObjectId]) -> None:
    assert repo.branches.create("new").id == ids["c"]
    assert repo.branches.create("old", "main~2").id == ids["a"]
    with pytest.raises(StoreExists):
        repo.branches.create("new")
    assert repo.branches.create("new", "side", force=True).id == ids["d"]
    with pytest.raises(Refused, match="current branch"):
        repo.branches.create("main", "side", force=True)
    with pytest.raises(InvalidName):
        repo.branches.create("a..b")


def test_a_branch_that_is_not_merged_is_kept(repo: Repo, ids: dict[str, ObjectId]) -> None:
    with pytest.raises(Refused, match="nowhere else"):
        repo.branches.delete("side")
    assert repo.branches.delete("side", force=True).id == ids["d"]
    repo.branches.create("merged", "main~1")
    repo.branches.delete("merged")
    assert [branch.name for branch in repo.branches] == ["main"]
    with pytest.raises(Refused, match="current branch"):
        repo.branches.delete("main", force=True)
    with pytest.raises(UnknownRevision):
        repo.branches.delete("merged")


def test_move_takes_head_along(repo: Repo, ids: dict[str, ObjectId]) -> None:
    assert repo.branches.move("main", "trunk").is_current
    assert repo.branch == "trunk"
    with pytest.raises(StoreExists):
        repo.branches.move("trunk", "side")
    repo.undo()
    assert repo.branch == "main"
    assert repo.branches["main"].id == ids["c"]


def test_tags(repo: Repo, ids: dict[str, ObjectId]) -> None:
    tags = repo.tags
    plain, told = tags.create("v1"), tags.create("v2", "side", "Second\n")
    assert (plain.id, plain.object, plain.message) == (ids["c"], ids["c"], None)
    assert told.id == ids["d"] != told.object
    assert told == tags["v2"]
    assert (list(tags), len(tags), "v1" in tags, "v3" in tags) == ([plain, told], 2, True, False)
    assert repr(tags) == "Tags v1, v2"
    with pytest.raises(StoreExists):
        tags.create("v1")
    assert tags.create("v1", "side", force=True).id == ids["d"]
    assert tags.delete("v2") == told.object
    for gone in (tags.delete, tags.__getitem__):
        with pytest.raises(UnknownRevision):
            gone("v2")
