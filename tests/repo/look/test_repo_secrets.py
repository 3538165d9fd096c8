"""Secrets are refused before they are kept or sent, by file, row and field; and found where they are already."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import pytest

from promptvc.errors import ConfigInvalid, SecretFound
from promptvc.repo import Repo, Surroundings
from promptvc.secrets.finding import SecretFinding
from tests.secrets.test_shapes import PLACES
from tests.secrets.tokens import TOKENS, key_text

RNG = random.Random(11)
TOKEN = TOKENS[2][1](RNG)
KIND = "github-token"
TABLE = "examples/t.jsonl"


def put(repo: Repo, path: str, data: bytes | str) -> None:
    assert repo.root is not None
    place = repo.root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data.encode() if isinstance(data, str) else data)


def lines(count: int) -> list[str]:
    """Rows of some 100 bytes, each other than the others."""
    rng = random.Random(0)
    rows = [{"id": n, "text": " ".join(f"w{rng.randrange(999)}" for _ in range(20))} for n in range(count)]
    return [json.dumps(row) + "\n" for row in rows]


def refused(repo: Repo, **options: bool) -> SecretFinding:
    before = repo.branches.current
    head = repo.parts.refs.current()
    with pytest.raises(SecretFound) as caught:
        repo.commit("x", **options)
    assert TOKEN not in str(caught.value)
    assert (repo.branches.current, repo.parts.refs.current()) == (before, head)
    found: SecretFinding = caught.value.findings[0]
    return found


def test_a_commit_refuses_a_token_and_names_its_row_and_field(repo: Repo) -> None:
    rows = lines(3)
    rows[1] = json.dumps({"id": 1, "messages": [{"content": "hi"}, {"content": f"use\n{TOKEN}"}]}) + "\n"
    put(repo, TABLE, "".join(rows))
    found = refused(repo)
    assert (found.path, found.row, found.field, found.kind) == (TABLE, 2, "messages[1].content", KIND)
    assert found.where == f"{TABLE}: row 2, field messages[1].content"


def test_a_prompt_is_named_by_its_line(repo: Repo) -> None:
    put(repo, "prompts/p.md", f"system:\nBe kind.\n{key_text(RNG)}")
    found = refused(repo)
    assert (found.path, found.line, found.kind) == ("prompts/p.md", 3, "private-key")


def test_a_row_far_down_is_named_by_its_number(repo: Repo) -> None:
    rows = lines(5000)
    put(repo, TABLE, "".join(rows))
    repo.commit("first")
    rows[4321] = json.dumps({"id": 4321, "text": TOKEN}) + "\n"
    put(repo, TABLE, "".join(rows))
    found = refused(repo)
    assert (found.row, found.field) == (4322, "text")


def test_cells_of_csv_and_of_arrays_are_named(repo: Repo) -> None:
    put(repo, "examples/a.csv", f'id,note\n1,a\n2,"b ""quoted"" {TOKEN}"\n')
    assert refused(repo).where == "examples/a.csv: row 2, field note"
    put(repo, "examples/a.csv", "id,note\n")
    put(repo, "examples/b.json", json.dumps([{"a": 1}, {"a": {"b": [TOKEN]}}], indent=1))
    assert refused(repo).where == "examples/b.json: row 2, field a.b[0]"


def test_a_token_in_a_name_is_not_shown(repo: Repo) -> None:
    put(repo, TABLE, json.dumps({"a": {TOKEN: 1}}) + "\n")
    assert TOKEN not in repr(refused(repo))
    put(repo, TABLE, "{}\n")
    put(repo, f"prompts/{TOKEN}.md", "x")
    assert TOKEN not in repr(refused(repo))


def test_a_malformed_row_is_named(repo: Repo) -> None:
    put(repo, TABLE, f'{{"id": 1}}\n{{"id": "{TOKEN}\n')
    found = refused(repo)
    assert (found.row, found.field) == (2, None)


def test_a_token_across_a_chunk_edge_is_found(repo: Repo) -> None:
    text = "word " * 52428  # one row longer than a chunk may be: cut after 262,144 bytes
    for shift in range(0, 60, 6):
        row = json.dumps({"id": 1, "text": text[: 262144 - 20 - shift] + " " + TOKEN + " " + text})
        put(repo, TABLE, "".join(lines(100)) + row + "\n" + "".join(lines(100)))
        assert refused(repo).row == 101


def test_a_key_over_many_malformed_rows_is_found_where_only_a_part_is_new(repo: Repo) -> None:
    head, tail = key_text(RNG).split("\n", 1)
    rows = [line.rstrip("\n") for line in lines(3000)]
    for place in range(1000, 1300, 37):  # wherever chunks end
        put(repo, TABLE, "\n".join([*rows[:place], tail, *rows[place:]]) + "\n")
        repo.commit(f"a body alone is no key {place}")
        put(repo, TABLE, "\n".join([*rows[:place], head, tail, *rows[place:]]) + "\n")
        assert refused(repo).kind == "private-key"


SUFFIXES = {
    ".csv": ("a CSV cell with quotes", "a CSV cell, all quoted", "CSV with CRLF"),
    ".tsv": ("a TSV cell",),
    ".json": ("an indented JSON array",),
    ".md": ("text", "a prompt", "quoted", "in brackets"),
    ".yaml": ("YAML",),
}


def test_every_shape_in_every_placement_is_refused_by_a_commit(repo: Repo) -> None:
    suffix_of = {place: suffix for suffix, places in SUFFIXES.items() for place in places}
    wanted = set()
    for number, (place, write) in enumerate(PLACES.items()):
        for count, (kind, make) in enumerate(TOKENS):
            token = make(random.Random(f"{number} {count}"))
            path = f"examples/{number}/{count}{suffix_of.get(place, '.jsonl')}"
            put(repo, path, write(token))
            wanted.add((path, kind))
    with pytest.raises(SecretFound) as caught:
        repo.commit("x")
    assert {(found.path, found.kind) for found in caught.value.findings} == wanted
    assert len({found.digest for found in caught.value.findings}) == len(wanted)
    assert all(found.row or found.line for found in caught.value.findings)
    assert {(found.path, found.kind) for found in repo.scan()} == wanted


def test_a_file_of_nothing_but_tokens_is_refused_in_time(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promptvc.session.secrets.guard.MOST", 50)
    rng = random.Random(3)
    rows = [json.dumps({"id": n, "key": TOKENS[n % 40][1](rng)}) + "\n" for n in range(3000)]
    put(repo, TABLE, "".join(rows))
    with pytest.raises(SecretFound) as caught:
        repo.commit("x")
    assert [found.row for found in caught.value.findings] == list(range(1, 51))
    repo.commit("kept", allow_secrets=True)
    put(repo, TABLE, "".join([*rows, json.dumps({"key": TOKEN}) + "\n"]))
    refused(repo)  # what lies behind so many cannot be told from what was there


def test_a_message_is_looked_at(repo: Repo) -> None:
    put(repo, TABLE, "{}\n")
    with pytest.raises(SecretFound) as caught:
        repo.commit(f"with {TOKEN}")
    assert TOKEN not in caught.value.message
    repo.commit("without")


def test_nothing_is_lost_where_a_commit_is_refused(repo: Repo) -> None:
    put(repo, TABLE, "".join(lines(500)))
    repo.commit("first")
    put(repo, TABLE, json.dumps({"key": TOKEN}) + "\n" + "".join(lines(500)))
    refused(repo)
    refused(repo)  # what was remembered of the file does not let it pass
    assert repo.root is not None
    assert TOKEN.encode() in (repo.root / TABLE).read_bytes()
    put(repo, TABLE, "".join(lines(500)))
    assert repo.status().clean


def test_a_file_that_is_in_the_store_already_is_looked_at_too(repo: Repo) -> None:
    put(repo, TABLE, "".join(lines(2000)))
    repo.commit("first")
    put(repo, TABLE, "".join([*lines(2000), json.dumps({"key": TOKEN}) + "\n"]))
    repo.restore(TABLE, force=True)  # keeps what it replaces
    repo.undo()
    found = refused(repo)
    assert found.row == 2001


def test_what_a_parent_has_is_not_refused_again(repo: Repo) -> None:
    put(repo, TABLE, json.dumps({"id": 1, "key": TOKEN}) + "\n")
    repo.commit("made up, as I know", allow_secrets=True)
    put(repo, TABLE, json.dumps({"id": 1, "key": TOKEN, "more": 1}) + "\n")
    repo.commit("the row is another")
    assert repo.root is not None
    (repo.root / TABLE).rename(repo.root / "examples/moved.jsonl")
    repo.commit("moved")


def test_what_promptvc_toml_allows_is_kept(repo: Repo) -> None:
    put(repo, TABLE, json.dumps({"key": TOKEN}) + "\n")
    digest = refused(repo).digest
    put(repo, "promptvc.toml", f'[secrets]\nallow = ["{digest}"]\n')
    repo.commit("allowed")
    assert repo.scan() == repo.scan("HEAD") == repo.scan(all=True) == []
    put(repo, TABLE, json.dumps({"key": TOKENS[3][1](RNG)}) + "\n")
    refused(repo)


def test_what_is_allowed_is_named_by_its_digest(repo: Repo) -> None:
    put(repo, "promptvc.toml", f'[secrets]\nallow = ["{TOKEN}"]\n')
    with pytest.raises(ConfigInvalid) as caught:
        repo.commit("x")
    assert TOKEN not in str(caught.value)


def test_a_transaction_refuses_a_token(repo: Repo) -> None:
    with pytest.raises(SecretFound) as caught, repo.transaction(message="x") as tx:
        tx.append(TABLE, [{"id": 1}, {"id": 2, "key": TOKEN}])
    assert caught.value.findings[0].where == f"{TABLE}: row 2, field key"
    assert repo.parts.refs.current() is None
    with repo.transaction(message="x", allow_secrets=True) as tx:
        tx.append(TABLE, [{"id": 1}, {"id": 2, "key": TOKEN}])
    with repo.transaction(message="y") as tx:
        tx.append(TABLE, [{"id": 3}])
    assert [found.where for found in repo.scan("HEAD")] == [f"{TABLE}: row 2, field key"]


def test_a_scan_names_the_commit_that_brought_it(repo: Repo) -> None:
    put(repo, TABLE, "{}\n")
    repo.commit("first")
    put(repo, TABLE, f'{{"key": "{TOKEN}"}}\n')
    brought = repo.commit("second", allow_secrets=True).id
    put(repo, TABLE, "{}\n")
    repo.commit("third")
    assert repo.scan() == repo.scan("HEAD") == []
    assert [(found.commit, found.row) for found in repo.scan(all=True)] == [(brought, 1)]
    assert [found.field for found in repo.scan("HEAD~1")] == ["key"]


# --- push -----------------------------------------------------------------------------------------------------


@pytest.fixture
def remote(tmp_path: Path, repo: Repo) -> Path:
    place = tmp_path / "remote.git"
    subprocess.run(["git", "init", "-q", "--bare", place], check=True)
    repo.remotes.add("origin", str(place))
    put(repo, TABLE, "{}\n")
    repo.commit("first")
    return place


def git_commit(repo: Repo, path: str, text: str) -> None:
    """A commit made by git alone, on main."""
    clone = repo.path.parent / "git-clone"
    subprocess.run(["git", "clone", "-q", "-b", "main", repo.path, clone], check=True)
    (clone / path).parent.mkdir(exist_ok=True)
    (clone / path).write_text(text)
    subprocess.run(["git", "add", "-f", path], cwd=clone, check=True)
    subprocess.run(["git", "commit", "-qm", "by git"], cwd=clone, check=True)
    subprocess.run(["git", "push", "-q", "origin", "HEAD:refs/heads/by-git"], cwd=clone, check=True)


def test_a_push_refuses_what_git_committed(repo: Repo, remote: Path) -> None:
    git_commit(repo, "examples/g.jsonl", f'{{"id": 1}}\n{{"key": "{TOKEN}"}}\n')
    with pytest.raises(SecretFound) as caught:
        repo.remotes.push("origin", "by-git")
    assert caught.value.findings[0].where == "examples/g.jsonl: row 2, field key"
    assert repo.remotes.push("origin", "main").changes[0].outcome == "new"
    heads = subprocess.run(["git", "for-each-ref"], cwd=remote, check=True, capture_output=True).stdout
    assert b"by-git" not in heads
    assert repo.remotes.push("origin", "by-git", allow_secrets=True).changes[0].outcome == "new"


def test_a_push_asks_again_for_what_was_kept_all_the_same(repo: Repo, remote: Path) -> None:
    put(repo, TABLE, f'{{"key": "{TOKEN}"}}\n')
    repo.commit("kept here", allow_secrets=True)
    with pytest.raises(SecretFound):
        repo.remotes.push("origin")
    repo.remotes.push("origin", allow_secrets=True)


def test_a_push_looks_at_tags_and_messages(repo: Repo, remote: Path) -> None:
    subprocess.run(["git", "tag", "-am", f"with {TOKEN}", "v1", "main"], cwd=repo.path, check=True)
    with pytest.raises(SecretFound) as caught:
        repo.remotes.push("origin", "v1")
    assert TOKEN not in caught.value.message


def test_a_push_does_not_look_at_what_was_looked_at(
    repo: Repo, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from promptvc.session.secrets.commits import SecretScan

    looked: list[str] = []
    original = SecretScan.commits

    def counting(self: SecretScan, commits: object) -> object:
        found = list(commits)  # type: ignore[call-overload]
        looked.extend(found)
        return original(self, found)

    monkeypatch.setattr(SecretScan, "commits", counting)
    repo.remotes.push("origin")
    assert looked == []
    git_commit(repo, "examples/g.jsonl", "{}\n")
    repo.remotes.push("origin", "by-git")
    assert len(looked) == 1
    repo.remotes.push("origin", "by-git:again")
    assert len(looked) == 1


def test_a_store_without_working_files_can_push(
    tmp_path: Path, world: Surroundings, repo: Repo, remote: Path
) -> None:
    repo.remotes.push("origin")
    bare = Repo.open(repo.path, world)
    assert bare.remotes.push("origin").changes[0].outcome == "same"
