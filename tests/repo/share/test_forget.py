"""Forgetting: nothing of it is left here or at the remote, everything else is as it was, and it does not come back."""

from __future__ import annotations

import json
import shutil
import subprocess
import zlib
from contextlib import suppress
from pathlib import Path

import pytest

from promptvc.api import open as open_repo
from promptvc.errors import MergeOpen, PathMissing, PushRejected, Refused, RowMissing, Usage
from promptvc.ids import RefName, RepoPath
from promptvc.repo import Repo
from promptvc.repo.clone import clone_into
from promptvc.versioning.forgotten import FORGOTTEN

TABLE = "examples/people.jsonl"
SECRET = 'Zoë "Quicksilver" Ångström, 7 Elm Row'
ROWS = 600


def row(number: int, **fields: object) -> dict[str, object]:
    text = SECRET if number == 300 else f"somebody who lives at number {number} of a very long street"
    return {"id": f"p{number}", "who": text, "mail": f"p{number}@example.com", "n": number, **fields}


def table(rows: list[dict[str, object]]) -> bytes:
    return b"".join(json.dumps(each, ensure_ascii=each["n"] != 300).encode() + b"\n" for each in rows)


def put(repo: Repo, path: str, data: bytes) -> None:
    assert repo.root is not None
    place = repo.root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)


@pytest.fixture
def people(repo: Repo) -> Repo:
    """Three versions of a table on main, one more on side, a tag of each kind, and a prompt."""
    rows = [row(n) for n in range(ROWS)]
    put(repo, TABLE, table(rows))
    put(repo, "prompts/a.md", b"Hello\n")
    repo.commit("one")
    repo.tags.create("plain")
    rows[299] |= {"n2": 1}
    put(repo, TABLE, table(rows))
    second = repo.commit(f"two, after {repo.rev_parse('HEAD')}").id
    repo.tags.create("noted", message="of two")
    repo.switch("side", create=True)
    rows[301] |= {"n2": 2}
    put(repo, TABLE, table(rows))
    repo.commit("side")
    repo.switch("main")
    rows = [row(n) for n in range(ROWS)]
    rows[299] |= {"n2": 1}
    rows[10] |= {"n2": 3}
    put(repo, TABLE, table(rows))
    repo.commit("three")
    assert second
    return repo


def traces(folder: Path, text: str = SECRET) -> list[str]:
    """Where a text is, in files as they are or inflated, and in objects of packs; as it is or as JSON writes it."""
    spelled = {
        text.encode(),
        json.dumps(text)[1:-1].encode(),
        json.dumps(text, ensure_ascii=False)[1:-1].encode(),
    }
    found = []
    for path in (each for each in folder.rglob("*") if each.is_file()):
        data = path.read_bytes()
        with suppress(zlib.error):
            data += zlib.decompress(data)
        if any(each in data for each in spelled):
            found.append(str(path))
    for store in {*folder.rglob("objects")}:
        words = [
            "git",
            f"--git-dir={store.parent}",
            "cat-file",
            "--batch-all-objects",
            "--batch",
            "--unordered",
        ]
        data = subprocess.run(words, check=True, capture_output=True).stdout
        if any(each in data for each in spelled):
            found.append(f"objects of {store}")
    return found


def fsck(store: Path) -> None:
    subprocess.run(["git", f"--git-dir={store}", "fsck", "--strict"], check=True, capture_output=True)


def keys(repo: Repo, revision: str = "HEAD", path: str = TABLE) -> list[str]:
    return [each["id"] for each in repo.snapshot(revision).table(path).rows()]


# --- here -----------------------------------------------------------------------------------------------------


def test_a_row_is_in_no_version_and_in_no_file(people: Repo) -> None:
    assert people.root is not None
    assert traces(people.root)
    before = [(each.message, each.author) for each in people.log(all=True)]
    people.runs  # noqa: B018  # so that its folder is there
    people.snapshot("side").table(TABLE).to_arrow()  # and a file of Arrow
    done = people.forget(TABLE, key="p300")
    assert traces(people.root) == []
    assert done.commits == 4
    assert done.quotes == ()
    for revision in ("main", "side", "plain", "noted", "HEAD~1"):
        assert keys(people, revision) == [f"p{n}" for n in range(ROWS) if n != 300]
    after = [(each.message, each.author) for each in people.log(all=True)]
    assert {(text.split(",")[0], who) for text, who in after} == {(t.split(",")[0], who) for t, who in before}
    assert people.status().clean
    assert people.verify() == []
    fsck(people.path)


def test_a_message_names_the_commits_that_others_became(people: Repo) -> None:
    people.forget(TABLE, key="p300")
    second = people.read_commit("HEAD~1")
    assert second.message.strip() == f"two, after {people.rev_parse('HEAD~2')}"


