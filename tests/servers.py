"""Real git servers on the loopback interface, and real git itself, for tests."""

from __future__ import annotations

import base64
import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

Environment = dict[str, str]


def git_environment(home: Path) -> Environment:
    """An environment in which git sees nothing of this machine's settings."""
    home.mkdir(parents=True, exist_ok=True)
    config = home / "gitconfig"
    if not config.exists():
        config.write_text(
            "[init]\n\tdefaultBranch = main\n[safe]\n\tdirectory = *\n[protocol]\n\tallow = always\n"
        )
    person = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in
              (("NAME", "Test"), ("EMAIL", "test@example.com"))}  # fmt: skip
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
        **person,
    }


def git(
    environment: Mapping[str, str], *arguments: object, cwd: Path | None = None, check: bool = True
) -> str:
    """Run real git; gives its standard output."""
    done = subprocess.run(
        ["git", *map(str, arguments)],
        cwd=cwd,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"git {' '.join(map(str, arguments))}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


def new_bare(environment: Mapping[str, str], path: Path) -> Path:
    """An empty bare repository that takes pushes over every transport."""
    git(environment, "init", "--quiet", "--bare", path)
    git(environment, "--git-dir", path, "config", "http.receivepack", "true")
    return path


def add_hook(repository: Path, name: str, script: str) -> None:
    """Install a shell script as a hook."""
    hook = repository / "hooks" / name
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n" + script)
    hook.chmod(0o755)


def verify_bare(environment: Mapping[str, str], repository: Path) -> None:
    """Real git finds nothing wrong."""
    git(environment, "--git-dir", repository, "fsck", "--strict", "--full")


def free_port() -> int:
    """A port of the loopback interface that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Server:
    """A running server: repositories below ``root`` are at ``url(name)``."""

    root: Path
    base: str
    environment: Environment = field(default_factory=dict)

    def url(self, name: str) -> str:
        """The URL of a repository below the root."""
        return f"{self.base}/{name}"


# --- http --------------------------------------------------------------------------------------------


@dataclass
class HttpServer(Server):
    """`git http-backend` behind a small http server that can be told to misbehave.

    ``cut`` is a number of bytes after which a large answer breaks off; ``redirect`` a URL to which everything is sent
    on; ``status`` a status that is answered to everything; ``old`` lets it know protocol version 0 only. ``seen``
    holds a line for each request.
    """

    user: str | None = None
    password: str | None = None
    only_push: bool = False
    cut: int | None = None
    redirect: str | None = None
    status: int | None = None
    old: bool = False
    seen: list[str] = field(default_factory=list)

    def authorizes(self, header: str | None, target: str, body: bool) -> bool:
        """Whether a request may pass."""
        if self.user is None or (self.only_push and not (body and "git-receive-pack" in target)):
            return True
        pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return header == f"Basic {pair}"


@contextlib.contextmanager
def http_server(
    root: Path,
    environment: Environment,
    user: str | None = None,
    password: str | None = None,
    only_push: bool = False,
) -> Iterator[HttpServer]:
    """Serve the repositories below root over http."""
    listener = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    listener.daemon_threads = False
    base = f"http://127.0.0.1:{listener.server_address[1]}"
    listener.place = HttpServer(root, base, environment, user, password, only_push)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield listener.place
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10
    server: ThreadingHTTPServer

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        place: HttpServer = self.server.place
        place.seen.append(f"{self.command} {self.path} {self.headers.get('Transfer-Encoding', '')}".strip())
        with tempfile.TemporaryFile() as body:
            self._read_body(body)
            if place.redirect:
                self._refuse(302, ("Location", place.redirect + self.path))
            elif place.status:
                self._refuse(place.status)
            elif not place.authorizes(self.headers.get("Authorization"), self.path, self.command == "POST"):
                self._refuse(401, ("WWW-Authenticate", 'Basic realm="test"'))
            else:
                self._run_backend(place, body)

    def _read_body(self, body) -> None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body.write(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
        else:
            body.write(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        body.seek(0)

    def _refuse(self, status: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _run_backend(self, place: HttpServer, body) -> None:
        parts = urlsplit(self.path)
        environment = {
            **place.environment,
            "GIT_PROJECT_ROOT": str(place.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": unquote(parts.path),
            "QUERY_STRING": parts.query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(os.fstat(body.fileno()).st_size),
            "REMOTE_USER": place.user or "",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": "" if place.old else self.headers.get("Git-Protocol", ""),
        }
        body.flush()
        done = subprocess.run(
            ["git", "http-backend"], stdin=body, env=environment, capture_output=True, check=False
        )
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if place.cut is not None and len(answer) > place.cut:
            self.wfile.write(answer[: place.cut])
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.wfile.write(answer)


# --- git daemon --------------------------------------------------------------------------------------


@contextlib.contextmanager
def git_daemon(root: Path, environment: Environment) -> Iterator[Server]:
    """Serve the repositories below root over git://, pushes too."""
    port = free_port()
    program = Path(git(environment, "--exec-path")) / "git-daemon"
    command = [
        program, "--listen=127.0.0.1", f"--port={port}", f"--base-path={root}", "--export-all", "--reuseaddr",
        "--enable=receive-pack", "--informative-errors", root,
    ]  # fmt: skip
    with running(command, environment, port):
        yield Server(root, f"git://127.0.0.1:{port}", environment)


# --- ssh ---------------------------------------------------------------------------------------------


@dataclass
class SshServer(Server):
    """An sshd of our own; ``ssh_command`` is for GIT_SSH_COMMAND, ``stranger`` the same with a key it refuses."""

    port: int = 0
    user: str = ""
    ssh_command: str = ""
    stranger: str = ""


def sshd_program() -> str | None:
    """Where sshd is, if it is installed."""
    return shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def ssh_server(root: Path, folder: Path, environment: Environment) -> Iterator[SshServer]:
    """Serve the repositories below root over ssh, with keys made in folder."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    port, user = free_port(), getpass.getuser()
    for name in ("host", "user", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    (folder / "authorized").write_text((folder / "user.pub").read_text())
    (folder / "known").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    settings = " ".join(
        f"{name}={environment[name]}" for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM")
    )
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
        f"PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n"
        f"AcceptEnv GIT_PROTOCOL\nSetEnv {settings}\nLogLevel ERROR\n"
    )
    with contextlib.suppress(OSError):
        Path("/run/sshd").mkdir(exist_ok=True)  # where root's sshd gives up its rights
    program = sshd_program()
    assert program is not None

    def command(key: str) -> str:
        options = ("-F", "/dev/null", "-i", folder / key, "-o", "IdentitiesOnly=yes",
                   "-o", f"UserKnownHostsFile={folder}/known", "-o", "IdentityAgent=none")  # fmt: skip
        return " ".join(["ssh", *map(str, options)])

    with running([program, "-D", "-e", "-f", folder / "sshd_config"], environment, port):
        base = f"ssh://{user}@127.0.0.1:{port}{root}"
        yield SshServer(root, base, environment, port, user, command("user"), command("stranger"))


# --- programs ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def running(command: list[object], environment: Environment, port: int) -> Iterator[None]:
    """Run a server until the block ends, and all that it started with it."""
    with tempfile.TemporaryFile() as log:
        program = subprocess.Popen(
            list(map(str, command)),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            process_group=0,
        )
        try:
            _await_port(program, port, log)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)
            program.wait()


def _await_port(program: subprocess.Popen[bytes], port: int, log) -> None:
    deadline = time.monotonic() + 10
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if program.poll() is not None or time.monotonic() > deadline:
            log.seek(0)
            raise AssertionError(f"{program.args} did not start: {log.read().decode(errors='replace')}")
        time.sleep(0.02)
