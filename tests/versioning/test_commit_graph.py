"""The commit-graph: git reads it, walks with it are those without it, and damage to it changes no answer."""

from __future__ import annotations

import random
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from promptvc.errors import ObjectMissing
from promptvc.ids import ObjectId, RefName, RepoPath
from promptvc.repo import Repo
from promptvc.storage.commitgraph.bloom import MOST, UNKNOWN, make_filter
from promptvc.storage.commitgraph.graph import CHAIN, FOLDER, load_graph
from promptvc.storage.commitgraph.writing import drop_graph
from promptvc.storage.objects import Kind, Signature, commit_links, parse_commit
from promptvc.versioning.changed import ChangedPaths
from promptvc.versioning.commit import write_commit
from promptvc.versioning.history import History
from promptvc.versioning.tree import FileEntry, load_files, write_tree
from promptvc.versioning.upkeep import graph as upkeep
from promptvc.versioning.upkeep.graph import extend_graph, graph_problems, rewrite_graph
from promptvc.versioning.upkeep.upkeep import collect

PATHS = ("a.txt", "prompts/b.txt", "prompts/deep/c.txt", "é/d.txt", "notes/e.txt")
MAIN = RefName.branch("main")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph for few commits."""
    monkeypatch.setattr(upkeep, "ENOUGH", 3)


def grow(
    repo: Repo, count: int, seed: int, ids: list[ObjectId] | None = None, skew: int = 500
) -> list[ObjectId]:
    """Random commits with merges of up to four, clocks that are wrong, and a few changed files each."""
    rng, made = random.Random(seed), list(ids or [])
    store = repo.parts.store
    trees = {id: dict(load_files(store, store.load_commit(id).tree)) for id in made[-6:]}
    with store.begin() as writer:
        for number in range(len(made), len(made) + count):
            parents = tuple(rng.sample(made[-6:], min(len(made), rng.choice((1, 1, 1, 1, 2, 4)))))
            files = dict(trees[parents[0]]) if parents else {}
            for path in rng.sample(PATHS, rng.choice((0, 1, 1, 2))):
                files[RepoPath(path)] = FileEntry(writer.add(Kind.BLOB, b"%d" % rng.randrange(4)))
            who = Signature("Me", "me@example.com", 1_700_000_000 + 10 * number + rng.randint(-skew, skew))
            made.append(write_commit(writer, write_tree(writer, files), parents, str(number), who, who))
            trees[made[-1]] = files
        writer.finish()
    repo.parts.refs.move(MAIN, repo.parts.refs.read(MAIN), made[-1], repo.parts.who(), "test")
    return made


def git(repo: Repo, *words: str) -> str:
    done = subprocess.run(
        ["git", "--git-dir", str(repo.path), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class Slow:
    """The walks as their words say, by sets."""

    def __init__(self, repo: Repo) -> None:
        self._store = repo.parts.store

    def above(self, tips: Iterable[ObjectId]) -> set[ObjectId]:
        found, todo = set(tips), [*tips]
        while todo:
            new = [parent for parent in self._store.load_commit(todo.pop()).parents if parent not in found]
            found.update(new)
            todo += new
        return found

    def bases(self, a: ObjectId, b: ObjectId) -> list[ObjectId]:
        common = self.above([a]) & self.above([b])
        return sorted(common - {parent for id in common for parent in self._store.load_commit(id).parents})

    def in_order(self, tips: Iterable[ObjectId], without: Iterable[ObjectId]) -> list[ObjectId]:
        shown = self.above(tips) - self.above(without)
        waits = Counter(parent for id in shown for parent in self._store.load_commit(id).parents)
        ready, order = [id for id in shown if not waits[id]], list[ObjectId]()
        while ready:
            ready.sort(key=lambda id: (-self._store.load_commit(id).committer.time, id))
            order.append(ready.pop(0))
            for parent in self._store.load_commit(order[-1]).parents:
                waits[parent] -= 1
                if not waits[parent] and parent in shown:
                    ready.append(parent)
        return order


def cold(repo: Repo) -> History:
    repo.parts.store.close()
    return History(repo.parts.store)


def compare(repo: Repo, ids: list[ObjectId], seed: int, draws: int = 25) -> None:
    """Every walk beside the slow one."""
    rng, slow = random.Random(seed), Slow(repo)
    for _ in range(draws):
        a, b, c = (rng.choice(ids) for _ in range(3))
        history = cold(repo) if rng.random() < 0.3 else History(repo.parts.store)
        assert history.merge_bases(a, b) == slow.bases(a, b)
        ours, theirs = slow.above([a]), slow.above([b])
        assert history.ahead_behind(a, b) == (len(ours - theirs), len(theirs - ours))
        assert history.is_ancestor(a, b) == (a in theirs)
        assert list(history.in_order([a, b], [c])) == slow.in_order([a, b], [c])
        assert set(history.ancestors([a, b])) == ours | theirs
        assert history.parents(a) == repo.parts.store.load_commit(a).parents
        assert history.tree(a) == repo.parts.store.load_commit(a).tree


def graph_states(repo: Repo, ids: list[ObjectId]) -> Iterator[str]:
    """No graph; one of the first half; one in layers; a whole one; git's own, single and split."""
    store, refs = repo.parts.store, repo.parts.refs
    yield "none"
    rewrite_graph(store, refs, [ids[len(ids) // 2]])
    yield "half"
    drop_graph(store.folder)
    for upto in (len(ids) // 2, len(ids) // 2 + 8, len(ids) // 2 + 12):
        extend_graph(store, refs, [ids[upto]])
    yield "layers"
    extend_graph(store, refs, ids)
    yield "all in layers"
    rewrite_graph(store, refs, ids)
    yield "whole"
    drop_graph(store.folder)
    git(repo, "commit-graph", "write", "--reachable", "--changed-paths")
    yield "git's"
    drop_graph(store.folder)
    git(repo, "commit-graph", "write", "--reachable", "--split")
    yield "git's, split, without filters"


@pytest.mark.parametrize("seed", range(6))
def test_walks_are_the_same_with_every_graph_and_without(repo: Repo, seed: int) -> None:
    ids = grow(repo, 60, seed)
    for state in graph_states(repo, ids):
        compare(repo, ids, seed)
        assert [*graph_problems(repo.parts.store)] == [], state
        if state != "none":
            assert load_graph(repo.parts.store.folder) is not None
            git(repo, "commit-graph", "verify")
            git(repo, "fsck", "--strict")


@pytest.mark.parametrize("seed", range(4))
def test_logs_of_paths_are_the_same_here_and_in_git(repo: Repo, seed: int) -> None:
    ids = grow(repo, 60, seed)
    wanted = [*PATHS, "prompts", "é", "prompts/deep", "missing", "prompts/b.txt/x", "."]
    right = {path: [each.id for each in repo.log(path)] for path in wanted}
    theirs = {
        path: git(repo, "-c", "core.commitGraph=false", "log", "--format=%H", "--", path) for path in wanted
    }
    both = [each.id for each in repo.log(PATHS[:2])]
    for state in graph_states(repo, ids):
        repo.parts.store.close()
        assert {path: [each.id for each in repo.log(path)] for path in wanted} == right, state
        assert [each.id for each in repo.log(PATHS[:2])] == both
        assert {path: git(repo, "log", "--format=%H", "--", path) for path in wanted} == theirs, state


def test_filters_are_those_that_git_writes(repo: Repo) -> None:
    ids = grow(repo, 40, 3)
    rewrite_graph(repo.parts.store, repo.parts.refs, ids)
    ours = load_graph(repo.parts.store.folder)
    drop_graph(repo.parts.store.folder)
    git(repo, "commit-graph", "write", "--reachable", "--changed-paths")
    theirs = load_graph(repo.parts.store.folder)
    assert ours is not None
    assert theirs is not None
    paths = ChangedPaths(repo.parts.store)
    for number in range(theirs.count):
        id = theirs.id(number)
        found = ours.find(id)
        assert found is not None
        (mine, at), (his, there) = ours.place(found), theirs.place(number)
        assert [ours.id(n) for n in ours.parents(found)] == [theirs.id(n) for n in theirs.parents(number)]
        assert mine.tree(at) == his.tree(there)
        assert (mine.level(at), mine.time(at)) == (his.level(there), his.time(there))
        assert mine.corrected(at) == his.corrected(there)
        commit = repo.parts.store.load_commit(id)
        before = repo.parts.store.load_commit(commit.parents[0]).tree.raw if commit.parents else None
        changed = paths.between(before, commit.tree.raw, MOST)
        if changed is not None and all(path.isascii() for path in changed):
            assert mine.filter(at) == his.filter(there)
        else:
            assert mine.filter(at) == UNKNOWN


def test_the_chunks_of_a_large_table_are_paths_as_git_sees_them(repo: Repo) -> None:
    for number in range(6):
        with repo.transaction("main", message=f"rows {number}") as tx:
            rows = (
                f'{{"id":{n},"text":"{"word " * 40}{number if n == number else ""}"}}\n' for n in range(3000)
            )
            tx.write("examples/data.jsonl", "".join(rows))
            if number == 2:
                tx.write("other.txt", "x")
    right = [each.id for each in repo.log("examples/data.jsonl")]
    chunk = git(repo, "diff", "--name-only", "main~1", "main").split()[0]
    theirs = git(repo, "log", "--format=%H", "main", "--", chunk)
    collect(repo.parts.store, repo.parts.refs)
    assert chunk.startswith("examples/data.jsonl/")
    assert load_graph(repo.parts.store.folder) is not None
    assert [each.id for each in repo.log("examples/data.jsonl")] == right
    assert git(repo, "log", "--format=%H", "main", "--", chunk) == theirs
    git(repo, "commit-graph", "verify")


def test_a_filter_of_too_many_paths_says_yes_to_all(repo: Repo) -> None:
    assert make_filter([b"f/%d" % n for n in range(MOST)]) == UNKNOWN  # with the folder they are one more
    assert make_filter([b"f/%d" % n for n in range(MOST - 1)]) != UNKNOWN
    assert make_filter(None) == UNKNOWN
    assert make_filter([]) == b"\0"


def damage(data: bytes, rng: random.Random) -> bytes:
    kind = rng.randrange(4)
    at = rng.randrange(len(data))
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
    return rng.randbytes(at) if kind == 2 else b""


@pytest.mark.parametrize("name", ["layer", "chain"])
def test_damage_to_the_graph_changes_no_answer_and_fsck_names_it(repo: Repo, name: str) -> None:
    rng, ids = random.Random(name), grow(repo, 40, 9)
    store = repo.parts.store
    extend_graph(store, repo.parts.refs, [ids[25]])
    extend_graph(store, repo.parts.refs, ids)
    right = [each.id for each in repo.log("a.txt")]
    paths = [store.folder / CHAIN] if name == "chain" else [*(store.folder / FOLDER).glob("*.graph")]
    for _ in range(30):
        path = rng.choice(paths)
        whole = path.read_bytes()
        path.write_bytes(damage(whole, rng))
        changed = path.read_bytes() != whole
        compare(repo, ids, 1, draws=2)
        store.close()
        assert [each.id for each in repo.log("a.txt")] == right
        if changed and name == "layer":
            assert [problem.name for problem in repo.verify()] == ["commit-graph"]
        path.write_bytes(whole)


def test_a_missing_layer_is_no_graph_and_the_next_one_is_whole(repo: Repo) -> None:
    ids = grow(repo, 40, 2)
    store, refs = repo.parts.store, repo.parts.refs
    extend_graph(store, refs, [ids[25]])
    extend_graph(store, refs, ids)
    next(iter((store.folder / FOLDER).glob("*.graph"))).unlink()
    compare(repo, ids, 4, draws=3)
    assert extend_graph(store, refs, ids) == len(Slow(repo).above(ids))
    assert repo.verify() == []


def test_layers_double(repo: Repo) -> None:
    ids: list[ObjectId] = []
    store = repo.parts.store
    for step in range(24):
        ids = grow(repo, 5, step, ids)
        extend_graph(store, repo.parts.refs, [ids[-1]])
    graph = load_graph(store.folder)
    assert graph is not None
    assert len(graph.layers) <= 6
    assert all(low.count >= 2 * high.count for low, high in pairwise(graph.layers))
    git(repo, "commit-graph", "verify")
    compare(repo, ids, 2)


def test_few_commits_get_no_graph(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "ENOUGH", 64)
    ids = grow(repo, 40, 2)
    assert extend_graph(repo.parts.store, repo.parts.refs, ids) == 0
    collect(repo.parts.store, repo.parts.refs)
    assert load_graph(repo.parts.store.folder) is None


@pytest.mark.parametrize("how", ["shallow", "replace", "grafts"])
def test_where_git_sees_other_parents_no_graph_is_written_or_used(repo: Repo, how: str) -> None:
    ids = grow(repo, 30, 2)
    store, refs = repo.parts.store, repo.parts.refs
    extend_graph(store, refs, ids)
    parent = store.load_commit(ids[-1]).parents[0]
    if how == "shallow":
        (repo.path / "shallow").write_text(f"{parent}\n")
        assert History(store).parents(parent) == ()
        assert len(list(History(store).ancestors([parent]))) == 1
    elif how == "replace":
        refs.move(RefName(f"refs/replace/{ids[5]}"), None, ids[4], repo.parts.who(), "test")
    else:
        (store.folder.parent / "info").mkdir(exist_ok=True)
        (store.folder.parent / "info/grafts").write_text(f"{ids[-1]}\n")
    more = grow(repo, 10, 3, [parent])
    assert extend_graph(store, refs, more) == 0
    rewrite_graph(store, refs, more)
    assert load_graph(store.folder) is None
    for path in (repo.path / "shallow", repo.path / "info/grafts"):
        path.unlink(missing_ok=True)


def collect_above(repo: Repo, ids: list[ObjectId], last: int) -> None:
    """Take the commits after one from the branch and from all that leads to them, and out of the store."""
    store, refs = repo.parts.store, repo.parts.refs
    refs.move(MAIN, ids[-1], ids[last], repo.parts.who(), "test")
    for name in refs.logs():
        refs.write_log(name, b"")
    repo.parts.oplog.clear()
    for name in refs.find("refs/promptvc/"):
        refs.move(name, refs.read(name), None, repo.parts.who(), "test")
    collect(store, refs, grace=0.0)


def test_gc_leaves_no_commit_in_the_graph_that_is_gone(repo: Repo) -> None:
    ids = grow(repo, 30, 2)
    store, refs = repo.parts.store, repo.parts.refs
    extend_graph(store, refs, ids)
    collect_above(repo, ids, 15)
    graph = load_graph(store.folder)
    assert graph is not None
    assert {graph.id(n) for n in range(graph.count)} == Slow(repo).above([ids[15]])
    git(repo, "commit-graph", "verify")
    with pytest.raises(ObjectMissing):
        list(History(store).in_order([ids[-1]]))


def test_a_commit_that_only_the_graph_has_is_missing(repo: Repo) -> None:
    ids = grow(repo, 30, 2)
    store, refs = repo.parts.store, repo.parts.refs
    extend_graph(store, refs, ids)
    saved = {path: path.read_bytes() for path in (store.folder / FOLDER).iterdir()}
    collect_above(repo, ids, 15)
    drop_graph(store.folder)
    for path, data in saved.items():
        path.write_bytes(data)
    with pytest.raises(ObjectMissing):
        list(History(store).in_order([ids[-1]]))
    compare(repo, sorted(Slow(repo).above([ids[15]])), 3, draws=5)
    assert [problem.name for problem in repo.verify()] == ["commit-graph"]
    [repair] = repo.repairs()
    repair.do()


def test_unusual_commits_get_no_graph(repo: Repo) -> None:
    ids = grow(repo, 10, 2)
    store, refs = repo.parts.store, repo.parts.refs
    who = Signature("Me", "me@example.com", -5)
    with store.begin() as writer:
        id = write_commit(writer, store.load_commit(ids[-1]).tree, (ids[-1],), "before 1970", who, who)
        writer.finish()
        refs.move(MAIN, ids[-1], id, repo.parts.who(), "test")
    assert extend_graph(store, refs, [id]) == 0
    rewrite_graph(store, refs, [id])
    assert load_graph(store.folder) is None


def test_a_log_of_twenty_opens_twenty_commits(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = grow(repo, 60, 2)
    rewrite_graph(repo.parts.store, repo.parts.refs, ids)
    store = repo.parts.store
    store.close()
    opened: list[ObjectId] = []
    load = store.load_commit
    monkeypatch.setattr(store, "load_commit", _noting(load, opened))
    assert len(list(repo.log(limit=20))) == 20
    assert len(set(opened)) <= 22


@pytest.mark.parametrize(
    "header",
    [
        b"author A <a@e> 5 +0000\ncommitter B <b@e> 7 +0100\n",
        b"author A <a@e> 5 +0000\ncommitter B <b@e> -7 +0100\n",
        b"author A <a@e> 5 +0000\ncommitter B 7\n",
        b"author A <a@e> 5 +0000\ncommitter B <b> <c@e> 7 +0100\n",
        b"author A <a@e> 5 +0000\ncommitter B <b@e> 7 +0100\nparent " + b"2" * 40 + b"\n",
        b"author A <a@e> 5 +0000\ncommitter B <b@e> 12345678901 +0100\nencoding latin-1\n",
        b"committer B <b@e> 7 +0100\nauthor A <a@e> 5 +0000\n",
    ],
)
def test_the_links_of_a_commit_are_those_that_parsing_gives(header: bytes) -> None:
    for parents in ((), (b"1" * 40,), (b"1" * 40, b"3" * 40)):
        lines = b"".join(b"parent %s\n" % each for each in parents)
        data = b"tree " + b"a" * 40 + b"\n" + lines + header + b"\nwords\n\nparent of words\n"
        whole, links = parse_commit(data), commit_links(data)
        assert links in (None, (whole.tree, whole.parents, whole.committer.time))


def _noting(load: Callable[[ObjectId], object], opened: list[ObjectId]) -> Callable[[ObjectId], object]:
    def noted(id: ObjectId) -> object:
        opened.append(id)
        return load(id)

    return noted


def test_a_write_in_pieces_gets_a_graph_when_packs_are_folded(tmp_path: Path, repo: Repo) -> None:
    for number in range(60):
        with repo.transaction("main", message=str(number)) as tx:
            tx.write("a.txt", str(number))
    graph = load_graph(repo.parts.store.folder)
    assert graph is not None
    assert graph.count > 20
    git(repo, "commit-graph", "verify")
