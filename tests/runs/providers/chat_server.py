"""A server on the loopback interface that speaks the chat-completions protocol, counts, and misbehaves as told.

    with ChatServer() as server:
        server.misbehave("429:0", "cut")        # what happens to the next requests, one each
        ...                                     # ask at server.url
        assert server.requests == 3

As a process: ``python tests/runs/providers/chat_server.py PORTFILE`` writes its port into the file and serves until
it is killed. ``GET /stats`` gives the counts, ``POST /reset`` forgets them, and this says how to misbehave:
``POST /script {"next": ["500"], "every": {"10": "429:0"}, "delay": 0.01}``.

What can happen to a request:

- ``429``, ``429:2`` (Retry-After in seconds), ``429:date:2`` (the same as a date), ``429:ms:50`` (retry-after-ms);
- ``500``, or any other status, with ``400:text`` for the message of its error;
- ``slow:0.5``: answered after so many seconds; ``cut``: the connection ends in the middle of the answer;
- ``drop``: it ends before the answer; ``malformed``: the answer is no JSON; ``empty``: it has no choices.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Rule = Callable[[dict[str, Any]], str]


def text_of(message: dict[str, Any]) -> str:
    """The text of a message, whose content may be a list of parts."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content)


def plain_rule(body: dict[str, Any]) -> str:
    """The last user message, told back."""
    last = next((m for m in reversed(body["messages"]) if m["role"] == "user"), body["messages"][-1])
    return f"You said: {text_of(last)}"


