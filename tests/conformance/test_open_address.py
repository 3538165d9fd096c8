"""A remote store read by its address, through a clone in the cache folder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import promptvc
from promptvc.errors import TransferFailed, UnknownRevision, Usage
from promptvc.repo import Repo
from tests.servers import git, git_environment, http_server


class Hub:
    """A bare repository that a writer pushes to."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "hub.git"
        self.writer = promptvc.init(folder / "mine")
        git(os.environ, "init", "-q", "--bare", "-b", "main", self.path)
        self.write("Answer {{ ticket }}.\n")

    @property
    def url(self) -> str:
        return str(self.path)

    def write(self, text: str) -> str:
        """A commit on main, pushed; gives its id."""
        with self.writer.transaction("main", "a change") as tx:
            tx.write("prompts/a.md", text)
        self.git_push("main")
        return self.writer.snapshot("main").id

    def git_push(self, *words: str) -> None:
        git(os.environ, f"--git-dir={self.writer.path}", "push", "-q", self.path, *words)

    def git(self, *words: str) -> str:
        return git(os.environ, f"--git-dir={self.path}", *words)

    def away(self) -> None:
        """Make it a remote that cannot be reached."""
        self.path.rename(self.path.with_name("gone.git"))


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path)


@pytest.fixture
def clones() -> Path:
    return Path(os.environ["PROMPTVC_CACHE"]) / "clones"


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held: list[socket.socket] = []

        def take() -> None:
            try:
                while True:
                    held.append(listener.accept()[0])
            except OSError:
                return

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for each in held:
            each.close()


def tip(repo: Repo, revision: str = "main") -> str:
    return repo.snapshot(revision).id


def test_a_bare_repository_is_read_by_its_path(hub: Hub) -> None:
    mine = hub.writer
    for address in (hub.url, f"file://{hub.path}"):
        repo = promptvc.open(address)
        assert repo.root is None
        assert repo.snapshot("main").prompt("prompts/a.md").variables == ("ticket",)
        assert repo.snapshot().id == tip(mine)
    hub.write("Answer {{ ticket }} briefly.\n")
    assert tip(promptvc.open(hub.url, refresh=False)) == tip(mine, "main~1")
    assert tip(promptvc.open(hub.url)) == tip(mine)


# --- tags -------------------------------------------------------------------------------------------------


def test_a_moved_tag_is_seen(hub: Hub) -> None:
    hub.git("tag", "prod", "main")
    assert tip(promptvc.open(hub.url), "prod") == tip(hub.writer)
    new = hub.write("Answer {{ ticket }} briefly.\n")
    hub.git("tag", "-f", "prod", "main")
    assert tip(promptvc.open(hub.url), "prod") == new
    hub.git("tag", "-f", "-a", "-m", "back", "prod", "main~1")
    assert tip(promptvc.open(hub.url), "prod") == tip(hub.writer, "main~1")


def test_a_tag_that_was_deleted_is_gone(hub: Hub) -> None:
    hub.git("tag", "prod", "main")
    promptvc.open(hub.url).snapshot("prod")
    hub.git("tag", "-d", "prod")
    with pytest.raises(UnknownRevision):
        promptvc.open(hub.url).snapshot("prod")


def test_a_tag_whose_name_becomes_a_folder_is_followed(hub: Hub) -> None:
    hub.git("tag", "prod", "main")
    promptvc.open(hub.url)
    hub.git("tag", "-d", "prod")
    hub.git("tag", "prod/2", "main")
    assert tip(promptvc.open(hub.url), "prod/2") == tip(hub.writer)


def test_a_clone_that_knew_no_tags_before_gets_them(hub: Hub, clones: Path) -> None:
    """As release 0.1.0 made it: only branches in its refspec, and no word of when it was refreshed."""
    hub.git("tag", "prod", "main")
    promptvc.open(hub.url)
    [place] = clones.iterdir()
    config = place / "config"
    config.write_text(config.read_text().replace("fetch = +refs/tags/*:refs/tags/*", ""))
    (place / "promptvc/refreshed").unlink()
    new = hub.write("Another.\n")
    hub.git("tag", "-f", "prod", "main")
    assert tip(promptvc.open(hub.url), "prod") == new
    assert list(clones.iterdir()) == [place]


# --- a remote that is down, or slow -----------------------------------------------------------------------


def test_a_remote_that_is_down_raises_unless_the_clone_is_said_to_do(hub: Hub) -> None:
    first = promptvc.open(hub.url)
    assert first.refresh_error is None
    hub.away()
    address = f"file://{hub.path}"
    with pytest.raises(TransferFailed):
        promptvc.open(address, on_failure="cached")  # another address, of which there is no clone
    hub.path.with_name("gone.git").rename(hub.path)
    assert promptvc.open(address).refresh_error is None
    hub.away()
    with pytest.raises(TransferFailed):
        promptvc.open(address)
    repo = promptvc.open(address, on_failure="cached")
    assert isinstance(repo.refresh_error, TransferFailed)
    assert tip(repo) == tip(hub.writer)
    assert repo.refreshed_at is not None
    assert first.refreshed_at is not None
    assert repo.refreshed_at >= first.refreshed_at


