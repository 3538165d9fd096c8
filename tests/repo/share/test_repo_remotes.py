"""repo.remotes: named, fetched from, pushed to, pulled from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import promptvc
from promptvc.errors import NotFastForward, Refused, StoreExists, Usage
from promptvc.repo import Repo
from promptvc.repo.place import make_store


def write(repo: Repo, path: str, text: str) -> str:
    assert repo.root is not None
    file = repo.root / path
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return repo.commit(f"write {path}").id


@pytest.fixture
def hub(repo: Repo, tmp_path: Path) -> Path:
    """A remote that has the first commit."""
    place = tmp_path / "hub"
    make_store(place)
    repo.remotes.add("origin", str(place))
    write(repo, "prompts/a.md", "one\n")
    repo.remotes.push(set_upstream=True)
    return place


@pytest.fixture
def other(hub: Path, tmp_path: Path) -> Iterator[Repo]:
    with promptvc.clone(str(hub), tmp_path / "other") as made:
        yield made
        assert made.verify() == []


def test_names(repo: Repo) -> None:
    remotes = repo.remotes
    with pytest.raises(Usage, match="there is no remote"):
        remotes.default  # noqa: B018
    assert remotes.add("origin", "https://me:secret@example.com/a.git").url == "https://example.com/a.git"
    assert [(remote.name, remote.url) for remote in remotes] == [("origin", "https://example.com/a.git")]
    assert (len(remotes), "origin" in remotes, "hub" in remotes) == (1, True, False)
    assert remotes.default == remotes["origin"]
    assert repr(remotes) == "Remotes origin https://example.com/a.git"
    assert remotes.set_url("origin", "../hub").url == "../hub"
    with pytest.raises(StoreExists):
        remotes.add("origin", "elsewhere")
    remotes.remove("origin")
    assert len(remotes) == 0
    for gone in (remotes.remove, remotes.__getitem__):
        with pytest.raises(Usage, match="no remote 'origin'"):
            gone("origin")


@pytest.mark.usefixtures("hub")
def test_a_pushed_branch_follows(repo: Repo) -> None:
    main = repo.branches["main"]
    assert (main.upstream, main.ahead, main.behind) == ("origin/main", 0, 0)
    write(repo, "prompts/a.md", "two\n")
    assert repo.branches["main"].ahead == 1
    [change] = repo.remotes.push().changes
    assert change.outcome == "forward"
    assert repo.branches["main"].ahead == 0
    assert [branch.name for branch in repo.branches.tracking] == ["origin/main"]


def test_push_names_what_it_sends(repo: Repo, hub: Path) -> None:
    repo.branches.create("side")
    repo.tags.create("v1")
    assert [c.there for c in repo.remotes.push("origin", "side:review").changes] == ["refs/heads/review"]
    sent = repo.remotes.push("origin", ["main", "side"], tags=True).changes
    assert [c.there.short for c in sent if c.outcome == "new"] == ["side", "v1"]
    repo.remotes.push("origin", "review", delete=True)
    with promptvc.open(hub) as there:
        assert [branch.name for branch in there.branches] == ["main", "side"]
        assert "v1" in there.tags
    with pytest.raises(Usage):
        repo.remotes.push("origin", "main:")
    with pytest.raises(Usage):
        repo.remotes.push("origin", delete=True)


def test_pull_moves_forward_or_merges(repo: Repo, other: Repo) -> None:
    assert other.remotes.pull().outcome == "up-to-date"
    new = write(repo, "prompts/a.md", "two\n")
    repo.remotes.push()
    seen: list[str] = []
    done = other.remotes.pull(fetched=lambda name, result: seen.append(name))
    assert (done.outcome, done.after, done.files, seen) == (
        "fast-forward", new, ("prompts/a.md",), ["origin"]
    )  # fmt: skip
    write(repo, "prompts/b.md", "theirs\n")
    repo.remotes.push()
    own = write(other, "prompts/c.md", "ours\n")
    with pytest.raises(NotFastForward):
        other.remotes.pull(ff_only=True)
    done = other.remotes.pull()
    assert (done.outcome, done.clean, done.before) == ("merged", True, own)
    assert done.merged is not None
    assert done.after == done.merged.commit == other.rev_parse()


def test_conflicts_of_a_pull_are_values(repo: Repo, other: Repo) -> None:
    write(repo, "prompts/a.md", "theirs\n")
    repo.remotes.push()
    write(other, "prompts/a.md", "ours\n")
    done = other.remotes.pull("origin")
    assert (done.outcome, done.clean) == ("conflicts", False)
    assert done.merged is not None
    assert len(done.merged.conflicts) == 1
    assert done.after == done.before
    other.undo()


def test_fetch_leaves_branches_alone(repo: Repo, other: Repo) -> None:
    old, new = other.rev_parse(), write(repo, "prompts/a.md", "two\n")
    repo.tags.create("v1")
    repo.remotes.push(tags=True)
    result = other.remotes.fetch()
    assert sorted(change.there.short for change in result.changes) == ["main", "v1"]
    assert (other.rev_parse(), other.rev_parse("origin/main")) == (old, new)
    assert other.branches["main"].behind == 1


def test_pull_needs_a_branch(repo: Repo, other: Repo) -> None:
    other.switch("HEAD", detach=True)
    with pytest.raises(Refused, match="no branch"):
        other.remotes.pull()
