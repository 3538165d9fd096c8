"""What one side lacks: laws over random histories, and real git's answer beside ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promptvc.ids import ObjectId, RefName
from promptvc.storage.objects import Commit, Kind, Signature, TreeEntry, encode_commit, encode_tree
from promptvc.storage.store import ObjectStore
from promptvc.transports.settings import TransportSettings
from promptvc.versioning.history import History
from promptvc.versioning.sync.missing import new_commits, objects_to_send, unreached
from promptvc.versioning.sync.negotiation import Negotiation
from tests.clones import MAIN, ORIGIN_MAIN, Clone
from tests.servers import Environment, git, git_environment, http_server, new_bare

TREE = ObjectId("4b825dc642cb6eb9a060e54bf8d69288fbee4904")
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def graphs(draw: st.DrawFn, skew: int = 0) -> list[tuple[list[int], int]]:
    """Commits as (numbers of earlier commits that are parents, seconds)."""
    count = draw(st.integers(1, 14))
    return [
        (
            draw(st.lists(st.integers(0, number - 1), max_size=2, unique=True)) if number else [],
            number * 10 + draw(st.integers(-skew, skew)),
        )
        for number in range(count)
    ]


def write_graph(store: ObjectStore, graph: list[tuple[list[int], int]]) -> list[ObjectId]:
    ids: list[ObjectId] = []
    with store.begin() as writer:
        assert writer.add(Kind.TREE, b"") == TREE
        for number, (parents, seconds) in enumerate(graph):
            who = Signature("Test", "test@example.com", 1_700_000_000 + seconds)
            commit = Commit(TREE, tuple(ids[parent] for parent in parents), who, who, str(number))
            ids.append(writer.add(Kind.COMMIT, encode_commit(commit)))
        writer.finish()
    return ids


def pick(data: st.DataObject, ids: list[ObjectId]) -> list[ObjectId]:
    return data.draw(st.lists(st.sampled_from(ids), max_size=3))


@QUICK
@given(graphs(), st.data())
def test_with_sound_clocks_new_commits_are_exactly_the_difference(tmp_path_factory, graph, data) -> None:
    store = ObjectStore(tmp_path_factory.mktemp("graph"))
    ids = write_graph(store, graph)
    tips, known = pick(data, ids), pick(data, ids)
    history = History(store)
    exact = set(history.ancestors(tips)) - set(history.ancestors(known))
    found = new_commits(History(store), tips, known)
    assert set(found) == exact
    assert len(found) == len(exact)
    targets = set(tips)
    assert unreached(store, targets, known) == targets - set(history.ancestors(known))


@QUICK
@given(graphs(skew=300), st.data())
def test_with_wrong_clocks_none_is_left_out_and_none_known_is_given_twice(
    tmp_path_factory, graph, data
) -> None:
    store = ObjectStore(tmp_path_factory.mktemp("graph"))
    ids = write_graph(store, graph)
    tips, known = pick(data, ids), pick(data, ids)
    history = History(store)
    exact = set(history.ancestors(tips)) - set(history.ancestors(known))
    found = new_commits(History(store), tips, known)
    assert exact <= set(found) <= set(history.ancestors(tips))
    assert len(set(found)) == len(found)
    assert not set(found) & set(known)


contents = st.dictionaries(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join), st.sampled_from("xyz"), max_size=5
)


def write_folder(writer, files: dict[str, str]) -> ObjectId:
    below: dict[str, dict[str, str]] = {}
    entries = []
    for path, text in files.items():
        name, slash, rest = path.partition("/")
        if slash:
            below.setdefault(name, {})[rest] = text
        elif not any(other.startswith(name + "/") for other in files):
            entries.append(TreeEntry(0o100644, name, writer.add(Kind.BLOB, text.encode())))
    entries += [TreeEntry(0o040000, name, write_folder(writer, inside)) for name, inside in below.items()]
    return writer.add(Kind.TREE, encode_tree(entries))


def closure(store: ObjectStore, ids: list[ObjectId]) -> set[ObjectId]:
    """Everything that can be reached."""
    found: set[ObjectId] = set()
    todo = list(ids)
    while todo:
        id = todo.pop()
        if id in found:
            continue
        found.add(id)
        kind, _ = store.read(id)
        if kind is Kind.COMMIT:
            commit = store.load_commit(id)
            todo += [commit.tree, *commit.parents]
        elif kind is Kind.TREE:
            todo += [entry.id for entry in store.load_tree(id)]
    return found


@QUICK
@given(
    st.lists(st.tuples(contents, st.lists(st.integers(0, 5), max_size=2)), min_size=1, max_size=6), st.data()
)
def test_what_is_sent_and_what_is_there_make_the_whole(tmp_path_factory, drawn, data) -> None:
    store, ids = ObjectStore(tmp_path_factory.mktemp("objects")), []
    with store.begin() as writer:
        for number, (files, parents) in enumerate(drawn):
            who = Signature("Test", "test@example.com", 1_700_000_000 + number)
            above = tuple(dict.fromkeys(ids[parent] for parent in parents if parent < number))
            ids.append(
                writer.add(
                    Kind.COMMIT,
                    encode_commit(Commit(write_folder(writer, files), above, who, who, str(number))),
                )
            )
        writer.finish()
    wanted, there = pick(data, ids), pick(data, ids)
    sent = objects_to_send(store, wanted, there, pick(data, there) if there else [])
    assert len(set(sent)) == len(sent)
    assert closure(store, wanted) <= set(sent) | closure(store, there)
    assert set(sent) <= closure(store, wanted)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return git_environment(tmp_path_factory.mktemp("home"))


@pytest.fixture
def ada(tmp_path: Path, environment: Environment) -> Clone:
    return Clone(tmp_path / "ada", environment, "unused", TransportSettings(environment))


def test_real_git_would_send_the_same_objects(ada: Clone) -> None:
    files = {f"{folder}/{number}": b"%d" % (number % 7) for folder in "abc" for number in range(20)}
    first = ada.commit(files)
    for number in range(5):
        files[f"a/{number}"] = b"changed %d" % number
        files.pop(f"b/{number}")
        last = ada.commit(files)
    theirs = git(
        ada.environment,
        "--git-dir",
        ada.folder,
        "rev-list",
        "--objects",
        "--no-object-names",
        last,
        f"^{first}",
    )
    assert sorted(objects_to_send(ada.store, [last], [first])) == sorted(theirs.split())


def test_offers_begin_with_the_tips_and_thin_out(ada: Clone) -> None:
    ids = write_graph(ada.store, [([number - 1] if number else [], number) for number in range(400)])[::-1]
    negotiation = Negotiation(ada.store)
    negotiation.offer([ids[50], ids[0], ObjectId("1" * 40)])
    offers = []
    while (offer := negotiation.next()) is not None:
        offers.append(offer)
    assert offers[:2] == [ids[50], ids[0]]
    assert len(set(offers)) == len(offers) < 100
    assert all(id in offers for id in ids[1:30])
    assert any(id in offers for id in ids[300:])


def test_what_the_server_knows_is_not_walked_further(ada: Clone) -> None:
    ids = write_graph(ada.store, [([number - 1] if number else [], number) for number in range(50)])[::-1]
    negotiation = Negotiation(ada.store)
    negotiation.offer([ids[0]])
    assert negotiation.next() == ids[0]
    negotiation.ack(ids[0])
    assert negotiation.next() is None


def test_many_branches_of_our_own_do_not_bring_everything_again(
    ada: Clone, tmp_path: Path, environment: Environment
) -> None:
    (tmp_path / "srv").mkdir()
    new_bare(environment, tmp_path / "srv" / "hub.git")
    with http_server(tmp_path / "srv", environment) as server:
        ada.url = server.url("hub.git")
        bob = Clone(tmp_path / "bob", environment, ada.url, ada.settings)
        for number in range(8):
            ada.commit({"a": b"%d" % number})
        ada.push()
        bob.fetch()
        (bob.folder / "refs" / "local").mkdir()
        for number, made in enumerate(
            write_graph(bob.store, [([], 10**6 + number) for number in range(300)])
        ):
            (bob.folder / "refs" / "local" / f"n{number}").write_text(made + "\n")
        assert len(bob.refs.find(RefName("refs/local/"))) == 300
        ada.commit({"a": b"new"})
        ada.push()
        assert bob.fetch().objects == 3
        assert bob.refs.read(ORIGIN_MAIN) == ada.refs.read(MAIN)
