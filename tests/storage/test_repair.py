"""What `fsck --repair` puts right and what is refused until then, where more than one thing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptvc.errors import ConfigInvalid, LogDamaged, RefDamaged
from promptvc.ids import RefName, RepoPath
from promptvc.repo import Repo, Surroundings
from promptvc.versioning.tree import FileEntry

MAIN, EXP = RefName.branch("main"), RefName.branch("exp")


@pytest.fixture
def two(tmp_path: Path, world: Surroundings) -> Repo:
    """A store with main, where HEAD is, one commit ahead of exp; HEAD was on exp before."""
    repo = Repo.init(tmp_path / "project", world)
    assert repo.root is not None
    (repo.root / "prompts").mkdir()
    for place, text in enumerate(("one", "two")):
        (repo.root / "prompts/a.md").write_text(text)
        repo.commit(text)
        if not place:
            head = repo.parts.refs.current()
            repo.parts.workspace.switch(head, EXP, repo.parts.who(), create=True)
            repo.parts.workspace.switch(head, MAIN, repo.parts.who())
    return repo


def repaired(repo: Repo) -> Repo:
    for repair in repo.repairs():
        repair.do()
    fresh = Repo.open(repo.path, repo.parts.surroundings)
    assert fresh.verify() == []
    return fresh


@pytest.mark.parametrize("damage", [b"", b"\0" * 41, None])
def test_head_stays_on_a_branch_that_is_restored(two: Repo, damage: bytes | None) -> None:
    tip, file = two.parts.refs.read(MAIN), two.path / MAIN
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage)
    with pytest.raises(RefDamaged):
        two.status()
    found = repaired(two)
    assert (found.parts.refs.head(), found.parts.refs.read(MAIN)) == (MAIN, tip)


def test_a_branch_that_is_gone_with_its_log_is_made_anew_from_that_of_head(two: Repo) -> None:
    tip = two.parts.refs.read(MAIN)
    (two.path / MAIN).unlink()
    (two.path / "logs" / MAIN).unlink()
    with pytest.raises(RefDamaged):
        two.status()
    found = repaired(two)
    assert (found.parts.refs.head(), found.parts.refs.read(MAIN)) == (MAIN, tip)


def test_a_head_that_names_no_branch_goes_back_to_the_one_that_it_was_on(two: Repo) -> None:
    tip = two.parts.refs.read(MAIN)
    (two.path / "HEAD").write_text("ref: refs/heads/mein\n")
    found = repaired(two)
    assert (found.parts.refs.head(), found.parts.refs.read(MAIN)) == (MAIN, tip)


def test_an_intent_that_cannot_be_read_beside_such_a_log_is_refused(two: Repo) -> None:
    (two.path / "promptvc/intent").write_bytes(b"\xff\x00")
    log = two.path / "promptvc/operations"
    log.write_bytes(log.read_bytes()[:-20] + b"x" * 19 + b"\n")
    with pytest.raises(LogDamaged):
        two.status()


def test_an_intent_that_cannot_be_read_where_nothing_is_left_to_do_is_removed(two: Repo) -> None:
    (two.path / "promptvc/intent").write_bytes(b"\xff\x00")
    assert two.status().clean
    assert not two.parts.intents.path.exists()


def test_an_empty_folder_where_a_file_was_does_not_stop_a_recovery(two: Repo) -> None:
    assert two.root is not None
    path = RepoPath("prompts/a.md")
    entry = two.snapshot("main").files[path]
    (two.root / path).unlink()
    (two.root / path / "made").mkdir(parents=True)
    deeper = RepoPath("prompts/a.md/made/b.md")
    files: dict[RepoPath, tuple[FileEntry | None, FileEntry | None]] = {
        path: (entry, None),
        deeper: (None, entry),
    }
    two.parts.intents.leave("switch", files, {})
    assert two.status().clean
    assert (two.root / path).read_text() == "two"


@pytest.mark.parametrize("damage", [b"", b"[core]\n", None])
def test_a_lost_configuration_is_named_with_the_way_out(two: Repo, damage: bytes | None) -> None:
    assert two.root is not None
    if damage is None:
        (two.path / "config").unlink()
    else:
        (two.path / "config").write_bytes(damage)
    for act in (Repo.open, Repo.init):
        with pytest.raises(ConfigInvalid, match="config is missing, empty or damaged"):
            act(two.root, two.parts.surroundings)
