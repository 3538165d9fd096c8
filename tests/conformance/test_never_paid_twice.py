"""No call is paid twice: whole processes against a server that counts, with kills, clones, and answers that fail."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.runs.providers.chat_server import ChatServer

COUNT = 200
JOBS = 8


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


@pytest.fixture
def project(tmp_path: Path, server: ChatServer) -> Path:
    root = tmp_path / "project"
    (root / "prompts").mkdir(parents=True)
    (root / "examples").mkdir()
    (root / "prompts/sort.md").write_text("system:\nSort.\n\nuser:\n{{ ticket }}\n")
    write_rows(root, rows())
    (root / "promptvc.toml").write_text(
        '[runs.mini]\nprompt = "prompts/sort.md"\nexamples = "examples/t.jsonl"\nprovider = "openai"\n'
        f'base_url = "{server.url}"\nmodel = "tiny"\ninputs = {{ ticket = "input" }}\nscorers = ["contains:expected"]\n'
        "price = { input = 1.0, output = 2.0 }\n"
    )
    call(root, "init")
    call(root, "commit", "-m", "base")
    return root


def rows() -> list[dict[str, Any]]:
    return [{"id": f"t-{n}", "input": f"ticket {n}", "expected": f"ticket {n}"} for n in range(COUNT)]


def write_rows(root: Path, rows: list[dict[str, Any]]) -> None:
    (root / "examples/t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def environment() -> dict[str, str]:
    names = {"GIT_AUTHOR_NAME": "Tester", "GIT_AUTHOR_EMAIL": "t@example.org"}
    names |= {"GIT_COMMITTER_NAME": "Tester", "GIT_COMMITTER_EMAIL": "t@example.org"}
    return {**os.environ, **names, "OPENAI_API_KEY": "sk-secret-of-the-test", "NO_COLOR": "1"}


def call(root: Path, *words: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "promptvc", "-C", str(root), *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout


def run(root: Path, *words: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(call(root, "run", "--json", "--jobs", str(JOBS), *words))
    return value


def test_only_what_is_new_is_called(project: Path, server: ChatServer, tmp_path: Path) -> None:
    first = run(project)
    assert (first["rows"], first["called"], first["failed"], server.requests) == (COUNT, COUNT, 0, COUNT)
    written = (project / "outputs/mini.jsonl").read_bytes(), (project / "outputs/mini.run.json").read_bytes()

    run(project)
    assert server.requests == COUNT
    assert written == (
        (project / "outputs/mini.jsonl").read_bytes(),
        (project / "outputs/mini.run.json").read_bytes(),
    )

    edited = rows()
    for row in edited[40:47]:
        row["input"] += ", again"
    write_rows(project, edited)
    assert run(project)["called"] == 7
    assert server.requests == COUNT + 7

    write_rows(project, rows())
    assert run(project)["called"] == 0
    assert server.requests == COUNT + 7
    assert (project / "outputs/mini.jsonl").read_bytes() == written[0]

    # A colleague's clone, which fetches what was committed since.
    call(project, "commit", "-m", "outputs")
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "shared.git")], check=True)
    call(project, "remote", "add", "origin", str(tmp_path / "shared.git"))
    call(project, "push", "-u", "origin", "main")
    call(tmp_path, "clone", str(tmp_path / "shared.git"), str(tmp_path / "copy"))
    assert run(tmp_path / "copy")["called"] == 0
    write_rows(project, edited)
    run(project)
    call(project, "commit", "-m", "seven edited")
    call(project, "push")
    call(tmp_path / "copy", "fetch")
    write_rows(tmp_path / "copy", edited)
    assert run(tmp_path / "copy", "--offline")["called"] == 0
    assert server.requests == COUNT + 7

    stored = b"".join(path.read_bytes() for path in project.rglob("*") if path.is_file())
    assert b"sk-secret" not in stored


def test_a_killed_run_goes_on_where_it_was(project: Path, server: ChatServer) -> None:
    server.delay = 0.02
    command = [sys.executable, "-m", "promptvc", "-C", str(project), "run", "--jobs", str(JOBS)]
    for part in (3, 2):
        process = subprocess.Popen(
            command, env=environment(), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        until = server.requests + COUNT // (2 * part)
        while server.requests < until and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (project / "outputs/mini.jsonl").exists()
    asked = server.requests
    done = run(project)
    assert done["known"] >= asked - 2 * JOBS  # all but those under way
    assert COUNT <= server.requests <= COUNT + 2 * JOBS
    assert (done["rows"], done["failed"]) == (COUNT, 0)


def test_an_interrupted_run_keeps_what_was_answered(project: Path, server: ChatServer) -> None:
    server.delay = 0.1  # that it is not done before the interrupt comes
    command = [sys.executable, "-m", "promptvc", "-C", str(project), "run", "--jobs", str(JOBS)]
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)
    while server.requests < COUNT // 8:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in said
    asked = server.requests
    assert run(project)["known"] == asked  # those under way were waited for


def test_a_server_that_misbehaves_is_asked_again(project: Path, server: ChatServer) -> None:
    for every, what in (
        (11, "429:0"),
        (17, "500"),
        (23, "cut"),
        (29, "drop"),
        (31, "malformed"),
        (37, "slow:0.2"),
    ):
        server.misbehave_every(every, what)
    done = run(project)
    assert (done["rows"], done["called"], done["failed"]) == (COUNT, COUNT, 0)
    assert done["retries"] == server.requests - COUNT > 0
    lines = [json.loads(line) for line in (project / "outputs/mini.jsonl").read_text().splitlines()]
    assert [line["output"] for line in lines] == [f"You said: ticket {n}" for n in range(COUNT)]
    assert all(line["scores"] == {"contains": True} for line in lines)
    server.reset()
    assert run(project)["called"] == 0
    assert server.requests == 0
