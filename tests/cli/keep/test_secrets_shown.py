"""The command line refuses secrets, lists them, and shows none."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.cli.conftest import Project
from tests.secrets.tokens import TOKENS

TOKEN = TOKENS[2][1](random.Random(9))
URLS = [
    "git://ada:sesame@127.0.0.1:1/a.git",
    "git://ada:ses/ame@127.0.0.1:1/a.git",
    "git://127.0.0.1:1/a.git?token=sesame",
    "http://ada:sesame@127.0.0.1:1/a.git",
    "http://ada:ses/ame@127.0.0.1:1/a.git",
    "http://127.0.0.1:1/a.git?token=sesame",
    "ssh://ada:sesame@127.0.0.1:1/a.git",
    "ada:sesame@127.0.0.1:team/a.git",
    "ada:ses/ame@127.0.0.1:team/a.git",
]


def hidden(text: str) -> bool:
    return not any(part in text for part in ("sesame", "ses/ame", "'ses'", "ame@", TOKEN))


@pytest.mark.parametrize("url", URLS)
def test_no_command_shows_or_keeps_the_password_of_an_address(
    project: Project, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = tmp_path / "ssh.sh"
    said.write_text('#!/bin/sh\necho "fatal: cannot reach $*" >&2\nexit 128\n')
    said.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(said))
    project.write("examples/a.jsonl", [{"id": 1}])
    project("commit", "-m", "one")
    told = [project("clone", url, str(tmp_path / "copy"), code=None)]
    told += [project(*words, code=None) for words in (("fetch", url), ("push", url), ("push", url, "main"))]
    told += [project("remote", "add", "origin", url, code=None)]
    if told[-1].code == 0:
        told += [
            project("config", code=0),
            project("config", "--json"),
            project("remote"),
            project("remote", "--json"),
        ]
        told += [project(word, code=None) for word in ("fetch", "pull", "push", "status")]
    told += [project("undo", "--list"), project("log", "--json")]
    for each in told:
        assert hidden(each.out + each.err), each
    for path in (project.root / ".promptvc").rglob("*"):
        if path.is_file() and path.name != "config":
            assert hidden(path.read_bytes().decode(errors="replace")), path


def test_the_configuration_is_listed_without_what_signs_in(project: Project) -> None:
    project("config", "http.extraheader", "Authorization: Basic sesame")
    project("config", "url.https://ada:sesame@host/.insteadof", "gh:")
    project("config", "user.email", "me@example.com")
    told = project("config")
    assert hidden(told.out)
    assert "http.extraheader=***" in told.lines
    assert "user.email=me@example.com" in told.lines


def test_a_key_of_the_environment_is_in_no_error(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sesame-sesame")
    assert hidden(project("show", "sesame-sesame", code=2).err)
    assert hidden(project("show", TOKEN, code=2).err)
    assert hidden(project("sesame-sesame", code=2).err)


def test_a_refused_commit_says_where_and_what_to_do(project: Project) -> None:
    project.write("examples/a.jsonl", [{"id": 1}, {"id": 2, "key": TOKEN}])
    told = project("commit", "-m", "x", code=3)
    first, hint = told.err.splitlines()
    assert first == "error: examples/a.jsonl: row 2, field key holds a secret (github-token)"
    assert hidden(told.err)
    digest = hint.split('"')[1]
    assert digest.startswith("sha256:")
    project("commit", "-m", "x", "--allow-secrets")
    assert project("scan", code=1).lines == [f"examples/a.jsonl: row 2, field key: github-token  {digest}"]
    value = project("scan", "--all", "--json", code=1).values[0]
    assert (value["row"], value["field"], value["digest"]) == (2, "key", digest)
    assert value["commit"] == project("log", "--json").values[0]["id"]
    project.write("promptvc.toml", f'[secrets]\nallow = ["{digest}"]\n')
    assert project("scan").lines == ["no secrets found"]
    project("scan", "HEAD", "--all", code=2)


def test_a_run_that_withholds_answers_ends_with_1(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("echo_model.py", f"def answer(messages, model, params):\n    return {TOKEN!r}\n")
    project.write("prompts/p.md", "user:\n{{ q }}\n")
    project.write("examples/a.jsonl", [{"id": 1, "q": "a"}, {"id": 2, "q": "b"}])
    project.write(
        "promptvc.toml",
        '[runs.r]\nprompt = "prompts/p.md"\nexamples = "examples/a.jsonl"\n'
        'provider = "python:echo_model:answer"\nmodel = "m"\n',
    )
    told = project("run", code=1)
    assert "warning: 2 answers hold secrets (github-token): only the local journal has them" in told.err
    assert "hint: if they may be kept: [secrets] allow" in told.err
    assert hidden(told.out + told.err)
    assert hidden((project.root / "outputs/r.jsonl").read_text())
    rows = [json.loads(line) for line in (project.root / "outputs/r.jsonl").read_text().splitlines()]
    assert {row["error"] for row in rows} == {"secret: github-token"}
    project("commit", "-m", "outputs")
    assert project("run", "--allow-secrets").lines[0].startswith("r   2 rows, 2 known, 0 called")
    project("commit", "-m", "more", code=3)


def test_recording_refuses_and_can_be_told_not_to(project: Project) -> None:
    project.write("taken.jsonl", [{"id": 1, "output": TOKEN}])
    words = ("record", "r", "--from", project.root / "taken.jsonl", "--example-key", "id")
    assert "outputs/r.jsonl: row 1, field output holds a secret" in project(*words, code=3).err
    project(*words, "--allow-secrets")