def test_the_rest_of_the_table_is_byte_for_byte_as_before(people: Repo) -> None:
    before = people.snapshot("side").read(TABLE).splitlines(keepends=True)
    people.forget(TABLE, key="p300")
    assert people.snapshot("side").read(TABLE) == b"".join(before[:300] + before[301:])


def test_a_field_of_a_row(people: Repo) -> None:
    assert people.root is not None
    people.forget(TABLE, key="p300", field="who")
    assert traces(people.root) == []
    assert people.snapshot().table(TABLE)["p300"] == {"id": "p300", "mail": "p300@example.com", "n": 300}
    assert len(keys(people)) == ROWS


def test_a_whole_file(people: Repo) -> None:
    assert people.root is not None
    people.forget(TABLE)
    assert traces(people.root) == []
    assert not (people.root / TABLE).exists()
    assert [TABLE in people.snapshot(r).files for r in ("main", "side", "plain")] == [False] * 3
    assert people.snapshot().read("prompts/a.md") == b"Hello\n"


def test_changes_that_are_not_committed_stay_and_lose_the_row_too(people: Repo) -> None:
    assert people.root is not None
    rows = [row(n) for n in range(ROWS)] + [row(9000)]
    put(people, TABLE, table(rows))
    people.forget(TABLE, key="p300")
    assert traces(people.root) == []
    assert b"p9000" in (people.root / TABLE).read_bytes()
    assert [change.path for change in people.status().changes] == [TABLE]


def test_under_a_name_that_the_file_had_before(people: Repo) -> None:
    assert people.root is not None
    (people.root / TABLE).rename(people.root / "examples/renamed.jsonl")
    people.commit("renamed")
    people.forget("examples/renamed.jsonl", key="p300")
    assert traces(people.root) == []


def test_what_quotes_it_is_named_and_goes_with_everywhere(people: Repo) -> None:
    assert people.root is not None
    quote = {"example_id": "p300", "output": f"Dear {SECRET}", "sample_index": 0}
    other = {"example_id": "p1", "output": "Dear somebody", "sample_index": 0}
    put(
        people,
        "outputs/letters.jsonl",
        b"".join(json.dumps(each).encode() + b"\n" for each in (quote, other)),
    )
    people.commit("letters")
    done = people.forget(TABLE, key="p300", dry_run=True)
    assert [each.path for each in done.quotes] == ["outputs/letters.jsonl"]
    assert done.quotes[0].commit == people.rev_parse("HEAD")
    assert traces(people.root)
    people.forget(TABLE, key="p300", everywhere=True)
    assert traces(people.root) == []
    assert people.snapshot().read("outputs/letters.jsonl") == json.dumps(other).encode() + b"\n"


def test_the_record_of_a_run_names_the_table_as_it_is_now(people: Repo) -> None:
    assert people.root is not None
    with (people.root / "promptvc.toml").open("a") as out:
        out.write('[runs.letters]\nprompt = "prompts/a.md"\nexamples = "examples/people.jsonl"\n')
        out.write('provider = "command:cat"\nmodel = "none"\n')
    put(people, "prompts/a.md", b"Dear {{ who }}\n")
    people.run("letters")
    people.commit("letters")
    people.forget(TABLE, key="p300", everywhere=True)
    assert traces(people.root) == []
    record = people.snapshot().run("letters").record
    assert record is not None
    assert record.examples is not None
    assert record.examples.id == people.snapshot().files[RepoPath(TABLE)].id
    assert people.reproduce("letters")[0].verified
    people.forget(TABLE, key="p301", everywhere=True)
    assert people.verify() == []


def test_a_dry_run_changes_nothing(people: Repo) -> None:
    assert people.root is not None
    head, refs = people.rev_parse("HEAD"), people.parts.refs.find()
    done = people.forget(TABLE, key="p300", dry_run=True)
    assert (people.rev_parse("HEAD"), people.parts.refs.find()) == (head, refs)
    assert done.commits == 4
    assert done.refs[RefName.branch("main")][0] == head
    assert people.status().clean


def test_nothing_is_undone_past_it(people: Repo) -> None:
    people.forget(TABLE, key="p300")
    assert people.operations() == []


def test_commits_before_it_keep_their_ids(repo: Repo) -> None:
    put(repo, "prompts/a.md", b"Hello\n")
    first = repo.commit("first").id
    put(repo, TABLE, table([row(300), row(1)]))
    repo.commit("second")
    repo.forget(TABLE, key="p300")
    assert repo.rev_parse("HEAD~1") == first


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ({"path": TABLE, "key": "p9999"}, RowMissing),
        ({"path": "examples/none.jsonl", "key": "p1"}, PathMissing),
        ({"path": "prompts/none.md"}, PathMissing),
        ({"path": TABLE, "key": ("p1", "x")}, Usage),
        ({"path": TABLE, "key": "p1", "field": "id"}, Usage),
        ({"path": TABLE, "field": "who"}, Usage),
        ({"path": "prompts/a.md", "key": "x"}, Usage),
        ({}, Usage),
    ],
)
def test_what_is_not_there_is_an_error_and_nothing_changes(
    people: Repo, words: dict[str, object], error: type[Exception]
) -> None:
    refs = people.parts.refs.find()
    with pytest.raises(error):
        people.forget(**words)  # type: ignore[arg-type]
    assert people.parts.refs.find() == refs


