"""Repo: one object, opened and closed, with what users do first."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import promptvc
from promptvc.errors import RunMissing, UnknownRevision, Usage
from promptvc.repo import Repo
from promptvc.storage.objects import Kind
from promptvc.versioning.commit import CODE_TRAILER, trailer
from tests.drawing import draw
from tests.runs.projects import Project, tickets


def write(repo: Repo, path: str, text: str) -> None:
    assert repo.root is not None
    file = repo.root / path
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


def test_a_with_block_closes(repo: Repo) -> None:
    with promptvc.open(repo.path) as opened:
        assert opened.branch == "main"
        assert opened.verify() == []


def test_it_says_where_it_is(repo: Repo) -> None:
    assert repr(repo) == f"Repo {repo.root} on main"


def test_rev_parse_and_show(repo: Repo) -> None:
    with pytest.raises(UnknownRevision):
        repo.rev_parse()
    write(repo, "prompts/a.md", "one\n")
    first = repo.commit("first").id
    write(repo, "prompts/b.md", "two\n")
    second = repo.commit("second").id
    assert (repo.rev_parse(), repo.rev_parse("HEAD~1")) == (second, first)
    assert [change.path for change in repo.show().changes] == ["prompts/b.md"]
    assert [change.path for change in repo.show("HEAD~1", ["prompts"]).changes] == ["prompts/a.md"]
    assert len(repo.show(paths=["examples"])) == 0


def test_single_commits_and_where_two_parted(repo: Repo) -> None:
    ids = draw(
        repo,
        """
        a──b   main
        └─c    side
        """,
    )
    assert repo.merge_bases("main", "side") == [ids["a"]]
    assert repo.read_commit("side").subject == "c"
    assert repo.read_commit().id == ids["b"]
    assert repo.project.runs == {}


def test_gc_drops_what_nothing_leads_to(repo: Repo) -> None:
    draw(repo, "a──b   main")
    assert repo.gc().dropped == 0
    with repo.parts.store.begin() as writer:
        writer.add(Kind.BLOB, b"nobody's")
        writer.finish()
    assert repo.gc().dropped == 0
    assert repo.gc(prune="now").dropped == 1


def test_several_changes_are_one_operation(repo: Repo) -> None:
    write(repo, "prompts/a.md", "one\n")
    repo.commit("first")
    with repo.operation("release"):
        repo.branches.create("prod")
        repo.tags.create("v1")
    assert repo.operations()[0].what == "release"
    repo.undo()
    assert "prod" not in repo.branches
    assert "v1" not in repo.tags


def test_a_commit_names_the_code_commit(repo: Repo) -> None:
    assert repo.root is not None
    code = _code_commit(repo.root)
    write(repo, "prompts/a.md", "one\n")
    repo.commit("with code")
    assert trailer(repo.snapshot().commit.message, CODE_TRAILER) == code
    write(repo, "prompts/a.md", "two\n")
    repo.commit("without code", code_commit=None)
    assert trailer(repo.snapshot().commit.message, CODE_TRAILER) is None
    write(repo, "prompts/a.md", "three\n")
    repo.commit("other code", code_commit="5" * 40)
    assert trailer(repo.snapshot().commit.message, CODE_TRAILER) == "5" * 40


def _code_commit(root: Path) -> str:
    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", root, *words], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "code")
    return git("rev-parse", "HEAD")


# --- runs ---------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "runs", tickets(6))


def test_runs_are_those_declared(project: Project) -> None:
    runs = project.repo.runs
    assert (list(runs), len(runs), "mini" in runs, "maxi" in runs) == (["mini"], 1, True, False)
    assert repr(runs) == "Runs mini"
    assert runs.plan("mini").missing > 0
    with pytest.raises(RunMissing):
        runs.with_outputs()
    assert runs.run("mini").complete
    assert runs.with_outputs() == ["mini"]
    assert runs.staleness("mini").is_fresh
    assert runs.stale() == []


def test_a_store_without_working_files_knows_its_runs(project: Project) -> None:
    repo = project.repo
    repo.run("mini")
    repo.commit("outputs")
    bare = Repo(repo.path, None, repo.parts.surroundings)
    assert list(bare.runs) == ["mini"]
    assert bare.runs.staleness("mini").is_fresh
    [found] = bare.reproduce()
    assert found.is_verified
    assert found.label == "HEAD"


def test_reproduce_takes_names_and_a_revision(project: Project) -> None:
    repo = project.repo
    repo.run("mini")
    id = repo.commit("outputs").id
    assert [(found.name, found.label, found.is_verified) for found in repo.reproduce()] == [
        ("mini", "working files", True)
    ]
    assert [found.label for found in repo.reproduce("mini", revision=id)] == [id.short]
    with pytest.raises(RunMissing, match="no outputs of a run 'other'"):
        repo.reproduce("mini", "other")
    assert repo.runs.drift("mini", "HEAD", limit=2).equal == 2


def test_check_gives_a_result_for_each_check(project: Project) -> None:
    repo = project.repo
    with pytest.raises(Usage, match="declares no check"):
        repo.check()
    settings = (project.root / "promptvc.toml").read_text()
    project.write("promptvc.toml", settings + '[checks.quality]\nrun = "mini"\nmin = { exact = 0.99 }\n')
    repo.run("mini")
    [result] = repo.check()
    assert (result.name, result.passed) == ("quality", False)
    assert any(gate.rows for gate in repo.check("quality")[0].gates)
    with pytest.raises(Usage, match="no check 'qualty'"):
        repo.check("qualty")
