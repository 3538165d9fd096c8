"""Keys do not get from providers into versioned outputs: not by answers, exceptions or what programs say."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from promptvc.errors import ConfigInvalid, SecretFound
from tests.runs.projects import SETTINGS, Project, tickets
from tests.secrets.tokens import TOKENS

RNG = random.Random(5)
TOKEN = TOKENS[2][1](RNG)
KEY = "my-own-" + "key-4711-abcdefgh"
"""What no shape knows: a value of the environment."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return Project(tmp_path / "project", tickets(6))


def answer_with(project: Project, code: str) -> None:
    (project.root / "rule_model.py").write_text(f"def answer(messages, model, params):\n    {code}\n")


def versioned(project: Project) -> str:
    return "".join(path.read_text() for path in sorted((project.root / "outputs").iterdir()))


def journal(project: Project) -> str:
    return "".join(path.read_text() for path in project.root.glob(".promptvc/promptvc/calls/*.jsonl"))


def test_an_answer_that_holds_a_token_stays_in_the_journal(project: Project) -> None:
    answer_with(project, f"return {TOKEN!r} if 'word0' in messages[-1]['content'] else 'ok'")
    done = project.run()
    assert (done.rows, done.failed, done.withheld, list(done.secrets.values())) == (6, 2, 2, ["github-token"])
    assert [row.get("error") for row in project.rows()].count("secret: github-token") == 2
    assert TOKEN not in versioned(project)
    assert TOKEN in journal(project)
    again = project.run()
    assert (again.called, again.withheld, again.changed) == (0, 2, False)
    project.commit("outputs")


def test_a_withheld_answer_that_is_allowed_costs_nothing(project: Project) -> None:
    answer_with(project, f"return 'the token is {TOKEN}'")
    digest = next(iter(project.run().secrets))
    project.write("promptvc.toml", SETTINGS + f'[secrets]\nallow = ["{digest}"]\n')
    done = project.run()
    assert (done.called, done.failed, done.withheld) == (0, 0, 0)
    assert TOKEN in versioned(project)


def test_an_answer_that_echoes_a_key_of_the_environment_is_withheld(project: Project) -> None:
    answer_with(project, f"return {{'output': 'x', 'tool_calls': [{{'arguments': {KEY!r}}}]}}")
    done = project.run()
    assert set(done.secrets.values()) == {"value of OPENAI_API_KEY"}
    assert KEY not in versioned(project)
    assert {row["error"] for row in project.rows()} == {"secret: value of OPENAI_API_KEY"}


def test_an_exception_brings_no_key_into_a_row(project: Project) -> None:
    answer_with(
        project, f"raise ValueError('401 for Bearer {KEY} and {TOKEN} at https://u:p/w@host/?token=abcdef')"
    )
    done = project.run()
    assert done.failed == 6
    for secret in (KEY, TOKEN, "p/w", "abcdef"):
        assert secret not in versioned(project) + str(done.first_error)
    assert "ValueError: 401 for" in project.rows()[0]["error"]


def test_what_a_program_says_brings_no_key_into_a_row(project: Project) -> None:
    script = project.root / "model.sh"
    script.write_text('#!/bin/sh\necho "refused: $OPENAI_API_KEY" >&2\nexit 1\n')
    script.chmod(0o755)
    project.write("promptvc.toml", SETTINGS.replace("python:rule_model:answer", "command:./model.sh"))
    assert project.run().failed == 6
    assert KEY not in versioned(project)
    assert "refused: ***" in project.rows()[0]["error"]


def test_a_label_of_a_scorer_brings_no_key_into_a_row(project: Project) -> None:
    (project.root / "judge.py").write_text(f"def score(output, example):\n    return 'seen {KEY}'\n")
    project.write("promptvc.toml", SETTINGS.replace('"exact:expected"', '"python:judge:score"'))
    assert project.run().failed == 0
    assert "seen ***" in versioned(project)
    assert KEY not in versioned(project)


def test_a_run_refuses_a_secret_among_its_examples_before_it_asks(project: Project) -> None:
    rows = tickets(6)
    rows[3]["input"] = f"my token is {TOKEN}"
    project.write_rows(rows)
    with pytest.raises(SecretFound) as caught:
        project.run()
    assert caught.value.findings[0].where == "examples/tickets.jsonl: row 4, field input"
    assert project.calls() == 0


def test_recorded_outputs_with_a_token_are_refused(project: Project) -> None:
    rows = [{"id": f"t-{n}", "output": TOKEN if n == 2 else "x"} for n in range(6)]
    with pytest.raises(SecretFound) as caught:
        project.repo.runs.record("taken", rows, example_key="id", examples="examples/tickets.jsonl")
    assert caught.value.findings[0].where == "outputs/taken.jsonl: row 3, field output"
    assert not (project.root / "outputs/taken.jsonl").exists()
    project.repo.runs.record(
        "taken", rows, example_key="id", examples="examples/tickets.jsonl", allow_secrets=True
    )
    assert TOKEN in (project.root / "outputs/taken.jsonl").read_text()


def test_a_logged_answer_with_a_token_is_withheld(project: Project) -> None:
    with project.repo.log_run("mine", provider="p", model="m", examples="examples/tickets.jsonl") as log:
        log.add("t-0", messages=[{"role": "user", "content": "q"}], output=TOKEN)
        log.add("t-1", messages=[{"role": "user", "content": "r"}], output="fine")
        log.add("t-2", messages=[{"role": "user", "content": "s"}], error=f"401: {KEY}, {TOKEN}")
    rows = [json.loads(line) for line in (project.root / "outputs/mine.jsonl").read_text().splitlines()]
    assert [row.get("error") for row in rows] == ["secret: github-token", None, "401: ***, ***"]
    assert TOKEN in journal(project)
    with pytest.raises(SecretFound), project.repo.log_run("other", provider="p", model="m") as log:
        log.add("t-0", output=TOKEN)  # without its messages it is nowhere else


def test_an_address_with_a_password_gets_into_no_record(project: Project) -> None:
    project.write(
        "promptvc.toml",
        SETTINGS.replace(
            '"python:rule_model:answer"', '"openai"\nbase_url = "http://ada:sesame@127.0.0.1:1/v1"'
        ),
    )
    with pytest.raises(ConfigInvalid) as caught:
        project.run()
    assert "sesame" not in str(caught.value)
    with pytest.raises(ConfigInvalid):
        project.repo.log_run("x", provider="p", model="m", base_url="https://host/v1?api_key=sesame")
