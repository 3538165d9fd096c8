"""Outputs of two branches: every merged row is right for the merged files, or says that it is stale."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from promptvc.cli.main import cli
from promptvc.content.runs.run import read_rows
from promptvc.runs.execute.prepared import prepare
from promptvc.runs.sources import CommitSource
from tests.runs.projects import PROMPT, SETTINGS, Project, tickets

PHASES = [Phase.explicit, Phase.reuse, Phase.generate]  # to shrink a history takes minutes
LONG_PROMPT = PROMPT.replace("{{ ticket }}\n", "{{ ticket }}{{ note }}\n")


def call(project: Project, *words: str) -> str:
    done = CliRunner().invoke(cli, ["-C", str(project.root), *words])
    assert done.exit_code == 0, (words, done.output)
    return done.output


@pytest.fixture
def project(tmp_path: Path) -> Project:
    rows = [row | {"note": ""} for row in tickets(20)]
    project = Project(tmp_path / "project", rows)
    project.write("prompts/sort.md", LONG_PROMPT)
    project.run()
    project.commit("base")
    return project


def check_merged(project: Project) -> tuple[int, int]:
    """Every row follows from the files, or is stale; gives how many are which."""
    repo = project.repo
    source = CommitSource(repo.snapshot("HEAD"), "HEAD")
    prepared = prepare(source, source.project.runs["mini"])
    wanted = list(prepared.requests())
    rows = list(read_rows(project.rows()))
    assert [row.place for row in rows] == [request.place for request in wanted]
    right = 0
    for row, request in zip(rows, wanted, strict=True):
        assert row.request_hash == request.hash
        if row.error is None:
            assert row.output == str(request.messages[-1]["content"]).split()[0]
            assert row.scores == {"exact": row.output == request.row["expected"]}
            right += 1
        else:
            assert row.is_stale
    totals = project.record()["totals"]
    assert (totals["rows"], totals["stale"]) == (len(rows), len(rows) - right)
    assert project.record()["prompt"]["id"] == prepared.prompt_pin.id
    assert project.record()["examples"]["id"] == prepared.examples_pin.id
    return right, len(rows) - right


def test_a_branch_that_changes_some_rows_and_one_that_adds_examples(project: Project) -> None:
    base = [row | {"note": ""} for row in tickets(20)]
    call(project, "switch", "-c", "more")
    project.write_rows([*base, *({**row, "note": ""} for row in tickets(26)[20:])])
    project.run()
    project.commit("six more")
    call(project, "switch", "main")
    changed = [row | {"note": " urgent" if n < 5 else ""} for n, row in enumerate(base)]
    project.write_rows(changed)
    project.run()
    project.commit("five rows ask something else")
    said = call(project, "merge", "more")
    assert "26 rows still right" in said
    assert "stale" not in said
    assert check_merged(project) == (26, 0)
    assert project.run().called == 0
    assert "mini" not in call(project, "status")


def test_a_new_prompt_and_new_examples_leave_the_new_rows_stale(project: Project) -> None:
    base = [row | {"note": ""} for row in tickets(20)]
    call(project, "switch", "-c", "more")
    project.write_rows([*base, *({**row, "note": ""} for row in tickets(26)[20:])])
    project.run()
    project.commit("six more")
    call(project, "switch", "main")
    project.write("prompts/sort.md", LONG_PROMPT.replace("Sort the", "Sort this"))
    project.run()
    project.commit("another prompt")
    said = call(project, "merge", "more")
    assert "20 rows still right, 6 stale: promptvc run mini" in said
    assert check_merged(project) == (20, 6)
    assert "6 of 26 stale" in call(project, "status")
    assert project.run().called == 6
    assert check_merged_after_run(project)


def check_merged_after_run(project: Project) -> bool:
    project.commit("run")
    return check_merged(project) == (26, 0)


def test_merging_into_a_branch_that_is_not_checked_out(project: Project) -> None:
    base = [row | {"note": ""} for row in tickets(20)]
    call(project, "switch", "-c", "more")
    project.write_rows([*base, {**tickets(21)[20], "note": ""}])
    project.run()
    project.commit("one more")
    call(project, "switch", "-c", "elsewhere", "main")
    project.write("prompts/sort.md", LONG_PROMPT.replace("Sort the", "Sort this"))
    project.run()
    project.commit("another prompt")
    call(project, "switch", "main")
    done = project.repo.merge("more", into="elsewhere")
    assert [(run.kept, run.stale) for run in done.runs] == [(20, 1)]
    call(project, "switch", "elsewhere")
    assert check_merged(project) == (20, 1)


def test_outputs_that_were_not_run_again_are_not_taken_for_right(project: Project) -> None:
    base = [row | {"note": ""} for row in tickets(20)]
    call(project, "switch", "-c", "more")
    project.write_rows([*base, {**tickets(21)[20], "note": ""}])
    project.commit("one more, not run")
    call(project, "switch", "main")
    project.write("prompts/sort.md", LONG_PROMPT.replace("Sort the", "Sort this"))
    project.commit("another prompt, not run")
    call(project, "merge", "more")
    assert check_merged(project) == (0, 21)


@settings(max_examples=15, deadline=None, phases=PHASES)
@given(st.data())
def test_any_two_branches(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    project = Project(tmp_path_factory.mktemp("merge") / "project", tickets(8))
    project.run()
    project.commit("base")
    for branch in ("left", "right"):
        call(project, "switch", "-c", branch, "main")
        rows = [row for row in tickets(8) if data.draw(st.integers(0, 9)) > 0]
        for row in rows:
            if data.draw(st.integers(0, 3)) == 0:
                row["expected"] = f"word{data.draw(st.integers(0, 2))}-{branch}"
        rows += [{**tickets(1)[0], "id": f"{branch}-{n}"} for n in range(data.draw(st.integers(0, 3)))]
        project.write_rows(rows)
        if data.draw(st.booleans()):
            line = data.draw(st.sampled_from(["Sort the ticket.", "Sort it."]))
            project.write("prompts/sort.md", PROMPT.replace("Sort the ticket.", line))
        if data.draw(st.booleans()):
            project.run()
        if not project.repo.status().clean:
            project.commit(branch)
    done = CliRunner().invoke(cli, ["-C", str(project.root), "merge", "left"])
    if "] Merge left" in done.output:
        source = CommitSource(project.repo.snapshot("HEAD"), "HEAD")
        prepared = prepare(source, source.project.runs["mini"])
        wanted = {request.place: request.hash for request in prepared.requests()}
        stale = project.repo.runs.staleness("mini")
        rows = list(read_rows(project.rows()))
        wrong = [row for row in rows if row.error is None and wanted.get(row.place) != row.request_hash]
        assert len(wrong) <= stale.stale + stale.left_over
        assert stale.fresh == sum(
            row.error is None and wanted.get(row.place) == row.request_hash for row in rows
        )


def test_recorded_outputs_merge_as_tables_do(project: Project) -> None:
    assert SETTINGS  # a run that was recorded has no request hashes to merge by
    record = project.record() | {"recorded": True}
    project.write("outputs/mini.run.json", json.dumps(record, indent=2) + "\n")
    project.commit("as if recorded")
    call(project, "switch", "-c", "more")
    lines = (project.root / "outputs/mini.jsonl").read_text().splitlines()
    project.write(
        "outputs/mini.jsonl", "\n".join([lines[0].replace('"word0"', '"other"'), *lines[1:]]) + "\n"
    )
    project.commit("one output")
    call(project, "switch", "main")
    lines[5] = lines[5].replace('"output":"word0"', '"output":"else"')
    project.write("outputs/mini.jsonl", "\n".join(lines) + "\n")
    project.commit("another output")
    call(project, "merge", "more")
    rows = project.rows()
    assert (rows[0]["output"], rows[5]["output"]) == ("other", "else")


def test_rows_that_were_edited_by_hand_are_not_taken(project: Project) -> None:
    base = [row | {"note": ""} for row in tickets(20)]
    call(project, "switch", "-c", "side")
    project.write_rows([*base, {**tickets(21)[20], "note": ""}])
    project.run()
    lines = (project.root / "outputs/mini.jsonl").read_text().splitlines()
    lines[20] = lines[20].replace('"output":"word0"', '"output":"FORGED"')
    assert "FORGED" in lines[20]
    project.write("outputs/mini.jsonl", "\n".join(lines) + "\n")
    project.commit("edited")
    call(project, "switch", "main")
    base[0] |= {"note": " urgent"}
    project.write_rows(base)
    project.run()
    project.commit("ours")
    said = call(project, "merge", "side")
    assert "20 rows still right, 1 stale" in said
    assert check_merged(project) == (20, 1)
