"""Outputs of other tools taken in as runs: which example each belongs to, what is pinned, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from promptvc.cli.hints import hint_of
from promptvc.content.runs.request import example_ids
from promptvc.content.runs.run import (
    OutputRow,
    RunRecord,
    encode_row,
    output_path,
    read_record,
    read_rows,
    record_path,
)
from promptvc.errors import NotTrusted, PathMissing, Refused, RunMissing, Usage
from promptvc.repo import Repo
from promptvc.runs.record.record import Recorded
from promptvc.runs.sources import WorkingSource, load_run
from tests.runs.record.test_importers import FIXTURES, archive

EXAMPLES = [
    {"id": "t-1", "question": "2+2?", "answer": "4"},
    {"id": "t-2", "question": "3*3?", "answer": "9"},
    {"id": "t-3", "question": "5-1?", "answer": "4"},
]
ANSWERS = [
    {"question": "3*3?", "model": {"text": "it is 6", "right": False}},
    {"question": "2+2?", "model": {"text": "it is 4", "right": True}},
    {"question": "5-1?", "model": {"text": "it is 4", "right": True}},
]
HOW: Any = {
    "examples": "examples/sums.jsonl",
    "example_key": "question",
    "output": "model.text",
    "score": "model.right",
}


@pytest.fixture
def sums(repo: Repo) -> Repo:
    """A project with three examples and a prompt."""
    write(repo, "examples/sums.jsonl", EXAMPLES)
    write(repo, "prompts/sum.md", "Answer: {{question}}\n")
    return repo


def write(repo: Repo, path: str, content: str | list[dict[str, Any]]) -> None:
    assert repo.root is not None
    if isinstance(content, list):
        content = "".join(json.dumps(row) + "\n" for row in content)
    file = repo.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def rows_of(repo: Repo, name: str) -> list[OutputRow]:
    assert repo.root is not None
    lines = (repo.root / output_path(name)).read_text().splitlines()
    return list(read_rows(map(json.loads, lines)))


def record_of(repo: Repo, name: str) -> RunRecord:
    assert repo.root is not None
    return read_record((repo.root / record_path(name)).read_bytes(), name)


def places(done: Recorded) -> list[tuple[str, int, str | None]]:
    return [(row.example_id, row.sample_index, row.output) for row in done.rows]


# --- what is written


def test_outputs_belong_to_the_examples_with_the_same_field_in_the_order_of_the_examples(sums: Repo) -> None:
    done = sums.record_run("mini", ANSWERS, **HOW)
    assert places(done) == [("t-1", 0, "it is 4"), ("t-2", 0, "it is 6"), ("t-3", 0, "it is 4")]
    assert [row.scores for row in done.rows] == [{"right": True}, {"right": False}, {"right": True}]
    assert (done.unmatched, done.missing, done.notes) == ((), (), ())
    assert rows_of(sums, "mini") == list(done.rows)
    assert record_of(sums, "mini") == done.record


def test_a_record_says_that_it_was_recorded_and_pins_what_is_known(sums: Repo) -> None:
    record = sums.record_run("mini", ANSWERS, **HOW, prompt="prompts/sum.md", model="m", provider="p").record
    files = WorkingSource(sums.parts.workspace).files
    assert record.recorded
    assert record.source == "given rows"
    assert record.prompt is not None
    assert record.prompt.id == files[record.prompt.path].id
    assert record.examples is not None
    assert (record.examples.path, record.examples.id) == (
        "examples/sums.jsonl",
        files[record.examples.path].id,
    )
    assert (record.example_key, record.model, record.provider) == (("id",), "m", "p")
    assert record.totals["scores"] == {"right": {"count": 3, "mean": 2 / 3}}


def test_nothing_is_claimed_that_is_not_known(sums: Repo) -> None:
    done = sums.record_run("mini", ANSWERS, example_key="question", output="model.text")
    record = done.record
    unknown = (
        record.prompt,
        record.examples,
        record.example_key,
        record.model,
        record.provider,
        record.started,
    )
    assert unknown == (None,) * 6
    assert all(row.request_hash is None and row.response_model is None for row in done.rows)
    assert [row.example_id for row in done.rows] == ["3*3?", "2+2?", "5-1?"]
    assert (done.unmatched, done.missing, done.examples) == ((), (), 0)


def test_a_recorded_run_loads_with_its_examples_even_after_they_changed(sums: Repo) -> None:
    sums.record_run("mini", ANSWERS, **HOW)
    write(sums, "examples/sums.jsonl", EXAMPLES[:1])
    run = load_run(WorkingSource(sums.parts.workspace), "mini", sums.parts.contents, sums.parts.store)
    assert [run.examples[row.example_id]["answer"] for row in run.rows()] == ["4", "9", "4"]


def test_recording_again_writes_the_same_bytes_in_whatever_order_rows_come(sums: Repo) -> None:
    assert sums.root is not None
    sums.record_run("mini", ANSWERS, **HOW)
    before = (sums.root / output_path("mini")).read_bytes()
    sums.record_run("mini", ANSWERS[::-1], **HOW)
    assert (sums.root / output_path("mini")).read_bytes() == before
    assert before == b"".join(map(encode_row, rows_of(sums, "mini")))


def test_what_was_replaced_can_be_brought_back(sums: Repo) -> None:
    first = sums.record_run("mini", ANSWERS, **HOW)
    sums.record_run("mini", [{**row, "model": {"text": "?", "right": None}} for row in ANSWERS], **HOW)
    assert [row.output for row in rows_of(sums, "mini")] == ["?", "?", "?"]
    undone = sums.undo()
    assert rows_of(sums, "mini") == list(first.rows)
    assert "record mini" in str(undone)
    assert sums.operations()[-1].what == "record mini"


def test_a_dry_run_tells_the_same_and_writes_nothing(sums: Repo) -> None:
    assert sums.root is not None
    done = sums.record_run("mini", ANSWERS, **HOW, dry_run=True)
    assert len(done.rows) == 3
    assert done.written == ()
    assert not (sums.root / "outputs").exists()
    assert sums.operations() == []


def test_a_run_that_was_made_here_is_replaced_only_by_force(sums: Repo) -> None:
    write(sums, "outputs/mini.jsonl", "")
    write(sums, "outputs/mini.run.json", RunRecord(name="mini").encode().decode())
    with pytest.raises(Refused, match="made by a run") as caught:
        sums.record_run("mini", ANSWERS, **HOW)
    assert "--force" in (hint_of(caught.value) or "")
    sums.record_run("mini", ANSWERS, **HOW, force=True)
    assert len(rows_of(sums, "mini")) == 3


def test_a_recorded_run_is_committed_as_a_run(sums: Repo) -> None:
    sums.record_run("mini", ANSWERS, **HOW)
    snap = sums.parts.snapshot_of(sums.commit("outputs").id)
    assert snap.kind("outputs/mini.run.json") == "run"
    assert len(snap.table("outputs/mini.jsonl")) == 3


# --- whose output


def test_examples_without_a_key_have_the_ids_that_a_run_gives_them(repo: Repo) -> None:
    rows = [{"question": each["question"], "n": n} for n, each in enumerate(EXAMPLES)]
    write(repo, "examples/sums.jsonl", rows)
    done = repo.record_run("mini", ANSWERS, **HOW)
    assert [row.example_id for row in done.rows] == [id for id, _ in example_ids(rows, None)]
    assert done.record.example_key is None


def test_outputs_of_no_example_are_kept_last_under_their_own_key_and_named(sums: Repo) -> None:
    extra = {"question": "7*7?", "model": {"text": "49", "right": True}}
    done = sums.record_run("mini", [extra, *ANSWERS[:2]], **HOW)
    assert [row.example_id for row in done.rows] == ["t-1", "t-2", "7*7?"]
    assert done.unmatched == ("7*7?",)
    assert done.missing == ("t-3",)


def test_outputs_of_which_none_is_of_an_example_are_refused(sums: Repo) -> None:
    with pytest.raises(Usage, match="no output belongs to an example: the first is of it is 6"):
        sums.record_run("mini", ANSWERS, **{**HOW, "example_key": {"question": "model.text"}})


def test_further_outputs_of_an_example_are_further_samples(sums: Repo) -> None:
    done = sums.record_run("mini", [*ANSWERS, *ANSWERS[:1]], **HOW)
    assert [(row.example_id, row.sample_index) for row in done.rows] == [
        ("t-1", 0),
        ("t-2", 0),
        ("t-2", 1),
        ("t-3", 0),
    ]
    assert done.record.samples == 2


def test_samples_that_rows_name_count_from_the_smallest(sums: Repo) -> None:
    rows = [{**row, "epoch": epoch} for epoch in (2, 1) for row in ANSWERS]
    done = sums.record_run("mini", rows, **HOW, sample="epoch")
    assert [row.sample_index for row in done.rows] == [0, 1] * 3
    with pytest.raises(Usage, match="rows 1 and 7 are both sample 1 of the example t-2"):
        sums.record_run("mini", [*rows, rows[0]], **HOW, sample="epoch")


def test_examples_that_share_the_field_are_told_apart_by_order(repo: Repo) -> None:
    write(repo, "examples/sums.jsonl", [{"id": 1, "q": "a"}, {"id": 2, "q": "a"}, {"id": 3, "q": "b"}])
    rows = [{"q": "a", "o": "first"}, {"q": "b", "o": "third"}, {"q": "a", "o": "second"}]
    done = repo.record_run("mini", rows, examples="examples/sums.jsonl", example_key="q", output="o")
    assert places(done) == [("1", 0, "first"), ("2", 0, "second"), ("3", 0, "third")]


def test_keys_are_the_same_as_number_and_as_text_and_several_fields_make_one(repo: Repo) -> None:
    write(
        repo, "examples/sums.jsonl", [{"doc": 1, "part": "a", "id": "x"}, {"doc": 2, "part": "a", "id": "y"}]
    )
    write(repo, "answers.csv", "doc,part,o\n2,a,two\n1,a,one\n")
    assert repo.root is not None
    done = repo.record_run(
        "mini",
        repo.root / "answers.csv",
        examples="examples/sums.jsonl",
        example_key=["doc", "part"],
        output="o",
    )
    assert places(done) == [("x", 0, "one"), ("y", 0, "two")]


@pytest.mark.parametrize("order", [1, -1])
def test_a_number_and_the_same_as_text_are_two_examples_where_both_are_there(repo: Repo, order: int) -> None:
    write(
        repo,
        "examples/sums.jsonl",
        [{"id": 1, "q": "number"}, {"id": "1", "q": "text"}, {"id": "2", "q": "x"}],
    )
    rows = [
        {"id": "1", "output": "for text"},
        {"id": 1, "output": "for number"},
        {"id": 2, "output": "for x"},
        {"id": 1, "output": "for number again"},
    ]
    repo.record_run("mini", rows[::order], examples="examples/sums.jsonl", example_key="id", output="output")
    found = [(row.sample_index, row.output) for row in rows_of(repo, "mini")]
    numbers = ["for number", "for number again"][::order]
    assert found == [(0, numbers[0]), (1, numbers[1]), (0, "for text"), (0, "for x")]


def test_outputs_that_know_text_only_go_by_order(repo: Repo) -> None:
    write(repo, "examples/sums.jsonl", [{"id": 1}, {"id": "1"}])
    rows = [{"id": "1", "output": "first"}, {"id": "1", "output": "second"}]
    repo.record_run("mini", rows, examples="examples/sums.jsonl", example_key="id", output="output")
    assert [(row.sample_index, row.output) for row in rows_of(repo, "mini")] == [(0, "first"), (0, "second")]


def test_the_examples_own_key_is_what_tells_them_where_nothing_is_said(sums: Repo) -> None:
    rows = [{"id": "t-2", "output": "b"}, {"id": "t-1", "output": "a"}]
    done = sums.record_run("mini", rows, examples="examples/sums.jsonl")
    assert places(done) == [("t-1", 0, "a"), ("t-2", 0, "b")]


def test_the_examples_and_slices_are_those_that_the_run_declares(sums: Repo) -> None:
    declare(sums)
    done = sums.record_run("mini", ANSWERS, example_key="question", output="model.text")
    assert done.record.examples is not None
    assert done.record.examples.path == "examples/sums.jsonl"
    assert done.record.slices == ("level",)
    assert done.record.prompt is None


# --- what an output has


def test_tokens_times_costs_and_errors(sums: Repo) -> None:
    row = {"id": "t-1", "o": None, "in": 10, "out": "3", "ms": 1.5, "usd": "0.01", "e": {"message": "late"}}
    done = sums.record_run(
        "mini",
        [row, {"id": "t-2", "o": {"x": 1}, "e": None}, {"id": "t-3", "o": "c", "e": "stale connection"}],
        examples="examples/sums.jsonl",
        output="o",
        input_tokens="in",
        output_tokens="out",
        latency="ms",
        cost="usd",
        error="e",
    )
    first, second, third = done.rows
    assert first == OutputRow(
        example_id="t-1",
        sample_index=0,
        output=None,
        finish_reason=None,
        input_tokens=10,
        output_tokens=3,
        latency_ms=1.5,
        cost_usd=0.01,
        error="late",
    )
    assert (second.output, second.error) == ('{"x": 1}', None)
    assert (third.error, third.is_stale) == ("stale connection", False)
    assert (done.record.totals["errors"], done.record.totals["cost_usd"]) == (2, 0.01)


def test_cells_of_csv_are_read_as_what_they_mean(sums: Repo) -> None:
    assert sums.root is not None
    write(
        sums,
        "a.csv",
        "id,output,ok,mark,label,e\nt-1,x,True,0.5,good,\nt-2,y,false,2,,False\nt-3,,,,bad,oops\n",
    )
    done = sums.record_run(
        "mini", sums.root / "a.csv", examples="examples/sums.jsonl", score=["ok", "mark", "label"], error="e"
    )
    assert [row.scores for row in done.rows] == [
        {"ok": True, "mark": 0.5, "label": "good"},
        {"ok": False, "mark": 2, "label": None},
        {"ok": None, "mark": None, "label": "bad"},
    ]
    assert [row.error for row in done.rows] == [None, None, "oops"]
    assert [row.output for row in done.rows] == ["x", "y", ""]


def test_values_that_are_no_scores_are_left_out_and_counted(sums: Repo) -> None:
    rows = [{"id": "t-1", "output": "a", "s": [1]}, {"id": "t-2", "output": "a", "s": float("nan")}]
    done = sums.record_run("mini", rows, examples="examples/sums.jsonl", score="s")
    assert [row.scores for row in done.rows] == [{"s": None}, {"s": None}]
    assert done.notes == ("2 values of 's' cannot be a score: those are numbers, booleans and text",)


def test_rows_of_a_data_frame_have_numbers_of_numpy_and_nan_for_nothing(sums: Repo) -> None:
    import pandas

    frame = pandas.DataFrame(
        {
            "id": ["t-1", "t-2"],
            "output": ["a", None],
            "n": [3, 4],
            "mark": [0.5, 1.0],
            "e": [float("nan"), "late"],
        }
    )
    done = sums.record_run(
        "mini",
        frame.astype({"output": object}).to_dict("records"),
        examples="examples/sums.jsonl",
        input_tokens="n",
        score="mark",
        error="e",
    )
    assert [(row.input_tokens, row.scores, row.error) for row in done.rows] == [
        (3, {"mark": 0.5}, None),
        (4, {"mark": 1.0}, "late"),
    ]


@pytest.mark.parametrize(
    "option",
    [{"output": "nope"}, {"score": "nope"}, {"cost": "nope"}, {"error": "nope"}, {"example_key": "nope"}],
)
def test_a_field_that_no_row_has_is_refused_naming_those_that_there_are(sums: Repo, option: Any) -> None:
    with pytest.raises(Usage, match="'nope'") as caught:
        sums.record_run("mini", ANSWERS, **{**HOW, **option})
    if "example_key" not in option:
        assert caught.value.hint == "there are question, model.text, model.right"
    assert sums.operations() == []


def test_what_cannot_be_understood_is_refused(sums: Repo) -> None:
    with pytest.raises(Usage, match="has no rows"):
        sums.record_run("mini", [], **HOW)
    with pytest.raises(Usage, match=r"row 1 has no number in 'model\.text'"):
        sums.record_run("mini", ANSWERS, **{**HOW, "cost": "model.text"})
    with pytest.raises(Usage, match="row 2 has no 'question'"):
        sums.record_run("mini", [ANSWERS[0], {"model": {}}], **HOW)
    with pytest.raises(Usage, match="no row has 'nope'"):
        sums.record_run("mini", ANSWERS, **{**HOW, "example_key": {"nope": "question"}})
    with pytest.raises(Usage, match="two scores are called 'x'"):
        sums.record_run("mini", ANSWERS, **{**HOW, "score": ["a.x", "b.x"]})
    with pytest.raises(PathMissing):
        sums.record_run("mini", ANSWERS, **{**HOW, "examples": "examples/none.jsonl"})
    with pytest.raises(PathMissing):
        sums.record_run("mini", ANSWERS, **HOW, prompt="prompts/none.md")
    with pytest.raises(Usage, match="nothing says what identifies the examples"):
        sums.record_run("mini", ANSWERS, output="model.text")
    for name in ("", "../x", "a/b", "x.run", "-x"):
        with pytest.raises(Usage, match="cannot be the name of a run"):
            sums.record_run(name, ANSWERS, **HOW)


def test_outputs_that_are_not_tracked_say_so(sums: Repo) -> None:
    write(sums, "promptvc.toml", '[track]\nexclude = ["outputs/**"]\n')
    done = sums.record_run("mini", ANSWERS, **HOW)
    assert done.notes == ("outputs/mini.jsonl is not tracked: [track] in promptvc.toml leaves it out",)


# --- scorers


def declare(repo: Repo, scorers: str = '"numeric:answer", "close=similarity:answer"') -> None:
    write(
        repo,
        "promptvc.toml",
        '[runs.mini]\nprompt = "prompts/sum.md"\nexamples = "examples/sums.jsonl"\nprovider = "openai"\n'
        f'model = "m"\nslices = ["level"]\nscorers = [{scorers}]\n',
    )


def test_declared_scorers_run_only_where_they_are_asked_for(sums: Repo) -> None:
    declare(sums)
    how: Any = {"example_key": "question", "output": "model.text", "score": "model.right"}
    assert sums.record_run("mini", ANSWERS, **how).record.scorers == ()
    done = sums.record_run("mini", ANSWERS, **how, with_scorers=True)
    assert [row.scores["numeric"] for row in done.rows] == [True, False, True]
    assert [pin.name for pin in done.record.scorers] == ["numeric", "close"]
    assert set(done.record.totals["scores"]) == {"numeric", "close", "right"}


def test_what_a_scorer_could_not_score_is_told(sums: Repo) -> None:
    declare(sums, '"exact:nothing"')
    done = sums.record_run("mini", ANSWERS, example_key="question", output="model.text", with_scorers=True)
    assert done.notes == ("exact, example t-1: the example has no field 'nothing', and 2 more",)


def test_a_recorded_score_with_the_name_of_a_scorer_is_refused(sums: Repo) -> None:
    declare(sums)
    with pytest.raises(Usage, match="'numeric' is recorded"):
        sums.record_run("mini", ANSWERS, **{**HOW, "score": {"numeric": "model.right"}}, with_scorers=True)


def test_functions_score_only_where_the_store_is_trusted(sums: Repo, world: Any) -> None:
    assert sums.root is not None
    (sums.root / "scorers_of_record.py").write_text(
        "def longer(output, example):\n    return len(output) > 3\n"
    )
    declare(sums, '"python:scorers_of_record:longer"')
    how: Any = {"example_key": "question", "output": "model.text", "with_scorers": True}
    assert [row.scores for row in sums.record_run("mini", ANSWERS, **how).rows] == [{"longer": True}] * 3
    sums.parts.runs.trust.revoke()
    with pytest.raises(NotTrusted):
        Repo.open(sums.root, world).record_run("mini", ANSWERS, **how)


def test_scorers_of_a_run_that_is_not_declared_are_none(sums: Repo) -> None:
    with pytest.raises(RunMissing):
        sums.record_run("mini", ANSWERS, **HOW, with_scorers=True)


# --- other tools


def test_results_of_promptfoo_become_a_run(sums: Repo) -> None:
    done = sums.record_run(
        "foo", FIXTURES / "promptfoo_v3.json", examples="examples/sums.jsonl", example_key="question"
    )
    assert places(done) == [("t-1", 0, "4"), ("t-2", 0, '{"answer": 6}'), ("t-3", 0, None)]
    assert done.record.provider == "openai:gpt-4o-mini"
    assert done.rows[0].scores == {"pass": True, "score": 1, "brevity": 0.9}
    assert done.rows[2].error == "429 Too Many Requests"
    only = sums.record_run(
        "foo",
        FIXTURES / "promptfoo_v3.json",
        examples="examples/sums.jsonl",
        example_key="question",
        score="pass",
    )
    assert only.rows[0].scores == {"pass": True}


def test_a_log_of_inspect_becomes_a_run(repo: Repo, tmp_path: Path) -> None:
    write(repo, "examples/sums.jsonl", [{"id": 1, "q": "2+2?"}, {"id": 2, "q": "3*3?"}])
    by_id = repo.record_run("log", FIXTURES / "inspect.json", examples="examples/sums.jsonl")
    assert places(by_id) == [
        ("1", 0, "4"),
        ("1", 1, "four"),
        ("2", 0, "a long way to 6"),
        ("2", 1, ""),
    ]
    assert (by_id.record.model, by_id.record.provider, by_id.record.samples) == ("gpt-4o-mini", "openai", 2)
    assert by_id.record.response_models == ("gpt-4o-mini-2024-07-18",)
    by_input = repo.record_run(
        "log", archive(tmp_path / "log.eval"), examples="examples/sums.jsonl", example_key={"q": "input"}
    )
    assert by_input.rows == by_id.rows


# --- real outputs

RIGHT = {"6b_finetuning": 286, "6b_verification": 515, "175b_finetuning": 458, "175b_verification": 742}


def test_four_systems_of_gsm8k_as_four_runs(repo: Repo, data: Path) -> None:
    assert repo.root is not None
    (repo.root / "examples").mkdir()
    (repo.root / "examples/test.jsonl").write_bytes((data / "gsm8k/test.jsonl").read_bytes())
    for system, right in RIGHT.items():
        done = repo.record_run(
            system,
            data / "gsm8k/example_model_solutions.jsonl",
            examples="examples/test.jsonl",
            example_key="question",
            output=f"{system}.solution",
            score=f"{system}.is_correct",
        )
        assert (len(done.rows), done.unmatched, done.missing) == (1319, (), ())
        assert sum(row.scores["is_correct"] is True for row in rows_of(repo, system)) == right
        assert done.record.source == "example_model_solutions.jsonl (jsonl)"


def test_one_model_under_three_prompts_of_alpaca_eval(repo: Repo, data: Path) -> None:
    assert repo.root is not None
    (repo.root / "examples").mkdir()
    instructions = (data / "alpaca_eval/instructions.jsonl").read_bytes()
    (repo.root / "examples/instructions.jsonl").write_bytes(instructions)
    for suffix, length in {"": 797, "_concise": 431, "_verbose": 1058}.items():
        done = repo.record_run(
            f"gpt{suffix}",
            data / f"alpaca_eval/model_outputs/gpt-3.5-turbo-1106{suffix}.json",
            examples="examples/instructions.jsonl",
            example_key="instruction",
        )
        assert (len(done.rows), done.unmatched, done.missing) == (805, (), ())
        assert round(sum(len(row.output or "") for row in done.rows) / 805) == length
