"""Providers: who answers requests, and which of them a run's configuration means."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from promptvc.content.runs.request import Calling, Request
from promptvc.errors import ConfigInvalid
from promptvc.runs.providers.answer import Answer, CallFailed

__all__ = ["Answer", "CallFailed", "Provider", "provider_of"]


class Provider(Protocol):
    """Answers requests. Several threads may call at the same time."""

    def call(self, calling: Calling, request: Request) -> Answer:
        """Ask once, and wait for the answer; raises `CallFailed`. To ask again is the caller's business.

        A mistake of the configuration that shows only here raises `ConfigInvalid`: no other call would do better.
        """

    def close(self) -> None:
        """End the calls under way, which then raise `CallFailed`, and free what is held.

        May be called from any thread, and more than once. No call is made afterwards.
        """


def provider_of(calling: Calling, root: Path, environment: Mapping[str, str]) -> Provider:
    """The provider that a run names, ready to be called; nothing is asked yet.

    - ``python:package.module:function``, found in the project ``root`` or among what is installed;
    - ``command:./model.sh --fast``, run in ``root`` with this ``environment``;
    - ``openai``, and ``openai:NAME`` to tell services apart: any endpoint that speaks chat completions.

    Raises `ConfigInvalid` or `Refused` for what cannot work: no such function, program or key. Whether the code that
    is named may run is for the caller to ask beforehand (`promptvc.runs.trust`).
    """
    kind, _, rest = calling.provider.partition(":")
    if kind == "python":
        from promptvc.runs.providers.python import PythonProvider, load_function

        return PythonProvider(load_function(rest, root), calling.provider)
    if kind == "command":
        from promptvc.runs.providers.command import CommandProvider

        return CommandProvider(rest, root, environment)
    if kind == "openai":
        from promptvc.runs.providers.openai import open_openai

        return open_openai(calling, environment)
    raise ConfigInvalid(
        f"there is no provider {calling.provider!r}",
        "it is openai, python:package.module:function or command:./program",
    )
