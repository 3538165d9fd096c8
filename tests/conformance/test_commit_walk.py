"""A commit, end to end, through every layer of the house (docs/architecture.md draws the same way)."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptvc.errors import RefMoved
from promptvc.ids import RefName, RepoPath
from promptvc.repo import Repo
from promptvc.session.files.contents import Source
from promptvc.session.files.cutting import cutting_of
from promptvc.session.files.scan import open_source, scan
from promptvc.storage.objects import Kind, Signature
from promptvc.versioning.commit import write_commit
from promptvc.versioning.ropes.rope import write_rows
from promptvc.versioning.tree import FileEntry, write_tree

WHO = Signature("Me", "me@example.com", 1_700_000_000)


def test_from_a_working_file_to_a_branch(repo: Repo) -> None:
    root = repo.root
    assert root is not None
    data = b"".join(b'{"id": %d, "text": "%s"}\n' % (n, b"x" * (n % 90)) for n in range(3000))
    (root / "examples").mkdir()
    (root / "examples/t.jsonl").write_bytes(data)

    # session: which working files there are
    found = {f.path: f for f in scan(root, repo.parts.workspace.worktree.project())}
    assert set(found) == {"examples/t.jsonl", "promptvc.toml"}
    with repo.parts.store.begin() as writer, open_source(root, found[RepoPath("examples/t.jsonl")]) as source:
        # content: where rows end; versioning: chunks, and the tree over them
        from promptvc.content.formats import row_format

        format = row_format("examples/t.jsonl", data[:65536])
        assert format is not None
        rope = write_rows(source.blocks, cutting_of(format), writer)
        assert rope.is_rope
        assert not repo.parts.store.contains(rope.id)  # harmless if we stop here
        tree = write_tree(writer, {RepoPath("examples/t.jsonl"): FileEntry(rope.id, is_rope=True)})
        commit = write_commit(writer, tree, (), "by hand", WHO, WHO)
        # storage: one pack, durable, and still nothing refers to it
        writer.finish()
    assert repo.parts.store.read(commit)[0] is Kind.COMMIT
    assert repo.parts.refs.find() == {}
    # the one instant at which it becomes visible
    repo.parts.refs.move(RefName.branch("main"), None, commit, WHO, "commit (initial): by hand")
    with pytest.raises(RefMoved):
        repo.parts.refs.move(RefName.branch("main"), None, commit, WHO, "too late")
    assert repo.snapshot("main").read("examples/t.jsonl") == data


def test_the_short_way_gives_the_same_tree(repo: Repo, tmp_path: Path) -> None:
    root = repo.root
    assert root is not None
    data = b"".join(b'{"id": %d, "text": "%s"}\n' % (n, b"x" * (n % 90)) for n in range(3000))
    (root / "promptvc.toml").unlink()
    (root / "examples").mkdir()
    (root / "examples/t.jsonl").write_bytes(data)
    done = repo.commit("the short way")
    with repo.parts.store.begin() as writer:
        entry = repo.parts.contents.write("examples/t.jsonl", Source([data]), writer)
        assert writer.count == 0  # all of it is there already
    assert repo.snapshot(done.id).files == {RepoPath("examples/t.jsonl"): entry}
