"""What every remote must do, tried against real servers of every kind."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from promptvc.cli.hints import hint_of
from promptvc.errors import PushRejected, TransferFailed
from promptvc.ids import ObjectId, RefName
from promptvc.storage.objects import Commit, Kind, Signature, TreeEntry, encode_commit, encode_tree
from promptvc.storage.store import ObjectStore
from promptvc.transports.git.remote import GitRemote
from promptvc.transports.remote import PackStream, Remote, RemoteRefs
from promptvc.transports.settings import TransportSettings
from tests.servers import (
    Environment,
    add_hook,
    git,
    git_daemon,
    git_environment,
    http_server,
    new_bare,
    ssh_server,
    sshd_program,
    verify_bare,
)

MAIN = RefName("refs/heads/main")
SIDE = RefName("refs/heads/side")


@dataclass
class Place:
    """A repository on a server, and how to reach it."""

    repository: Path
    environment: Environment
    open: Callable[[str], Remote]
    has_git: bool = True

    @property
    def remote(self) -> Remote:
        return self.open(self.repository.name)


class Nothing:
    """A negotiator that has nothing."""

    def next(self) -> ObjectId | None:
        return None

    def ack(self, id: ObjectId) -> None:
        raise AssertionError("nothing was offered")


class Offers:
    """A negotiator that offers these commits, and notes what the server knows."""

    def __init__(self, *ids: ObjectId) -> None:
        self._ids, self.known = list(ids), []

    def next(self) -> ObjectId | None:
        return self._ids.pop(0) if self._ids else None

    def ack(self, id: ObjectId) -> None:
        self.known.append(id)


def write_commit(store: ObjectStore, number: int, parent: ObjectId | None) -> tuple[ObjectId, list[ObjectId]]:
    """A commit of one file; gives its id and all new objects."""
    who = Signature("Test", "test@example.com", 1_700_000_000 + number)
    with store.begin() as writer:
        blob = writer.add(Kind.BLOB, f"content {number}\n".encode() * 20)
        tree = writer.add(Kind.TREE, encode_tree([TreeEntry(0o100644, "file.txt", blob)]))
        parents = (parent,) if parent else ()
        commit = writer.add(Kind.COMMIT, encode_commit(Commit(tree, parents, who, who, f"commit {number}")))
        writer.finish()
    return commit, [commit, tree, blob]


def pack_of(store: ObjectStore, ids: list[ObjectId]) -> PackStream:
    return PackStream(len(ids), (store.stored(id) for id in ids))


def send(remote: Remote, store: ObjectStore, updates: dict, ids: list[ObjectId]) -> dict[RefName, str | None]:
    return remote.send(lambda seen: updates, lambda haves, wants: pack_of(store, ids))


class ReachContract:
    """What shows that a kind of URL is reached at all: list, send, fetch, and a repository that is not there."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return ObjectStore(tmp_path / "objects")

    @pytest.fixture
    def pushed(self, place: Place, store: ObjectStore) -> list[ObjectId]:
        """Three commits on main at the remote, oldest first."""
        commits, everything, parent = [], [], None
        for number in range(3):
            parent, ids = write_commit(store, number, parent)
            commits.append(parent)
            everything += ids
        assert send(place.remote, store, {MAIN: (None, parent)}, everything) == {MAIN: None}
        return commits

    def test_an_empty_repository_has_no_refs_but_knows_its_branch(self, place: Place) -> None:
        found = place.remote.list_refs()
        assert found.refs == {}
        assert found.head in (MAIN, None)

    def test_what_was_sent_is_listed(self, place: Place, pushed: list[ObjectId]) -> None:
        assert place.remote.list_refs() == RemoteRefs({MAIN: pushed[-1]}, MAIN, {})

    def test_real_git_finds_a_sent_history_sound(self, place: Place, pushed: list[ObjectId]) -> None:
        verify_bare(place.environment, place.repository)
        assert (
            git(place.environment, "--git-dir", place.repository, "rev-list", "main").split() == pushed[::-1]
        )

    def test_what_was_sent_can_be_fetched(self, place: Place, pushed: list[ObjectId], tmp_path: Path) -> None:
        other = ObjectStore(tmp_path / "other")
        with other.receive() as receiver:
            found = place.remote.fetch(lambda refs: list(refs.refs.values()), Nothing(), receiver.write)
            assert len(receiver.finish()) == 9
        assert found.refs == {MAIN: pushed[-1]}
        assert other.load_commit(pushed[-1]).parents == (pushed[-2],)

    def test_an_unknown_repository_is_one_clear_line(self, place: Place) -> None:
        for act in (lambda r: r.list_refs(), lambda r: send(r, None, {MAIN: (None, ObjectId("1" * 40))}, [])):
            with pytest.raises(TransferFailed) as caught:
                act(place.open("absent.git"))
            assert "\n" not in str(caught.value)
            assert "absent.git" in str(caught.value)
            assert hint_of(caught.value)


