"""The remote that speaks git: over ssh, http, a socket, or to a repository on this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from dulwich.client import GitClient, LocalGitClient

from promptvc.errors import PromptvcError, PushRejected, TransferFailed
from promptvc.ids import RefName
from promptvc.secrets.redact import redact_url, url_secrets
from promptvc.transports.failures import Circumstances, explain, unanswered
from promptvc.transports.git.client import ZERO, Walker, WireClient, pack_data, remote_refs
from promptvc.transports.git.http import HttpClient
from promptvc.transports.git.intake import Intake
from promptvc.transports.git.ssh import ssh_command
from promptvc.transports.git.wire import GRACE, GRACE_FAILED, Wire, open_socket, start_program
from promptvc.transports.progress import Listener, Meter, Report
from promptvc.transports.remote import Choose, MakePack, Negotiator, Progress, RemoteRefs, Update, Updates
from promptvc.transports.settings import TransportSettings
from promptvc.transports.urls import Address, parse_url

GIT_PORT = 9418
STORE_FOLDER = ".promptvc"

# Variables that bind git to the repository it runs in, for example in a hook; the other side must not see them
# (git rev-parse --local-env-vars).
_OWN_REPOSITORY = frozenset(
    [
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_CONFIG",
        "GIT_CONFIG_PARAMETERS",
        "GIT_CONFIG_COUNT",
        "GIT_OBJECT_DIRECTORY",
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_GRAFT_FILE",
        "GIT_INDEX_FILE",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_REPLACE_REF_BASE",
        "GIT_PREFIX",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_SHALLOW_FILE",
        "GIT_COMMON_DIR",
        "GIT_QUARANTINE_PATH",
    ]
)

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(slots=True)
class _Session:
    """One running operation: its client, its wire once open, and an error that is not the remote's.

    ``asked`` means that the remote was asked to move refs: if its answer is lost, nobody knows whether it did.
    """

    client: GitClient
    path: bytes
    meter: Meter
    listener: Listener
    intake: Intake
    wire: Wire | None = None
    foreign: BaseException | None = None
    asked: bool = False
    refs: RemoteRefs = field(default_factory=lambda: RemoteRefs({}))

    def guard(self, function: Callable[_P, _T]) -> Callable[_P, _T]:
        """The function, with its errors marked as the caller's own."""

        def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _T:
            try:
                return function(*args, **kwargs)
            except BaseException as error:
                self.foreign = self.foreign or error
                raise

        return guarded

    def hear(self, data: bytes) -> None:
        """Receive a message of the server for people."""
        self.intake.said(len(data))
        self.listener.feed(data)

    def peeled(self) -> Mapping[bytes, bytes]:
        """The peeled ids of annotated tags that the client recorded."""
        return getattr(self.client, "peeled", {})

    def close(self, grace: float) -> None:
        """Close all connections and programs; a program has ``grace`` seconds to end by itself."""
        if self.wire is not None:
            self.wire.close(grace)
        self.client.close()


