"""The provider ``python:package.module:function``: a function of the project or of an installed package.

    def answer(messages, model, params):            # messages: [{"role": "user", "content": "…"}, …]
        return "Berlin"                             # or a dict, see promptvc.runs.providers.answer.read_answer

It may be async, and may also take ``tools``, ``response_format`` and ``sample_index`` by name. With several jobs it is
called from several threads at once, so it must protect what it shares between calls; async functions all run in
one event loop, in a separate thread.
"""

from __future__ import annotations

import asyncio
import copy
import importlib
import inspect
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from functools import reduce
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from promptvc.content.json_type import LooseJson as Json
from promptvc.content.runs.request import Calling, Request
from promptvc.errors import ConfigInvalid, PromptvcError
from promptvc.runs.providers.answer import Answer, CallFailed, read_answer, reason_of

OPTIONAL = ("tools", "response_format", "sample_index")
"""Passed to a function by name if it takes them."""

_importing = Lock()  # sys.path belongs to the whole process


class PythonProvider:
    """Calls a function for every request. ``name`` is its name in errors."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self._function, self._name = function, name
        self._optional = _taken(function)
        self._loop = _Loop()
        self._closed = False

    def call(self, calling: Calling, request: Request) -> Answer:
        """Ask once; whatever the function raises becomes `CallFailed` and is not retried."""
        if self._closed:
            raise CallFailed(f"{self._name} is closed")
        return read_answer(self._ask(calling, request), self._name)

    def close(self) -> None:
        """Cancel running async calls. Others cannot be stopped, and end by themselves."""
        self._closed = True
        self._loop.close()

    def _ask(self, calling: Calling, request: Request) -> Json:
        given = {
            "tools": calling.tools,
            "response_format": calling.response_format,
            "sample_index": request.sample_index,
        }
        named = {name: given[name] for name in self._optional}
        # A copy, so that a function that changes its arguments changes no other request.
        messages, params, named = copy.deepcopy((list(request.messages), dict(calling.params), named))
        try:
            found = self._function(messages, calling.model, params, **named)
            return self._loop.run(found) if inspect.isawaitable(found) else found
        except CallFailed:
            raise
        except CancelledError:
            raise CallFailed(f"{self._name} was interrupted") from None
        except (Exception, SystemExit) as error:
            raise CallFailed(reason_of(error)) from error


class _Loop:
    """An event loop in its own thread, started for the first awaitable."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._closed = False

    def run(self, awaitable: Awaitable[Any]) -> Any:
        """Wait for the result of an awaitable; raises `CancelledError` once closed."""
        with self._lock:
            if self._closed:
                raise CancelledError
            loop = self._loop or self._start()
            waiting = asyncio.run_coroutine_threadsafe(_await(awaitable), loop)
        return waiting.result()

    def close(self) -> None:
        """Cancel all tasks, and wait until the loop has ended."""
        with self._lock:
            self._closed = True
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def _start(self) -> asyncio.AbstractEventLoop:
        self._loop = loop = asyncio.new_event_loop()
        self._thread = Thread(target=_serve, args=(loop,), name="promptvc-async", daemon=True)
        self._thread.start()
        return loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _taken(function: Callable[..., Any]) -> tuple[str, ...]:
    """Which of the optional parameters a function takes."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some functions written in C have none
        return ()
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return OPTIONAL
    named = {
        name
        for name, each in parameters.items()
        if each.kind in (each.KEYWORD_ONLY, each.POSITIONAL_OR_KEYWORD)
    }
    return tuple(name for name in OPTIONAL if name in named)


# --- finding functions ------------------------------------------------------------------------------------


def load_function(target: str, root: Path) -> Callable[..., Any]:
    """The function that ``package.module:function`` names; raises `ConfigInvalid`, which says what is missing.

    Modules of the project ``root`` come before installed ones, but after the standard library. A module is imported
    once: later changes to it apply to the next process.
    """
    module_name, _, path = target.partition(":")
    if not module_name or not path:
        raise ConfigInvalid(
            f"python:{target} names no function", "python:package.module:function is the form"
        )
    module = _import(module_name, target, root)
    try:
        found: Any = reduce(getattr, path.split("."), module)
    except AttributeError:
        near = get_close_matches(path, [name for name in vars(module) if not name.startswith("_")], 1)
        hint = f"did you mean python:{module_name}:{near[0]}?" if near else f"define it in {module.__file__}"
        raise ConfigInvalid(f"python:{target}: {module_name} has no {path}", hint) from None
    if not callable(found):
        raise ConfigInvalid(f"python:{target} is a {type(found).__name__}, not a function")
    made: Callable[..., Any] = found
    return made


def _import(name: str, target: str, root: Path) -> Any:
    with _importing, _first_on_path(root):
        _forget_namesake(name.partition(".")[0], root)
        try:
            return importlib.import_module(name)
        except PromptvcError:
            raise
        except ModuleNotFoundError as error:
            raise _not_found(error, name, target, root) from error
        except (Exception, SystemExit) as error:
            raise ConfigInvalid(
                f"python:{target}: importing {name} failed: {reason_of(error)}",
                f'python -c "import {name}" in {root} shows more',
            ) from error


@contextmanager
def guarded(root: Path | None, check: Callable[[str], None]) -> Iterator[None]:
    """A block that calls ``check(path)``, which may raise, before a file of the project ``root`` is imported."""
    guard = _Guard(root, check)
    sys.meta_path.insert(0, guard)
    try:
        yield
    finally:
        with suppress(ValueError):
            sys.meta_path.remove(guard)


class _Guard(MetaPathFinder):
    """Finds nothing itself: it only checks what would be found."""

    def __init__(self, root: Path | None, check: Callable[[str], None]) -> None:
        self._root, self._check = root, check

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> None:
        root, found = self._root, PathFinder.find_spec(name, path)
        if root is None or found is None:
            return
        for place in (found.origin, found.cached):
            if place and Path(place).is_relative_to(root) and Path(place).is_file():
                self._check(Path(place).relative_to(root).as_posix())


def _not_found(error: ModuleNotFoundError, name: str, target: str, root: Path) -> ConfigInvalid:
    missing = error.name or name
    if name == missing or name.startswith(f"{missing}."):
        place = root / f"{name.replace('.', '/')}.py"
        return ConfigInvalid(f"python:{target}: there is no module {missing}", f"{place} would be one")
    return ConfigInvalid(
        f"python:{target}: {name} imports {missing}, which is not there",
        "install it beside promptvc, in the same environment",
    )


@contextmanager
def _first_on_path(root: Path) -> Iterator[None]:
    place = str(root)
    sys.path.insert(0, place)
    importlib.invalidate_caches()  # the file may be younger than what the finder remembers of its folder
    try:
        yield
    finally:
        with suppress(ValueError):
            sys.path.remove(place)


def _forget_namesake(top: str, root: Path) -> None:
    """Drop an imported module of this name from another project, so that this project's is imported."""
    loaded = sys.modules.get(top)
    own = None if loaded is None or top in sys.stdlib_module_names else PathFinder.find_spec(top, [str(root)])
    if own is None or _places(own) == _places(getattr(loaded, "__spec__", None)):
        return
    for name in [name for name in sys.modules if name == top or name.startswith(f"{top}.")]:
        del sys.modules[name]


def _places(spec: Any) -> Any:
    if spec is None:
        return None
    return spec.origin or list(spec.submodule_search_locations or ())
