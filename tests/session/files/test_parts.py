"""A file taken in by several processes is in the store as one process would have put it there."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from promptvc.content.keys import index
from promptvc.errors import SecretFound
from promptvc.repo import Repo
from promptvc.session.files import contents, parts
from promptvc.session.files.parts import Order
from promptvc.storage.files import signature
from promptvc.storage.packing import new_temporary
from tests.secrets.tokens import TOKENS, key_text

TABLE = "examples/t.jsonl"
WORDS = ["alpha", "beta", "gamma", "delta"]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of some hundred thousand bytes are large, and there are three processors."""
    monkeypatch.setattr(contents, "PARTS_FROM", 100_000)
    monkeypatch.setattr(parts, "LEAST", 50_000)
    monkeypatch.setattr(parts, "_processors", lambda: 3)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many parts each file was divided into that was."""
    counts: list[int] = []
    plain = parts._all_done

    def all_done(orders: list[Order]) -> Any:
        counts.append(len(orders))
        return plain(orders)

    monkeypatch.setattr(parts, "_all_done", all_done)
    return counts


def row(number: int, rng: random.Random) -> str:
    return json.dumps({"id": number, "text": " ".join(rng.choices(WORDS, k=rng.randrange(60)))})


def write(repo: Repo, rows: list[str], end: str = "\n") -> None:
    path = Path(repo.root) / TABLE
    path.parent.mkdir(exist_ok=True)
    path.write_text(end.join(rows) + end, newline="")


def chunk_list(repo: Repo) -> dict[str, Any]:
    """What is remembered of the table's chunks."""
    entry = repo.parts.contents.files_of(repo.parts.refs.current())[TABLE]  # type: ignore[index]
    found = repo.parts.contents.chunk_list(entry.id)
    assert found is not None
    return found.to_value()


