"""Runs: what is called, what is known, and what is written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from promptvc.api import clone
from promptvc.errors import (
    CallsMissing,
    ConfigInvalid,
    NotTrusted,
    RenderFailed,
    RunMissing,
    StoreBusy,
    Usage,
)
from promptvc.ids import ObjectId
from tests.runs.projects import PROMPT, SETTINGS, Project, tickets


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project", tickets(30))


def test_nothing_is_paid_twice(project: Project) -> None:
    done = project.run()
    assert (done.rows, done.known, done.called, project.calls()) == (30, 0, 30, 30)
    before = (
        (project.root / "outputs/mini.jsonl").read_bytes(),
        (project.root / "outputs/mini.run.json").read_bytes(),
    )
    again = project.run()
    assert (again.known, again.called, again.changed, project.calls()) == (30, 0, False, 30)
    assert before == (
        (project.root / "outputs/mini.jsonl").read_bytes(),
        (project.root / "outputs/mini.run.json").read_bytes(),
    )


def test_only_edited_rows_are_called_and_reverting_them_costs_nothing(project: Project) -> None:
    project.run()
    first = project.rows()
    edited = tickets(30)
    for row in edited[3:10]:
        row["input"] = "changed " + row["input"]
    project.write_rows(edited)
    assert project.run().called == 7
    project.write_rows(tickets(30))
    assert (project.run().called, project.calls()) == (0, 37)
    assert project.rows() == first


def test_committed_answers_are_known_without_journal_and_index(project: Project) -> None:
    project.run()
    project.commit("outputs")
    shutil.rmtree(project.root / ".promptvc/promptvc/calls")
    (project.root / "outputs/mini.jsonl").unlink()
    assert (project.run().called, project.calls()) == (0, 30)


def test_answers_of_older_commits_are_known(project: Project) -> None:
    project.commit("base")
    project.write("prompts/sort.md", PROMPT.replace("Sort", "Please sort"))
    project.run()
    project.commit("another prompt")
    project.write("prompts/sort.md", PROMPT)
    project.run()
    project.commit("back")
    shutil.rmtree(project.root / ".promptvc/promptvc/calls")
    project.write("prompts/sort.md", PROMPT.replace("Sort", "Please sort"))
    assert (project.run().called, project.calls()) == (0, 60)


def test_a_clone_knows_what_was_paid(project: Project, tmp_path: Path) -> None:
    project.run()
    project.commit("outputs")
    copy = clone(str(project.root / ".promptvc"), tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy/outputs")
    plan = copy.runs.plan("mini")
    assert (plan.calls, plan.known, plan.missing) == (30, 30, 0)


def test_a_damaged_index_is_made_anew(project: Project) -> None:
    project.run()
    (project.root / "outputs/mini.jsonl").unlink()
    index = project.root / ".promptvc/promptvc/calls/index.sqlite"
    for data in (b"nonsense" * 1000, index.read_bytes()[:5000] + b"\xff" * 4000):
        index.write_bytes(data)
        assert project.run().called == 0
    assert project.calls() == 30


def test_a_journal_line_that_was_cut_off_is_left_out(project: Project) -> None:
    project.run()
    (journal,) = (project.root / ".promptvc/promptvc/calls").glob("*.jsonl")
    journal.write_bytes(journal.read_bytes()[:-20])
    (project.root / ".promptvc/promptvc/calls/index.sqlite").unlink()
    shutil.rmtree(project.root / "outputs")
    assert project.run().called == 1


def test_failed_calls_are_told_and_tried_again(project: Project) -> None:
    rows = tickets(5)
    rows[2]["input"] = "fail please"
    project.write_rows(rows)
    done = project.run()
    assert (done.called, done.failed, done.complete) == (5, 1, False)
    assert "this one fails" in project.rows()[2]["error"]
    assert project.rows()[2]["output"] is None
    assert project.rows()[2]["scores"] == {}
    assert project.run().failed == 1
    assert project.calls() == 6


def test_a_limit_leaves_rows_that_say_so(project: Project) -> None:
    done = project.run(limit=10)
    assert (done.called, done.stale, done.failed) == (10, 20, 0)
    assert project.rows()[29]["error"].startswith("stale")
    assert project.rows()[29]["stale"] == "not called yet"
    assert "stale" not in project.rows()[0]
    assert project.repo.runs.staleness("mini").stale == 20
    assert project.run().called == 20
    assert project.repo.runs.staleness("mini").is_fresh


def test_a_providers_error_is_a_failure_whatever_it_says(project: Project) -> None:
    rows = tickets(3)
    rows[0]["input"], rows[1]["input"] = "says stale connection", "says stale: not called yet"
    project.write_rows(rows)
    project.write(
        "rule_model.py",
        """