def test_within_its_age_a_clone_is_not_refreshed(hub: Hub) -> None:
    address = f"file://{hub.path}"
    old = tip(promptvc.open(address, max_age=3600))
    new = hub.write("Another.\n")
    assert tip(promptvc.open(address, max_age=3600)) == old
    assert tip(promptvc.open(address, max_age=0)) == new
    hub.away()
    assert tip(promptvc.open(address, max_age=3600)) == new
    with pytest.raises(TransferFailed):
        promptvc.open(address, max_age=0)


@pytest.mark.parametrize("shift", [-7200, 7200])
def test_a_clone_that_is_too_old_or_from_the_future_is_refreshed(
    hub: Hub, clones: Path, shift: float
) -> None:
    promptvc.open(hub.url)
    [place] = clones.iterdir()
    (place / "promptvc/refreshed").write_text(f"{time.time() + shift}\n")
    new = hub.write("Another.\n")
    assert tip(promptvc.open(hub.url, max_age=3600)) == new


def test_a_failed_refresh_does_not_make_a_clone_younger(hub: Hub) -> None:
    address = f"file://{hub.path}"
    promptvc.open(address)
    hub.away()
    assert promptvc.open(address, max_age=0, on_failure="cached").refresh_error is not None
    assert promptvc.open(address, max_age=0, on_failure="cached").refresh_error is not None


@pytest.mark.parametrize("scheme", ["http", "git"])
def test_a_server_that_says_nothing_is_given_up_in_time(silent: str, scheme: str) -> None:
    began = time.monotonic()
    with pytest.raises(TransferFailed, match="did not answer in time"):
        promptvc.open(f"{scheme}://{silent}/prompts.git", timeout=0.5)
    assert time.monotonic() - began < 20  # without it, 120 s


def test_an_ssh_that_says_nothing_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_SSH_COMMAND", "exec sleep 300;:")
    began = time.monotonic()
    with pytest.raises(TransferFailed, match="did not answer in time"):
        promptvc.open("somewhere:prompts.git", timeout=0.5)
    assert time.monotonic() - began < 20


def test_a_server_that_falls_silent_leaves_the_clone_in_use(hub: Hub, tmp_path: Path, silent: str) -> None:
    """The same address, first answered, then not: what a service sees when its git host hangs."""
    environment = git_environment(tmp_path / "home")
    with http_server(tmp_path, environment) as server:
        address = server.url("hub.git")
        assert promptvc.open(address, timeout=30).refresh_error is None
        server.redirect = f"http://{silent}"
        repo = promptvc.open(address, timeout=0.5, on_failure="cached")
    assert isinstance(repo.refresh_error, TransferFailed)
    assert tip(repo) == tip(hub.writer)


@pytest.mark.parametrize("wrong", [{"timeout": 0}, {"timeout": -1}, {"on_failure": "cache"}])
def test_a_wrong_choice_is_a_wrong_call(hub: Hub, wrong: dict[str, object]) -> None:
    with pytest.raises(Usage):
        promptvc.open(hub.url, **wrong)  # type: ignore[arg-type]


# --- stopped in between -----------------------------------------------------------------------------------

_KILLED = """
import os, sys
import promptvc
from promptvc.session.sharing import Sharing
fetch = Sharing.fetch
def killed(*args, **kwargs):
    if sys.argv[2] == "after":
        fetch(*args, **kwargs)
    os.kill(os.getpid(), 9)
Sharing.fetch = killed
promptvc.open(sys.argv[1])
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_killed_first_open_leaves_nothing_that_counts(hub: Hub, clones: Path, when: str) -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED, hub.url, when], check=False)
    assert done.returncode == -9
    with pytest.MonkeyPatch.context() as patch, pytest.raises(TransferFailed):
        patch.setattr("promptvc.session.sharing.Sharing.fetch", _down)
        promptvc.open(hub.url, refresh=False)  # there is nothing yet that could be opened
    assert tip(promptvc.open(hub.url, refresh=False)) == tip(hub.writer)
    assert [place.name[0] for place in clones.iterdir()] != ["."]
    assert len(list(clones.iterdir())) == 1


def test_a_clone_that_an_earlier_release_left_half_made_is_made_anew(hub: Hub, clones: Path) -> None:
    promptvc.open(hub.url)
    [place] = clones.iterdir()
    (place / "promptvc/refreshed").unlink()
    for ref in (place / "refs/heads").iterdir():
        ref.unlink()
    assert tip(promptvc.open(hub.url, refresh=False)) == tip(hub.writer)


def test_a_clone_in_the_making_of_a_living_process_is_left_alone(hub: Hub, clones: Path) -> None:
    promptvc.open(hub.url)
    [place] = clones.iterdir()
    from promptvc.repo.mirror import _host, _prefix

    living = place.with_name(f"{_prefix(place)}{_host()}.{os.getpid()}.abc")
    elsewhere = place.with_name(f"{_prefix(place)}00000000.999999.abc")
    for folder in (living, elsewhere):
        folder.mkdir()
    place.rename(place.with_name("away"))
    promptvc.open(hub.url)
    assert living.exists()
    assert elsewhere.exists()


def test_many_that_open_one_address_at_once_all_get_it(hub: Hub, clones: Path) -> None:
    code = "import sys, promptvc; print(promptvc.open(sys.argv[1]).snapshot('main').id)"
    running = [
        subprocess.Popen([sys.executable, "-c", code, hub.url], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    told = [each.communicate()[0].strip() for each in running]
    assert told == [tip(hub.writer)] * 4
    assert len(list(clones.iterdir())) == 1


def _down(*args: object, **kwargs: object) -> None:
    raise TransferFailed("down")
