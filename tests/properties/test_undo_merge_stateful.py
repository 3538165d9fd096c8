"""Merges, picks, reverts and resolved conflicts among random commands: undone one by one, every state comes back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.amounts import examples
from tests.properties.test_undo_stateful import BRANCHES, UndoMachine, World

TABLES = st.lists(st.integers(0, 2), min_size=4, max_size=6)
LINES = st.lists(st.sampled_from(["one", "two", "three"]), min_size=3, max_size=5)
SIDES = st.sampled_from(["ours", "theirs", "base"])


class MergeUndoMachine(UndoMachine):
    """The state of an open merge is part of the world."""

    @rule(values=TABLES)
    def edit_table(self, values: list[int]) -> None:
        rows = [json.dumps({"id": number, "x": value}) for number, value in enumerate(values)]
        self._put("examples/t.jsonl", ("\n".join(rows).encode(), False))

    @rule(lines=LINES)
    def edit_lines(self, lines: list[str]) -> None:
        self._put("prompts/a.md", ("".join(f"{line}\n" for line in lines).encode(), False))

    @rule(values=TABLES, name=BRANCHES)
    def diverge(self, values: list[int], name: str) -> None:
        """What a merge is for: the branch here goes on, and another one from its parent."""
        self.edit_table(values)
        self._do("commit", "-m", "here")
        self._do("switch", "-c", name, "HEAD~1")
        self.edit_table(values[::-1])
        self._do("commit", "-m", "there")

    @rule(name=BRANCHES, options=st.sampled_from([[], ["--no-ff"], ["--dry-run"]]))
    def merge(self, name: str, options: list[str]) -> None:
        self._do("merge", *options, name, may_conflict=True)

    @rule(name=BRANCHES, into=BRANCHES)
    def merge_into(self, name: str, into: str) -> None:
        self._do("merge", name, "--into", into, may_conflict=True)

    @rule(name=BRANCHES)
    def cherry_pick(self, name: str) -> None:
        self._do("cherry-pick", name, may_conflict=True)

    @rule(back=st.integers(0, 2))
    def revert(self, back: int) -> None:
        self._do("revert", f"HEAD~{back}", may_conflict=True)

    @rule(take=SIDES, path=st.sampled_from([".", "examples", "prompts"]))
    def resolve(self, take: str, path: str) -> None:
        self._do("resolve", path, "--take", take)

    @rule()
    def abort(self) -> None:
        self._do("merge", "--abort")

    @rule()
    def conclude(self) -> None:
        self._do("resolve", ".", "--as-is")
        self._do("commit")

    def _do(self, *words: str, may_conflict: bool = False) -> None:
        def command() -> None:
            before = self._world()
            code, said = self._run(*words)
            assert code in (0, 1, 2, 3), said
            assert "internal error" not in said, said
            assert code == 0 or (code == 1 and may_conflict) or self._world() == before, said

        self._watch(command)

    def _redo_all(self) -> None:
        """Files are left to the other machine: here the user edits them between nearly all operations."""
        last = self.steps[-1]
        code, said = self._run("undo", "--force", str(last.number))
        assert code == 0, said
        assert replace(self._world(), files={}) == replace(last.after, files={})

    def _world(self) -> World:
        world = super()._world()
        state = self.root / ".promptvc" / "promptvc" / "merging"
        return replace(world, config=world.config | {"merge": state.read_text() if state.exists() else ""})


MergeUndoMachine.TestCase.settings = settings(
    max_examples=examples(30), stateful_step_count=25, deadline=None
)
TestUndoOfMerges = pytest.mark.slow(MergeUndoMachine.TestCase)
del UndoMachine  # collected where it is defined
