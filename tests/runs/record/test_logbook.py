"""One's own calls, logged as a run."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptvc.content.runs.request import Calling, fingerprint
from promptvc.content.runs.run import OutputRow, RunRecord, read_record
from promptvc.errors import PathMissing, Usage
from promptvc.repo import Repo
from promptvc.runs.reproduce.reproduce import reproduce

PATHS = {"prompt": "prompts/support.md", "examples": "examples/tickets.jsonl"}
WHO = {"provider": "my-service", "model": "large-2", "params": {"temperature": 0.5}}


@pytest.fixture
def project(repo: Repo) -> Repo:
    write(repo, "prompts/support.md", "Answer {{text}}")
    rows = [{"id": f"t-{n}", "text": f"case {n}"} for n in range(4)]
    write(repo, "examples/tickets.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    return repo


def write(repo: Repo, path: str, text: str) -> None:
    assert repo.root is not None
    (repo.root / path).parent.mkdir(parents=True, exist_ok=True)
    (repo.root / path).write_text(text)


def rows_of(repo: Repo, name: str) -> list[OutputRow]:
    assert repo.root is not None
    lines = (repo.root / f"outputs/{name}.jsonl").read_text().splitlines()
    return [OutputRow.from_value(json.loads(line)) for line in lines]


def record_of(repo: Repo, name: str) -> RunRecord:
    assert repo.root is not None
    path = repo.root / f"outputs/{name}.run.json"
    return read_record(path.read_bytes(), str(path))


def asked(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": f"Answer {text}"}]


def test_logged_calls_are_written_in_the_order_of_the_examples(project: Repo) -> None:
    with project.log_run("mine", **WHO, **PATHS) as log:
        for n in (2, 0, 1):
            log.add(
                f"t-{n}",
                messages=asked(f"case {n}"),
                output=f"said {n}",
                input_tokens=3,
                latency_ms=12.5,
                scores={"good": n > 0},
            )
    assert [(row.example_id, row.output) for row in rows_of(project, "mine")] == [
        ("t-0", "said 0"), ("t-1", "said 1"), ("t-2", "said 2"),
    ]  # fmt: skip
    record = record_of(project, "mine")
    assert (record.recorded, record.provider, record.model) == (False, "my-service", "large-2")
    assert record.example_key == ("id",)
    assert record.totals["input_tokens"] == 9
    assert record.totals["scores"]["good"]["count"] == 3
    assert log.result is not None
    assert (log.result.missing, log.result.unmatched) == (("t-3",), ())


def test_calls_with_messages_are_verified_by_reproduce(project: Repo) -> None:
    with project.log_run("mine", **WHO, **PATHS) as log:
        for n in range(4):
            for sample in range(2):
                log.add(f"t-{n}", messages=asked(f"case {n}"), output="x", sample_index=sample)
    project.commit("logged")
    found = reproduce(project.parts.runs.source(), "mine", project.parts.contents, project.parts.store)
    assert found.is_verified
    assert found.verified == 8


def test_other_messages_than_the_prompt_makes_are_named_by_reproduce(project: Repo) -> None:
    with project.log_run("mine", **WHO, **PATHS) as log:
        for n in range(4):
            log.add(f"t-{n}", messages=asked("something" if n == 1 else f"case {n}"), output="x")
    found = reproduce(project.parts.runs.source(), "mine", project.parts.contents, project.parts.store)
    assert found.astray == (("t-1", 0),)


def test_calls_without_messages_are_recorded(project: Repo) -> None:
    with project.log_run("mine", **WHO, **PATHS) as log:
        log.add("t-0", messages=asked("case 0"), output="a")
        log.add("t-1", output="b")
    record = record_of(project, "mine")
    assert (record.recorded, record.source) == (True, "logged")
    assert [row.request_hash is None for row in rows_of(project, "mine")] == [False, True]


def test_an_answer_is_known_as_soon_as_it_is_logged(project: Repo) -> None:
    hash = fingerprint(
        Calling(provider="my-service", model="large-2", params={"temperature": 0.5}), asked("case 0")
    )
    with pytest.raises(ZeroDivisionError), project.log_run("mine", **WHO, **PATHS) as log:
        log.add("t-0", messages=asked("case 0"), output="a")
        project.parts.runs.calls.refresh()
        assert project.parts.runs.calls.find([hash])[hash].output == "a"
        raise ZeroDivisionError
    assert project.parts.runs.calls.find([hash])[hash].output == "a"


def test_a_run_that_asks_the_same_makes_no_call(project: Repo) -> None:
    provider = "python:there_is_no_such_module:answer"
    settings = f'provider = "{provider}"\nmodel = "m"\n'
    write(
        project,
        "promptvc.toml",
        f'[runs.real]\nprompt = "prompts/support.md"\nexamples = "examples/tickets.jsonl"\n{settings}',
    )
    with project.log_run("mine", provider=provider, model="m", **PATHS) as log:
        for n in range(4):
            log.add(f"t-{n}", messages=asked(f"case {n}"), output=f"said {n}")
    done = project.run("real", offline=True)
    assert (done.rows, done.known, done.called) == (4, 4, 0)


def test_an_exception_leaves_the_files_as_they_were(project: Repo) -> None:
    with project.log_run("mine", **WHO) as log:
        log.add("t-0", output="first")
    with pytest.raises(ZeroDivisionError), project.log_run("mine", **WHO) as log:
        log.add("t-0", output="second")
        raise ZeroDivisionError
    assert [row.output for row in rows_of(project, "mine")] == ["first"]
    assert log.result is None
    log.save()
    assert [row.output for row in rows_of(project, "mine")] == ["second"]


def test_one_undo_brings_back_what_was_there(project: Repo) -> None:
    for output in ("first", "second"):
        with project.log_run("mine", **WHO) as log:
            log.add("t-0", output=output)
    project.undo()
    assert [row.output for row in rows_of(project, "mine")] == ["first"]
    project.undo()  # of the undo
    assert [row.output for row in rows_of(project, "mine")] == ["second"]


def test_prompt_and_examples_are_pinned_as_they_were_at_the_beginning(project: Repo) -> None:
    with project.log_run("mine", **WHO, **PATHS) as log:
        write(project, "prompts/support.md", "Changed {{text}}")
        log.add("t-0", messages=asked("case 0"), output="a")
    record = record_of(project, "mine")
    assert record.prompt is not None
    assert project.parts.store.read_blob(record.prompt.id) == b"Answer {{text}}"


def test_examples_without_an_output_and_outputs_of_no_example_are_told(project: Repo) -> None:
    with project.log_run("mine", **WHO, **PATHS) as log:
        log.add("t-9", output="x")
        log.add("t-3", output="y")
    assert log.result is not None
    assert log.result.unmatched == ("t-9",)
    assert log.result.missing == ("t-0", "t-1", "t-2")
    assert [row.example_id for row in rows_of(project, "mine")] == ["t-3", "t-9"]


def test_errors_are_logged_and_are_no_answers(project: Repo) -> None:
    with project.log_run("mine", **WHO, **PATHS) as log:
        row = log.add("t-0", messages=asked("case 0"), error="timed out")
    assert not row.is_answer
    project.parts.runs.calls.refresh()
    assert project.parts.runs.calls.find([row.request_hash or ""]) == {}
    assert record_of(project, "mine").totals["errors"] == 1


def test_several_threads_may_log(project: Repo) -> None:
    with project.log_run("mine", **WHO) as log, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: log.add(f"t-{n}", messages=asked(str(n)), output=str(n)), range(100)))
    assert len(rows_of(project, "mine")) == 100


def test_an_empty_log_writes_a_run_without_rows(project: Repo) -> None:
    with project.log_run("mine", **WHO):
        pass
    assert rows_of(project, "mine") == []
    assert record_of(project, "mine").totals["rows"] == 0


@pytest.mark.parametrize(
    "call",
    [
        {"output": 3},
        {"output": "a", "input_tokens": -1},
        {"output": "a", "latency_ms": float("nan")},
        {"output": "a", "sample_index": True},
        {"output": "a", "scores": {"s": [1]}},
        {},
    ],
)
def test_what_no_row_can_have_is_refused(project: Repo, call: dict[str, Any]) -> None:
    log = project.log_run("mine", **WHO)
    with pytest.raises(Usage):
        log.add("t-0", **call)
    assert len(log) == 0


def test_a_second_call_of_one_sample_is_refused(project: Repo) -> None:
    log = project.log_run("mine", **WHO)
    log.add("t-0", output="a")
    with pytest.raises(Usage, match="t-0 sample 0"):
        log.add("t-0", output="b")


def test_files_and_names_are_checked_before_the_first_call(project: Repo) -> None:
    with pytest.raises(PathMissing):
        project.log_run("mine", prompt="prompts/none.md", **WHO)
    with pytest.raises(Usage):
        project.log_run("a/b", **WHO)


outputs = st.text(st.characters(blacklist_categories=["Cs"]))


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.tuples(outputs, st.booleans()), max_size=5))
def test_what_is_logged_is_read_back(tmp_path_factory: pytest.TempPathFactory, calls: dict[str, Any]) -> None:
    from promptvc.repo import Surroundings
    from tests.conftest import ME

    root = tmp_path_factory.mktemp("logged")
    repo = Repo.init(Path(root), Surroundings(author=ME, committer=ME))
    with repo.log_run("mine", **WHO) as log:
        given = [
            log.add(id, output=output, messages=asked(id) if known else None, scores={"length": len(output)})
            for id, (output, known) in calls.items()
        ]
    repo.commit("logged")
    run = repo.snapshot().run("mine")
    assert list(run) == given
    assert repo.verify() == []
    repo.close()
