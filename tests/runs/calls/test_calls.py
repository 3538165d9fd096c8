"""The call store: every answer in any commit, each kept, the same one chosen everywhere."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from promptvc.cli.main import cli
from promptvc.errors import DiskFull
from promptvc.runs.calls.journal import Journal, journal_files, read_lines
from tests.runs.projects import PROMPT, Project, tickets


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project", tickets(12))


def call(project: Project, *words: str) -> str:
    done = CliRunner().invoke(cli, ["-C", str(project.root), *words])
    assert done.exit_code == 0, (words, done.output)
    return done.output


def calls_folder(project: Project) -> Path:
    return project.root / ".promptvc/promptvc/calls"


def remove_outputs(project: Project) -> None:
    shutil.rmtree(project.root / "outputs")


def known(project: Project) -> int:
    return project.repo.runs.plan("mini").known


def test_committed_answers_are_found_when_the_journal_is_gone_but_the_index_is_not(project: Project) -> None:
    project.run()
    project.commit("outputs")
    for path in calls_folder(project).glob("*.jsonl"):
        path.unlink()
    remove_outputs(project)
    assert known(project) == 12
    assert (project.run().called, project.calls()) == (0, 12)


def test_answers_below_an_annotated_tag_are_known(project: Project) -> None:
    project.commit("base")
    call(project, "switch", "-c", "experiment")
    project.run()
    project.commit("outputs")
    call(project, "tag", "-m", "kept", "v1")
    call(project, "switch", "main")
    call(project, "branch", "-d", "experiment", "--force")
    shutil.rmtree(calls_folder(project))
    assert known(project) == 12


def test_a_missing_blob_of_old_outputs_costs_its_answers_only(project: Project) -> None:
    project.run()
    project.commit("old outputs")
    git = ["git", f"--git-dir={project.root}/.promptvc"]
    blob = subprocess.check_output([*git, "rev-parse", "HEAD:outputs/mini.jsonl"], text=True).strip()
    project.write("prompts/sort.md", PROMPT.replace("Sort", "Order"))
    project.run()
    project.commit("new outputs")
    subprocess.run([*git, "repack", "-adq"], check=True)
    with _moved_pack(project).open("rb") as pack:
        subprocess.run([*git, "unpack-objects", "-q"], check=True, stdin=pack)
    loose = project.root / ".promptvc/objects" / blob[:2] / blob[2:]
    loose.unlink()
    shutil.rmtree(calls_folder(project))
    remove_outputs(project)
    assert known(project) == 12
    project.write("prompts/sort.md", PROMPT)
    assert known(project) == 0


def _moved_pack(project: Project) -> Path:
    """The store's only pack, taken out of it so that its objects can be unpacked."""
    (pack,) = (project.root / ".promptvc/objects/pack").glob("*.pack")
    moved = project.root / "moved.pack"
    pack.rename(moved)
    for path in pack.parent.iterdir():
        path.unlink()
    return moved


def test_the_same_one_of_two_answers_is_chosen_whatever_came_first(project: Project) -> None:
    project.commit("base")
    for branch in ("one", "two"):
        call(project, "switch", "-c", branch, "main")
        shutil.rmtree(calls_folder(project), ignore_errors=True)
        if (project.root / "outputs").exists():
            remove_outputs(project)
        model = (project.root / "rule_model.py").read_text()
        (project.root / "rule_model.py").write_text(model.replace("words[0] if", f"'{branch}' if"))
        command = [sys.executable, "-m", "promptvc", "-C", str(project.root), "run"]
        subprocess.run(
            command, check=True, capture_output=True
        )  # a process of its own imports the model anew
        project.commit(branch)
        (project.root / "rule_model.py").write_text(model)
    call(project, "switch", "main")
    found = set()
    for order in (("one", "two"), ("two", "one")):
        shutil.rmtree(calls_folder(project))
        for branch in order:
            call(project, "switch", branch)
            assert known(project) == 12
        call(project, "switch", "main")
        project.run()
        found.add((project.root / "outputs/mini.jsonl").read_bytes())
        remove_outputs(project)
    assert len(found) == 1


def test_a_line_that_is_still_being_written_is_read_later(tmp_path: Path) -> None:
    path = tmp_path / "1.jsonl"
    path.write_bytes(b'{"a":1}\n{"b"')
    assert [line for _, line in read_lines(path)] == [b'{"a":1}\n']
    with path.open("ab") as out:
        out.write(b':2}\n{"c":3}\n')
    assert [line for _, line in read_lines(path, 8)] == [b'{"b":2}\n', b'{"c":3}\n']


def test_what_could_not_be_written_is_told_and_the_next_line_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path)
    journal.add(b'{"a":1}\n')
    write = journal._write

    def torn(data: bytes) -> None:
        import errno
        import os

        assert journal._handle is not None
        os.write(journal._handle, data[:4])
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(journal, "_write", torn)
    with pytest.raises(DiskFull, match="no space"):
        journal.add(b'{"b":2}\n')
    monkeypatch.setattr(journal, "_write", write)
    journal.add(b'{"c":3}\n')
    journal.close()
    lines = [line for path in journal_files(tmp_path) for _, line in read_lines(path)]
    assert [line[:6] for line in lines] == [b'{"a":1', b'{"c":3']


def test_threads_that_wait_for_a_write_that_fails_all_hear_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path)
    gate, told = threading.Event(), []

    def fail(data: bytes) -> None:
        gate.wait(5)
        raise OSError(28, "full")

    monkeypatch.setattr(journal, "_write", fail)

    def add(number: int) -> None:
        try:
            journal.add(b"%d\n" % number)
        except DiskFull:
            told.append(number)

    threads = [threading.Thread(target=add, args=[number]) for number in range(5)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()
    assert sorted(told) == list(range(5))


def test_rows_with_odd_values_are_no_answers(project: Project) -> None:
    project.run()
    lines = (project.root / "outputs/mini.jsonl").read_text().splitlines()
    odd = [
        {"cost_usd": "x"},
        {"tool_calls": 5},
        {"scores": {"exact": [1]}},
        {"latency_ms": "x"},
        {"output": 3},
    ]
    changed = [json.dumps(json.loads(line) | each) for line, each in zip(lines, odd, strict=False)]
    project.write("outputs/mini.jsonl", "\n".join([*changed, *lines[len(odd) :]]) + "\n")
    project.commit("odd")
    assert "not as they were made" in call(project, "status")
    shutil.rmtree(calls_folder(project))
    assert project.run().called == 12


def test_tool_calls_that_are_no_json_are_a_failed_call(project: Project) -> None:
    (project.root / "odd_model.py").write_text(
        "def answer(messages, model, params):\n    return {'output': 'x', 'tool_calls': [object()]}\n"
    )
    settings = (project.root / "promptvc.toml").read_text()
    project.write("promptvc.toml", settings.replace("rule_model", "odd_model"))
    done = project.run()
    assert (done.failed, done.rows) == (12, 12)
    assert "tool_calls" in project.rows()[0]["error"]
