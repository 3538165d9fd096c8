"""A progress bar on stderr, if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Bar(Protocol):
    """Shows the progress of a task."""

    def update(self, done: int, total: int | None = None, label: str | None = None) -> None:
        """Report what is done, out of a total (None: unknown)."""


class _Silent:
    def update(self, done: int, total: int | None = None, label: str | None = None) -> None:
        """Show nothing."""


class _Rich:
    def __init__(self, label: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self.view = Progress(*columns, console=Console(stderr=True), transient=True)
        self._label = label
        self._task = self.view.add_task(label, total=None)

    def update(self, done: int, total: int | None = None, label: str | None = None) -> None:
        """Report what is done, out of a total (None: unknown)."""
        if not self.view.live.is_started:
            self.view.start()
        self.view.update(self._task, completed=done, total=total, description=label or self._label)


@contextmanager
def progress(label: str, *, at_once: bool = True) -> Iterator[Bar]:
    """Show a bar during a long task, at once or from the first update; nothing in a pipe."""
    if not sys.stderr.isatty():
        yield _Silent()
        return
    bar = _Rich(label)  # rich takes 60 ms to import, so only when the bar is shown
    try:
        if at_once:
            bar.view.start()
        yield bar
    finally:
        bar.view.stop()
