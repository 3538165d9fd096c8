"""What a transaction remembers of keys is what reading all rows says, whatever was done in it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import promptvc
from promptvc.content.keys.index import KeyIndexes
from promptvc.errors import DuplicateKey
from promptvc.repo import Repo

TABLE = "examples/t.jsonl"
ROWS = 4000
STEPS = st.lists(
    st.tuples(st.sampled_from(["upsert", "append", "delete"]), st.integers(0, ROWS + 20)),
    min_size=1,
    max_size=4,
)


def row(number: int, text: str = "x" * 60) -> dict[str, Any]:
    return {"id": f"row-{number:05}", "text": text}


@pytest.mark.parametrize("declared", [True, False])
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=1, max_size=3))
def test_uniqueness_that_is_remembered_is_true(
    repo: Repo, declared: bool, steps: list[list[tuple[str, int]]]
) -> None:
    branch = f"b{len(list(repo.branches))}"
    if "main" not in [each.name for each in repo.branches]:
        with repo.transaction("main", message="one") as tx:
            tx.append(TABLE, [row(n) for n in range(ROWS)])
            if declared:
                tx.write("promptvc.toml", f'[tables."{TABLE}"]\nkey = ["id"]\n')
    repo.branches.create(branch, "main")
    there = {f"row-{n:05}" for n in range(ROWS)}
    for number, some in enumerate(steps):
        with repo.transaction(branch, message=f"step {number}") as tx:
            for what, at in some:
                new = row(at, f"{number} {what} {at}")
                if what == "upsert" and (declared or tx.table(TABLE).key):
                    tx.upsert(TABLE, [new], key=["id"])
                    there.add(new["id"])
                elif what == "append":
                    tx.append(TABLE, [new])
                    there.add(new["id"])
                elif new["id"] in there and (declared or tx.table(TABLE).key):
                    tx.delete(TABLE, [new["id"]], key=["id"])
                    there.discard(new["id"])
        table = promptvc.open(repo.root).snapshot(branch).table(TABLE)
        counts = Counter(each["id"] for each in table)
        cold = KeyIndexes().of(TABLE, table._format, ["id"], table._chunk_runs)
        warm = repo.snapshot(branch).table(TABLE)._indexes.of(TABLE, table._format, ["id"], table._chunk_runs)
        again = table._indexes.of(TABLE, table._format, ["id"], table._chunk_runs)
        assert {cold.is_unique, warm.is_unique, again.is_unique} == {max(counts.values()) == 1}
        assert set(counts) == there


def test_a_rule_is_kept_after_edits_that_need_no_check(repo: Repo) -> None:
    with repo.transaction("main", message="one") as tx:
        tx.write("promptvc.toml", f'[tables."{TABLE}"]\nkey = ["id"]\nunique = true\n')
        tx.append(TABLE, [row(n) for n in range(ROWS)])
    with repo.transaction("main", message="two") as tx:
        tx.upsert(TABLE, [row(3, "new"), row(ROWS, "new")])
    with pytest.raises(DuplicateKey), repo.transaction("main", message="three") as tx:
        tx.upsert(TABLE, [row(5, "new")])
        tx.append(TABLE, [row(5, "again")])
    with pytest.raises(DuplicateKey), repo.transaction("main", message="by another key") as tx:
        tx.upsert(TABLE, [{"id": "row-00006", "text": "unlike all", "other": 1}], key=["text"])
