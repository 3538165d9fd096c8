"""Whole files merged, path by path."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.ids import RepoPath
from promptvc.storage.objects import EXECUTABLE, FILE, LINK, Kind, object_id
from promptvc.versioning.merge import FileMerge, merge_files
from promptvc.versioning.tree import FileEntry, Files
from tests.amounts import examples


def files(**contents: str | FileEntry) -> Files:
    """``a="x"`` is a file ``a`` that holds x; ``__`` in a name stands for ``/``."""
    return {
        RepoPath(name.replace("__", "/")): content if isinstance(content, FileEntry) else entry(content)
        for name, content in sorted(contents.items())
    }


def entry(content: str, mode: int = FILE) -> FileEntry:
    return FileEntry(object_id(Kind.BLOB, content.encode()), mode)


def kinds(found: FileMerge) -> list[tuple[str, str]]:
    return [(conflict.path, conflict.kind) for conflict in found.conflicts]


def test_what_one_side_changed_is_taken() -> None:
    base = files(a="1", b="1", c="1", d="1")
    found = merge_files(base, files(a="2", b="1", c="1"), files(a="1", b="2", d="1", e="new"))
    assert found.files == files(a="2", b="2", e="new")
    assert not found.conflicts
    assert not found.leaves
    assert found.taken == ("b", "c", "e")


def test_the_same_change_on_both_sides_is_no_conflict() -> None:
    base = files(a="1", b="1")
    found = merge_files(base, files(a="2", n="x"), files(a="2", n="x"))
    assert found.files == files(a="2", n="x")
    assert not found.conflicts
    assert not found.taken


def test_a_file_changed_on_both_sides_is_a_leaf() -> None:
    found = merge_files(files(a="1"), files(a="2"), files(a="3"))
    [leaf] = found.leaves
    assert (leaf.path, leaf.base, leaf.ours, leaf.theirs) == ("a", entry("1"), entry("2"), entry("3"))


def test_a_file_that_both_added_is_a_leaf_without_a_base() -> None:
    [leaf] = merge_files(files(), files(a="2"), files(a="3")).leaves
    assert leaf.base is None


@pytest.mark.parametrize("removed_by", ["ours", "theirs"])
def test_edit_against_removal_is_a_conflict_with_ours_in_place(removed_by: str) -> None:
    sides = (files(), files(a="2")) if removed_by == "ours" else (files(a="2"), files())
    found = merge_files(files(a="1"), *sides)
    assert kinds(found) == [("a", "edit-delete")]
    assert found.files == sides[0]


def test_a_mode_changed_on_one_side_and_content_on_the_other_are_both_taken() -> None:
    found = merge_files(files(a="1"), files(a=entry("1", EXECUTABLE)), files(a="2"))
    assert found.files == files(a=entry("2", EXECUTABLE))
    found = merge_files(files(a="1"), files(a="2"), files(a=entry("1", EXECUTABLE)))
    assert found.files == files(a=entry("2", EXECUTABLE))
    [leaf] = merge_files(files(a="1"), files(a="3"), files(a=entry("2", EXECUTABLE))).leaves
    assert leaf.mode == EXECUTABLE


def test_a_link_against_a_file_is_a_conflict() -> None:
    found = merge_files(files(a="1"), files(a="2"), files(a=entry("b", LINK)))
    assert kinds(found) == [("a", "both-changed")]
    assert found.files == files(a="2")


def test_a_rename_is_followed_by_the_other_sides_change() -> None:
    base = files(old="1", x="x")
    ours, theirs = files(new="1", x="x"), files(old="2", x="x")
    assert merge_files(base, ours, theirs).files == files(new="2", x="x")
    found = merge_files(base, theirs, ours)
    assert found.files == files(new="2", x="x")
    assert found.taken == ("new", "old")


def test_a_file_renamed_and_changed_is_merged_under_its_new_name() -> None:
    def similarity(_: Files, __: Files) -> Callable[[RepoPath, RepoPath], float]:
        return lambda old, new: 0.9

    base, ours, theirs = (
        {RepoPath(name): entry(c)} for name, c in (("old.md", "1"), ("new.md", "2"), ("old.md", "3"))
    )
    [leaf] = merge_files(base, ours, theirs, similarity).leaves
    assert (leaf.path, leaf.base, leaf.ours, leaf.theirs) == ("new.md", entry("1"), entry("2"), entry("3"))


def test_both_renamed_to_the_same_name() -> None:
    found = merge_files(files(old="1"), files(new="1"), files(new="1"))
    assert found.files == files(new="1")
    assert not found.conflicts


def test_two_different_new_names_are_a_conflict_and_ours_stays() -> None:
    found = merge_files(files(old="1"), files(mine="1"), files(yours="1"))
    assert kinds(found) == [("mine", "both-changed")]
    assert found.conflicts[0].paths == ("old", "mine", "yours")
    assert found.files == files(mine="1")


def test_a_new_name_that_the_other_side_gave_another_file_is_no_rename() -> None:
    found = merge_files(files(old="1"), files(new="1"), files(old="1", new="other"))
    assert [leaf.path for leaf in found.leaves] == ["new"]
    assert "old" not in found.files


@pytest.mark.parametrize("swap", [False, True])
def test_renamed_on_one_side_and_removed_on_the_other_is_a_conflict(swap: bool) -> None:
    sides = [files(new="1"), files()]
    ours, theirs = reversed(sides) if swap else sides
    found = merge_files(files(old="1"), ours, theirs)
    assert kinds(found) == [("new", "edit-delete")]
    assert found.files == ours


@pytest.mark.parametrize("swap", [False, True])
def test_a_file_against_a_folder_is_a_conflict_and_ours_stays(swap: bool) -> None:
    sides = [files(a="file"), files(a__b="inside")]
    ours, theirs = reversed(sides) if swap else sides
    found = merge_files(files(), ours, theirs)
    assert found.files == ours
    assert [conflict.kind for conflict in found.conflicts] == ["both-added"]


names = st.sampled_from(["a", "b", "c/d", "c/e", "f"]).map(RepoPath)
contents = st.builds(entry, st.sampled_from("123"), st.sampled_from([FILE, EXECUTABLE, LINK]))
worlds = st.dictionaries(names, contents, max_size=4).map(lambda made: dict(sorted(made.items())))


@settings(max_examples=examples(300))
@given(worlds, worlds, worlds)
def test_laws(base: Files, ours: Files, theirs: Files) -> None:
    assert merge_files(base, base, theirs).files == theirs
    assert merge_files(base, ours, base).files == ours
    assert merge_files(base, ours, ours).files == ours
    one, other = merge_files(base, ours, theirs), merge_files(base, theirs, ours)
    assert len(one.conflicts) == len(other.conflicts)
    assert len(one.leaves) == len(other.leaves)
    if not one.conflicts and not one.leaves:
        assert one.files == other.files
    for conflict in one.conflicts:
        assert conflict.ours != conflict.theirs or conflict.paths != (None, None, None)
        assert conflict.base not in (conflict.ours, conflict.theirs) or conflict.paths != (None, None, None)
