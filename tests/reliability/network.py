"""Cut connections: fetch, pull, clone and push through a proxy that breaks them at every kind of place."""

from __future__ import annotations

import contextlib
import functools
import os
import random
import shutil
import socketserver
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

from promptvc.session import sharing
from promptvc.transports.settings import TransportSettings
from tests.reliability import pipes
from tests.reliability.outcomes import (
    Outcome,
    Said,
    damage,
    files_of,
    git_damage,
    not_clear,
    own_world,
    promptvc,
    refs_of,
)
from tests.reliability.proxy import KINDS, Direction, Fault, FaultKind, Proxy, proxy_to
from tests.servers import git, git_daemon, http_server, new_bare, ssh_server, sshd_program

PATIENCE, SHORT = 60.0, 0.3
"""Seconds of silence after which a transfer gives up here, and after which one does that is going to be stalled."""
OPERATIONS = ("fetch", "pull", "clone", "push")

State = tuple[dict[str, str], dict[str, str], dict[str, bytes]]
"""Refs here, refs there, working files."""


@dataclass(frozen=True, slots=True)
class Line:
    """A way to a server: the port behind the proxy, and how a repository's URL looks through a port."""

    port: int
    url: Callable[[int, Path], str]
    environment: dict[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def _http(root: Path, environment: dict[str, str]) -> Iterator[Line]:
    with http_server(root, environment) as server:
        port = urlsplit(server.base).port or 0
        yield Line(port, lambda port, path: f"http://127.0.0.1:{port}/{path.relative_to(root)}")


@contextlib.contextmanager
def _daemon(root: Path, environment: dict[str, str]) -> Iterator[Line]:
    with git_daemon(root, environment) as server:
        port = urlsplit(server.base).port or 0
        yield Line(port, lambda port, path: f"git://127.0.0.1:{port}/{path.relative_to(root)}")


@contextlib.contextmanager
def _program(root: Path, environment: dict[str, str]) -> Iterator[Line]:
    with pipes.pipe_server(environment) as port:
        yield Line(port, lambda port, path: f"ssh://127.0.0.1:{port}{path}", {"dial": pipes.__file__})


@contextlib.contextmanager
def _ssh(root: Path, environment: dict[str, str]) -> Iterator[Line]:
    with ssh_server(root, root.with_name("keys"), environment) as server:
        command = server.ssh_command + " -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        yield Line(
            server.port,
            lambda port, path: f"ssh://{server.user}@127.0.0.1:{port}{path}",
            {"GIT_SSH_COMMAND": command},
        )


SERVERS: dict[str, Callable[[Path, dict[str, str]], AbstractContextManager[Line]]] = {
    "http": _http,
    "daemon": _daemon,
    "program": _program,
    "ssh": _ssh,
}


def servers() -> list[str]:
    """The kinds of server that can be run here."""
    return [name for name in SERVERS if name != "ssh" or sshd_program() is not None]


def network_cuts(seed: int, amount: int) -> Iterator[Outcome]:
    """Break ``amount`` transfers, spread over servers and operations."""
    cells = [(server, operation) for server in servers() for operation in OPERATIONS]
    for place, (server, operation) in enumerate(cells):
        share = amount // len(cells) + (place < amount % len(cells))
        yield from cut_transfers(server, operation, seed, share)


