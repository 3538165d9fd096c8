"""A snapshot: files in their own kind, and what was meant where one is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from promptvc import Prompt, Snapshot, Table
from promptvc.cli.hints import hint_of
from promptvc.errors import NotAPrompt, PathMissing, PromptvcError, RunMissing, UnknownRevision
from promptvc.repo import Repo


@pytest.fixture
def snap(repo: Repo) -> Snapshot:
    with repo.transaction("main", "start") as tx:
        tx.write("prompts/classify.md", "Classify {{ ticket }}.\n")
        tx.write("prompts/tickets.md", "Write {{ count }} tickets.\n")
        tx.write("prompts/broken.prompty", "---\nname: [\n---\nuser:\nhi\n")
        tx.append("examples/tickets.jsonl", [{"id": 1}])
        tx.append("outputs/triage.jsonl", [{"example_id": "1", "output": "x"}])
        tx.write("outputs/triage.run.json", "{}")
        tx.write("prompts/logo.png", b"\x89PNG\0")
    return repo.snapshot("main")


def test_a_file_comes_in_its_own_kind(snap: Snapshot) -> None:
    prompt, table = snap["prompts/classify.md"], snap["examples/tickets.jsonl"]
    assert isinstance(prompt, Prompt)
    assert prompt == snap.prompt("prompts/classify.md")
    assert isinstance(table, Table)
    assert list(table) == [{"id": 1}]
    assert isinstance(snap["outputs/triage.jsonl"], Table)
    assert snap["outputs/triage.run.json"] == b"{}"
    assert snap["prompts/logo.png"] == b"\x89PNG\0"
    with pytest.raises(NotAPrompt):
        snap["prompts/broken.prompty"]


@pytest.mark.parametrize(
    ("ask", "hint"),
    [
        (lambda snap: snap["classify"], "did you mean prompts/classify.md?"),
        (lambda snap: snap.prompt("classify"), "did you mean prompts/classify.md?"),
        (lambda snap: snap.prompt("prompts/clasify.md"), "did you mean prompts/classify.md?"),
        (lambda snap: snap.prompt("tickets"), "did you mean prompts/tickets.md?"),
        (lambda snap: snap.table("tickets"), "did you mean examples/tickets.jsonl?"),
        (lambda snap: snap.table("classify"), "did you mean prompts/classify.md?"),
        (lambda snap: snap.read("tickets"), "did you mean examples/tickets.jsonl or prompts/tickets.md?"),
        (lambda snap: snap.file("nowhere/near"), "promptvc show {} lists what is"),
    ],
)
def test_a_missing_path_suggests_what_was_meant(
    snap: Snapshot, ask: Callable[[Snapshot], Any], hint: str
) -> None:
    with pytest.raises(PathMissing, match="is not in") as caught:
        ask(snap)
    assert hint_of(caught.value) == hint.format(snap.id.short)
    assert isinstance(caught.value, FileNotFoundError)
    assert caught.value.filename is not None


def test_a_missing_run_suggests_what_was_meant(snap: Snapshot, repo: Repo) -> None:
    with pytest.raises(RunMissing) as caught:
        snap.run("triag")
    assert caught.value.hint == "did you mean triage?"
    with pytest.raises(RunMissing) as caught:
        snap.run("something else")
    assert caught.value.hint == "there is triage"


def test_a_transaction_suggests_what_it_wrote(repo: Repo, snap: Snapshot) -> None:
    with repo.transaction("main", "more") as tx:
        tx.write("prompts/new.md", "x")
        tx.remove("prompts/classify.md")
        for asked, hint in (("new", "did you mean prompts/new.md?"), ("classify", "write it first")):
            with pytest.raises(PathMissing) as caught:
                tx.read(asked)
            assert caught.value.hint == hint


def test_errors_are_pythons_own_too(repo: Repo, snap: Snapshot) -> None:
    for error, call in (
        (FileNotFoundError, lambda: snap.read("no")),
        (LookupError, lambda: snap.run("no")),
        (KeyError, lambda: snap.table("examples/tickets.jsonl")["no"]),
        (LookupError, lambda: repo.snapshot("no")),
    ):
        with pytest.raises(error) as caught:
            call()
        assert isinstance(caught.value, PromptvcError)
    with pytest.raises(UnknownRevision):
        repo.snapshot("no")
