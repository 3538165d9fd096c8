"""The context of every command: the folder, the repository on demand, and its output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from promptvc.cli.output import Output

if TYPE_CHECKING:
    from promptvc.repo import Repo, Surroundings
    from promptvc.runs.trust import Standing

_Command = TypeVar("_Command", bound=Callable[..., Any])


class App:
    """The options before the command's name, and what they determine."""

    def __init__(self) -> None:
        self.folder = Path()
        self.color: bool | None = None
        self.pager, self.json = True, False

    @cached_property
    def out(self) -> Output:
        """The command's output."""
        return Output(json=self.json, color=self.color, pager=self.pager)

    @cached_property
    def surroundings(self) -> Surroundings:
        """The environment, read once."""
        import msgspec  # --help and --version need none of these

        from promptvc.surroundings import surroundings

        found = surroundings()
        return msgspec.structs.replace(
            found,
            notice=lambda text: self.out.note(f"note: {text}"),
            confirm=self._confirm if found.interactive else None,
        )

    def _confirm(self, asking: Sequence[Standing]) -> bool:
        """Ask whether code from elsewhere may run."""
        self.out.note("Code that came from elsewhere would run:")
        for each in asking:
            files = f"  ({', '.join(each.declaration.files)})" if each.declaration.files else ""
            self.out.note(f"  {each.declaration.shown}{files}: {each.why}")
        return click.confirm("Look at it first. Let it run, now and later?", default=False, err=True)

    @cached_property
    def repo(self) -> Repo:
        """The repository that contains the folder; raises `NotAStore`."""
        from promptvc.repo import Repo

        return Repo.open(self.folder, self.surroundings)

    def path(self, text: str) -> str:
        """A path as typed, relative to the user's folder -> relative to the project."""
        import os

        root = self.repo.root
        if root is None:
            return text
        full = os.path.normpath(Path(os.path.realpath(self.folder), text))
        relative = os.path.relpath(full, os.path.realpath(root))
        return "" if relative == "." else relative.replace(os.sep, "/")

    def paths(self, texts: tuple[str, ...]) -> list[str]:
        """`path` for each; raises `PathMissing` for a path outside the project."""
        from promptvc.errors import PathMissing

        made = [self.path(text) for text in texts]
        for text, path in zip(texts, made, strict=True):
            if path.startswith("../") or path == "..":
                raise PathMissing(f"{text} is outside the project {self.repo.root}")
        return made


def json_option(function: _Command) -> _Command:
    """Add ``--json``, which prints the same facts for programs."""

    def set_json(context: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            context.ensure_object(App).json = True

    option = click.option(
        "--json", is_flag=True, expose_value=False, callback=set_json, help="Print JSON, one value per line."
    )
    return option(function)


def pass_app(function: Callable[..., Any]) -> Callable[..., Any]:
    """Pass the `App` as the first argument."""

    @wraps(function)
    def with_app(*args: Any, **kwargs: Any) -> Any:
        return function(click.get_current_context().ensure_object(App), *args, **kwargs)

    return with_app