def cut_transfers(server: str, operation: str, seed: int, amount: int) -> Iterator[Outcome]:
    """Break one kind of transfer at drawn bytes of its whole length, in both directions, in every way."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = stack.enter_context(own_world(folder))
        stack.enter_context(patch.object(socketserver.BaseServer, "handle_error", lambda *_: None))
        (folder / "srv").mkdir()
        line = stack.enter_context(SERVERS[server](folder / "srv", environment))
        proxy = stack.enter_context(proxy_to(line.port))
        bench = _Bench(folder, environment, operation, line, proxy)
        yield from bench.attacks(server, random.Random(f"{seed} {server} {operation}"), amount)


@functools.cache
def _template(pushing: bool) -> tempfile.TemporaryDirectory[str]:
    """A store and a bare repository, one of which has commits, a branch and a tag that the other lacks."""
    made = tempfile.TemporaryDirectory()
    folder = Path(made.name)
    with own_world(folder) as environment:
        hub, theirs, ours = folder / "hub.git", folder / "theirs", folder / "ours"
        new_bare(environment, hub)
        theirs.mkdir()
        _work(theirs, ("init", "."), ("remote", "add", "origin", str(hub)))
        _change(theirs, 1)
        _work(theirs, ("commit", "-m", "one"), ("push", "-u", "origin", "main"))
        _work(folder, ("clone", str(hub), "ours"))
        writer = ours if pushing else theirs
        for number in (2, 3):
            _change(writer, number)
            _work(writer, ("commit", "-m", f"change {number}"))
        _work(writer, ("tag", "v1", "-m", "first"), ("branch", "side", "HEAD^"))
        if not pushing:
            _work(theirs, ("push", "origin", "main", "side"), ("push", "--tags"))
    return made


def _work(folder: Path, *commands: tuple[str, ...]) -> None:
    for command in commands:
        said = promptvc(folder, *command)
        assert said.code == 0, (command, said)


def _change(root: Path, number: int) -> None:
    rows = b"".join(
        b'{"id": %d, "text": "row %d"}\n' % (i, i * (1 + (i % 97 == number))) for i in range(2000)
    )
    for path, data in (("examples/t.jsonl", rows), ("prompts/a.md", b"one\n" * number)):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)


class _Bench:
    """One operation over one line, done over and over from the same beginning."""

    def __init__(
        self, folder: Path, environment: dict[str, str], operation: str, line: Line, proxy: Proxy
    ) -> None:
        self.folder, self.environment, self.operation = folder, environment, operation
        self.line, self.proxy = line, proxy
        self.count = 0

        os.environ.update({name: value for name, value in line.environment.items() if name != "dial"})
        if "dial" in line.environment:
            os.environ["GIT_SSH_COMMAND"] = f"{sys.executable} {line.environment['dial']} {proxy.port}"
        template = Path(_template(operation == "push").name)
        self.hub, self.ours = template / "hub.git", template / "ours"

    def attacks(self, server: str, random: random.Random, amount: int) -> Iterator[Outcome]:
        """One transfer that is left alone, then those that are not."""
        _, before = self._attempt(None)
        said, after = self._attempt(None, act=True)
        if said is None or said.code != 0 or after == before:
            yield Outcome("network", f"{server} {self.operation}", False, f"it does not work uncut: {said}")
            return
        for number in range(amount):
            fault = self._draw(random, number)
            name = f"{server} {self.operation} {fault}"
            yield Outcome("network", name, *self._judge(fault, before, after))

    def _draw(self, random: random.Random, number: int) -> Fault:
        """Every kind by turns; every other push that is dropped loses no more than the answer."""
        kind: FaultKind = KINDS[number % len(KINDS)]
        direction: Direction = random.choice(("up", "down"))
        last = self.total[direction]
        if kind == "drop" and self.operation == "push" and random.random() < 0.5:
            return Fault(kind, "down", self.total["down"] - self.answer, heals=random.random() < 0.5)
        return Fault(kind, direction, random.randrange(last + 1), heals=random.random() < 0.5)

    def _judge(self, fault: Fault, before: State, after: State) -> tuple[bool, str]:
        said, found = self._attempt(fault, act=True)
        assert said is not None
        wrong = not_clear(said) or self._torn(found, before, after) or self._damage()
        if not wrong and said.code == 0 and found != after:
            wrong = f"exit code 0, but not all is done: {self._difference(found, after)}"
        if not wrong and self.operation == "push" and said.code == 3 and "nothing was changed" in said.err:
            wrong = "" if found[1] == before[1] else f"untrue: {said.err!r}"
        if not wrong:
            self.proxy.plan(None)
            again = self._act()
            found = self._state()
            refused = again.code != 0 and not (
                self.operation == "clone" and said.code == 0
            )  # it is there already
            if refused or found != after:
                wrong = f"the next one: {again}, {self._difference(found, after)}"
        self._clear()
        return not wrong, wrong

    def _attempt(self, fault: Fault | None, act: bool = False) -> tuple[Said | None, State]:
        """From the beginning: copies of both sides, the command, and the state afterwards."""
        self.count += 1
        self.there = self.folder / "srv" / f"{self.count}.git"
        self.here = self.folder / f"here{self.count}"
        shutil.copytree(self.hub, self.there)
        self.url = self.line.url(self.proxy.port, self.there)
        if self.operation != "clone":
            shutil.copytree(self.ours, self.here)
            git(
                self.environment,
                "config",
                "--file",
                self.here / ".promptvc" / "config",
                "remote.origin.url",
                self.url,
            )
        self.proxy.plan(fault)
        said = self._act() if act else None
        if fault is None:
            self.proxy.settle()
            self.total = dict(self.proxy.passed)
            self.answer = 0
            for direction, size in reversed(self.proxy.parts):
                if direction == "up":
                    break
                self.answer += size
        return said, self._state()

    def _act(self) -> Said:
        stalls = self.proxy.fault is not None and self.proxy.fault.kind == "stall"
        settings = functools.partial(TransportSettings, patience=SHORT if stalls else PATIENCE)
        with patch.object(sharing, "TransportSettings", settings):
            said = self._command()
        self.proxy.settle()
        return said

    def _command(self) -> Said:
        if self.operation == "clone":
            return promptvc(self.folder, "clone", self.url, self.here.name)
        if self.operation == "push":
            return promptvc(self.here, "push", "--all", "--tags")
        return promptvc(self.here, self.operation)

    def _state(self) -> State:
        there = refs_of(self.there)
        if not self.here.exists():
            return {}, there, {}
        return refs_of(self.here / ".promptvc"), there, files_of(self.here)

    def _torn(self, found: State, before: State, after: State) -> str:
        """A ref that is neither old nor new; working files that are not those of HEAD."""
        for name, values in (
            ("here", (found[0], before[0], after[0])),
            ("there", (found[1], before[1], after[1])),
        ):
            now, old, new = values
            for ref in {*now, *old, *new}:
                if now.get(ref) not in (old.get(ref), new.get(ref)):
                    return f"{ref} {name} is {now.get(ref)}, not {old.get(ref)} or {new.get(ref)}"
        if found[2] not in (before[2], after[2]):
            return f"working files are mixed: {sorted(found[2])}"
        if self.here.exists() and promptvc(self.here, "status", "--json").out.count('"path"'):
            return "working files are not those of HEAD"
        return ""

    def _damage(self) -> str:
        here = damage(self.here, self.environment) if self.here.exists() else ""
        left = [str(path) for path in self.here.rglob("*.lock") if path.name != "operations.lock"]
        left += [str(path) for path in self.here.rglob("*tmp*") if path.is_file() or any(path.iterdir())]
        return here or git_damage(self.there, self.environment) or (f"left behind: {left}" if left else "")

    def _difference(self, found: State, wanted: State) -> str:
        return "; ".join(
            f"{name}: {sorted({*a.items()} ^ {*b.items()})}"
            for name, a, b in zip(("here", "there", "files"), found, wanted, strict=True)
            if a != b
        )[:600]

    def _clear(self) -> None:
        shutil.rmtree(self.there)
        shutil.rmtree(self.here, ignore_errors=True)
