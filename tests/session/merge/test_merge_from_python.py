"""Merge, cherry-pick and revert from Python: the same with working files and without, conflicts resolved as values."""

from __future__ import annotations

import pytest

from promptvc.errors import (
    ConflictMissing,
    ConflictsRemain,
    DuplicateKey,
    MergeOpen,
    NoMergeOpen,
    NothingToCommit,
    RefMoved,
    Usage,
)
from promptvc.ids import RefName
from promptvc.repo import Repo
from tests.session.merge.test_merging import (
    BASE,
    TABLE,
    Row,
    diverged,
    edited,
    parents,
    put,
    read,
    switch,
    table,
    text,
)

TEXT = "examples/notes.txt"


@pytest.fixture
def clash(repo: Repo) -> Repo:
    """Two cells that both sides changed differently, and one that only theirs changed."""
    diverged(
        repo,
        edited(BASE, r1={"a": "ours"}, r3={"b": "ours"}),
        edited(BASE, r1={"a": "theirs"}, r3={"b": "theirs"}, r5={"a": "theirs"}),
    )
    return repo


def without_files(repo: Repo) -> Repo:
    """The same store, opened without working files."""
    return Repo(repo.path, None, repo.parts.surroundings)


def texts_diverged(repo: Repo) -> None:
    for branch, line in (("main", "base"), ("feature", "theirs"), ("main", "ours")):
        if line != "base":
            switch(repo, branch, create=line == "theirs")
        put(repo, **{TEXT.replace("/", "__").replace(".", "_dot_"): f"first\n{line}\nlast\n"})
        repo.commit(line)


def edited_first(rows: list[Row]) -> list[Row]:
    return [{**rows[0], "a": "ours"}, *rows[1:]]


def tip(repo: Repo, branch: str = "main") -> str | None:
    return repo.parts.refs.read(RefName.branch(branch))


# --- with working files -------------------------------------------------------------------------------------


def test_conflicts_wait_among_the_working_files_and_commit_concludes_them(clash: Repo) -> None:
    before, other = clash.parts.revisions.resolve("main"), clash.parts.revisions.resolve("feature")
    done = clash.merge("feature")
    assert (done.outcome, done.commit, tip(clash)) == ("conflicts", None, before)
    assert clash.conflicts == list(done.conflicts)
    assert [(c.path, c.key, c.field, c.base, c.ours, c.theirs) for c in clash.conflicts] == [
        (TABLE, {"id": 1}, "a", "x", "ours", "theirs"),
        (TABLE, {"id": 3}, "b", "y", "ours", "theirs"),
    ]
    with pytest.raises(ConflictsRemain):
        clash.commit()
    assert clash.resolve(TABLE, key=1, take="theirs").left == 1
    assert clash.resolve(TABLE, key={"id": 3}, field="b", value="both").left == 0
    assert clash.conflicts == []
    assert parents(clash, clash.commit().id) == (before, other)
    assert read(clash) == edited(BASE, r1={"a": "theirs"}, r3={"b": "both"}, r5={"a": "theirs"})
    assert clash.open_merge is None
    assert clash.status().clean


def test_the_current_branch_named_is_the_current_branch(clash: Repo) -> None:
    assert clash.merge("feature", into="main").outcome == "conflicts"
    assert clash.open_merge is not None


def test_a_merge_that_waits_is_given_up(clash: Repo) -> None:
    before = read(clash)
    clash.merge("feature")
    with pytest.raises(MergeOpen):
        clash.merge("feature")
    clash.resolve(take="theirs")
    assert clash.abort_merge().step == "merge"
    assert read(clash) == before
    assert clash.conflicts == []
    with pytest.raises(NoMergeOpen):
        clash.abort_merge()


def test_what_conflicts_is_resolved_by_the_value_too(clash: Repo) -> None:
    done = clash.merge("feature")
    with pytest.raises(ConflictsRemain):
        done.conclude()
    done.resolve(take="theirs")
    assert done.unresolved() == ()
    assert done.conclude("Ours and theirs").id == tip(clash)
    assert read(clash)[1]["a"] == "theirs"


def test_the_value_of_a_merge_that_was_given_up_does_not_touch_the_next(clash: Repo) -> None:
    first = clash.merge("feature")
    clash.abort_merge()
    clash.cherry_pick("feature")
    with pytest.raises(NoMergeOpen):
        first.resolve(take="theirs")
    assert len(clash.conflicts) == 2