def test_not_in_the_middle_of_a_merge(people: Repo) -> None:
    put(people, "prompts/a.md", b"ours\n")
    people.commit("ours")
    people.switch("side")
    put(people, "prompts/a.md", b"theirs\n")
    people.commit("theirs")
    assert not people.merge("main").clean
    with pytest.raises(MergeOpen):
        people.forget(TABLE, key="p300")


def test_git_objects_that_are_loose_go_too(people: Repo) -> None:
    assert people.root is not None
    words = ["git", f"--git-dir={people.path}", "hash-object", "-w", "--stdin"]
    subprocess.run(words, input=SECRET.encode(), check=True, capture_output=True)
    people.forget(TABLE, key="p300")
    assert traces(people.root) == []


def test_a_history_without_its_beginning(people: Repo, tmp_path: Path) -> None:
    words = [
        "git",
        "clone",
        "-q",
        "--bare",
        "--depth",
        "1",
        f"file://{people.path}",
        str(tmp_path / "x/.promptvc"),
    ]
    subprocess.run(words, check=True, capture_output=True)
    shutil.copy(people.path / "config", tmp_path / "x/.promptvc/config")
    made = Repo.open(tmp_path / "x/.promptvc", people.parts.surroundings)
    with pytest.raises(Refused, match="beginning"):
        made.forget(TABLE, key="p300")


# --- at the remote, and in other clones -------------------------------------------------------------------------


@pytest.fixture
def bare(people: Repo, tmp_path: Path) -> Path:
    """A bare repository that has every branch and tag."""
    folder = tmp_path / "bare.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(folder)], check=True)
    people.remotes.add("origin", str(folder))
    people.remotes.push("origin", all=True, tags=True)
    return folder


@pytest.fixture
def old(people: Repo, bare: Path, tmp_path: Path) -> Repo:
    """A clone from before, with a commit of its own."""
    clone_into(str(bare), tmp_path / "old", people.parts.surroundings)
    made = open_repo(tmp_path / "old")
    made = Repo.open(made.path, people.parts.surroundings)
    put(made, "prompts/own.md", b"own\n")
    made.commit("own")
    return made