@pytest.mark.parametrize("seed", range(6))
def test_parts_make_the_same_objects_and_chunk_list(
    repo: Repo, asked: list[int], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    rows = [
        row(n, rng) if rng.random() < 0.99 else rng.choice(["", "  ", "{", "x" * 60_000]) for n in range(4000)
    ]
    rows[2000:2000] = rows[:900]  # chunks that are there twice
    write(repo, rows, rng.choice(["\n", "\r\n"]))
    id = repo.commit("in parts").id
    assert asked == [3]
    tree, chunks = repo.parts.history.commit(id).tree, chunk_list(repo)
    assert not [path for path in repo.parts.store.pack_folder.iterdir() if path.name.startswith("tmp")]
    monkeypatch.setattr(contents, "PARTS_FROM", 1 << 40)
    other = repo.parts.contents
    entry = other.files_of(id)[TABLE]  # type: ignore[index]
    assert other.read(entry) == (Path(repo.root) / TABLE).read_bytes()
    assert other.identify(TABLE, (Path(repo.root) / TABLE).read_bytes()) == entry.id
    fresh = contents.Contents(repo.parts.store, repo.parts.cache)
    fresh._seed = other.seed
    again = contents.write_rows(
        [(Path(repo.root) / TABLE).read_bytes()],
        contents.cutting_of(other.format(TABLE, entry)),  # type: ignore[arg-type]
        None,
        None,
        seed=other.seed,
    )
    assert again.id == entry.id
    assert again.chunks.to_value() == chunks
    repo.verify()
    assert tree == repo.parts.history.commit(id).tree


def test_chunks_that_are_stored_already_are_not_stored_again(repo: Repo, asked: list[int]) -> None:
    rng = random.Random(1)
    write(repo, [row(n, rng) for n in range(4000)])
    repo.commit("one")
    before = sum(path.stat().st_size for path in repo.parts.store.pack_folder.iterdir())
    (Path(repo.root) / "examples/copy.jsonl").write_bytes((Path(repo.root) / TABLE).read_bytes())
    repo.commit("a copy")
    after = sum(path.stat().st_size for path in repo.parts.store.pack_folder.iterdir())
    assert asked == [3, 3]
    assert after - before < 10_000


def token(number: int) -> str:
    """A token as a service makes it."""
    return TOKENS[0][1](random.Random(number))


def test_secrets_are_found_in_every_part_and_each_once(repo: Repo, asked: list[int]) -> None:
    rng = random.Random(2)
    rows = [row(n, rng) for n in range(4000)]
    for place, number in ((10, 1), (2000, 2), (3990, 3), (1300, 1), (2700, 1)):
        rows[place] = json.dumps({"id": place, "text": token(number)})
    write(repo, rows)
    with pytest.raises(SecretFound) as caught:
        repo.commit("secrets")
    assert asked == [3]
    assert len({finding.digest for finding in caught.value.findings}) == 3
    assert not [path for path in repo.parts.store.pack_folder.iterdir() if path.name.startswith("tmp")]


def test_a_private_key_across_two_parts_is_found(repo: Repo, asked: list[int]) -> None:
    rng = random.Random(3)
    rows = [row(n, rng) for n in range(4000)]
    write(repo, rows)
    data = (Path(repo.root) / TABLE).read_bytes()
    places = parts.seams(lambda at, size: data[at : at + size], len(data), 3)
    lines, at = [], 0
    for text in rows:
        at += len(text) + 1
        lines.append(text)
        if at == places[1][0]:
            lines += key_text(rng).splitlines()
    write(repo, lines)
    with pytest.raises(SecretFound, match="private"):
        repo.commit("a key")


@pytest.fixture
def order(repo: Repo) -> Order:
    """The second part of a table, for a process of its own."""
    rng = random.Random(4)
    write(repo, [row(n, rng) for n in range(4000)])
    path = Path(repo.root) / TABLE
    data = path.read_bytes()
    start, stop = parts.seams(lambda at, size: data[at : at + size], len(data), 2)[1]
    return Order(
        file=str(path),
        signature=signature(path.stat()),
        path=TABLE,
        start=start,
        stop=stop,
        store=str(repo.parts.store.folder),
        pack=str(new_temporary(repo.parts.store.pack_folder)),
        seed=1,
    )


def test_a_file_that_changed_meanwhile_is_not_taken_in(repo: Repo, order: Order) -> None:
    with Path(order.file).open("a") as file:
        file.write("{}\n")
    with parts._Process(order) as process:
        assert process.answer() is None


def test_a_part_that_fails_leaves_nothing_and_one_process_does_it(
    repo: Repo, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(5)
    write(repo, [row(n, rng) for n in range(4000)])
    plain = parts._Process.answer
    killed: list[int] = []

    def answer(process: parts._Process) -> Any:
        done = plain(process)
        if len(killed) == 1:
            done = None
        killed.append(1)
        return done

    monkeypatch.setattr(parts._Process, "answer", answer)
    id = repo.commit("all the same").id
    assert asked == [3]
    packs = [path.suffix for path in repo.parts.store.pack_folder.iterdir()]
    assert sorted(packs) == [".idx", ".pack"]
    entry = repo.parts.contents.files_of(id)[TABLE]  # type: ignore[index]
    assert repo.parts.contents.read(entry) == (Path(repo.root) / TABLE).read_bytes()


def test_a_process_ends_with_the_one_that_asked(order: Order) -> None:
    with parts._Process(order) as process:
        assert process._running.stdin is not None
        process._running.stdin.close()  # as the system does when we are killed
        assert process._running.wait(timeout=60) != 0
    assert not Path(order.pack).exists()


def test_without_a_python_to_start_one_process_does_it(
    repo: Repo, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/usr/sbin/server")
    rng = random.Random(6)
    write(repo, [row(n, rng) for n in range(4000)])
    repo.commit("one")
    assert not asked


@pytest.mark.parametrize("seed", range(3))
def test_the_index_of_a_declared_key_is_made_with_the_parts(
    repo: Repo, asked: list[int], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    monkeypatch.setattr(index, "make_segment", made.append)
    rng = random.Random(seed)
    rows = [row(n, rng) for n in range(4000)]
    if seed:
        rows[3000] = rows[17]
        rows[1200] = json.dumps({"text": "no key"}) if seed == 2 else '{"id": "\\u0061", "text": ""}'
    write(repo, rows)
    (Path(repo.root) / "promptvc.toml").write_text(f'[tables."{TABLE}"]\nkey = ["id"]\n')
    done = repo.commit("keyed")
    assert asked == [3]
    assert [warning.rows for warning in done.key_warnings] == ([(18, 3001)] if seed else [])
    entry = repo.parts.contents.files_of(done.id)[TABLE]  # type: ignore[index]
    view, indexes = repo.parts.stored(TABLE, entry), repo.parts.contents.indexes  # type: ignore[arg-type]
    assert view.format is not None
    assert len(indexes._family(TABLE, view.format, ["id"]).segments) == 1
    assert not made, "none was made anew"
    assert indexes.are_right(TABLE, view.format, ["id"], view.chunk_runs())
    assert indexes.of(TABLE, view.format, ["id"], view.chunk_runs()).is_complete == (seed != 2)
    table = repo.snapshot().table(TABLE)
    assert table[2500]["id"] == 2500
