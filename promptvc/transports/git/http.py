"""git's smart protocol over http, through urllib3."""

from __future__ import annotations

import base64
import io
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urljoin, urlsplit

import urllib3
from dulwich.client import AbstractHttpGitClient
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, InsecureRequestWarning, MaxRetryError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as HttpTimeout

from promptvc.errors import Advice, AuthFailed, TransferFailed
from promptvc.transports.failures import broken, http_failure, one_line, unreachable
from promptvc.transports.git.client import NotesThin
from promptvc.transports.git.credentials import Credential, Credentials
from promptvc.transports.git.intake import Intake, Pace, Watch
from promptvc.transports.settings import TransportSettings
from promptvc.transports.urls import Address

_AGENT = "git/promptvc"  # some hosts serve git only to agents that begin with "git/"
_DRAIN = 64 * 1024
_PART = 256 * 1024
_CHECK = Advice("check-address")


class HttpClient(NotesThin, AbstractHttpGitClient):
    """dulwich's http client with our own requests: credentials, proxies and clear error messages.

    dulwich's own request code forgets the credentials between requests, and cannot send a large upload twice.
    """

    def __init__(self, address: Address, settings: TransportSettings, where: str, intake: Intake) -> None:
        super().__init__(address.base, thin_packs=False)
        self._address, self._settings, self._where = address, settings, where
        self._intake, self._connections = intake, _Connections()
        self._watch = Watch(Pace(settings.patience), self._connections.end)
        self._pool = _pool(address, settings, self._connections)
        self._credential: Credential | None = None
        self._proven = False
        self._answers: list[_Answer] = []
        self.credentials = Credentials(address, settings)
        self.peeled: dict[Any, Any] = {}

    def close(self) -> None:
        """Close all connections, including those with a partly read answer."""
        for answer in self._answers:
            answer.abandon()
        self._answers.clear()
        self._watch.stop()
        for key in self._pool.pools.keys():  # noqa: SIM118  not a dictionary: it cannot be iterated
            self._pool.pools[key].close()
        self._pool.clear()

    def _post_buffer_size(self, url: str) -> int:
        return self._settings.http.post_buffer

    def _discover_references(
        self,
        service: bytes,
        base_url: str,
        protocol_version: int | None = None,
        ref_prefix: Sequence[bytes] | None = None,
    ) -> Any:
        found = super()._discover_references(service, base_url, protocol_version, ref_prefix)
        self.peeled.update(found[4])
        return found

    def _http_request(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        data: bytes | Iterator[bytes] | None = None,
        raise_for_status: bool = True,
    ) -> Any:
        """Send a request, with credentials once the server asks for them."""
        if data is None and not url.partition("?")[0].endswith(
            "/info/refs"
        ):  # `packfile-uris`, which we never request
            raise TransferFailed(f"{self._where}: the server sends us to another address", _CHECK)
        if data is not None and not isinstance(data, bytes) and not self._proven:
            # An upload in chunks cannot be repeated, so an empty request first finds out whether a password is needed.
            self._answered(url, headers or {}, b"0000")
        answer = self._answered(url, headers or {}, data)
        if data is None and not answer.content_type.startswith("application/x-git-"):
            answer.close()
            raise TransferFailed(
                f"{self._where}: this is not a git repository (the answer is {answer.content_type or 'empty'})",
                Advice("check-address"),
            )
        return answer, answer.read

    def _answered(self, url: str, headers: dict[str, str], data: bytes | Iterator[bytes] | None) -> _Answer:
        while True:
            sent = self._credential if _origin(url) == _origin(self._address.base) else None
            response = self._request(url, headers, data, sent)
            if response.status == 200:
                self._approve(sent)
                return self._answer(response, url, whole=data is None or data == b"0000")
            challenges = response.headers.getlist("WWW-Authenticate")
            place = urljoin(url, response.geturl() or "")
            response.drain_conn()
            response.release_conn()
            if response.status != 401 or not isinstance(data, (bytes, type(None))):
                raise http_failure(response.status, self._where, self._address.site, tried=sent is not None)
            self._next_credential(challenges, place)

    def _answer(self, response: urllib3.BaseHTTPResponse, url: str, *, whole: bool) -> _Answer:
        answer = _Answer(response, url, fail=self._fail, watch=self._watch, intake=self._intake)
        self._answers.append(answer)
        if whole:
            answer.read_whole()
        return answer

    def _next_credential(self, challenges: list[str], url: str) -> None:
        if _origin(url) != _origin(self._address.base):
            site = "/".join(url.split("/", 3)[:3])
            raise AuthFailed(
                f"{self._where}: it sends us on to {site}, which asks for a password",
                "use that address as the remote's URL, so that passwords go where you mean them to",
            )
        if self._credential is not None:
            self.credentials.refused()
        tried = bool(self.credentials.tried)
        self._credential = self.credentials.next(challenges)
        if self._credential is None:
            raise http_failure(401, self._where, self._address.site, tried=tried)

    def _approve(self, sent: Credential | None) -> None:
        if not self._proven and sent is not None:
            self.credentials.accepted()
        self._proven = self._proven or sent is not None

    def _request(
        self,
        url: str,
        headers: dict[str, str],
        data: bytes | Iterator[bytes] | None,
        credential: Credential | None,
    ) -> urllib3.BaseHTTPResponse:
        sent = {"User-Agent": _AGENT, "Pragma": "no-cache", **dict(self._settings.http.headers), **headers}
        if credential is not None:
            pair = f"{credential.user}:{credential.password}".encode("utf-8", "surrogateescape")
            sent["Authorization"] = "Basic " + base64.b64encode(pair).decode()
        if data == b"0000":
            sent["Content-Length"] = "4"
        if url.endswith("/git-receive-pack"):
            self._watch.pace.slacken()
        body = data if data is None or isinstance(data, bytes) else self._watch.following(data)
        try:
            self._watch.pace.reset()
            with self._watch:
                return self._pool.request(
                    "GET" if data is None else "POST", url, body=body, headers=sent, preload_content=False
                )
        except (HTTPError, OSError) as error:
            raise self._fail(error) from error

    def _fail(self, error: Exception) -> TransferFailed:
        if self._watch.fired:
            return unreachable(TimeoutError(), self._where, self._address.host)
        return _explain(error, self._where, self._address.host)