def test_work_in_a_working_file_can_be_kept_as_it_is(clash: Repo) -> None:
    clash.merge("feature")
    table(clash, edited(read(clash), r1={"a": "mine"}))
    clash.resolve(TABLE, as_is=True)
    clash.commit()
    assert read(clash)[1]["a"] == "mine"


@pytest.mark.parametrize(
    "given", [{}, {"take": "theirs", "value": 1}, {"take": "mine"}, {"take": "ours", "as_is": True}]
)
def test_one_version_must_be_given(clash: Repo, given: dict[str, object]) -> None:
    clash.merge("feature")
    with pytest.raises(Usage):
        clash.resolve(TABLE, **given)  # type: ignore[arg-type]
    assert len(clash.conflicts) == 2


def test_no_conflict_that_is_meant_is_an_error(clash: Repo) -> None:
    clash.merge("feature")
    with pytest.raises(ConflictMissing, match="key 2"):
        clash.resolve(TABLE, key=2, take="theirs")


def test_a_dry_run_changes_nothing_and_has_nothing_to_resolve(clash: Repo) -> None:
    done = clash.merge("feature", dry_run=True)
    assert (done.outcome, clash.open_merge) == ("conflicts", None)
    with pytest.raises(NoMergeOpen):
        done.resolve(take="theirs")


# --- without working files ------------------------------------------------------------------------------------


def test_conflicts_without_working_files_are_resolved_as_values(clash: Repo) -> None:
    before, other, files = (
        clash.parts.revisions.resolve("main"),
        clash.parts.revisions.resolve("feature"),
        read(clash),
    )
    bare = without_files(clash)
    done = bare.merge("feature")
    assert (done.outcome, tip(bare), bare.open_merge) == ("conflicts", before, None)
    assert done.resolve(TABLE, key=1, take="theirs").left == 1
    with pytest.raises(ConflictsRemain):
        done.conclude()
    assert [(c.key, c.field) for c in done.unresolved()] == [({"id": 3}, "b")]
    done.resolve(value="both")
    made = done.conclude()
    assert (made.id, made.parent, made.branch, made.message) == (tip(bare), before, "main", "Merge feature")
    assert [change.path for change in made.changes] == [TABLE]
    assert parents(bare, made.id) == (before, other)
    rows = [dict(row) for row in bare.snapshot("main").table(TABLE)]
    assert rows == edited(BASE, r1={"a": "theirs"}, r3={"b": "both"}, r5={"a": "theirs"})
    assert read(clash) == files
    with pytest.raises(NoMergeOpen):
        done.conclude()


def test_another_branch_is_merged_into_in_the_same_way(clash: Repo) -> None:
    switch(clash, "elsewhere", create=True)
    done = clash.merge("feature", into="main", message="From afar")
    done.resolve(take="theirs")
    made = done.conclude()
    assert (tip(clash), made.message) == (made.id, "From afar")
    assert clash.snapshot("main").commit.message == "From afar\n"
    assert (clash.branch, clash.status().clean) == ("elsewhere", True)
    [last, *_] = clash.operations()
    assert last.what == "merge feature into main"
    clash.undo()
    assert tip(clash) == clash.parts.revisions.resolve("elsewhere")


def test_a_branch_that_moved_meanwhile_stays(clash: Repo) -> None:
    bare = without_files(clash)
    done = bare.merge("feature")
    done.resolve(take="theirs")
    with bare.transaction("main", message="First") as tx:
        tx.write("prompts/first.md", "first\n")
    with pytest.raises(RefMoved):
        done.conclude()
    assert tip(bare) == tx.commit_id


def test_working_files_follow_where_the_branch_is_checked_out_by_then(clash: Repo) -> None:
    switch(clash, "elsewhere", create=True)
    done = clash.merge("feature", into="main")
    done.resolve(take="theirs")
    switch(clash, "main")
    done.conclude()
    assert read(clash)[1]["a"] == "theirs"
    assert clash.status().clean


def test_lines_that_conflict_are_resolved_without_working_files(repo: Repo) -> None:
    texts_diverged(repo)
    bare = without_files(repo)
    done = bare.merge("feature")
    assert [(c.kind, c.ours, c.theirs) for c in done.conflicts] == [("text", "ours\n", "theirs\n")]
    done.resolve(TEXT, line=3, value="both\n")
    done.conclude()
    assert bare.snapshot("main").read(TEXT) == b"first\nboth\nlast\n"