def at(bare: Path, *words: str) -> str:
    done = subprocess.run(["git", f"--git-dir={bare}", *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_the_remote_is_rewritten_and_after_its_own_gc_nothing_is_left(people: Repo, bare: Path) -> None:
    done = people.forget(TABLE, key="p300", push=True)
    assert done.pushed is not None
    assert done.pushed.refused == ()
    at(bare, "gc", "--quiet", "--prune=now")
    assert traces(bare) == []
    assert at(bare, "rev-parse", "main") == people.rev_parse("main")
    assert at(bare, "rev-parse", "noted^{commit}") == people.rev_parse("noted")
    fsck(bare)


def test_the_push_can_come_later(people: Repo, bare: Path) -> None:
    people.forget(TABLE, key="p300")
    people.forget(push=True)
    at(bare, "gc", "--quiet", "--prune=now")
    assert traces(bare) == []
    assert at(bare, "rev-parse", "side") == people.rev_parse("side")


def test_an_old_clone_cannot_bring_it_back(people: Repo, bare: Path, old: Repo) -> None:
    people.forget(TABLE, key="p300", push=True)
    with pytest.raises(PushRejected, match="forgotten"):
        old.remotes.push(force=True)
    assert at(bare, "rev-parse", "main") == people.rev_parse("main")


def test_an_old_clone_takes_it_out_of_its_own_commits(people: Repo, bare: Path, old: Repo) -> None:
    assert old.root is not None
    people.forget(TABLE, key="p300", push=True)
    old.remotes.fetch()
    assert [problem.message for problem in old.verify()].count("leads to what was forgotten") >= 2
    old.forget()
    assert traces(old.root) == []
    assert old.rev_parse("HEAD~1") == people.rev_parse("main")
    assert old.verify() == []
    old.remotes.push()
    people.remotes.fetch()
    assert people.rev_parse("origin/main") == old.rev_parse("main")


def test_what_git_pushes_back_is_dropped_at_the_next_fetch_and_taken_out_again(
    people: Repo, bare: Path, old: Repo
) -> None:
    assert people.root is not None
    people.forget(TABLE, key="p300", push=True)
    clean = people.rev_parse("main")
    words = ["git", f"--git-dir={old.path}", "push", "-q", "--force", str(bare), "main"]
    subprocess.run(words, check=True, capture_output=True)
    done = people.remotes.fetch()
    assert [(each.outcome, each.reason) for each in done.changes] == [
        ("refused", "it holds what was forgotten")
    ]
    assert traces(people.root) == []
    assert people.rev_parse("origin/main") == clean
    people.forget(push=True)
    at(bare, "gc", "--quiet", "--prune=now")
    assert traces(bare) == []
    assert at(bare, "log", "-1", "--format=%s", "main") == "own"


def test_a_new_clone_has_the_list(people: Repo, bare: Path, tmp_path: Path) -> None:
    people.forget(TABLE, key="p300", push=True)
    clone_into(str(bare), tmp_path / "new", people.parts.surroundings)
    new = Repo.open(tmp_path / "new/.promptvc", people.parts.surroundings)
    assert new.parts.refs.read(FORGOTTEN) == people.parts.refs.read(FORGOTTEN)
    assert traces(tmp_path / "new") == []


def test_a_branch_that_somebody_moved_meanwhile_is_not_overwritten(
    people: Repo, bare: Path, old: Repo
) -> None:
    old.remotes.push()  # a commit more than this store has
    done = people.forget(TABLE, key="p300", push=True)
    assert done.pushed is not None
    assert done.pushed.refused == ()
    assert at(bare, "log", "-1", "--format=%s", "main") == "own"
    at(bare, "gc", "--quiet", "--prune=now")
    assert traces(bare) == []


def test_two_lists_are_joined(people: Repo, bare: Path, old: Repo) -> None:
    people.forget(TABLE, key="p300", push=True)
    old.forget(TABLE, key="p7")
    with pytest.raises(PushRejected, match="elsewhere"):
        old.remotes.push(force=True)
    old.forget(push=True)
    left = [f"p{n}" for n in range(ROWS) if n not in (7, 300)]
    assert keys(old) == left
    people.remotes.fetch()
    assert keys(people, "origin/main") == keys(people, "origin/side") == left
    with pytest.raises(PushRejected, match="elsewhere"):
        people.remotes.push(force=True)
    people.forget()
    assert people.rev_parse("main") == people.rev_parse("origin/main")
    people.remotes.push(branches=["side"])


def test_a_list_that_is_ahead_of_the_remote_stays_as_it_is_and_does_not_stop_pushes(
    people: Repo, bare: Path
) -> None:
    people.forget(TABLE, key="p300", push=True)
    people.forget(TABLE, key="p7")
    before = people.parts.refs.read(FORGOTTEN)
    for _ in range(2):
        people.remotes.fetch()
        assert people.parts.refs.read(FORGOTTEN) == before
    people.remotes.push(branches=["side"], force=True)


def test_a_list_that_says_the_same_is_joined_once_and_does_not_stop_pushes(
    people: Repo, bare: Path, old: Repo
) -> None:
    people.forget(TABLE, key="p300", push=True)
    old.remotes.fetch()
    old.forget()
    old.forget(TABLE, key="p7")
    who = ("-c", "user.name=X", "-c", "user.email=x@example.com")
    again = at(bare, *who, "commit-tree", "-m", "again", "refs/promptvc/forgotten^{tree}")
    at(bare, "update-ref", "refs/promptvc/forgotten", again)
    old.remotes.fetch()
    joined = old.parts.refs.read(FORGOTTEN)
    old.remotes.fetch()
    assert old.parts.refs.read(FORGOTTEN) == joined
    old.remotes.push(branches=["main"], force=True)


def test_a_row_that_an_old_clone_has_beside_changed_neighbours_goes_too(
    people: Repo, bare: Path, old: Repo
) -> None:
    assert old.root is not None
    rows = [json.loads(line) for line in (old.root / TABLE).read_bytes().splitlines()]
    rows[298] |= {"n2": 9}
    rows[300] |= {"n2": 9}
    put(old, TABLE, table(rows))
    old.commit("neighbours, and the row itself")
    people.forget(TABLE, key="p300", push=True)
    old.remotes.fetch()
    old.forget()
    assert traces(old.root) == []
    assert keys(old) == [f"p{n}" for n in range(ROWS) if n != 300]
    old.remotes.push()
    at(bare, "gc", "--quiet", "--prune=now")
    assert traces(bare) == []


def test_the_list_says_nothing_of_what_it_is_about(people: Repo) -> None:
    people.forget(TABLE, key="p300")
    tip = people.parts.refs.read(FORGOTTEN)
    text = at(people.path, "show", f"{tip}:list")
    assert "p300" not in text
    assert SECRET not in text