class RemoteContract(ReachContract):
    """The promises of `promptvc.transports.remote.Remote`."""

    def test_only_what_is_new_is_fetched(
        self, place: Place, pushed: list[ObjectId], store: ObjectStore
    ) -> None:
        with store.receive() as receiver:
            place.remote.fetch(lambda refs: [pushed[2]], Offers(pushed[1], pushed[0]), receiver.write)
            assert len(receiver.finish()) == 3

    def test_nothing_is_written_when_nothing_is_chosen(self, place: Place, pushed: list[ObjectId]) -> None:
        place.remote.fetch(lambda refs: [], Nothing(), lambda data: pytest.fail("something came"))

    def test_real_gits_history_can_be_fetched(self, place: Place, tmp_path: Path) -> None:
        work = tmp_path / "work"
        git(place.environment, "clone", "--quiet", place.repository, work)
        for number in range(8):
            lines = [f"line {line} of {number if line == number else 0}\n" for line in range(400)]
            (work / "long.txt").write_text("".join(lines))
            git(place.environment, "add", ".", cwd=work)
            git(place.environment, "commit", "--quiet", "-m", f"change {number}", cwd=work)
        git(place.environment, "tag", "-a", "v1", "-m", "first", cwd=work)
        git(
            place.environment,
            "push",
            "--quiet",
            "--tags",
            "origin",
            "HEAD:main",
            "HEAD~3:refs/heads/side",
            cwd=work,
        )
        git(place.environment, "--git-dir", place.repository, "gc", "--quiet")
        (work / "long.txt").write_text("loose\n")
        git(place.environment, "commit", "--quiet", "-am", "loose", cwd=work)
        git(place.environment, "push", "--quiet", "origin", "HEAD:main", cwd=work)
        tip, tag = (ObjectId(git(place.environment, "rev-parse", name, cwd=work)) for name in ("HEAD", "v1"))
        other = ObjectStore(tmp_path / "other")
        with other.receive() as receiver:
            found = place.remote.fetch(lambda refs: list(refs.refs.values()), Nothing(), receiver.write)
            receiver.finish()
        assert (found.refs[MAIN], found.refs[RefName("refs/tags/v1")]) == (tip, tag)
        if place.has_git:
            assert found.peeled == {
                RefName("refs/tags/v1"): ObjectId(git(place.environment, "rev-parse", "v1^{}", cwd=work))
            }
        for id in git(
            place.environment, "rev-list", "--objects", "--all", "--no-object-names", cwd=work
        ).split():
            other.verify_object(ObjectId(id))

    def test_a_branch_can_be_added_where_everything_is_there(self, place, pushed, store) -> None:
        assert send(place.remote, store, {SIDE: (None, pushed[1])}, []) == {SIDE: None}
        assert place.remote.list_refs().refs[SIDE] == pushed[1]

    def test_a_branch_can_be_deleted(self, place, pushed, store) -> None:
        send(place.remote, store, {SIDE: (None, pushed[1])}, [])
        assert send(place.remote, store, {SIDE: (pushed[1], None)}, []) == {SIDE: None}
        assert place.remote.list_refs().refs == {MAIN: pushed[-1]}

    def test_nothing_is_sent_for_what_is_so_already(self, place, pushed) -> None:
        updates = {MAIN: (pushed[0], pushed[-1]), SIDE: (pushed[0], None)}
        status = place.remote.send(lambda seen: updates, lambda haves, wants: pytest.fail("a pack was made"))
        assert status == {MAIN: None, SIDE: None}

    def test_an_unexpected_value_is_refused_per_ref(self, place, pushed, store) -> None:
        updates = {MAIN: (pushed[0], pushed[1]), SIDE: (None, pushed[1])}
        status = send(place.remote, store, updates, [])
        assert status[SIDE] is None
        assert "moved" in (status[MAIN] or "")
        assert place.remote.list_refs().refs == {MAIN: pushed[-1], SIDE: pushed[1]}

    def test_errors_of_the_caller_come_out_as_they_are(self, place, pushed) -> None:
        def refuse(*_: object) -> None:
            raise ZeroDivisionError("mine")

        with pytest.raises(ZeroDivisionError, match="mine"):
            place.remote.fetch(refuse, Nothing(), lambda data: None)
        with pytest.raises(ZeroDivisionError, match="mine"):
            place.remote.fetch(lambda refs: [pushed[2]], Nothing(), refuse)
        with pytest.raises(ZeroDivisionError, match="mine"):
            place.remote.send(refuse, refuse)