class _Answer:
    """A response as dulwich expects it; short ones are read whole, so that the connection can be reused."""

    def __init__(
        self,
        response: urllib3.BaseHTTPResponse,
        url: str,
        *,
        fail: Callable[[Exception], TransferFailed],
        watch: Watch,
        intake: Intake,
    ) -> None:
        self._response, self._fail = response, fail
        self._watch, self._intake = watch, intake
        self.status, self.headers = response.status, response.headers
        self.content_type = response.headers.get("Content-Type") or ""
        place = urljoin(url, response.geturl() or "")
        self.redirect_location = "" if place == url else place
        self._whole: io.BytesIO | None = None

    def read_whole(self) -> None:
        """Read the answer to its end, so that the connection can be reused."""
        self._whole = io.BytesIO(self._read_some(None))
        self._response.release_conn()

    def abandon(self) -> None:
        """Close the connection, if this answer still uses it."""
        self._response.close()

    def read(self, size: int) -> bytes:
        """Exactly size bytes; fewer only at the end."""
        data = self._whole.read(size) if self._whole is not None else self._read_some(size)
        self._intake.read(size, len(data))
        return data

    def close(self) -> None:
        """Keep the connection for the next request if little is left to read; otherwise close it."""
        if self._whole is not None:
            return
        try:
            rest = self._response.read(_DRAIN)
        except (HTTPError, OSError):
            rest = b"broken"
        if rest:
            self._response.close()
        self._response.release_conn()

    def _read_some(self, size: int | None) -> bytes:
        """That many bytes, or all; read as they arrive, to distinguish a slow server from a dead one."""
        parts: list[bytes] = []
        left = size
        try:
            while left != 0 and (part := self._read_part(left)):
                parts.append(part)
                if left is None:
                    self._intake.read(len(part), len(part))
                else:
                    left -= len(part)
        except (HTTPError, OSError) as error:
            raise self._fail(error) from error
        return b"".join(parts)

    def _read_part(self, left: int | None) -> bytes:
        with self._watch as watch:
            part: bytes = self._response.read1(_PART if left is None else min(left, _PART))
        watch.pace.passed(0.0, len(part))
        if watch.fired:
            raise TimeoutError
        return part


