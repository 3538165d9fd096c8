"""Commits merged with working files: bases, renames, conflicts kept and resolved, abort, cherry-pick, revert."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from promptvc.content.formats.missing import MISSING
from promptvc.content.values.conflict import MergeConflict
from promptvc.errors import (
    ConflictMissing,
    ConflictsRemain,
    ConflictStale,
    MergeOpen,
    NoMergeOpen,
    NotFastForward,
    Refused,
    WorkWouldBeLost,
)
from promptvc.ids import ObjectId, RefName
from promptvc.repo import Repo
from promptvc.session.merge.resolve import Choice
from promptvc.session.merge.result import Merged
from promptvc.session.merge.selection import Selection

TABLE = "examples/t.jsonl"
Row = dict[str, Any]
BASE: list[Row] = [{"id": n, "a": "x", "b": "y", "tags": ["t"]} for n in range(6)]


def put(repo: Repo, **files: str | bytes | list[Row] | None) -> None:
    """Write working files; ``__`` in a name stands for ``/``, ``_dot_`` for ``.``; None removes."""
    assert repo.root is not None
    for name, content in files.items():
        path = repo.root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.unlink()
            continue
        if isinstance(content, list):
            content = "".join(json.dumps(row) + "\n" for row in content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def table(repo: Repo, rows: list[Row]) -> None:
    put(repo, examples__t_dot_jsonl=rows)


def edited(rows: list[Row], **cells: Row) -> list[Row]:
    """Rows with other cells: ``edited(BASE, r2={"a": 1})``."""
    return [{**row, **cells.get(f"r{row['id']}", {})} for row in rows]


def read(repo: Repo, path: str = TABLE) -> list[Row]:
    assert repo.root is not None
    return [json.loads(line) for line in (repo.root / path).read_text().splitlines()]


def text(repo: Repo, path: str) -> str:
    assert repo.root is not None
    return (repo.root / path).read_text()


def switch(repo: Repo, name: str, *, create: bool = False) -> None:
    ref = RefName.branch(name)
    target = repo.parts.refs.read(RefName("HEAD") if create else ref)
    repo.parts.workspace.switch(target, ref, repo.parts.who(), create=create)


def merge(repo: Repo, revision: str, **options: Any) -> Merged:
    return repo.merge(revision, **options)


def resolve(repo: Repo, path: str, choice: Choice, **which: Any) -> int:
    return repo.parts.merges.resolving.resolve(Selection((path,), **which), choice).left


def diverged(repo: Repo, ours: list[Row], theirs: list[Row], base: list[Row] = BASE) -> None:
    """A branch ``feature`` with theirs, and the current branch with ours."""
    table(repo, base)
    repo.commit("base")
    switch(repo, "feature", create=True)
    table(repo, theirs)
    repo.commit("theirs")
    switch(repo, "main")
    table(repo, ours)
    repo.commit("ours")


def parents(repo: Repo, id: ObjectId | None) -> tuple[ObjectId, ...]:
    assert id is not None
    return repo.parts.history.commit(id).parents


def test_a_clean_merge_is_a_commit_with_two_parents(repo: Repo) -> None:
    diverged(repo, edited(BASE, r1={"a": "ours"}), edited(BASE, r1={"b": "theirs"}, r4={"a": "theirs"}))
    before, other = repo.parts.revisions.resolve("main"), repo.parts.revisions.resolve("feature")
    done = merge(repo, "feature")
    assert done.outcome == "merged"
    assert parents(repo, done.commit) == (before, other)
    assert repo.parts.refs.read(RefName.branch("main")) == done.commit
    assert read(repo) == edited(BASE, r1={"a": "ours", "b": "theirs"}, r4={"a": "theirs"})
    assert repo.status().clean
    [file] = done.merged
    assert file.rows is not None
    assert [(m.key, m.ours, m.theirs) for m in file.rows.merged] == [({"id": 1}, ("a",), ("b",))]


def test_an_older_commit_is_up_to_date_and_a_newer_one_fast_forwards(repo: Repo) -> None:
    table(repo, BASE)
    first = repo.commit("base").id
    switch(repo, "feature", create=True)
    table(repo, BASE[1:])
    second = repo.commit("theirs").id
    assert merge(repo, first).outcome == "up-to-date"
    switch(repo, "main")
    assert merge(repo, "feature", dry_run=True).outcome == "fast-forward"
    assert repo.parts.revisions.resolve("main") == first
    assert merge(repo, "feature").commit == second
    assert read(repo) == BASE[1:]


def test_no_ff_makes_a_commit_and_ff_only_refuses_one(repo: Repo) -> None:
    diverged(repo, BASE[1:], BASE[:-1])
    with pytest.raises(NotFastForward):
        merge(repo, "feature", forward="only")
    done = merge(repo, "feature")
    switch(repo, "feature")
    before = repo.parts.revisions.resolve("feature")
    forward = merge(repo, "main", forward="never")
    assert parents(repo, forward.commit) == (before, done.commit)
    assert read(repo) == BASE[1:-1]


def test_histories_without_a_common_commit_are_merged_only_when_asked(repo: Repo) -> None:
    table(repo, BASE)
    repo.commit("main")
    repo.parts.refs.set_head(RefName.branch("other"), repo.parts.who(), "orphan")
    table(repo, edited(BASE, r0={"a": "other"}))
    repo.commit("other root")
    with pytest.raises(Refused, match="no commit in common"):
        merge(repo, "main")
    done = merge(repo, "main", unrelated=True)
    assert [(c.kind, c.key, c.field) for c in done.conflicts] == [("both-added", {"id": 0}, "a")]


# --- conflicts -----------------------------------------------------------------------------------------------


def conflicting(repo: Repo) -> Merged:
    diverged(
        repo,
        edited(BASE[:5], r1={"a": "ours"}, r2={"a": "ours", "b": "ours"}),
        edited(BASE, r1={"a": "theirs"}, r2={"a": "theirs"}, r5={"a": "theirs"}),
    )
    return merge(repo, "feature")


def test_a_conflict_leaves_ours_in_a_valid_file_and_commits_nothing(repo: Repo) -> None:
    done = conflicting(repo)
    head = repo.parts.revisions.resolve("main")
    assert done.outcome == "conflicts"
    assert done.commit is None
    assert repo.parts.history.commit(head).subject == "ours"
    assert read(repo) == edited(BASE[:5], r1={"a": "ours"}, r2={"a": "ours", "b": "ours"})
    places = [
        (c.path, c.kind, c.key, c.field, c.base, c.ours, c.theirs)
        for c in repo.parts.merges.resolving.conflicts()
    ]
    assert places == [
        (TABLE, "both-changed", {"id": 1}, "a", "x", "ours", "theirs"),
        (TABLE, "both-changed", {"id": 2}, "a", "x", "ours", "theirs"),
        (TABLE, "edit-delete", {"id": 5}, None, BASE[5], MISSING, {**BASE[5], "a": "theirs"}),
    ]


def test_nothing_else_starts_while_a_merge_is_open(repo: Repo) -> None:
    conflicting(repo)
    with pytest.raises(ConflictsRemain, match="3 conflicts"):
        repo.commit("too early")
    with pytest.raises(MergeOpen):
        merge(repo, "feature")
    with pytest.raises(MergeOpen):
        repo.parts.merges.need_no_merge()


def test_conflicts_are_resolved_one_by_one_and_the_commit_concludes(repo: Repo) -> None:
    conflicting(repo)
    assert resolve(repo, TABLE, Choice("theirs"), key="1") == 2
    assert resolve(repo, TABLE, Choice(value="mine"), key="2", field="a") == 1
    assert read(repo)[1]["a"] == "theirs"
    assert read(repo)[2]["a"] == "mine"
    assert resolve(repo, TABLE, Choice("theirs")) == 0
    assert read(repo) == edited(BASE, r1={"a": "theirs"}, r2={"a": "mine", "b": "ours"}, r5={"a": "theirs"})
    done = repo.commit()
    assert parents(repo, done.id) == (
        repo.parts.revisions.resolve("main~1"),
        repo.parts.revisions.resolve("feature"),
    )
    assert repo.parts.history.commit(done.id).subject == "Merge feature"
    assert repo.open_merge is None
    assert repo.status().clean


def test_taking_base_or_ours_and_keeping_the_file_as_it_is(repo: Repo) -> None:
    conflicting(repo)
    resolve(repo, TABLE, Choice("base"), key="1")
    table(repo, edited(read(repo), r2={"a": "by hand"}))
    resolve(repo, TABLE, Choice(), key="2")
    assert resolve(repo, TABLE, Choice("ours"), key="5") == 0
    assert read(repo) == edited(BASE[:5], r2={"a": "by hand", "b": "ours"})


def test_a_conflict_that_is_not_there_and_a_row_that_is_gone(repo: Repo) -> None:
    conflicting(repo)
    with pytest.raises(ConflictMissing):
        resolve(repo, TABLE, Choice("ours"), key="3")
    with pytest.raises(ConflictMissing):
        resolve(repo, "prompts", Choice("ours"))
    table(repo, [row for row in read(repo) if row["id"] != 1])
    with pytest.raises(ConflictStale):
        resolve(repo, TABLE, Choice("theirs"), key="1")


def test_a_row_taken_back_in_goes_where_it_was(repo: Repo) -> None:
    rows = [{"id": n, "a": "x"} for n in range(5)]
    diverged(
        repo,
        [row for row in rows if row["id"] not in (1, 2)],
        edited(rows, r1={"a": "t"}, r2={"a": "t"}),
        rows,
    )
    merge(repo, "feature")
    resolve(repo, TABLE, Choice("theirs"), key="2")
    resolve(repo, TABLE, Choice("theirs"), key="1")
    assert [row["id"] for row in read(repo)] == [0, 1, 2, 3, 4]


def test_rows_without_a_key_go_by_their_number(repo: Repo) -> None:
    rows = [{"text": f"this is a row with enough words to be known again {n}", "n": n} for n in range(4)]
    ours, theirs = [dict(row) for row in rows], [dict(row) for row in rows]
    ours[2]["n"], theirs[2]["n"] = "ours", "theirs"
    diverged(repo, ours, theirs, rows)
    [conflict] = merge(repo, "feature").conflicts
    assert (conflict.key, conflict.row, conflict.field) == (None, 2, "n")
    assert resolve(repo, TABLE, Choice("theirs"), key="3") == 0
    assert read(repo) == theirs


def test_the_state_survives_and_a_second_repo_sees_it(repo: Repo) -> None:
    conflicting(repo)
    assert repo.root is not None
    again = Repo.open(repo.root, repo.parts.surroundings)
    assert again.parts.merges.resolving.conflicts() == repo.parts.merges.resolving.conflicts()


def test_abort_restores_the_files_of_the_merge_and_leaves_other_work(repo: Repo) -> None:
    put(repo, prompts__p_dot_md="a prompt\n")
    diverged(repo, edited(BASE, r1={"a": "ours"}), edited(BASE, r1={"a": "theirs"}, r2={"a": "theirs"}))
    put(repo, prompts__p_dot_md="work in progress\n", examples__new_dot_md="untracked\n")
    merge(repo, "feature")
    resolve(repo, TABLE, Choice("theirs"))
    repo.abort_merge()
    assert read(repo) == edited(BASE, r1={"a": "ours"})
    assert text(repo, "prompts/p.md") == "work in progress\n"
    assert text(repo, "examples/new.md") == "untracked\n"
    assert repo.open_merge is None
    with pytest.raises(NoMergeOpen):
        repo.abort_merge()


def test_uncommitted_work_in_the_way_refuses_the_merge_and_changes_nothing(repo: Repo) -> None:
    diverged(repo, edited(BASE, r1={"a": "ours"}), edited(BASE, r2={"a": "theirs"}))
    table(repo, edited(BASE, r1={"a": "ours"}, r3={"a": "not committed"}))
    before = read(repo)
    with pytest.raises(WorkWouldBeLost):
        merge(repo, "feature")
    assert read(repo) == before
    assert repo.open_merge is None


@pytest.mark.parametrize("theirs", [{"r1": {"a": "theirs"}}, {"r2": {"a": "theirs"}}])
def test_a_dry_run_refuses_what_the_merge_would_refuse(repo: Repo, theirs: dict[str, Row]) -> None:
    diverged(repo, edited(BASE, r1={"a": "ours"}), edited(BASE, **theirs))
    work = edited(BASE, r1={"a": "ours"}, r3={"a": "not committed"})
    table(repo, work)
    with pytest.raises(WorkWouldBeLost, match="changes that are not committed"):
        merge(repo, "feature", dry_run=True)
    assert read(repo) == work


def test_a_dry_run_of_a_fast_forward_refuses_what_the_merge_would_refuse(repo: Repo) -> None:
    table(repo, BASE)
    repo.commit("base")
    switch(repo, "feature", create=True)
    table(repo, BASE[1:])
    repo.commit("theirs")
    switch(repo, "main")
    table(repo, BASE[2:])
    with pytest.raises(WorkWouldBeLost):
        merge(repo, "feature", dry_run=True)
    assert read(repo) == BASE[2:]


@pytest.mark.parametrize("ours", [{}, {"r1": {"a": "ours"}}])
def test_a_folder_in_the_way_refuses_the_merge_before_it_begins(repo: Repo, ours: dict[str, Row]) -> None:
    diverged(repo, edited(BASE, **ours, r0={"b": "ours"}), edited(BASE, r1={"a": "theirs"}))
    switch(repo, "feature")
    put(repo, prompts__new_dot_md="theirs\n")
    repo.commit("a file")
    switch(repo, "main")
    put(repo, prompts__new_dot_md__mine_dot_txt="mine\n")
    for dry_run in (True, False):
        with pytest.raises(WorkWouldBeLost, match="is a folder here"):
            merge(repo, "feature", dry_run=dry_run)
        assert repo.open_merge is None
    assert text(repo, "prompts/new.md/mine.txt") == "mine\n"


def test_a_dry_run_tells_conflicts_and_changes_nothing(repo: Repo) -> None:
    diverged(repo, edited(BASE, r1={"a": "ours"}), edited(BASE, r1={"a": "theirs"}))
    before = read(repo), repo.parts.revisions.resolve("main")
    done = merge(repo, "feature", dry_run=True)
    assert [c.field for c in done.conflicts] == ["a"]
    assert (read(repo), repo.parts.revisions.resolve("main")) == before
    assert repo.open_merge is None


# --- files -----------------------------------------------------------------------------------------------------


def test_a_file_removed_on_one_side_and_changed_on_the_other(repo: Repo) -> None:
    put(repo, prompts__a_dot_md="one\n", prompts__b_dot_md="two\n")
    repo.commit("base")
    switch(repo, "feature", create=True)
    put(repo, prompts__a_dot_md=None, prompts__b_dot_md="theirs\n")
    repo.commit("theirs")
    switch(repo, "main")
    put(repo, prompts__a_dot_md="ours\n", prompts__b_dot_md=None)
    repo.commit("ours")
    done = merge(repo, "feature")
    assert [(c.path, c.kind, c.field) for c in done.conflicts] == [
        ("prompts/a.md", "edit-delete", None),
        ("prompts/b.md", "edit-delete", None),
    ]
    assert repo.root is not None
    assert not (repo.root / "prompts/b.md").exists()
    resolve(repo, "prompts", Choice("theirs"))
    assert not (repo.root / "prompts/a.md").exists()
    assert text(repo, "prompts/b.md") == "theirs\n"
    repo.commit()
    assert set(repo.snapshot().paths) == {"prompts/b.md", "promptvc.toml"}


def test_binary_files_conflict_as_a_whole(repo: Repo) -> None:
    put(repo, examples__x_dot_bin=b"\0base")
    repo.commit("base")
    switch(repo, "feature", create=True)
    put(repo, examples__x_dot_bin=b"\0theirs")
    repo.commit("theirs")
    switch(repo, "main")
    put(repo, examples__x_dot_bin=b"\0ours")
    repo.commit("ours")
    assert [c.kind for c in merge(repo, "feature").conflicts] == ["both-changed"]
    resolve(repo, ".", Choice("theirs"))
    assert text(repo, "examples/x.bin") == "\0theirs"


def test_a_renamed_table_is_merged_under_its_new_name(repo: Repo) -> None:
    table(repo, BASE)
    repo.commit("base")
    switch(repo, "feature", create=True)
    table(repo, edited(BASE, r3={"a": "theirs"}))
    repo.commit("theirs")
    switch(repo, "main")
    put(repo, examples__t_dot_jsonl=None, examples__new_dot_jsonl=edited(BASE, r1={"a": "ours"}))
    repo.commit("ours")
    assert merge(repo, "feature").clean
    assert read(repo, "examples/new.jsonl") == edited(BASE, r1={"a": "ours"}, r3={"a": "theirs"})
    assert repo.snapshot().paths == ["examples/new.jsonl", "promptvc.toml"]


def test_keys_of_promptvc_toml_hold_and_unique_ones_refuse_a_merge_that_breaks_them(repo: Repo) -> None:
    put(repo, promptvc_dot_toml=f'[tables."{TABLE}"]\nkey = ["id"]\nunique = true\n')
    table(repo, [*BASE, {"id": "n", "a": 1}])
    repo.commit("base")
    switch(repo, "feature", create=True)
    table(repo, [*BASE, {"id": "k", "a": 1}])
    repo.commit("theirs renames n to k")
    switch(repo, "main")
    table(repo, [*BASE[:3], {"id": "k", "z": 2}, *BASE[3:], {"id": "n", "a": 1}])
    repo.commit("ours adds k")
    done = merge(repo, "feature")
    assert done.clean
    assert [row["id"] for row in read(repo)] == [0, 1, 2, "k", 3, 4, 5]
    assert read(repo)[3] == {"id": "k", "z": 2, "a": 1}


# --- histories -------------------------------------------------------------------------------------------------


def commit_on(repo: Repo, branch: str, rows: list[Row], message: str) -> ObjectId:
    switch(repo, branch)
    table(repo, rows)
    return repo.commit(message).id


def test_a_criss_cross_has_two_bases_and_merges_over_both(repo: Repo) -> None:
    table(repo, BASE)
    repo.commit("root")
    switch(repo, "x", create=True)
    one = commit_on(repo, "x", edited(BASE, r0={"a": "xx"}), "x1")
    switch(repo, "main")
    other = commit_on(repo, "main", edited(BASE, r1={"a": "main"}), "m1")
    merge(repo, "x")
    switch(repo, "x")
    merge(repo, str(other))
    both = edited(BASE, r0={"a": "xx"}, r1={"a": "main"})
    assert sorted(
        repo.parts.history.merge_bases(
            repo.parts.revisions.resolve("main"), repo.parts.revisions.resolve("x")
        )
    ) == sorted([one, other])
    commit_on(repo, "x", edited(both, r0={"b": "later x"}), "x2")
    commit_on(repo, "main", edited(both, r1={"b": "later main"}), "m2")
    assert merge(repo, "x").clean
    assert read(repo) == edited(both, r0={"b": "later x"}, r1={"b": "later main"})


def test_bases_that_conflict_with_each_other_fall_back_to_what_they_come_from(repo: Repo) -> None:
    table(repo, BASE)
    repo.commit("root")
    switch(repo, "x", create=True)
    one = commit_on(repo, "x", edited(BASE, r0={"a": "xx"}), "x1")
    other = commit_on(repo, "main", edited(BASE, r0={"a": "main"}), "m1")
    merge(repo, str(one))
    resolve(repo, TABLE, Choice("theirs"))
    repo.commit()
    switch(repo, "x")
    merge(repo, str(other))
    resolve(repo, TABLE, Choice("ours"))
    repo.commit()
    commit_on(repo, "x", edited(BASE, r0={"a": "xx"}, r3={"a": "yy"}), "x2")
    switch(repo, "main")
    assert merge(repo, "x").clean
    assert read(repo) == edited(BASE, r0={"a": "xx"}, r3={"a": "yy"})


def test_cherry_pick_takes_one_commits_cells_and_keeps_its_author(repo: Repo) -> None:
    table(repo, BASE)
    repo.commit("base")
    switch(repo, "feature", create=True)
    commit_on(repo, "feature", edited(BASE, r0={"a": "not this"}), "one")
    wanted = commit_on(repo, "feature", edited(BASE, r0={"a": "not this"}, r2={"b": "this"}), "two")
    commit_on(repo, "main", edited(BASE, r2={"a": "ours"}), "ours")
    done = repo.cherry_pick(wanted)
    assert done.clean
    assert read(repo) == edited(BASE, r2={"a": "ours", "b": "this"})
    assert parents(repo, done.commit) == (repo.parts.revisions.resolve("main~1"),)
    assert repo.snapshot().commit.message == f"two\n\n(cherry picked from commit {wanted})\n"


def test_revert_takes_back_one_commits_cells_and_keeps_what_came_later(repo: Repo) -> None:
    table(repo, BASE)
    repo.commit("base")
    bad = commit_on(
        repo, "main", [*edited(BASE, r1={"a": "bad", "tags": ["t", "bad"]}), {"id": 9, "a": "bad"}], "bad"
    )
    commit_on(repo, "main", [*edited(read(repo), r1={"b": "good"}), {"id": 10, "a": "good"}], "good")
    done = repo.revert(bad)
    assert done.clean
    assert read(repo) == [*edited(BASE, r1={"b": "good"}), {"id": 10, "a": "good"}]
    assert repo.snapshot().commit.subject == 'Revert "bad"'


def test_a_revert_that_conflicts_is_resolved_and_concluded(repo: Repo) -> None:
    table(repo, BASE)
    repo.commit("base")
    bad = commit_on(repo, "main", edited(BASE, r1={"a": "bad"}), "bad")
    commit_on(repo, "main", edited(BASE, r1={"a": "worse"}), "worse")
    done = repo.revert(bad)
    assert [(c.base, c.ours, c.theirs) for c in done.conflicts] == [("bad", "worse", "x")]
    resolve(repo, TABLE, Choice("theirs"))
    id = repo.commit().id
    assert len(parents(repo, id)) == 1
    assert repo.snapshot().commit.subject == 'Revert "bad"'
    assert read(repo) == BASE


# --- without working files ---------------------------------------------------------------------------------------


def test_the_library_merges_any_branch_into_any_other(repo: Repo) -> None:
    diverged(repo, edited(BASE, r1={"a": "ours"}), edited(BASE, r2={"a": "theirs"}))
    switch(repo, "elsewhere", create=True)
    done = repo.merge("feature", into="main")
    assert done.outcome == "merged"
    assert repo.parts.refs.read(RefName.branch("main")) == done.commit
    assert repo.snapshot("main").table(TABLE)[1]["a"] == "ours"
    assert read(repo) == edited(BASE, r1={"a": "ours"})
    assert repo.merge("main").outcome == "fast-forward"
    assert read(repo) == edited(BASE, r1={"a": "ours"}, r2={"a": "theirs"})


def test_the_library_gives_conflicts_as_values_and_changes_nothing(repo: Repo) -> None:
    diverged(repo, edited(BASE, r1={"a": "ours"}), edited(BASE, r1={"a": "theirs"}))
    before = repo.parts.revisions.resolve("main")
    switch(repo, "elsewhere", create=True)
    done = repo.merge("feature", into="main")
    assert done.commit is None
    assert done.conflicts == (
        MergeConflict(
            kind="both-changed",
            key={"id": 1},
            row=1,
            field="a",
            at=(),
            base="x",
            ours="ours",
            theirs="theirs",
            path=TABLE,
        ),
    )
    assert repo.parts.revisions.resolve("main") == before
    assert repo.open_merge is None


def test_a_merge_into_a_store_without_working_files(repo: Repo, tmp_path: Path) -> None:
    diverged(repo, edited(BASE, r1={"a": "ours"}), edited(BASE, r2={"a": "theirs"}))
    bare = Repo(repo.path, None, repo.parts.surroundings)
    assert bare.merge("feature", into="main").outcome == "merged"


def test_abort_restores_a_file_that_only_resolve_wrote(repo: Repo) -> None:
    diverged(repo, edited(BASE, r1={"a": "ours"}), edited(BASE, r1={"a": "theirs"}))
    merge(repo, "feature")
    resolve(repo, TABLE, Choice("theirs"))
    repo.abort_merge()
    assert read(repo) == edited(BASE, r1={"a": "ours"})
    assert repo.status().clean


def test_a_row_that_comes_back_moves_the_conflicts_below_it(repo: Repo) -> None:
    rows: list[Row] = [
        {"q": "alpha beta gamma", "x": 1},
        {"q": "delta epsilon", "x": 1},
        {"q": "zeta eta theta", "x": 5},
    ]
    ours = [rows[0], {**rows[2], "x": 6}]
    theirs = [rows[0], {**rows[1], "x": 2}, {**rows[2], "x": 7}]
    diverged(repo, ours, theirs, rows)
    merge(repo, "feature")
    assert resolve(repo, ".", Choice("theirs")) == 0
    assert read(repo) == theirs


def test_unlike_rows_in_the_place_of_one_row_are_a_conflict_and_never_both_kept(repo: Repo) -> None:
    rows: list[Row] = [{"q": "the first row of all"}, {"x": 1}, {"q": "the last row of them"}]
    diverged(repo, [rows[0], {"x": 2}, rows[2]], [rows[0], {"x": 3}, rows[2]], rows)
    [conflict] = merge(repo, "feature").conflicts
    assert (conflict.kind, conflict.row, conflict.field) == ("both-changed", 1, None)
    assert read(repo)[1] == {"x": 2}
    assert resolve(repo, TABLE, Choice("theirs"), key="2") == 0
    assert read(repo) == [rows[0], {"x": 3}, rows[2]]


def test_malformed_rows_in_one_place_are_a_conflict_too(repo: Repo) -> None:
    sides = {name: f'{{"id": 1}}\n{name}\n{{"id": 2}}\n' for name in ("broken", "brokem", "brokex")}
    put(repo, examples__t_dot_jsonl=sides["broken"])
    repo.commit("base")
    switch(repo, "feature", create=True)
    put(repo, examples__t_dot_jsonl=sides["brokem"])
    repo.commit("theirs")
    switch(repo, "main")
    put(repo, examples__t_dot_jsonl=sides["brokex"])
    repo.commit("ours")
    assert len(merge(repo, "feature").conflicts) == 1
    resolve(repo, TABLE, Choice("theirs"))
    assert text(repo, TABLE) == sides["brokem"]


def test_a_conflict_in_promptvc_toml_leaves_a_file_that_can_be_read(repo: Repo) -> None:
    for branch, key in (("main", "base"), ("feature", "theirs"), ("main", "ours")):
        if branch == "feature":
            switch(repo, "feature", create=True)
        elif key == "ours":
            switch(repo, "main")
        put(repo, promptvc_dot_toml=f'[tables."{TABLE}"]\nkey = ["{key}"]\n')
        repo.commit(key)
    merge(repo, "feature")
    assert '["ours"]' in text(repo, "promptvc.toml")
    assert resolve(repo, "promptvc.toml", Choice("theirs")) == 0
    assert '["theirs"]' in text(repo, "promptvc.toml")


def test_resolving_several_conflicts_is_all_or_nothing(repo: Repo) -> None:
    diverged(repo, edited(BASE, r1={"a": "o"}, r3={"a": "o"}), edited(BASE, r1={"a": "t"}, r3={"a": "t"}))
    merge(repo, "feature")
    table(repo, [row for row in read(repo) if row["id"] != 3])
    before = read(repo)
    with pytest.raises(ConflictStale):
        resolve(repo, ".", Choice("theirs"))
    assert read(repo) == before
    assert len(repo.parts.merges.resolving.conflicts()) == 2


def test_a_pick_of_what_is_here_already_makes_no_commit(repo: Repo) -> None:
    diverged(repo, edited(BASE, r1={"a": "same"}), edited(BASE, r1={"a": "same"}))
    head = repo.parts.revisions.resolve("main")
    done = repo.cherry_pick("feature")
    assert (done.outcome, done.commit) == ("up-to-date", head)
    assert repo.parts.revisions.resolve("main") == head


def test_a_merge_that_was_committed_is_over_whatever_its_state_says(repo: Repo) -> None:
    diverged(repo, edited(BASE, r1={"a": "o"}), edited(BASE, r1={"a": "t"}))
    merge(repo, "feature")
    resolve(repo, TABLE, Choice("theirs"))
    state = repo.path / "promptvc" / "merging"
    kept = state.read_bytes()
    repo.commit()
    state.write_bytes(kept)  # as a process that is killed in between leaves it
    assert repo.open_merge is None
    repo.parts.merges.need_no_merge()
    with pytest.raises(NoMergeOpen):
        repo.abort_merge()
    table(repo, edited(BASE, r2={"a": "next"}))
    assert len(parents(repo, repo.commit("next").id)) == 1


def test_a_branch_that_moved_meanwhile_is_not_overwritten(repo: Repo) -> None:
    diverged(repo, edited(BASE, r1={"a": "o"}), edited(BASE, r1={"a": "t"}))
    merge(repo, "feature")
    resolve(repo, TABLE, Choice("theirs"))
    with repo.transaction("main", message="a service") as tx:
        tx.upsert(TABLE, [{**BASE[3], "a": "service"}], key=["id"])
    with pytest.raises(Refused, match="main moved since the merge began"):
        repo.commit()


def test_an_interrupted_merge_is_taken_back_at_once(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    diverged(repo, edited(BASE, r1={"a": "o"}), edited(BASE, r1={"a": "t"}, r2={"a": "t"}))
    before = read(repo)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(repo.parts.workspace.worktree, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            merge(repo, "feature")
    assert read(repo) == before
    assert repo.open_merge is None


def test_equal_blocks_of_one_text_are_resolved_together(repo: Repo) -> None:
    for branch, end in (("main", ""), ("feature", " t"), ("main", " o")):
        if branch == "feature":
            switch(repo, "feature", create=True)
        elif end:
            switch(repo, "main")
        put(repo, prompts__t_dot_md=f"b{end}\nc\nd\nb{end}\nf\n")
        repo.commit(f"version{end}")
    assert len(merge(repo, "feature").conflicts) == 2
    assert resolve(repo, ".", Choice("theirs")) == 0
    assert text(repo, "prompts/t.md") == "b t\nc\nd\nb t\nf\n"


def test_lines_of_promptvc_toml_that_do_not_go_together_are_a_conflict(repo: Repo) -> None:
    key, unique = 'key = ["id"]\n', "unique = true\n"
    for branch, lines in (("main", key), ("feature", key + unique), ("main", unique + key)):
        if branch == "feature":
            switch(repo, "feature", create=True)
        elif lines != key:
            switch(repo, "main")
        put(repo, promptvc_dot_toml=f'[tables."{TABLE}"]\n{lines}')
        repo.commit(lines)
    merge(repo, "feature")
    assert text(repo, "promptvc.toml") == f'[tables."{TABLE}"]\n{unique}{key}'
    resolve(repo, ".", Choice("ours"))
    assert len(parents(repo, repo.commit().id)) == 2


def test_a_key_means_rows_and_nothing_else(repo: Repo) -> None:
    for branch, end in (("main", "x"), ("feature", "t"), ("main", "o")):
        if branch == "feature":
            switch(repo, "feature", create=True)
        elif end == "o":
            switch(repo, "main")
        put(repo, prompts__t_dot_md=f"{end}\n", examples__x_dot_bin=f"\0{end}")
        table(repo, edited(BASE, r1={"a": end}))
        repo.commit(end)
    assert len(merge(repo, "feature").conflicts) == 3
    assert resolve(repo, ".", Choice("theirs"), key="1") == 2
    assert text(repo, "examples/x.bin") == "\0o"
    assert "<<<<<<<" in text(repo, "prompts/t.md")


def test_a_csv_file_of_blank_lines_alone_conflicts_as_a_whole(repo: Repo) -> None:
    put(repo, examples__a_dot_csv="a,b\n1,2\n")
    repo.commit("base")
    switch(repo, "feature", create=True)
    put(repo, examples__a_dot_csv="\n")
    repo.commit("emptied, but for a line end")
    switch(repo, "main")
    put(repo, examples__a_dot_csv="a,b\n1,3\n")
    repo.commit("ours")
    done = merge(repo, "feature")
    assert [(each.row, each.path) for each in done.conflicts] == [(None, "examples/a.csv")]
    assert text(repo, "examples/a.csv") == "a,b\n1,3\n"


def test_a_quote_that_never_closes_makes_a_csv_file_conflict_as_a_whole(repo: Repo) -> None:
    put(repo, examples__a_dot_csv="a\n1\n2\n")
    repo.commit("base")
    switch(repo, "feature", create=True)
    put(repo, examples__a_dot_csv='a\n1\n2\n"3\n')
    repo.commit("a quote that never closes")
    switch(repo, "main")
    put(repo, examples__a_dot_csv="a\n1\n2\n4\n")
    repo.commit("ours")
    done = merge(repo, "feature")
    assert [(each.kind, each.path) for each in done.conflicts] == [("both-changed", "examples/a.csv")]
    assert text(repo, "examples/a.csv") == "a\n1\n2\n4\n"
