"""What a configuration from elsewhere names runs only after a yes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from promptvc.api import clone_into
from promptvc.cli.hints import hint_of
from promptvc.content.runs.spec import RunSpec, ScorerSpec
from promptvc.errors import NotTrusted
from promptvc.ids import RefName, RepoPath
from promptvc.repo import Repo, Surroundings, make_store
from promptvc.runs.providers.openai import is_loopback
from promptvc.runs.trust import is_trusted, need_trust, save_trust, what_needs_trust, why_not_trusted
from promptvc.versioning.sync.push import Send
from tests.cli.shell import Shell

CONFIG = """\
[runs.mini]
prompt = "prompts/a.md"
examples = "examples/t.jsonl"
provider = "python:my_model:answer"
model = "tiny-1"
scorers = ["exact:expected", "python:my_scorers:helpful"]
"""


def why(repo: Repo) -> str | None:
    return why_not_trusted(repo.path, Repo.open(repo.path, repo.parts.surroundings).parts.config)


def trusted(repo: Repo) -> bool:
    return why(repo) is None


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True)


def spec(provider: str = "openai", base_url: str | None = None, scorers: tuple[str, ...] = ()) -> RunSpec:
    return RunSpec(
        name="mini",
        prompt=RepoPath("prompts/a.md"),
        examples=RepoPath("examples/t.jsonl"),
        provider=provider,
        base_url=base_url,
        scorers=tuple(map(ScorerSpec.parse, scorers)),
    )


@pytest.fixture
def cloned(repo: Repo, world: Surroundings, tmp_path: Path) -> Repo:
    assert repo.root is not None
    (repo.root / "promptvc.toml").write_text(CONFIG)
    repo.commit("one")
    return clone_into(str(repo.path), tmp_path / "cloned", world)


# --- whom is trusted --------------------------------------------------------------------------------------


def test_a_store_that_was_made_here_is_trusted(repo: Repo) -> None:
    assert trusted(repo)
    need_trust(repo.path, repo.parts.config, "python:my_model:answer")


def test_a_clone_is_not_until_the_user_says_yes(cloned: Repo) -> None:
    assert not trusted(cloned)
    with pytest.raises(NotTrusted, match="python:my_model:answer") as caught:
        need_trust(cloned.path, cloned.parts.config, "python:my_model:answer")
    assert caught.value.kind == "not-trusted"
    assert "promptvc config trust" in str(hint_of(caught.value))
    save_trust(cloned.path, True)
    assert trusted(cloned)


def test_a_clone_whose_remote_was_removed_is_still_a_clone(cloned: Repo) -> None:
    cloned.parts.sharing.remove("origin", cloned.parts.who())
    assert not trusted(cloned)
    shutil.rmtree(cloned.path / "logs")
    assert not trusted(cloned)


@pytest.fixture
def own(repo: Repo, cloned: Repo, world: Surroundings, tmp_path: Path) -> Repo:
    """A store that was made here, with a commit, and a remote that others use."""
    made = Repo.init(tmp_path / "own", world)
    assert made.root is not None
    (made.root / "promptvc.toml").write_text(CONFIG)
    made.commit("mine")
    made.parts.sharing.add("origin", str(repo.path))
    return made


def test_a_remote_alone_takes_no_trust_fetching_does_for_good(own: Repo) -> None:
    assert trusted(own)
    own.parts.sharing.fetch("origin", own.parts.who())
    assert why(own) == "files here were fetched"
    own.parts.sharing.remove("origin", own.parts.who())
    assert why(own) == "files here were fetched"


def test_pushing_takes_no_trust_nor_does_fetching_what_was_pushed(
    own: Repo, world: Surroundings, tmp_path: Path
) -> None:
    make_store(tmp_path / "shared.git")
    own.parts.sharing.set_url("origin", str(tmp_path / "shared.git"))
    own.parts.sharing.fetch("origin", own.parts.who())
    own.parts.sharing.push(
        "origin", [Send(RefName("refs/heads/main"), own.parts.revisions.resolve("main"))], own.parts.who()
    )
    own.parts.sharing.fetch("origin", own.parts.who())
    assert trusted(own)
    other = clone_into(str(tmp_path / "shared.git"), tmp_path / "other", world)
    assert other.root is not None
    (other.root / "promptvc.toml").write_text(CONFIG + "samples = 2\n")
    other.parts.sharing.push(
        "origin", [Send(RefName("refs/heads/main"), other.commit("theirs").id)], other.parts.who()
    )
    assert trusted(own)
    own.parts.sharing.fetch("origin", own.parts.who())
    assert not trusted(own)


def test_a_clone_of_nothing_is_trusted_until_something_comes(world: Surroundings, tmp_path: Path) -> None:
    make_store(tmp_path / "empty.git")
    assert trusted(clone_into(str(tmp_path / "empty.git"), tmp_path / "cloned", world))


def test_where_nothing_tells_what_came_it_is_not_trusted(own: Repo) -> None:
    shutil.rmtree(own.path / "logs")
    assert why(own) == "nothing says where files are from"
    own.parts.sharing.remove("origin", own.parts.who())
    assert why(own) == "nothing says where files are from"


@pytest.mark.parametrize("bare", [True, False])
def test_what_git_cloned_or_fetched_is_not_trusted(own: Repo, tmp_path: Path, bare: bool) -> None:
    place = tmp_path / "by-git"
    git("clone", "-q", *(["--bare"] if bare else []), str(own.path), str(place))
    assert not is_trusted(place if bare else place / ".git", own.parts.config)
    git("--git-dir", str(own.path), "fetch", "-q", str(place), "main")
    assert why(own) == "files here were fetched"


def test_the_remotes_of_a_user_without_addresses_say_nothing_of_a_store(
    repo: Repo, world: Surroundings, tmp_path: Path
) -> None:
    (tmp_path / "gitconfig").write_text('[remote "origin"]\n\tprune = true\n')
    assert is_trusted(repo.path, Repo.open(repo.path, Surroundings((tmp_path / "gitconfig",))).parts.config)


def test_the_yes_stays_when_more_is_fetched_and_a_no_where_nothing_is(repo: Repo, cloned: Repo) -> None:
    save_trust(cloned.path, True)
    assert repo.root is not None
    (repo.root / "promptvc.toml").write_text(CONFIG + "samples = 2\n")
    repo.commit("two")
    cloned.parts.sharing.fetch("origin", cloned.parts.who())
    assert trusted(cloned)
    save_trust(repo.path, False)
    assert why(repo) == "its trust was revoked"


def test_only_a_plain_yes_is_one(cloned: Repo) -> None:
    (cloned.path / "promptvc" / "trust").write_text("yes, no\n")
    assert not trusted(cloned)


def test_the_yes_does_not_travel(cloned: Repo, world: Surroundings, tmp_path: Path) -> None:
    save_trust(cloned.path, True)
    assert not cloned.status().changes
    assert not trusted(clone_into(str(cloned.path), tmp_path / "again", world))


# --- what needs it ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "needs"),
    [
        (spec(), []),
        (spec("openai:local", "http://127.0.0.1:8000/v1"), []),
        (spec("openai", "https://evil.example/v1"), ["base_url https://evil.example/v1"]),
        (spec("openai", "https://me:secret@evil.example/v1"), ["base_url https://evil.example/v1"]),
        (spec("python:m:f"), ["python:m:f"]),
        (spec("command:./model.sh"), ["command:./model.sh"]),
        (spec(scorers=("exact:expected", "good=python:s:g")), ["python:s:g"]),
        (spec("python:m:f", scorers=("python:s:g",)), ["python:m:f", "python:s:g"]),
    ],
)
def test_code_and_addresses_need_trust(run: RunSpec, needs: list[str]) -> None:
    assert what_needs_trust(run) == needs


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("http://localhost/v1", True),
        ("https://LOCALHOST:1/", True),
        ("http://[::1]:8000/v1", True),
        ("http://127.9.9.9", True),
        ("https://api.openai.com/v1", False),
        ("http://localhost.evil.example/v1", False),
        ("http://127.0.0.1.evil.example/v1", False),
        ("http://127.0.0.1@evil.example/v1", False),
        ("http://127.0.0.1:8000@evil.example/v1", False),
        ("http://127.0.0.1\\@evil.example/v1", False),
        ("http://127.0.0.1/\\@evil.example/v1", False),
        ("http://evil.example\\@127.0.0.1/v1", False),
        ("http://evil.example/http://127.0.0.1/", False),
        ("http://127.0.0.1#@evil.example/v1", False),
        ("http://127.0.0.1\n.evil.example/v1", False),
        ("http://0x7f000001/v1", False),
    ],
)
def test_only_what_is_plainly_this_machine_is_loopback(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


# --- from the command line --------------------------------------------------------------------------------


def test_config_trust_says_yes_and_takes_it_back(cloned: Repo) -> None:
    assert cloned.root is not None
    shell = Shell(cloned.root)
    code = ["python:my_model:answer", "python:my_scorers:helpful"]
    assert shell.json("config", "trust", "--show") == [{"trust": False, "code": code}]
    assert (
        shell.out("config", "trust", "--show").splitlines()[0]
        == "Code that promptvc.toml names may not run in this store: files here were fetched"
    )
    assert shell.out("config", "trust").splitlines() == [
        "Code that promptvc.toml names may run in this store",
        "  python:my_model:answer",
        "  python:my_scorers:helpful",
    ]
    assert trusted(cloned)
    assert shell.json("config", "trust", "--show")[0]["trust"] is True
    assert (
        shell.out("config", "trust", "--revoke")
        == "Code that promptvc.toml names may not run in this store\n"
    )
    assert not trusted(cloned)
    assert shell.out("status", "--json").count('"clean":true') == 1
    assert not any(line.startswith("trust") for line in shell.out("config").splitlines())


def test_a_configuration_that_cannot_be_read_is_not_trusted_and_can_be_revoked(cloned: Repo) -> None:
    assert cloned.root is not None
    shell = Shell(cloned.root)
    shell.write("promptvc.toml", "[runs\n")
    assert "promptvc.toml" in shell.run("config", "trust", code=3).stderr
    assert not trusted(cloned)
    shell.run("config", "trust", "--revoke")


@pytest.mark.parametrize(
    "words",
    [
        ["trust", "yes"],
        ["trust", "--unset"],
        ["trust", "--show", "--revoke"],
        ["user.name", "--revoke"],
        ["--show"],
    ],
)
def test_what_makes_no_sense_is_refused(repo: Repo, words: list[str]) -> None:
    assert repo.root is not None
    assert "config trust" in Shell(repo.root).run("config", *words, code=2).stderr


def test_the_yes_is_one_local_file(repo: Repo) -> None:
    assert repo.root is not None
    before = json.dumps(sorted(str(p) for p in repo.path.rglob("*")))
    Shell(repo.root).run("config", "trust")
    after = {str(p) for p in repo.path.rglob("*")} - set(json.loads(before))
    assert after == {str(repo.path / "promptvc" / "trust")}
