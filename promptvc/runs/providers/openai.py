"""The provider ``openai``: chat completions through the openai package, at any endpoint that supports them.

The address is the run's ``base_url``, else OPENAI_BASE_URL, else OpenAI's own; the key is OPENAI_API_KEY, which is
sent there and written nowhere. Format of requests and answers: https://platform.openai.com/docs/api-reference/chat.
"""

from __future__ import annotations

import inspect
import json
import math
import re
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from email.utils import mktime_tz, parsedate_tz
from functools import cached_property
from threading import Lock
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakSet

from promptvc.content.formats.base import Json
from promptvc.content.runs.request import Calling, Request
from promptvc.errors import ConfigInvalid, Refused
from promptvc.patterns import compiled
from promptvc.runs.providers.answer import Answer, CallFailed, one_line, reason_of

TIMEOUT = 600.0
"""Seconds without a byte after which a call fails."""
KEY, ADDRESS = "OPENAI_API_KEY", "OPENAI_BASE_URL"
NO_KEY = "none"
"""Sent to local servers that need no key."""
_LOOPBACK = compiled(
    r"https?://(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d+)?(/[^@\\]*)?", re.IGNORECASE
)
_NOT_OURS = (
    "messages",
    "model",
    "tools",
    "response_format",
    "extra_headers",
    "extra_query",
    "extra_body",
    "timeout",
)
_TRY_AGAIN = (408, 409, 425, 429)
"""Retried in addition to all from 500: timeout, conflict, too early, too many requests."""
_NEVER = ("insufficient_quota", "billing_hard_limit_reached")
"""Codes of a 429 for which waiting does not help."""


def is_loopback(address: str) -> bool:
    """Whether a URL can only lead to this machine; strict, since the key is sent there."""
    return _LOOPBACK.fullmatch(address) is not None


def open_openai(calling: Calling, environment: Mapping[str, str]) -> OpenAIProvider:
    """The provider, its settings checked; raises `ConfigInvalid`, and `Refused` without the package or a key."""
    _check_params(calling.params)
    address = calling.base_url or environment.get(ADDRESS) or None
    key = environment.get(KEY) or None
    if address is not None and not (
        urlsplit(address).scheme in ("http", "https") and urlsplit(address).hostname
    ):
        raise ConfigInvalid("the base_url is no http address", "http://127.0.0.1:8000/v1 is the form")
    if key is None and address is None:
        raise Refused(
            f"the environment has no {KEY}", f"export {KEY}=…, or set base_url to a server that needs none"
        )
    try:
        import openai
    except ImportError as error:
        raise Refused(
            "the provider openai needs the package openai", "pip install openai, in promptvc's environment"
        ) from error
    return OpenAIProvider(openai, address, key)


class OpenAIProvider:
    """Asks an endpoint for chat completions. All threads share one client and its connections."""

    def __init__(self, openai: Any, address: str | None, key: str | None) -> None:
        self._openai, self._key = openai, key
        self._where = (urlsplit(address).hostname if address else None) or "api.openai.com"
        self._connections = _Connections()
        local = address is not None and is_loopback(address)
        http = openai.DefaultHttpxClient(
            event_hooks={"request": [self._connections.watch]},
            trust_env=not local,  # a proxy from the environment leads elsewhere
        )
        try:
            # The runner does the retries: it reports them and makes all of its workers wait.
            self._client = openai.OpenAI(
                api_key=key or NO_KEY, base_url=address, max_retries=0, http_client=http
            )
        except Exception:
            http.close()
            raise
        self._closed = False

    def call(self, calling: Calling, request: Request) -> Answer:
        """Ask once; raises `CallFailed`, and `ConfigInvalid` for parameters that a run may not set."""
        if self._closed:
            raise CallFailed("the provider is closed")
        openai = self._openai
        try:
            done = self._client.chat.completions.with_raw_response.create(**self._arguments(calling, request))
            return _read(done.http_response.content)
        except openai.APIStatusError as error:
            raise self._failed(error.response, _said(error)) from None
        except openai.APIConnectionError as error:
            raise self._cut(error) from None
        except openai.OpenAIError as error:
            raise CallFailed(self._hide(reason_of(error))) from None

    def close(self) -> None:
        """Close the connections, including those on which threads wait."""
        self._closed = True
        self._connections.shut()
        self._client.close()

    def _arguments(self, calling: Calling, request: Request) -> dict[str, Any]:
        _check_params(calling.params)
        params = json.loads(
            json.dumps(dict(calling.params), default=str)
        )  # dates of TOML and YAML become texts
        known = {name: value for name, value in params.items() if name in self._known}
        others = {name: value for name, value in params.items() if name not in self._known}
        made = {"messages": [dict(each) for each in request.messages], "model": calling.model, **known}
        if calling.tools is not None:
            made["tools"] = calling.tools
        if calling.response_format is not None:
            made["response_format"] = calling.response_format
        if others:
            made["extra_body"] = others
        return made | {"timeout": self._timeout}

    @cached_property
    def _known(self) -> frozenset[str]:
        """The parameters that the package knows; others go into the body unchanged."""
        return frozenset(inspect.signature(self._client.chat.completions.create).parameters)

    @cached_property
    def _timeout(self) -> Any:
        return self._openai.Timeout(TIMEOUT, connect=20.0)

    # --- failures -----------------------------------------------------------------------------------------

    def _failed(self, response: Any, said: tuple[str, str]) -> CallFailed:
        status, (text, code) = response.status_code, said
        retry = (status in _TRY_AGAIN or status >= 500) and code not in _NEVER
        hint = response.headers.get("x-should-retry")  # openai's own servers know better
        if hint in ("true", "false"):
            retry = hint == "true"
        message = f"{self._where} answered {status}{': ' if text else ''}{text}"
        return CallFailed(self._hide(message), retry, retry_after(response.headers) if retry else None)

    def _cut(self, error: Exception) -> CallFailed:
        if self._closed:
            return CallFailed("interrupted")
        if isinstance(error, self._openai.APITimeoutError):
            return CallFailed(f"{self._where} did not answer in time", retry=True)
        why = one_line(error.__cause__ or error)
        return CallFailed(self._hide(f"no answer from {self._where}: {why}"), retry=True)

    def _hide(self, message: str) -> str:
        """A message without the key, which servers tend to repeat."""
        return message.replace(self._key, "***") if self._key else message