class GitRemote:
    """Another git repository, by its URL; see `promptvc.transports.remote.Remote`.

    Each operation opens and closes its own connection. git itself serves a path on this machine, so that the hooks
    and settings of that repository apply; if git is not installed, dulwich serves it.
    """

    def __init__(self, url: str, settings: TransportSettings, progress: Report | None = None) -> None:
        self._address = parse_url(url)
        self._settings, self._report = settings, progress
        self._messages: list[str] = []
        self._secrets = tuple(url_secrets(url))
        self.url = redact_url(url)

    @property
    def messages(self) -> Sequence[str]:
        """The server's messages for people during the last operation."""
        return tuple(self._messages)

    def list_refs(self) -> RemoteRefs:
        """The refs of the remote."""
        with self._session() as session:
            found = session.client.get_refs(session.path)
            return remote_refs(found.refs, found.symrefs, session.peeled())

    def fetch(self, choose: Choose, negotiator: Negotiator, write: Callable[[bytes], None]) -> RemoteRefs:
        """Receive a pack; see `Remote.fetch`."""
        with self._session() as session:
            count, chosen = 0, False

            def take(data: bytes) -> int:
                nonlocal count
                count += len(data)
                session.intake.pack(len(data))
                session.meter.show(Progress("receiving", count, unit="bytes"))
                if chosen:  # dulwich's own server sends an empty pack even if nothing was chosen
                    session.guard(write)(data)
                return len(data)

            def wants(refs: Mapping[Any, Any], depth: int | None = None) -> list[Any]:
                nonlocal chosen
                session.intake.listed()
                ids = session.guard(choose)(remote_refs(refs, {}, session.peeled()))
                chosen = bool(ids)
                return [id.encode() for id in dict.fromkeys(ids)]

            walker = Walker(negotiator)
            found = session.client.fetch_pack(session.path, wants, walker, take, session.hear)
            if found.new_shallow:
                raise TransferFailed(
                    f"{self.url}: its history is cut off (a shallow clone)", "fetch from a whole one"
                )
            return remote_refs(found.refs, found.symrefs, session.peeled())

    def send(self, updates: Updates, pack: MakePack, *, atomic: bool = False) -> dict[RefName, str | None]:
        """Send objects and move refs; see `Remote.send`."""
        with self._session() as session:
            status: dict[RefName, str | None] = {}

            def new_refs(refs: Mapping[Any, Any]) -> dict[Any, Any]:
                session.intake.listed()
                seen = remote_refs(refs, {}, {})
                commands = _commands(session.guard(updates)(seen), seen, status, atomic=atomic)
                session.asked = bool(commands)
                return commands

            client = session.client
            generate = pack_data(
                session.guard(pack), session.meter, lambda: getattr(client, "takes_thin", False)
            )
            sent = session.client.send_pack(session.path, new_refs, generate, session.hear, atomic=atomic)
            status.update(_reasons(sent.ref_status or {}))
            return status

    @contextmanager
    def _session(self) -> Iterator[_Session]:
        """The parts of one operation; it is always closed, and failures are raised as ours."""
        session = self._open()
        grace = 0.0
        try:
            yield session
            grace = GRACE
        except PromptvcError as error:
            if session.asked and session.foreign is None:
                unanswered(error)
            raise
        except Exception as error:  # dulwich raises a dozen kinds, down to AssertionError
            if session.foreign is not None:
                raise session.foreign from None
            # A program that failed may still write an error message; one that timed out will not.
            session.close(0.0 if isinstance(error, TimeoutError) else GRACE_FAILED)
            failure = self._explain(error, session)
            if session.asked:
                unanswered(failure)
            raise failure from error
        finally:
            session.close(grace)
            session.listener.finish()
            self._messages = session.listener.lines

    def _explain(self, error: Exception, session: _Session) -> TransferFailed | PushRejected:
        wire = session.wire
        credentials = getattr(session.client, "credentials", None)
        secrets = (*self._secrets, *(credentials.secrets() if credentials else ()))
        seen = Circumstances(
            self.url, self._address, wire.said if wire else "", wire.exit_code if wire else None, secrets
        )
        return explain(error, seen)

    def _open(self) -> _Session:
        meter = Meter(self._report)
        listener = Listener(meter, self._report)
        intake = Intake(self.url, self._settings)
        address = self._address
        if address.kind == "http":
            return _Session(
                HttpClient(address, self._settings, self.url, intake),
                address.base.encode(),
                meter,
                listener,
                intake,
            )
        if address.kind == "local" and self._git() is None:
            return _Session(
                LocalGitClient(), os.fsencode(local_repository(address.path)), meter, listener, intake
            )
        greeting = _greeting(address) if address.kind == "git" else None
        client = WireClient(lambda service, version: self._dial(session, service, version), greeting, intake)
        session = _Session(
            client, os.fsencode(address.path), meter, listener, intake
        )  # the wire that it opens is stored in the session
        return session

    def _dial(self, session: _Session, service: str, version: int) -> Wire:
        wire = session.wire = self._dialled(service, version)
        if service == "receive-pack" and wire.pace:
            wire.pace.slacken()
        return wire

    def _dialled(self, service: str, version: int) -> Wire:
        settings, address = self._settings, self._address
        if address.kind == "git":
            return open_socket(
                address.host, address.port or GIT_PORT,
                connect_patience=settings.connect_patience, patience=settings.patience,
            )  # fmt: skip
        environment = {
            name: text for name, text in settings.environment.items() if name not in _OWN_REPOSITORY
        }
        if version:
            environment["GIT_PROTOCOL"] = "version=2"
        asks = address.kind == "ssh" and settings.interactive
        if address.kind == "ssh":
            argv = ssh_command(address, service, version, settings)
        else:
            argv = [self._git() or "git", service, str(local_repository(address.path))]
        return start_program(argv, environment, patience=settings.patience, own_group=not asks)

    def _git(self) -> str | None:
        return shutil.which("git", path=self._settings.environment.get("PATH", os.defpath))


def local_repository(path: str) -> Path:
    """The repository at a path on this machine: a project's own store if it has one."""
    folder = Path(path).absolute()
    store = folder / STORE_FOLDER
    return store if (store / "HEAD").is_file() else folder


def _greeting(address: Address) -> Callable[[str, int], bytes]:
    """The request line of git:// (gitprotocol-pack(5)); the version follows two zero bytes."""

    def line(service: str, version: int) -> bytes:
        host = f"[{address.host}]" if ":" in address.host else address.host
        place = f"{host}:{address.port}" if address.port else host
        extra = b"\0version=2\0" if version else b""
        text = f"git-{service} {address.path}\0host={place}\0".encode() + extra
        return b"%04x" % (len(text) + 4) + text

    return line


def _commands(
    wanted: Mapping[RefName, Update], seen: RemoteRefs, status: dict[RefName, str | None], *, atomic: bool
) -> dict[Any, Any]:
    """The updates to request; those already done, or with another expected value, are answered in ``status``."""
    commands: dict[Any, Any] = {}
    for name, (old, new) in wanted.items():
        found = seen.refs.get(name)
        if found == new:
            status[name] = None
        elif found != old:
            status[name] = "it was moved meanwhile"
        else:
            commands[name.encode()] = new.encode() if new is not None else ZERO
    if atomic and any(status.values()):
        status.update({RefName(name.decode()): "the others were refused" for name in commands})
        return {}
    status.update({RefName(name.decode()): None for name in commands})
    return commands


def _reasons(ref_status: Mapping[Any, str | None]) -> dict[RefName, str | None]:
    return {RefName(name.decode("utf-8", "replace")): reason for name, reason in ref_status.items()}