class ChatServer:
    """A server in this process, on a free port, from ``with`` to its end. Counts are of chat completions only.

    ``rule`` makes an answer's text of a request's body; ``delay`` is how many seconds each answer takes.
    """

    def __init__(self, rule: Rule = plain_rule, delay: float = 0.0, port: int = 0) -> None:
        self.rule, self.delay = rule, delay
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.statuses: Counter[str] = Counter()
        self.in_flight = self.most_in_flight = 0
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._next: deque[str] = deque()
        self._every: dict[int, str] = {}
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.chat = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> ChatServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.cut_all()
        self._server.server_close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The base_url for clients."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def requests(self) -> int:
        """How many requests came in."""
        return len(self.bodies)

    @property
    def answered(self) -> int:
        """How many of them were answered properly."""
        return self.statuses["answered"]

    def misbehave(self, *what: str) -> None:
        """Say what happens to the next requests, one each."""
        with self._lock:
            self._next.extend(what)

    def misbehave_every(self, n: int, what: str) -> None:
        """Say what happens to every n-th request."""
        with self._lock:
            self._every[n] = what

    def reset(self) -> None:
        """Forget all counts, and how to misbehave."""
        with self._lock:
            self.bodies.clear()
            self.keys.clear()
            self.statuses.clear()
            self._next.clear()
            self._every.clear()

    def stats(self) -> dict[str, Any]:
        """The counts: ``{"requests": 3, "answered": 2, "statuses": {"429:0": 1, "answered": 2}, …}``."""
        with self._lock:
            return {
                "requests": len(self.bodies),
                "answered": self.statuses["answered"],
                "statuses": dict(self.statuses),
                "most_in_flight": self.most_in_flight,
            }

    # --- for the handler ----------------------------------------------------------------------------------

    def script(self, value: dict[str, Any]) -> None:
        """``POST /script``."""
        self.misbehave(*value.get("next", []))
        for n, what in value.get("every", {}).items():
            self.misbehave_every(int(n), what)
        self.delay = float(value.get("delay", self.delay))

    def begin(self, body: dict[str, Any], key: str | None) -> str:
        """Count a request; gives what happens to it, "" for nothing out of the ordinary."""
        with self._lock:
            self.bodies.append(body)
            self.keys.append(key)
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            if self._next:
                return self._next.popleft()
            return next((what for n, what in self._every.items() if len(self.bodies) % n == 0), "")

    def take_time(self, more: float) -> None:
        """Take as long as an answer takes, and so many seconds more; not beyond the server's end."""
        if self.delay + more:
            self._ended.wait(self.delay + more)

    def end(self, status: str) -> None:
        """Count what came of a request, right before it is sent."""
        with self._lock:
            self.in_flight -= 1
            self.statuses[status] += 1

    def completion(self, body: dict[str, Any]) -> dict[str, Any]:
        """A chat completion; tokens are words."""
        text = self.rule(body)
        asked = sum(len(text_of(message).split()) for message in body["messages"])
        answered = len(text.split())
        return {
            "id": f"chatcmpl-{len(self.bodies)}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": f"{body['model']}-2026-01-01",
            "choices": [
                {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
            ],
            "usage": {
                "prompt_tokens": asked,
                "completion_tokens": answered,
                "total_tokens": asked + answered,
            },
        }


class _Server(ThreadingHTTPServer):
    chat: ChatServer
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *arguments: Any) -> None:
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(*arguments)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._guard:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def cut_all(self) -> None:
        """End the connections that clients keep, and wait until nobody serves them."""
        for _ in range(500):
            with self._guard:
                left = list(self._open)
            if not left:
                return
            for connection in left:
                _cut(connection)
            time.sleep(0.01)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients leave when they like."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together
    server: _Server

    def do_GET(self) -> None:
        if self.path == "/stats":
            self._send(200, self.server.chat.stats())
        else:
            self._send(404, {"error": {"message": "there is nothing here"}})

    def do_POST(self) -> None:
        chat, data = self.server.chat, self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/script":
            chat.script(json.loads(data))
            self._send(200, chat.stats())
        elif self.path == "/reset":
            chat.reset()
            self._send(200, chat.stats())
        elif self.path == "/v1/chat/completions":
            self._complete(chat, json.loads(data))
        else:
            self._send(404, {"error": {"message": "there is nothing here"}})

    def _complete(self, chat: ChatServer, body: dict[str, Any]) -> None:
        what = chat.begin(body, self.headers.get("Authorization"))
        kind, _, detail = what.partition(":")
        chat.take_time(float(detail) if kind == "slow" else 0)
        if kind.isdigit():
            chat.end(what)
            self._send(int(kind), _error(int(kind), detail), _headers(int(kind), detail))
            return
        whole = json.dumps(chat.completion(body)).encode()
        if kind in ("cut", "drop"):
            chat.end(what)
            if kind == "cut":
                self._send(200, whole[: len(whole) // 2], length=len(whole))
            _cut(self.connection)
            self.close_connection = True
        elif kind == "malformed":
            chat.end(what)
            self._send(200, whole[:-20])
        elif kind == "empty":
            chat.end(what)
            self._send(200, {"choices": []})
        else:
            chat.end("answered")
            self._send(200, whole)

    def _send(
        self,
        status: int,
        value: dict[str, Any] | bytes,
        headers: dict[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data) if length is None else length))
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Tests ask for the counts instead."""


def _error(status: int, detail: str) -> dict[str, Any]:
    text = detail if status != 429 and detail else f"this is error {status}"
    code = "rate_limit_exceeded" if status == 429 else None
    if detail == "quota":
        code = "insufficient_quota"
    return {"error": {"message": text, "type": "error", "param": None, "code": code}}


def _headers(status: int, detail: str) -> dict[str, str]:
    if status != 429 or not detail or detail == "quota":
        return {}
    form, _, seconds = detail.rpartition(":")
    if form == "ms":
        return {"retry-after-ms": seconds}
    return {
        "Retry-After": formatdate(time.time() + float(seconds), usegmt=True) if form == "date" else seconds
    }


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the client was first
        connection.shutdown(socket.SHUT_RDWR)


def main(port_file: str) -> None:
    """Serve until killed."""
    with ChatServer() as server:
        made = Path(f"{port_file}.tmp")
        made.write_text(str(server.port))
        os.replace(made, port_file)
        threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1])
