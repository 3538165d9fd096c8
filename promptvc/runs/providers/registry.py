"""Providers: who answers requests, and which one a run's configuration means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from promptvc.content.runs.request import Calling, Request
from promptvc.errors import ConfigInvalid
from promptvc.runs.providers.answer import Answer, CallFailed
from promptvc.runs.providers.command import CommandProvider
from promptvc.runs.providers.openai import open_openai
from promptvc.runs.providers.python import PythonProvider, load_function

__all__ = ["PROVIDERS", "Answer", "CallFailed", "Provider", "ProviderKind", "provider_of", "runs_code"]


class Provider(Protocol):
    """Answers requests. Several threads may call at the same time."""

    def call(self, calling: Calling, request: Request) -> Answer:
        """Ask once, and wait for the answer; raises `CallFailed`. The caller retries.

        A configuration error that shows only here raises `ConfigInvalid`: every other call would fail too.
        """

    def close(self) -> None:
        """End running calls, which then raise `CallFailed`, and free all resources.

        May be called from any thread, and more than once. No call is made afterwards.
        """


Open = Callable[[Calling, Path, Mapping[str, str]], Provider]
"""Makes a provider from a declaration, the project's folder, and the environment."""


class ProviderKind(Struct, frozen=True):
    """A kind of provider: its syntax, whether it runs code that the configuration names, and its factory.

    ``open`` raises `ConfigInvalid` or `Refused` for what cannot work: a missing function, program or key.
    """

    usage: str
    runs_code: bool
    open: Open


def provider_of(calling: Calling, root: Path, environment: Mapping[str, str]) -> Provider:
    """The provider that a run names by kind and the text after the colon, ready to be called; makes no request.

    Raises `ConfigInvalid` for a kind that is not in `PROVIDERS`, and what `ProviderKind.open` raises. The caller checks
    first whether the named code may run (`promptvc.runs.trust`).
    """
    kind = PROVIDERS.get(_kind_of(calling.provider))
    if kind is None:
        *most, last = [each.usage for each in PROVIDERS.values()]
        hint = f"it is {', '.join(most)} or {last}"
        raise ConfigInvalid(f"there is no provider {calling.provider!r}", hint)
    return kind.open(calling, root, environment)


def runs_code(provider: str) -> bool:
    """Whether calling a provider runs code that its declaration names; an unknown one is assumed to."""
    kind = PROVIDERS.get(_kind_of(provider))
    return kind is None or kind.runs_code


def _kind_of(provider: str) -> str:
    return provider.partition(":")[0]


def _rest_of(provider: str) -> str:
    return provider.partition(":")[2]


# --- the kinds, each imported when it is opened: start-up is counted in milliseconds ----------------------------


def _open_openai(calling: Calling, root: Path, environment: Mapping[str, str]) -> Provider:
    """``openai``, and ``openai:NAME`` to distinguish services: any endpoint that supports chat completions."""
    return open_openai(calling, environment)


def _open_python(calling: Calling, root: Path, environment: Mapping[str, str]) -> Provider:
    """A function of the project or of an installed package."""
    return PythonProvider(load_function(_rest_of(calling.provider), root), calling.provider)


def _open_command(calling: Calling, root: Path, environment: Mapping[str, str]) -> Provider:
    """A program, run in the project's folder with this environment."""
    return CommandProvider(_rest_of(calling.provider), root, environment)


PROVIDERS = {
    "openai": ProviderKind("openai", False, _open_openai),
    "python": ProviderKind("python:package.module:function", True, _open_python),
    "command": ProviderKind("command:./program", True, _open_command),
}
