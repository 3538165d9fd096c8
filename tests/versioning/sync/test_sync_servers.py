"""One history travels over every kind of server, between us and real git, both ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from promptvc.transports.settings import TransportSettings
from tests.clones import MAIN, ORIGIN_MAIN, Clone
from tests.servers import (
    Environment,
    Server,
    git,
    git_daemon,
    git_environment,
    http_server,
    new_bare,
    ssh_server,
    sshd_program,
    verify_bare,
)

KINDS: dict[str, Callable[[Path, Environment], AbstractContextManager[Server]]] = {
    "http": http_server,
    "daemon": git_daemon,
    "ssh": lambda root, environment: ssh_server(root, root.with_name("keys"), environment),
}


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return git_environment(tmp_path / "home")


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path: Path, environment: Environment) -> Iterator[Server]:
    if request.param == "ssh" and sshd_program() is None:
        pytest.skip("sshd is not installed")
    (tmp_path / "srv").mkdir()
    new_bare(environment, tmp_path / "srv" / "hub.git")
    with KINDS[request.param](tmp_path / "srv", environment) as running:
        yield running


def test_our_history_and_gits_are_one(server: Server, environment: Environment, tmp_path: Path) -> None:
    settings = TransportSettings(environment, ssh_command=getattr(server, "ssh_command", None))
    ada, bob = (
        Clone(tmp_path / name, environment, server.url("hub.git"), settings) for name in ("ada", "bob")
    )
    ada.commit({"prompts/a.md": b"one\n" * 2000, "examples/t.jsonl": b'{"id": 1}\n'})
    ada.push()

    work = tmp_path / "work"
    with_ssh = {**environment, "GIT_SSH_COMMAND": getattr(server, "ssh_command", "ssh")}
    git(with_ssh, "clone", "--quiet", server.url("hub.git"), work)
    assert (work / "examples" / "t.jsonl").read_bytes() == b'{"id": 1}\n'
    (work / "prompts" / "a.md").write_text("one\n" * 2000 + "two\n")
    git(with_ssh, "commit", "--quiet", "-am", "by git", cwd=work)
    git(with_ssh, "push", "--quiet", cwd=work)

    assert (ada.fetch().objects, bob.fetch().objects) == (4, 10)
    tip = bob.refs.read(ORIGIN_MAIN)
    assert tip == git(environment, "rev-parse", "HEAD", cwd=work)
    bob.refs.move(MAIN, None, tip, bob.who, "start")
    bob.commit({"prompts/a.md": b"three"})
    bob.push()
    git(with_ssh, "pull", "--quiet", cwd=work)
    assert (work / "prompts" / "a.md").read_bytes() == b"three"
    verify_bare(environment, server.root / "hub.git")
    for clone in (ada, bob):
        clone.verify()
