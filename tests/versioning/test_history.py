"""History: order, descent and merge bases, with git as a second opinion."""

from __future__ import annotations

import random
import subprocess

from promptvc.ids import ObjectId, RefName
from promptvc.repo import Repo
from promptvc.storage.objects import EMPTY_TREE, Kind, Signature
from promptvc.versioning.commit import write_commit
from promptvc.versioning.tree import write_tree
from tests.drawing import draw


def test_a_merge_descends_from_both_sides(repo: Repo) -> None:
    at = draw(
        repo,
        """
        a──b──d   main
         └─c─┘
        """,
    )
    assert set(repo.parts.history.parents(at["d"])) == {at["b"], at["c"]}
    assert repo.parts.history.is_ancestor(at["a"], at["d"])
    assert not repo.parts.history.is_ancestor(at["b"], at["c"])
    assert repo.parts.history.merge_bases(at["b"], at["c"]) == [at["a"]]
    assert repo.parts.history.ahead_behind(at["d"], at["c"]) == (2, 0)


def test_commits_come_children_first(repo: Repo) -> None:
    at = draw(
        repo,
        """
        a──b──d──e   main
         └─c─┘
        """,
    )
    order = list(repo.parts.history.in_order([at["e"]]))
    place = {id: n for n, id in enumerate(order)}
    assert len(order) == 5
    assert all(place[id] < place[p] for id in order for p in repo.parts.history.parents(id))


def test_random_histories_agree_with_git_whatever_the_clocks_say(repo: Repo) -> None:
    rng = random.Random(5)
    ids: list[ObjectId] = []
    with repo.parts.store.begin() as writer:
        tree = write_tree(writer, {})
        assert tree == EMPTY_TREE
        for number in range(60):
            parents = tuple(sorted(rng.sample(ids, min(len(ids), rng.choice((1, 1, 1, 2))))))
            who = Signature("Me", "me@example.com", 1_700_000_000 + 10 * number + rng.randint(-500, 500))
            ids.append(write_commit(writer, tree, parents, str(number), who, who))
        writer.finish()
    repo.parts.refs.move(RefName.branch("main"), None, ids[-1], repo.parts.who(), "test")
    for _ in range(60):
        a, b = rng.choice(ids), rng.choice(ids)
        assert repo.parts.history.merge_bases(a, b) == _git(repo, "merge-base", "--all", a, b)
        forward = subprocess.run(
            ["git", f"--git-dir={repo.path}", "merge-base", "--is-ancestor", a, b], check=False
        )
        assert repo.parts.history.is_ancestor(a, b) == (forward.returncode == 0)


def test_two_commits_may_be_merge_bases_of_a_criss_cross(repo: Repo) -> None:
    with repo.parts.store.begin() as writer:
        tree = writer.add(Kind.TREE, b"")
        who = Signature("Me", "me@example.com", 1)

        def commit(name: str, *parents: ObjectId) -> ObjectId:
            return write_commit(writer, tree, parents, name, who, who)

        a = commit("a")
        b, c = commit("b", a), commit("c", a)
        d, e = commit("d", b, c), commit("e", c, b)
        writer.finish()
    assert repo.parts.history.merge_bases(d, e) == sorted([b, c])


def _git(repo: Repo, *args: str) -> list[str]:
    done = subprocess.run(
        ["git", f"--git-dir={repo.path}", *args], capture_output=True, text=True, check=False
    )
    return sorted(done.stdout.split())
