"""Fetch and push between stores that share a remote, with real git as a second opinion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from promptvc.cli.hints import hint_of
from promptvc.errors import NotFastForward, RemoteNotAStore, TransferFailed
from promptvc.ids import ObjectId, RefName
from promptvc.transports.settings import TransportSettings
from promptvc.versioning.commit import is_ours, peel
from promptvc.versioning.sync.fetch import fetch
from promptvc.versioning.sync.push import Send, push
from promptvc.versioning.sync.refspec import Refspec
from tests.clones import MAIN, ORIGIN, ORIGIN_MAIN, Clone
from tests.servers import Environment, add_hook, git, git_environment, new_bare, verify_bare

SIDE = RefName("refs/heads/side")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return git_environment(tmp_path_factory.mktemp("home"))


@pytest.fixture
def hub(tmp_path: Path, environment: Environment) -> Path:
    return new_bare(environment, tmp_path / "hub.git")


@pytest.fixture
def clone(tmp_path: Path, environment: Environment, hub: Path) -> Callable[[str], Clone]:
    settings = TransportSettings(environment)
    return lambda name: Clone(tmp_path / name, environment, str(hub), settings)


@pytest.fixture
def ada(clone) -> Clone:
    return clone("ada")


@pytest.fixture
def bob(clone) -> Clone:
    return clone("bob")


def outcomes(result) -> dict[str, str]:
    return {change.there.short: change.outcome for change in result.changes}


def test_what_one_pushes_another_fetches(ada: Clone, bob: Clone, hub: Path) -> None:
    ada.commit({"prompts/a.md": b"one", "examples/t.jsonl": b"{}\n"})
    tip = ada.commit({"prompts/a.md": b"two", "examples/t.jsonl": b"{}\n"})
    pushed = ada.push()
    assert (outcomes(pushed), pushed.objects) == ({"main": "new"}, 10)
    assert ada.refs.read(ORIGIN_MAIN) == tip
    fetched = bob.fetch()
    assert (outcomes(fetched), fetched.objects) == ({"main": "new"}, 10)
    assert bob.refs.read(ORIGIN_MAIN) == tip
    assert fetched.remote.head == MAIN
    verify_bare(ada.environment, hub)
    bob.verify()


def test_a_push_sends_only_what_changed(ada: Clone) -> None:
    files = {f"examples/{number}.txt": b"%d" % number for number in range(50)}
    ada.commit(files)
    ada.push()
    ada.commit({**files, "examples/7.txt": b"changed"})
    assert ada.push().objects == 4  # commit, two trees, one blob


def test_a_renamed_folder_is_not_sent_again(ada: Clone) -> None:
    ada.commit({f"examples/big/{number}.txt": b"%d" % number for number in range(50)})
    ada.push()
    ada.commit({f"data/sets/big/{number}.txt": b"%d" % number for number in range(50)})
    assert ada.push().objects <= 4


def test_an_amended_history_is_compared_with_the_old_one(ada: Clone) -> None:
    files = {f"examples/{number}.txt": b"%d" % number for number in range(50)}
    ada.commit(files)
    ada.push()
    old = ada.refs.read(MAIN)
    other = ada.commit({**files, "new.txt": b"x"}, branch=None, parents=())
    ada.refs.move(MAIN, old, other, ada.who, "amend")
    assert ada.push(force=True).objects == 3


def test_fetching_and_pushing_nothing_moves_nothing(ada: Clone, bob: Clone) -> None:
    ada.commit({"a": b"1"})
    ada.push()
    bob.fetch()
    before = (bob.refs.find(), len(bob.refs.log(ORIGIN_MAIN)), len(ada.refs.log(ORIGIN_MAIN)))
    fetched, pushed = bob.fetch(), ada.push()
    assert (fetched.changes, fetched.objects, fetched.size) == ((), 0, 0)
    assert (outcomes(pushed), pushed.objects) == ({"main": "same"}, 0)
    assert before == (bob.refs.find(), len(bob.refs.log(ORIGIN_MAIN)), len(ada.refs.log(ORIGIN_MAIN)))


def test_a_fetch_brings_only_what_is_new(ada: Clone, bob: Clone) -> None:
    for number in range(20):
        ada.commit({"a": b"%d" % number})
    ada.push()
    bob.fetch()
    ada.commit({"a": b"new"})
    ada.push()
    fetched = bob.fetch()
    assert (outcomes(fetched), fetched.objects) == ({"main": "forward"}, 3)


def test_a_push_behind_the_remote_is_refused_before_anything_is_sent(
    ada: Clone, bob: Clone, hub: Path
) -> None:
    base = ada.commit({"a": b"1"})
    ada.push()
    bob.fetch()
    bob.refs.move(MAIN, None, base, bob.who, "start")
    bob.commit({"a": b"2"})
    bob.push()
    ada.commit({"a": b"3"})
    for there in ("unknown here", "known here"):
        with pytest.raises(NotFastForward, match="main") as caught:
            ada.push()
        assert "promptvc pull" in (hint_of(caught.value) or ""), there
        ada.fetch()
    assert ObjectId(git(ada.environment, "--git-dir", hub, "rev-parse", "main")) == bob.refs.read(MAIN)


def test_a_forced_push_replaces_the_remotes_history(ada: Clone, bob: Clone) -> None:
    old = ada.commit({"a": b"1"})
    ada.push()
    bob.fetch()
    new = ada.commit({"a": b"2"}, branch=None, parents=())
    ada.refs.move(MAIN, old, new, ada.who, "rewrite")
    assert outcomes(ada.push(force=True)) == {"main": "forced"}
    assert outcomes(bob.fetch()) == {"main": "forced"}
    assert bob.refs.read(ORIGIN_MAIN) == new


def test_a_lease_holds_only_while_the_remote_stands_still(ada: Clone, bob: Clone) -> None:
    first = ada.commit({"a": b"1"})
    ada.push()
    bob.fetch()
    bob.refs.move(MAIN, None, first, bob.who, "start")
    theirs = bob.commit({"a": b"2"})
    bob.push()
    mine = ada.commit({"a": b"3"}, branch=None, parents=())
    ada.refs.move(MAIN, first, mine, ada.who, "rewrite")
    with pytest.raises(NotFastForward, match="moved"):
        ada.push(lease=True)
    ada.fetch()
    assert ada.refs.read(ORIGIN_MAIN) == theirs
    assert outcomes(ada.push(lease=True)) == {"main": "forced"}


def test_a_push_that_another_overtakes_is_refused_by_the_remote(ada: Clone, hub: Path) -> None:
    first = ada.commit({"a": b"1"})
    ada.push()
    ada.commit({"a": b"2"})
    # The hook stands for another writer who is faster: it runs after the refs were listed.
    add_hook(hub, "pre-receive", f"env -u GIT_QUARANTINE_PATH git update-ref -d refs/heads/main {first}\n")
    result = ada.push()
    assert outcomes(result) == {"main": "refused"}
    assert result.refused[0].reason
    assert ada.refs.read(ORIGIN_MAIN) == first


def test_a_declining_hook_is_told_ref_by_ref_with_its_words(ada: Clone, hub: Path) -> None:
    tip = ada.commit({"a": b"1"})
    ada.refs.move(SIDE, None, tip, ada.who, "branch")
    add_hook(hub, "update", 'test "$1" != refs/heads/side || { echo "side is closed" >&2; exit 1; }\n')
    result = ada.push(MAIN, SIDE)
    assert outcomes(result) == {"main": "new", "side": "refused"}
    assert result.refused[0].reason == "hook declined"
    assert "side is closed" in result.messages
    assert ada.refs.read(RefName("refs/remotes/origin/side")) is None


def test_a_branch_deleted_at_the_remote_is_pruned_on_request(ada: Clone, bob: Clone) -> None:
    tip = ada.commit({"a": b"1"})
    ada.refs.move(SIDE, None, tip, ada.who, "branch")
    ada.push(MAIN, SIDE)
    bob.fetch()
    push(ada.store, ada.refs, ada.remote, [Send(SIDE, None)], ada.who, refspecs=ORIGIN)
    assert ada.refs.read(RefName("refs/remotes/origin/side")) is None
    assert bob.fetch().changes == ()
    assert outcomes(bob.fetch(prune=True)) == {"side": "deleted"}
    assert set(bob.refs.find("refs/remotes/")) == {ORIGIN_MAIN}


def test_a_branch_that_became_a_folder_needs_prune(ada: Clone, bob: Clone, hub: Path) -> None:
    tip = ada.commit({"a": b"1"})
    ada.refs.move(SIDE, None, tip, ada.who, "branch")
    ada.push(SIDE)
    bob.fetch()
    git(ada.environment, "--git-dir", hub, "branch", "-m", "side", "side/one")
    fetched = bob.fetch()
    assert outcomes(fetched) == {"side/one": "refused"}
    assert "prunes" in fetched.changes[0].reason
    assert outcomes(bob.fetch(prune=True)) == {"side": "deleted", "side/one": "new"}


def test_tags_follow_the_commits_they_name(ada: Clone, bob: Clone, hub: Path) -> None:
    first = ada.commit({"a": b"1"})
    ada.push()
    bob.fetch()
    second = ada.commit({"a": b"2"})
    names = ("light-old", "noted-old", "light-new", "noted-new")
    ids = [
        ada.tag(name, first if "old" in name else second, name if "noted" in name else None) for name in names
    ]
    ada.push(MAIN, *(RefName.tag(name) for name in names))
    elsewhere = ada.commit({"b": b"1"}, branch=None, parents=())
    ada.tag("elsewhere", elsewhere, "not below any branch")
    ada.push(RefName.tag("elsewhere"))
    fetched = bob.fetch()
    assert bob.refs.find("refs/tags/") == {
        RefName.tag(name): id for name, id in sorted(zip(names, ids, strict=True))
    }
    assert peel(bob.store, ids[3]) == second
    assert len(fetched.changes) == 5
    assert bob.fetch().changes == ()
    bob.verify()
    assert outcomes(bob.fetch(tags="all")) == {"elsewhere": "new"}
    assert bob.fetch(tags="none").changes == ()


def test_a_tag_that_is_here_already_stays(ada: Clone, bob: Clone) -> None:
    tip = ada.commit({"a": b"1"})
    ada.tag("v1", tip)
    ada.push(MAIN, RefName.tag("v1"))
    bob.fetch()
    ours = bob.tag("v2", tip, "ours")
    ada.tag("v2", tip)
    ada.push(RefName.tag("v2"))
    assert bob.fetch(tags="none").changes == ()
    for changes in (bob.fetch().changes, bob.fetch(tags="all").changes):
        assert [(change.outcome, change.reason) for change in changes] == [
            ("refused", "the tag is here already, for something else")
        ]
    assert bob.refs.read(RefName.tag("v2")) == ours
    with pytest.raises(NotFastForward, match="v2"):
        bob.push(RefName.tag("v2"))


def test_a_repository_that_is_no_store_is_refused_before_any_ref_moves(ada: Clone, bob: Clone) -> None:
    ada.foreign_commit(MAIN)
    ada.push()

    def accept(tip: ObjectId) -> None:
        if not is_ours(bob.store.load_commit(tip)):
            raise RemoteNotAStore("promptvc never wrote to it")

    with pytest.raises(RemoteNotAStore):
        bob.fetch(accept=accept)
    assert bob.refs.find() == {}
    ada.commit({"a": b"1"}, SIDE)
    ada.push(SIDE)
    assert outcomes(bob.fetch(accept=accept)) == {"main": "refused", "side": "new"}


def test_a_pack_left_by_a_broken_fetch_is_not_taken_for_history(ada: Clone, bob: Clone) -> None:
    ada.commit({"a": b"1"})
    tip = ada.commit({"a": b"2"})
    ada.push()
    with bob.store.begin() as writer:
        writer.copy(ada.store.stored(tip))
        writer.finish()
    bob.fetch()
    bob.verify()
    assert bob.refs.read(ORIGIN_MAIN) == tip


def test_a_history_with_a_hole_moves_no_ref(ada: Clone, bob: Clone) -> None:
    tip = ada.commit({"a": b"1"})
    ada.push()

    class Holed:
        url, messages = "holed", ()

        def fetch(self, choose, negotiator, write):
            listing = ada.remote.list_refs()
            choose(listing)
            with bob.store.begin() as writer:
                writer.copy(ada.store.stored(tip))
                writer.finish()
            return listing

    with pytest.raises(TransferFailed, match="incomplete"):
        fetch(bob.store, bob.refs, Holed(), ORIGIN, bob.who)  # type: ignore[arg-type]
    assert bob.refs.find() == {}


@pytest.mark.parametrize("name", ["..", ".git", ".GIT", ".promptvc", "a/b"])
def test_a_name_that_leads_out_of_the_folder_is_refused(ada: Clone, bob: Clone, hub: Path, name: str) -> None:
    from promptvc.storage.objects import Commit, Kind, TreeEntry, encode_commit, encode_tree

    with ada.store.begin() as writer:
        blob = writer.add(Kind.BLOB, b"evil")
        tree = writer.add(Kind.TREE, encode_tree([TreeEntry(0o100644, name, blob)]))
        commit = writer.add(Kind.COMMIT, encode_commit(Commit(tree, (), ada.who, ada.who, "evil")))
        writer.finish()
    ada.refs.move(MAIN, None, commit, ada.who, "evil")
    ada.push()
    with pytest.raises(TransferFailed, match="file named"):
        bob.fetch()
    assert bob.refs.find() == {}


def test_the_current_branch_is_never_fetched_into(ada: Clone, bob: Clone) -> None:
    ada.commit({"a": b"1"})
    ada.push()
    mirror = [Refspec.parse("+refs/*:refs/*")]
    changes = fetch(bob.store, bob.refs, bob.remote, mirror, bob.who).changes
    assert [(change.outcome, change.reason) for change in changes] == [
        ("refused", "it is the current branch")
    ]


def test_a_branch_the_remote_lacks_is_one_clear_line(ada: Clone, bob: Clone) -> None:
    ada.commit({"a": b"1"})
    ada.push()
    with pytest.raises(TransferFailed, match="has no nowhere"):
        fetch(
            bob.store,
            bob.refs,
            bob.remote,
            [Refspec("refs/heads/nowhere", "refs/remotes/origin/nowhere")],
            bob.who,
        )


def test_a_merge_by_real_git_can_be_fetched(ada: Clone, bob: Clone, hub: Path, tmp_path: Path) -> None:
    ada.commit({"a.txt": b"".join(b"line %d\n" % n for n in range(2000))})
    ada.push()
    bob.fetch()
    work, env = tmp_path / "work", ada.environment
    git(env, "clone", "--quiet", hub, work)
    for branch in ("left", "right"):
        git(env, "switch", "--quiet", "-c", branch, "main", cwd=work)
        (work / f"{branch}.txt").write_text(branch)
        lines = (
            (work / "a.txt")
            .read_text()
            .replace("line 7\n", f"line {branch}\n" if branch == "left" else "line 7\n")
        )
        (work / "a.txt").write_text(lines)
        git(env, "add", ".", cwd=work)
        git(env, "commit", "--quiet", "-m", branch, cwd=work)
    git(env, "merge", "--quiet", "-m", "both", "left", cwd=work)
    git(env, "push", "--quiet", "origin", "HEAD:main", "left", cwd=work)
    git(env, "--git-dir", hub, "gc", "--quiet")
    fetched = bob.fetch()
    assert outcomes(fetched) == {"main": "forward", "left": "new"}
    assert fetched.objects < 12
    bob.verify()


def test_several_thousand_objects_go_out_once(ada: Clone, hub: Path, tmp_path: Path) -> None:
    files = {f"examples/{number % 40}/{number}.txt": b"content %d" % number for number in range(3000)}
    ada.commit(files)
    assert ada.push().objects == 3000 + 42 + 1
    files["examples/3/3.txt"] = b"changed"
    ada.commit(files)
    assert ada.push().objects == 5
    git(ada.environment, "clone", "--quiet", "--bare", hub, tmp_path / "copy.git")
    verify_bare(ada.environment, tmp_path / "copy.git")