def test_a_file_that_conflicts_as_a_whole_can_go(repo: Repo) -> None:
    put(repo, prompts__a_dot_md="one\n")
    diverged(repo, edited(BASE, r1={"a": "ours"}), BASE[1:])
    switch(repo, "feature")
    put(repo, prompts__a_dot_md=None)
    repo.commit("gone")
    switch(repo, "main")
    put(repo, prompts__a_dot_md="two\n")
    repo.commit("two")
    bare = without_files(repo)
    done = bare.merge("feature")
    assert [conflict.kind for conflict in done.conflicts] == ["edit-delete"]
    done.resolve("prompts", take="theirs")
    done.conclude()
    assert "prompts/a.md" not in bare.snapshot("main")


def test_a_rule_for_keys_holds_without_working_files_too(repo: Repo) -> None:
    rows: list[Row] = [{"n": n, "a": "x"} for n in range(3)]
    diverged(repo, edited_first(rows), [*rows, {"n": 2, "a": "twice"}], rows)
    put(repo, promptvc_dot_toml=f'[tables."{TABLE}"]\nkey = ["n"]\nunique = true\n')
    repo.commit("A rule")
    for each in (repo, without_files(repo)):
        before = tip(each)
        with pytest.raises(DuplicateKey):
            each.merge("feature")
        assert tip(each) == before


# --- cherry-pick and revert -----------------------------------------------------------------------------------


def test_a_commit_is_picked_with_its_author_and_reverted(repo: Repo) -> None:
    diverged(repo, edited(BASE, r1={"a": "ours"}), edited(BASE, r2={"a": "theirs"}))
    done = repo.cherry_pick("feature")
    assert (done.outcome, done.request.step) == ("merged", "cherry-pick")
    assert read(repo) == edited(BASE, r1={"a": "ours"}, r2={"a": "theirs"})
    assert "cherry picked from" in repo.snapshot().commit.message
    repo.revert("HEAD", message="Not that")
    assert read(repo) == edited(BASE, r1={"a": "ours"})
    assert repo.snapshot().commit.subject == "Not that"


def test_a_pick_that_conflicts_waits_as_a_merge_does(clash: Repo) -> None:
    clash.cherry_pick("feature")
    clash.resolve(take="theirs")
    made = clash.commit()
    assert len(parents(clash, made.id)) == 1
    assert clash.snapshot().commit.subject == "theirs"


def test_a_commit_is_picked_onto_a_branch_without_working_files(clash: Repo) -> None:
    bare = without_files(clash)
    done = bare.cherry_pick("feature", into="main")
    done.resolve(take="theirs")
    assert parents(bare, done.conclude().id) == (done.before,)
    undone = bare.revert("main")
    assert undone.commit == tip(bare)
    assert [dict(row) for row in bare.snapshot("main").table(TABLE)] == read(clash)


def test_a_pick_resolved_to_what_is_there_is_no_commit(repo: Repo) -> None:
    diverged(repo, edited(BASE, r1={"a": "ours"}), edited(BASE, r1={"a": "theirs"}))
    done = without_files(repo).cherry_pick("feature")
    done.resolve(take="ours")
    with pytest.raises(NothingToCommit):
        done.conclude()


def test_a_merge_is_picked_against_one_of_its_parents(clash: Repo) -> None:
    clash.merge("feature")
    clash.resolve(take="theirs")
    merged = clash.commit().id
    with pytest.raises(Usage, match="is a merge"):
        clash.revert(merged)
    clash.revert(merged, mainline=1)
    assert read(clash) == edited(BASE, r1={"a": "ours"}, r3={"b": "ours"})
    with pytest.raises(Usage, match="has 2 parents"):
        clash.cherry_pick(merged, mainline=3)


def test_conflicts_in_a_table_of_text_take_values(repo: Repo) -> None:
    for branch, cell in (("main", "base"), ("feature", "theirs"), ("main", "ours")):
        if cell != "base":
            switch(repo, branch, create=cell == "theirs")
        put(repo, examples__t_dot_csv=f"id,n\n1,{cell}\n2,x\n")
        repo.commit(cell)
    repo.merge("feature")
    repo.resolve("examples/t.csv", key="1", value=5)
    assert text(repo, "examples/t.csv") == "id,n\n1,5\n2,x\n"
    assert repo.conflicts == []