class _Connections:
    """The open connections of one client, so that another thread can close them."""

    def __init__(self) -> None:
        self.opened: list[Any] = []

    def end(self) -> None:
        """Shut them down, which wakes threads that wait on one."""
        for connection in self.opened:
            if connection.sock is not None:
                with suppress(OSError):
                    socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    def pools(self) -> dict[str, Any]:
        """urllib3's pools, which register here each connection that they open."""
        return {"http": self._pool(HTTPConnectionPool), "https": self._pool(HTTPSConnectionPool)}

    def _pool(self, pool: Any) -> Any:
        opened = self.opened

        class Connection(pool.ConnectionCls):  # type: ignore[misc]
            def connect(self) -> None:
                opened.append(self)
                super().connect()

        return type(pool.__name__, (pool,), {"ConnectionCls": Connection})


def _pool(address: Address, settings: TransportSettings, connections: _Connections) -> urllib3.PoolManager:
    manager = _manager(address, settings)
    manager.pool_classes_by_scheme = connections.pools()
    return manager


def _manager(address: Address, settings: TransportSettings) -> urllib3.PoolManager:
    environment, http = settings.environment, settings.http
    verify = http.verify and not environment.get("GIT_SSL_NO_VERIFY")
    if not verify:  # chosen by the user, who needs no warning at each request
        urllib3.disable_warnings(InsecureRequestWarning)
    options: dict[str, Any] = {
        "timeout": urllib3.Timeout(connect=settings.connect_patience, read=settings.patience),
        "retries": urllib3.Retry(total=5, connect=0, read=0, redirect=5, status=0, other=0),
        "cert_reqs": "CERT_REQUIRED" if verify else "CERT_NONE",
        "ca_certs": environment.get("GIT_SSL_CAINFO") or http.ca_file,
    }
    proxy = _proxy(address, settings)
    if proxy is None:
        return urllib3.PoolManager(**options)
    parts = urlsplit(proxy)
    if parts.username is not None:
        pair = f"{parts.username}:{parts.password or ''}"
        options["proxy_headers"] = urllib3.make_headers(proxy_basic_auth=pair)
    return urllib3.ProxyManager(proxy, **options)


def _proxy(address: Address, settings: TransportSettings) -> str | None:
    """The proxy from the environment or git's http.proxy, unless no_proxy excludes the host."""
    lowered = {
        name.lower(): value for name, value in settings.environment.items() if name.lower().endswith("_proxy")
    }
    scheme = address.base.partition(":")[0]
    if _is_excepted(address.host, lowered.get("no_proxy", "")):
        return None
    return lowered.get(f"{scheme}_proxy") or lowered.get("all_proxy") or settings.http.proxy or None


def _is_excepted(host: str, no_proxy: str) -> bool:
    """``no_proxy`` as curl reads it: ``*``, or host names and their parent domains."""
    names = [name.strip().lower().lstrip(".") for name in no_proxy.split(",")]
    return any(name == "*" or host == name or host.endswith("." + name) for name in names if name)


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _explain(error: Exception, where: str, host: str) -> TransferFailed:
    """urllib3's nested exceptions as one line."""
    reason: BaseException | None = error
    if isinstance(error, MaxRetryError) and error.reason is not None:
        reason = error.reason
    if isinstance(reason, SSLError):
        hint = (
            "if the server has a certificate of its own, set http.sslCAInfo to the file that vouches for it"
        )
        return TransferFailed(f"{where}: the connection is not secure: {one_line(_inner(reason))}", hint)
    cause: BaseException | None = reason
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None and isinstance(cause, OSError):
        return unreachable(cause, where, host)
    if isinstance(reason, HttpTimeout):
        return unreachable(TimeoutError(), where, host)
    if isinstance(reason, NewConnectionError):
        return TransferFailed(f"{where}: {one_line(reason)}", "check the host name and the network")
    return broken(where)


def _inner(error: BaseException) -> object:
    return error.args[0] if error.args else error