class PushContract(RemoteContract):
    """What depends on the receiving side; ssh and git:// reach the same programs as a path does."""

    def test_atomic_updates_are_all_refused_with_one(self, place, pushed, store) -> None:
        updates = {MAIN: (pushed[0], pushed[1]), SIDE: (None, pushed[1])}
        status = place.remote.send(lambda seen: updates, lambda haves, wants: pack_of(store, []), atomic=True)
        assert all(status.values())
        assert place.remote.list_refs().refs == {MAIN: pushed[-1]}

    def test_a_hook_refuses_and_its_words_are_kept(self, place, pushed, store) -> None:
        if not place.has_git:
            pytest.skip("hooks need git")
        add_hook(place.repository, "pre-receive", "echo 'no pushes on Fridays' >&2\nexit 1\n")
        commit, ids = write_commit(store, 9, pushed[-1])
        remote = place.remote
        assert send(remote, store, {MAIN: (pushed[-1], commit)}, ids) == {MAIN: "pre-receive hook declined"}
        assert "no pushes on Fridays" in remote.messages
        assert place.remote.list_refs().refs == {MAIN: pushed[-1]}

    def test_a_repository_can_refuse_to_go_back(self, place, pushed, store) -> None:
        if not place.has_git:
            pytest.skip("this setting needs git")
        git(place.environment, "--git-dir", place.repository, "config", "receive.denyNonFastForwards", "true")
        status = send(place.remote, store, {MAIN: (pushed[-1], pushed[0])}, [])
        assert status == {MAIN: "non-fast-forward"}

    def test_another_push_in_between_is_not_overwritten(self, place, pushed, store) -> None:
        ours, ids = write_commit(store, 20, pushed[-1])

        def meanwhile(haves: object, wants: object) -> PackStream:
            git(place.environment, "--git-dir", place.repository, "update-ref", MAIN, pushed[0])
            return pack_of(store, ids)

        status = place.remote.send(lambda seen: {MAIN: (pushed[-1], ours)}, meanwhile)
        assert status[MAIN]
        assert place.remote.list_refs().refs == {MAIN: pushed[0]}

    def test_objects_that_are_missing_make_the_push_fail(self, place, pushed, store) -> None:
        if not place.has_git:
            pytest.skip("only git looks")
        commit, ids = write_commit(store, 30, pushed[-1])
        with contextlib.suppress(PushRejected):
            status = send(place.remote, store, {MAIN: (pushed[-1], commit)}, ids[:1])
            assert status[MAIN]
        assert place.remote.list_refs().refs == {MAIN: pushed[-1]}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return git_environment(tmp_path_factory.mktemp("home"))


