"""What can go wrong between here and a server, with real servers that misbehave."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from promptvc.cli.hints import hint_of
from promptvc.errors import AuthFailed, PushRejected, TransferFailed
from promptvc.ids import ObjectId, RefName
from promptvc.transports.git.client import remote_refs
from promptvc.transports.git.credentials import Credentials
from promptvc.transports.git.remote import GitRemote
from promptvc.transports.remote import PackStream, Progress
from promptvc.transports.settings import HttpSettings, TransportSettings
from promptvc.transports.urls import parse_url
from promptvc.versioning.sync.fetch import fetch
from promptvc.versioning.sync.push import Send, push
from promptvc.versioning.sync.refspec import Refspec
from tests.clones import MAIN, Clone
from tests.servers import (
    Environment,
    HttpServer,
    add_hook,
    git,
    git_daemon,
    git_environment,
    http_server,
    new_bare,
    running,
    ssh_server,
    sshd_program,
    verify_bare,
)

USER, PASSWORD = "ada", "sesame:open"
QUOTED = "ada:sesame%3Aopen"


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return git_environment(tmp_path / "home")


@pytest.fixture
def root(tmp_path: Path, environment: Environment) -> Path:
    (tmp_path / "srv").mkdir()
    new_bare(environment, tmp_path / "srv" / "hub.git")
    return tmp_path / "srv"


@pytest.fixture
def server(root: Path, environment: Environment) -> Iterator[HttpServer]:
    with http_server(root, environment, USER, PASSWORD) as running:
        yield running


@pytest.fixture
def ada(tmp_path: Path, root: Path, environment: Environment) -> Clone:
    made = Clone(tmp_path / "ada", environment, str(root / "hub.git"), TransportSettings(environment))
    made.commit({"a.txt": b"one"})
    return made


def with_user(server: HttpServer, quoted: str = QUOTED, name: str = "hub.git") -> str:
    return server.url(name).replace("//", f"//{quoted}@")


def failure(remote: GitRemote, kind: type[TransferFailed] = TransferFailed) -> TransferFailed:
    """The one clear line that listing a remote gives."""
    with pytest.raises(kind) as caught:
        remote.list_refs()
    error = caught.value
    assert len(error.message.splitlines()) == 1
    assert hint_of(error)
    assert PASSWORD not in error.message + str(hint_of(error))
    return error


# --- who we are --------------------------------------------------------------------------------------


def test_a_wrong_password_is_one_clear_line(server: HttpServer, environment: Environment) -> None:
    error = failure(GitRemote(with_user(server, "ada:wrong"), TransportSettings(environment)), AuthFailed)
    assert "refused" in error.message
    assert "wrong" not in error.message


def test_no_password_names_the_site_that_asks(server: HttpServer, environment: Environment) -> None:
    error = failure(GitRemote(server.url("hub.git"), TransportSettings(environment)), AuthFailed)
    assert server.base in error.message


def test_a_token_is_a_password(root: Path, environment: Environment) -> None:
    with http_server(root, environment, "x-access-token", "t0ken") as server:
        settings = TransportSettings(environment, token="t0ken")
        assert GitRemote(server.url("hub.git"), settings).list_refs().refs == {}
        error = failure(
            GitRemote(server.url("hub.git"), TransportSettings(environment, token="0ld")), AuthFailed
        )
        assert "0ld" not in error.message


def test_a_token_is_not_sent_where_anyone_can_read_it() -> None:
    settings = TransportSettings({}, token="t0ken")
    assert Credentials(parse_url("http://host.example/a"), settings).next([]) is None
    found = Credentials(parse_url("https://host.example/a"), settings).next([])
    assert found is not None
    assert "t0ken" not in repr(found) + repr(settings)


def helper(environment: Environment, folder: Path, password: str) -> Path:
    """A credential helper that answers, and writes down what it is told."""
    log, script = folder / "helper.log", folder / "helper"
    script.write_text(
        f'#!/bin/sh\n{{ echo "$1"; cat; }} >>{log}\n'
        f'test "$1" != get || printf "username={USER}\\npassword={password}\\n"\n'
    )
    script.chmod(0o755)
    git(environment, "config", "--global", "credential.helper", script)
    return log


def test_gits_credential_helpers_are_asked_and_told(
    server: HttpServer, environment: Environment, tmp_path: Path
) -> None:
    log = helper(environment, tmp_path, PASSWORD)
    GitRemote(server.url("hub.git"), TransportSettings(environment)).list_refs()
    assert [line for line in log.read_text().splitlines() if "=" not in line and line] == ["get", "store"]
    assert f"host={server.base.removeprefix('http://')}" in log.read_text()


def test_a_helpers_wrong_password_is_given_back(
    server: HttpServer, environment: Environment, tmp_path: Path
) -> None:
    log = helper(environment, tmp_path, "outdated")
    error = failure(GitRemote(server.url("hub.git"), TransportSettings(environment)), AuthFailed)
    assert "outdated" not in error.message
    assert [line for line in log.read_text().splitlines() if "=" not in line and line] == ["get", "erase"]


def test_helpers_of_the_store_are_asked_too(server: HttpServer, ada: Clone, tmp_path: Path) -> None:
    log = helper(ada.environment, tmp_path, PASSWORD)
    value = git(ada.environment, "config", "--global", "--get", "credential.helper")
    git(ada.environment, "config", "--global", "--unset", "credential.helper")
    git(ada.environment, "--git-dir", ada.folder, "config", "credential.helper", value)
    settings = TransportSettings(ada.environment, git_dir=ada.folder)
    GitRemote(server.url("hub.git"), settings).list_refs()
    assert "store" in log.read_text()


def test_passwords_stay_out_of_results_and_logs(server: HttpServer, ada: Clone) -> None:
    ada.url = with_user(server)
    ada.push()
    bob = Clone(ada.folder.with_name("bob"), ada.environment, ada.url, ada.settings)
    bob.fetch()
    written = [
        path.read_text(errors="replace") for path in (bob.folder / "logs").rglob("*") if path.is_file()
    ]
    assert any(server.base in text for text in written)
    assert not any("sesame" in text for text in written)
    assert "sesame" not in bob.remote.url


def test_credentials_asked_for_only_by_the_push_itself_survive_a_large_upload(
    root: Path, ada: Clone, environment: Environment
) -> None:
    ada.commit({f"{number}.bin": os.urandom(50_000) for number in range(40)})
    with http_server(root, environment, USER, PASSWORD, only_push=True) as server:
        ada.url = with_user(server)
        ada.push()
        assert any("chunked" in line for line in server.seen)
    verify_bare(environment, root / "hub.git")


def test_a_redirect_elsewhere_gets_no_password(
    server: HttpServer, root: Path, environment: Environment
) -> None:
    with http_server(root, environment) as first:
        first.redirect = server.base
        error = failure(GitRemote(with_user(first), TransportSettings(environment)), AuthFailed)
        assert server.base in error.message


def test_a_redirect_to_an_open_server_is_followed(root: Path, environment: Environment, ada: Clone) -> None:
    with http_server(root, environment) as first, http_server(root, environment) as second:
        first.redirect = second.base
        ada.url = first.url("hub.git")
        ada.settings = TransportSettings(environment)
        ada.push()
        assert ada.remote.list_refs().refs == {MAIN: ada.refs.read(MAIN)}


# --- servers that are not there, or not well ---------------------------------------------------------


def test_http_statuses_become_plain_words(server: HttpServer, environment: Environment) -> None:
    for status, words in ((404, "no repository"), (403, "denied"), (500, "failed"), (418, "418")):
        server.status = status
        assert words in failure(GitRemote(with_user(server), TransportSettings(environment))).message


def test_a_web_page_is_not_a_git_repository(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "info").mkdir()
    (tmp_path / "info" / "refs").write_text("<html>welcome</html>")
    with quiet_port() as port:
        program = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port), "-d", str(tmp_path)]
        with running(program, environment, port):
            error = failure(GitRemote(f"http://127.0.0.1:{port}/", TransportSettings(environment)))
    assert "not a git repository" in error.message


@pytest.mark.parametrize("scheme", ["http", "git"])
def test_a_server_that_is_down_refuses_the_connection(scheme: str, environment: Environment) -> None:
    with quiet_port() as port:
        pass
    error = failure(GitRemote(f"{scheme}://127.0.0.1:{port}/hub.git", TransportSettings(environment)))
    assert "refused the connection" in error.message


@pytest.mark.parametrize("scheme", ["http", "git"])
def test_an_unknown_host_is_named(scheme: str, environment: Environment) -> None:
    error = failure(GitRemote(f"{scheme}://nowhere.invalid/hub.git", TransportSettings(environment)))
    assert "nowhere.invalid" in error.message


@pytest.mark.parametrize("scheme", ["http", "git"])
def test_a_silent_server_is_given_up(scheme: str, environment: Environment) -> None:
    with silent_port() as port:
        settings = TransportSettings(environment, patience=0.3, connect_patience=0.3)
        error = failure(GitRemote(f"{scheme}://127.0.0.1:{port}/hub.git", settings))
    assert "in time" in error.message


def test_an_answer_that_ends_within_its_first_line_leaves_no_connection_open(
    environment: Environment,
) -> None:
    lines = [
        b"# service=git-upload-pack\n",
        None,
        b"version 2\n",
        b"agent=test\n",
        b"ls-refs\n",
        b"fetch\n",
        None,
    ]
    body = b"".join(b"%04x" % (len(line) + 4) + line if line is not None else b"0000" for line in lines)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nContent-Length: %d\r\n\r\n"
    seen: list[bytes] = []

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            connection.recv(65536)
            connection.sendall(head % len(body) + body)
            while not connection.recv(65536).endswith(b"0000"):
                pass
            connection.sendall(b"HTTP/1.1 200 OK")
            connection.shutdown(socket.SHUT_WR)
            seen.append(connection.recv(1))  # nothing, once the other side has closed it

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=answer)
        server.start()
        remote = GitRemote(
            f"http://127.0.0.1:{listener.getsockname()[1]}/a.git", TransportSettings(environment)
        )
        with pytest.raises(TransferFailed):
            try:
                remote.list_refs()
            except TransferFailed as error:
                server.join()  # while the error is alive, and what it knows
                raise error
    assert seen == [b""]


def test_a_transfer_that_breaks_off_changes_nothing(server: HttpServer, ada: Clone) -> None:
    ada.url = with_user(server)
    ada.commit({f"{number}.bin": os.urandom(20_000) for number in range(10)})
    ada.push()
    bob = Clone(ada.folder.with_name("bob"), ada.environment, ada.url, ada.settings)
    for cut in (100, 5_000, 150_000):
        server.cut = cut
        with pytest.raises(TransferFailed) as caught:
            bob.fetch()
        assert len(caught.value.message.splitlines()) == 1
        assert bob.refs.find() == {}
    server.cut = None
    bob.fetch()
    bob.verify()


def test_a_daemon_tells_what_it_does_not_export(root: Path, environment: Environment) -> None:
    with git_daemon(root, environment) as daemon:
        error = failure(GitRemote(daemon.url("absent.git"), TransportSettings(environment)))
    assert "absent.git" in error.message


def test_a_full_proxy_setting_is_honoured(root: Path, environment: Environment) -> None:
    with http_server(root, environment) as proxy:
        proxied = {**environment, "http_proxy": proxy.base}
        assert (
            GitRemote("http://elsewhere.invalid/hub.git", TransportSettings(proxied)).list_refs().head == MAIN
        )
        assert any("elsewhere.invalid" in line for line in proxy.seen)
        excepted = {**proxied, "no_proxy": "invalid"}
        seen = len(proxy.seen)
        failure(GitRemote("http://elsewhere.invalid/hub.git", TransportSettings(excepted)))
        assert len(proxy.seen) == seen


# --- programs ----------------------------------------------------------------------------------------


def test_a_missing_ssh_program_is_named(environment: Environment) -> None:
    settings = TransportSettings(environment, ssh_command="no-such-ssh")
    assert "no-such-ssh" in failure(GitRemote("host:a.git", settings)).message


def test_what_ssh_says_last_is_told(environment: Environment) -> None:
    said = "echo 'Warning: boring' >&2; echo 'kex_exchange: broken tunnel' >&2; exit 255;:"
    error = failure(GitRemote("host:a.git", TransportSettings(environment, ssh_command=said)))
    assert "kex_exchange: broken tunnel" in error.message


@pytest.mark.skipif(sshd_program() is None, reason="sshd is not installed")
def test_a_key_that_ssh_refuses_is_an_auth_failure(
    root: Path, environment: Environment, tmp_path: Path
) -> None:
    with ssh_server(root, tmp_path / "keys", environment) as server:
        settings = TransportSettings(environment, ssh_command=server.stranger)
        error = failure(GitRemote(server.url("hub.git"), settings), AuthFailed)
        assert "Permission denied" in error.message
        known = TransportSettings(environment, ssh_command=server.ssh_command.replace("/known", "/unknown"))
        assert "verification failed" in failure(GitRemote(server.url("hub.git"), known), AuthFailed).message
        place = f"{server.user}@[127.0.0.1:{server.port}]:{root}/hub.git"
        good = TransportSettings(environment, ssh_command=server.ssh_command)
        assert GitRemote(place, good).list_refs().refs == {}


def test_a_program_that_falls_silent_is_ended(environment: Environment) -> None:
    settings = TransportSettings(environment, ssh_command="exec sleep 60;:", patience=0.3)
    started = time.monotonic()
    assert "in time" in failure(GitRemote("host:a.git", settings)).message
    assert time.monotonic() - started < 10


def test_a_path_that_is_no_repository_is_one_clear_line(environment: Environment, tmp_path: Path) -> None:
    for place in (tmp_path / "absent", tmp_path):
        error = failure(GitRemote(str(place), TransportSettings(environment)))
        assert "not" in error.message


def test_a_project_folder_means_its_store(ada: Clone, tmp_path: Path) -> None:
    project = tmp_path / "project"
    git(ada.environment, "init", "--quiet", project)
    git(ada.environment, "init", "--quiet", "--bare", project / ".promptvc")
    ada.url = str(project)
    ada.push()
    assert git(ada.environment, "--git-dir", project / ".promptvc", "rev-parse", "main") == ada.refs.read(
        MAIN
    )


def test_a_hook_that_runs_us_does_not_tie_the_other_side_to_its_repository(
    ada: Clone, tmp_path: Path
) -> None:
    around = {"GIT_DIR": str(tmp_path / "code"), "GIT_OBJECT_DIRECTORY": str(tmp_path / "objects"),
              "GIT_QUARANTINE_PATH": str(tmp_path / "objects")}  # fmt: skip
    ada.settings = TransportSettings({**ada.environment, **around})
    ada.push()
    assert ada.remote.list_refs().refs == {MAIN: ada.refs.read(MAIN)}
    verify_bare(ada.environment, Path(ada.url))


def test_an_interrupted_fetch_leaves_no_program_behind(root: Path, ada: Clone, tmp_path: Path) -> None:
    ada.push()
    mark = f"promptvc-test-{os.getpid()}"
    script = (
        "import sys; from promptvc.transports.git.remote import GitRemote; "
        "from promptvc.transports.settings import TransportSettings; import os; "
        f"s = TransportSettings(dict(os.environ), ssh_command='exec sleep 61 # {mark}\\n:'); "
        "print('ready', flush=True); GitRemote('host:a.git', s).list_refs()"
    )
    environment = {**ada.environment, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    program = subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert program.stdout is not None
    assert program.stdout.readline() == b"ready\n"
    _wait_until(lambda: _children(program.pid))
    time.sleep(0.5)  # an interrupt in the very call that starts it is a known limit
    children = _children(program.pid)
    program.send_signal(signal.SIGINT)
    said = program.communicate(timeout=20)[1]
    assert b"KeyboardInterrupt" in said
    _wait_until(lambda: not any(_runs(child) for child in children))


def test_hooks_and_counts_are_told_while_they_happen(ada: Clone, root: Path) -> None:
    add_hook(root / "hub.git", "post-receive", "echo 'thank you' >&2\n")
    told: list[Progress] = []
    remote = GitRemote(ada.url, ada.settings, told.append)
    push(ada.store, ada.refs, remote, [Send(MAIN, ada.refs.read(MAIN))], ada.who)
    assert Progress("sending", 3, 3) in told
    assert "thank you" in [progress.text for progress in told if progress.phase == "remote"]
    bob = Clone(ada.folder.with_name("bob"), ada.environment, ada.url, ada.settings)
    told.clear()
    fetch(
        bob.store,
        bob.refs,
        GitRemote(bob.url, bob.settings, told.append),
        [Refspec.tracking("origin")],
        bob.who,
    )
    assert told[-1].phase == "receiving"
    assert told[-1].unit == "bytes"


def test_a_pack_the_server_cannot_use_is_a_rejected_push(ada: Clone) -> None:
    class Broken:
        kind, size, id, compressed, base = 3, 5, ObjectId("1" * 40), b"no zlib stream", None

    with pytest.raises(PushRejected) as caught:
        ada.remote.send(
            lambda seen: {MAIN: (None, ObjectId("1" * 40))}, lambda h, w: PackStream(1, iter([Broken()]))
        )
    assert len(caught.value.message.splitlines()) == 1


def test_a_server_cannot_choose_where_we_write() -> None:
    id = b"1" * 40
    names = [
        b"refs/heads/main",
        b"refs/heads/../../evil",
        b"refs/heads/a.lock",
        b"config",
        b"refs/heads/\xff",
        b".have",
    ]
    found = remote_refs(dict.fromkeys(names, id), {b"HEAD": b"refs/../evil"}, {b"../x": id})
    assert (set(found.refs), found.head, found.peeled) == ({MAIN}, None, {})


def test_extra_headers_are_sent(root: Path, environment: Environment) -> None:
    with http_server(root, environment, USER, PASSWORD) as server:
        value = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        settings = TransportSettings(environment, http=HttpSettings(headers=(("Authorization", value),)))
        assert GitRemote(server.url("hub.git"), settings).list_refs().head == RefName("refs/heads/main")


# --- helpers -----------------------------------------------------------------------------------------


@contextmanager
def quiet_port() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    yield port


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _runs(process: int) -> bool:
    """Whether a process is there and is more than an exit code that nobody has asked for."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


def _wait_until(condition) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
