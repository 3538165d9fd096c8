"""Methods that keep the working files to themselves."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from promptvc.session.intent import Intents


class HasIntents(Protocol):
    """What works on working files."""

    @property
    def intents(self) -> Intents:
        """The intents of its store."""


_Worker = TypeVar("_Worker", bound=HasIntents)
_Given = ParamSpec("_Given")
_Made = TypeVar("_Made")


def exclusively(
    method: Callable[Concatenate[_Worker, _Given], _Made],
) -> Callable[Concatenate[_Worker, _Given], _Made]:
    """Let a method keep the working files to itself, from its first look at them to the end."""

    @wraps(method)
    def alone(self: _Worker, /, *args: _Given.args, **options: _Given.kwargs) -> _Made:
        with self.intents.exclusive():
            return method(self, *args, **options)

    return alone