@pytest.fixture
def repository(tmp_path: Path, environment: Environment, root: Path) -> Path:
    return new_bare(environment, root / f"{tmp_path.name}.git")


class TestLocalPath(PushContract):
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        return tmp_path

    @pytest.fixture
    def place(self, repository: Path, environment: Environment) -> Place:
        settings = TransportSettings(environment)
        return Place(
            repository, environment, lambda name: GitRemote(str(repository.with_name(name)), settings)
        )


class TestLocalPathWithoutGit(PushContract):
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        return tmp_path

    @pytest.fixture
    def place(self, repository: Path, environment: Environment) -> Place:
        settings = TransportSettings({"PATH": "/nonexistent"})
        open_remote = lambda name: GitRemote(f"file://{repository.with_name(name)}", settings)  # noqa: E731
        return Place(repository, environment, open_remote, has_git=False)


class TestHttp(PushContract):
    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, tmp_path_factory, environment) -> Iterator[object]:
        with http_server(tmp_path_factory.mktemp("http"), environment, "ada", "sesame, open:up") as server:
            yield server

    @pytest.fixture
    def root(self, server) -> Path:
        return server.root

    @pytest.fixture
    def place(self, server, repository: Path, environment: Environment) -> Place:
        settings = TransportSettings(environment)
        base = server.base.replace("//", "//ada:sesame%2C%20open%3Aup@")
        return Place(repository, environment, lambda name: GitRemote(f"{base}/{name}", settings))


class TestDaemon(ReachContract):
    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, tmp_path_factory, environment) -> Iterator[object]:
        with git_daemon(tmp_path_factory.mktemp("daemon"), environment) as server:
            yield server

    @pytest.fixture
    def root(self, server) -> Path:
        return server.root

    @pytest.fixture
    def place(self, server, repository: Path, environment: Environment) -> Place:
        settings = TransportSettings(environment)
        return Place(repository, environment, lambda name: GitRemote(server.url(name), settings))


@pytest.mark.skipif(sshd_program() is None, reason="sshd is not installed")
class TestSsh(ReachContract):
    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, tmp_path_factory, environment) -> Iterator[object]:
        folder = tmp_path_factory.mktemp("ssh")
        (folder / "root").mkdir()
        with ssh_server(folder / "root", folder / "keys", environment) as server:
            yield server

    @pytest.fixture
    def root(self, server) -> Path:
        return server.root

    @pytest.fixture
    def place(self, server, repository: Path, environment: Environment) -> Place:
        settings = TransportSettings(environment, ssh_command=server.ssh_command)
        return Place(repository, environment, lambda name: GitRemote(server.url(name), settings))


class TestOldHttp(RemoteContract):
    """A server that speaks protocol version 0 only, as some large hosts still do."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls, tmp_path_factory, environment) -> Iterator[object]:
        with http_server(tmp_path_factory.mktemp("http"), environment) as server:
            server.old = True
            yield server

    @pytest.fixture
    def root(self, server) -> Path:
        return server.root

    @pytest.fixture
    def place(self, server, repository: Path, environment: Environment) -> Place:
        settings = TransportSettings(environment)
        return Place(repository, environment, lambda name: GitRemote(server.url(name), settings))


class TestOldSsh(RemoteContract):
    """An ssh server that lets no protocol version through; a script stands for ssh and its network."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        return tmp_path

    @pytest.fixture
    def place(self, repository: Path, environment: Environment, tmp_path: Path) -> Place:
        script = tmp_path / "ssh"
        script.write_text('#!/bin/sh\nunset GIT_PROTOCOL\nfor last; do :; done\nexec sh -c "$last"\n')
        script.chmod(0o755)
        settings = TransportSettings({**environment, "GIT_SSH": str(script)})
        return Place(
            repository, environment, lambda name: GitRemote(f"host:{repository.with_name(name)}", settings)
        )