class _Connections:
    """The open connections, so that threads waiting on one can be woken: closing a socket does not wake its reader."""

    def __init__(self) -> None:
        self._streams: WeakSet[Any] = WeakSet()
        self._lock = Lock()
        self._shut = False

    def watch(self, request: Any) -> None:
        """Hook of the HTTP client: track the connections that a request opens."""
        request.extensions = {**request.extensions, "trace": self._heard}

    def shut(self) -> None:
        """Close all connections, and any opened later."""
        with self._lock:
            self._shut = True
            streams = list(self._streams)
        for stream in streams:
            _break(stream)

    def _heard(self, event: str, info: Mapping[str, Any]) -> None:
        if not event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            return
        stream = info["return_value"]
        with self._lock:
            self._streams.add(stream)
            late = self._shut
        if late:
            _break(stream)


def _break(stream: Any) -> None:
    connection = stream.get_extra_info("socket")
    if connection is not None:
        with suppress(OSError):  # it may be closed already
            connection.shutdown(socket.SHUT_RDWR)


def _check_params(params: Mapping[str, Json]) -> None:
    if params.get("stream") or params.get("stream_options"):
        raise ConfigInvalid("answers cannot be streamed", "leave stream out of params")
    if params.get("n", 1) != 1:
        raise ConfigInvalid("n asks for several answers at once", "samples = 5 makes as many calls")
    strange = next((name for name in params if name in _NOT_OURS), None)
    if strange is not None:
        raise ConfigInvalid(f"{strange} cannot be one of the params", "leave it out of params")


# --- reading answers --------------------------------------------------------------------------------------


def _read(data: bytes) -> Answer:
    """Read a chat completion; raises `CallFailed`."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise CallFailed("the answer is not JSON", retry=True) from None  # a proxy's page, or cut off
    choice = _first(value, "choices")
    if choice is None:
        text, code = _error_in(value)
        retry = code.isdigit() and (int(code) in _TRY_AGAIN or int(code) >= 500)
        raise CallFailed(text or "the answer has no choices", retry)
    message, usage = _dict(choice.get("message")), _dict(value.get("usage"))
    content, calls = _text(message.get("content")), message.get("tool_calls")
    return Answer(
        output=_text(message.get("refusal")) if content is None else content,
        finish_reason=_text(choice.get("finish_reason")),
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        cost_usd=_number(usage.get("cost")),  # OpenRouter and others say what it cost, in US dollars
        response_model=_text(value.get("model")),
        tool_calls=calls if isinstance(calls, list) and calls else None,
    )


def _first(value: Json, name: str) -> dict[str, Json] | None:
    found = _dict(value).get(name)
    return found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else None


def _dict(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: Json) -> float | None:
    return (
        value
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        else None
    )


def _said(error: Any) -> tuple[str, str]:
    """(message, code) of the server's error."""
    found, code = _error_in(error.body)
    return found or one_line(_text(error.body) or error.response.text), code


def _error_in(body: Json) -> tuple[str, str]:
    """``{"error": {"message": "…", "code": "…"}}``, with or without the outer dict, and variants of other servers."""
    inner = _dict(body).get("error", body)
    if isinstance(inner, str):
        return inner if isinstance(body, dict) else "", ""
    found = _dict(inner)
    text = _text(found.get("message")) or _text(found.get("detail")) or ""
    return text, str(found.get("code") or found.get("type") or "")


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """The seconds a response asks to wait: ``retry-after-ms``, ``Retry-After`` in seconds or as a date (RFC 9110).

    ``now`` is in seconds since 1970; None if the response has nothing that can be read.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        with suppress(ValueError):
            found = float(headers.get(name, "")) / unit
            if math.isfinite(found):
                return max(0.0, found)
    date = parsedate_tz(headers.get("retry-after", ""))
    if date is None:
        return None
    with suppress(ValueError, OverflowError):
        return max(0.0, mktime_tz(date) - (time.time() if now is None else now))
    return None