def answer(messages, model, params):
    text = messages[-1]["content"].removeprefix("says ")
    return {"error": text} if text.startswith("stale") else text
""",
    )
    done = project.run()
    assert (done.failed, done.stale) == (2, 0)
    assert project.rows()[0]["error"] == "stale connection"
    found = project.repo.runs.staleness("mini")
    assert (found.failed, found.stale, dict(found.reasons)) == (2, 0, {})
    [comparison] = [project.repo.compare("HEAD", run="mini")] if project.commit("failed") else []
    assert (comparison.after.errors, comparison.after.stale) == (2, 0)


def test_offline_makes_no_call_and_changes_nothing(project: Project) -> None:
    with pytest.raises(CallsMissing):
        project.run(offline=True)
    assert not (project.root / "outputs").exists()
    assert project.calls() == 0


def test_equal_requests_are_asked_once(project: Project) -> None:
    rows = tickets(10)
    for row in rows:
        row["input"] = "the same"
    project.write_rows(rows)
    assert (project.run().called, project.calls()) == (1, 1)
    assert len(project.rows()) == 10


def test_samples_are_asked_each(project: Project) -> None:
    project.write("promptvc.toml", SETTINGS + "samples = 3\n")
    assert project.run().called == 90
    assert [row["sample_index"] for row in project.rows()[:4]] == [0, 1, 2, 0]


def test_changed_scorers_score_again_without_calls(project: Project) -> None:
    project.run()
    project.write(
        "promptvc.toml", SETTINGS.replace('"exact:expected"', '"exact:expected", "contains:expected"')
    )
    stale = project.repo.runs.staleness("mini")
    assert (stale.rescore, stale.to_call) == (True, 0)
    assert (project.run().called, project.calls()) == (0, 30)
    assert set(project.rows()[0]["scores"]) == {"exact", "contains"}


def test_changed_expectations_are_scored_again(project: Project) -> None:
    project.run()
    before = project.record()["totals"]["scores"]["exact"]["mean"]
    rows = tickets(30)
    for row in rows:
        row["expected"] = row["input"].split()[0]
    project.write_rows(rows)
    assert project.run().called == 0
    assert before < project.record()["totals"]["scores"]["exact"]["mean"] == 1.0


def test_a_row_that_lacks_what_the_prompt_needs_is_named(project: Project) -> None:
    rows = tickets(3)
    del rows[1]["input"]
    project.write_rows(rows)
    with pytest.raises(RenderFailed, match="t-1"):
        project.run()


def test_an_unknown_run_is_told(project: Project) -> None:
    with pytest.raises(RunMissing, match="nope"):
        project.run("nope")


def test_undo_takes_a_run_back(project: Project) -> None:
    project.run()
    project.repo.undo()
    assert not (project.root / "outputs/mini.jsonl").exists()
    assert project.run().called == 0


def test_staleness_says_what_changed(project: Project) -> None:
    project.run()
    project.commit("outputs")
    project.write("prompts/sort.md", PROMPT.replace("Sort the", "Please sort the"))
    stale = project.repo.runs.staleness("mini")
    assert (stale.stale, stale.rows) == (30, 30)
    assert stale.reasons == {"prompt": "prompt: system line 2"}
    project.write("prompts/sort.md", PROMPT)
    rows = tickets(31)
    rows[4]["input"] = "other"
    del rows[9]
    project.write_rows(rows)
    stale = project.repo.runs.staleness("mini")
    assert (stale.fresh, stale.stale, stale.missing, stale.left_over) == (28, 1, 1, 1)
    assert "t-4" in stale.reasons["examples"]


def test_cost_follows_from_the_price(project: Project) -> None:
    project.write("promptvc.toml", SETTINGS + "price = { input = 1.0, output = 10.0 }\n")
    project.run()
    row = project.rows()[0]
    assert row["cost_usd"] == pytest.approx((row["input_tokens"] + 10 * row["output_tokens"]) / 1e6)
    assert json.loads(json.dumps(project.record()["totals"]))["cost_usd"] > 0


def test_outputs_edited_by_hand_are_told_and_made_right(project: Project) -> None:
    project.run()
    project.commit("outputs")
    first = project.rows()
    text = (project.root / "outputs/mini.jsonl").read_text()
    project.write("outputs/mini.jsonl", text.replace('"output":"word0"', '"output":"better"', 1))
    stale = project.repo.runs.staleness("mini")
    assert not stale.is_fresh
    assert stale.reasons == {"outputs": "outputs: not as they were made"}
    project.commit("outputs made better by hand")
    assert project.run().called == 0
    assert project.rows() == first


def test_edited_outputs_that_were_committed_answer_nothing(project: Project) -> None:
    project.run()
    text = (project.root / "outputs/mini.jsonl").read_text()
    project.write("outputs/mini.jsonl", text.replace('"output":"word0"', '"output":"better"'))
    project.commit("only edited ones were committed")
    shutil.rmtree(project.root / ".promptvc/promptvc/calls")
    assert (project.run().called, project.calls()) == (30, 60)
    assert all(row["output"] != "better" for row in project.rows())


def test_two_runs_at_once_do_not_pay_twice(project: Project) -> None:
    repo = project.repo
    repo.parts.runs.calls.refresh()
    with repo.parts.runs.calls.exclusive(), pytest.raises(StoreBusy):
        project.run()
    assert project.calls() == 0
    assert project.run().called == 30
    with repo.parts.runs.calls.exclusive():
        assert project.run().called == 0  # nothing to call, nothing to wait for


def test_what_a_run_is_pinned_to_is_in_the_store_before_it_is_committed(project: Project) -> None:
    project.run()
    record = project.record()
    project.write("prompts/sort.md", PROMPT + "more\n")
    assert project.repo.parts.store.contains(ObjectId(record["prompt"]["id"]))
    assert project.repo.parts.store.contains(ObjectId(record["examples"]["id"]))
    assert project.repo.runs.staleness("mini").reasons == {"prompt": "prompt: user line 6"}


def test_status_works_with_examples_that_the_prompt_cannot_take(project: Project) -> None:
    project.run()
    rows = tickets(3)
    del rows[1]["input"]
    project.write_rows(rows)
    (stale,) = project.repo.runs.stale()
    assert "t-1" in stale.reasons["files"]


def test_rows_of_large_runs_are_not_counted_for_status(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.run()
    project.write("prompts/sort.md", PROMPT.replace("Sort", "Order"))
    monkeypatch.setattr("promptvc.runs.project._COUNTED", 29)
    (stale,) = project.repo.runs.stale()
    assert (stale.stale, stale.words()) == (0, "prompt: system line 2")


def test_an_answer_that_is_no_text_is_kept_all_the_same(project: Project) -> None:
    (project.root / "lone_model.py").write_text(
        "def answer(messages, model, params):\n    return 'half \\ud800 pair'\n"
    )
    project.write("promptvc.toml", SETTINGS.replace("rule_model", "lone_model"))
    assert project.run().called == 30
    assert project.run().called == 0
    assert project.rows()[0]["output"] == "half \ufffd pair"


def test_scorers_see_the_row_and_score_each_answer_once(project: Project) -> None:
    log = project.root / "scored.txt"
    (project.root / "row_scorer.py").write_text(
        f"def seen(output, example, row):\n    with open({str(log)!r}, 'a') as out:\n"
        "        out.write(row.example_id + ' ')\n    return len(output)\n"
    )
    rows = tickets(10)
    rows[7]["input"] = "fail please"
    project.write_rows(rows)
    project.write("promptvc.toml", SETTINGS.replace('"exact:expected"', '"python:row_scorer:seen"'))
    project.run()
    answered = [row["id"] for row in rows if row["id"] != "t-7"]
    assert log.read_text().split() == answered
    rows[7]["input"] = "works now"
    project.write_rows(rows)
    log.unlink()
    project.run()
    assert log.read_text().split() == [row["id"] for row in rows]  # the examples changed: each once more


def test_a_price_that_is_declared_later_holds_for_known_answers_too(project: Project) -> None:
    project.run()
    assert project.record()["totals"]["cost_usd"] is None
    project.write("promptvc.toml", SETTINGS + "price = { input = 20.0, output = 20.0 }\n")
    assert project.run().called == 0
    tokens = sum(row["input_tokens"] + row["output_tokens"] for row in project.rows())
    assert project.record()["totals"]["cost_usd"] == pytest.approx(tokens * 20 / 1e6)


def test_wrong_names_in_inputs_are_named(project: Project) -> None:
    project.write("promptvc.toml", SETTINGS.replace('ticket = "input"', 'tickt = "input"'))
    with pytest.raises(Usage, match=r"no variable 'tickt'"):
        project.run()
    project.write("promptvc.toml", SETTINGS.replace('ticket = "input"', 'ticket = "inptu"'))
    with pytest.raises(
        RenderFailed, match=r"row 1 .example t-0. has no field 'inptu', which inputs.ticket names"
    ):
        project.run()
    project.write("promptvc.toml", SETTINGS.replace("[runs.mini]", "[run.mini]"))
    with pytest.raises(ConfigInvalid, match=r"did you mean .runs"):
        project.run()


def test_changed_expectations_make_scores_stale(project: Project) -> None:
    project.run()
    rows = tickets(30)
    rows[3]["expected"] = "other"
    project.write_rows(rows)
    stale = project.repo.runs.staleness("mini")
    assert (stale.is_fresh, stale.rescore, stale.to_call) == (False, True, 0)
    assert stale.words() == "to be scored again without calls (examples: t-3)"
    project.run()
    assert project.repo.runs.staleness("mini").is_fresh


def test_true_and_one_are_different_parameters(project: Project) -> None:
    project.write("promptvc.toml", SETTINGS + "params = { logprobs = true }\n")
    project.run()
    project.write("promptvc.toml", SETTINGS + "params = { logprobs = 1 }\n")
    assert project.repo.runs.staleness("mini").stale == 30


def test_a_prompt_of_another_syntax_with_the_same_bytes_is_another_prompt(project: Project) -> None:
    project.write("prompts/sort.md", "{{ ticket }} {# a note #}\n")
    project.run()
    (project.root / "prompts/sort.md").rename(project.root / "prompts/sort.j2")
    project.write("promptvc.toml", SETTINGS.replace("sort.md", "sort.j2"))
    assert project.repo.runs.staleness("mini").stale == 30


def test_scores_are_not_taken_from_another_example(project: Project) -> None:
    rows = [{"id": "1", "k": "2", "input": "same", "expected": "same"}]
    rows.append({"id": "2", "k": "1", "input": "same", "expected": "other"})
    project.write_rows(rows)
    settings = SETTINGS + '\n[tables."examples/tickets.jsonl"]\nkey = ["id"]\n'
    project.write("promptvc.toml", settings)
    project.run()
    project.write("promptvc.toml", settings.replace('["id"]', '["k"]'))
    project.run()
    assert [(row["example_id"], row["scores"]["exact"]) for row in project.rows()] == [
        ("2", True),
        ("1", False),
    ]


def test_an_example_without_a_name_keeps_its_scores(project: Project) -> None:
    rows = tickets(2)
    rows[0]["id"] = ""
    project.write_rows(rows)
    project.run()
    first = project.rows()
    (project.root / "outputs/mini.jsonl").unlink()
    project.run()
    assert project.rows() == first
    assert first[0]["scores"]


def test_a_clone_needs_trust_only_where_there_is_something_to_call(project: Project, tmp_path: Path) -> None:
    project.run()
    project.commit("outputs")
    copy = clone(str(project.root / ".promptvc"), tmp_path / "copy")
    (tmp_path / "copy/outputs/mini.jsonl").unlink()
    done = copy.runs.run("mini")
    assert (done.known, done.called) == (30, 0)
    (tmp_path / "copy/prompts/sort.md").write_text(PROMPT.replace("Sort", "Order"))
    with pytest.raises(NotTrusted):
        copy.runs.run("mini")
