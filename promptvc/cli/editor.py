"""The user's editor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from promptvc.cli.app import App


def edit_text(app: App, text: str, extension: str = ".txt") -> str | None:
    """Let the user edit a text, in git's editor; None if the file was not saved, or is empty."""
    environment = app.surroundings.environment
    editor = environment.get("GIT_EDITOR") or app.repo.parts.config.get("core.editor") or None
    return click.edit(text, editor=editor, extension=extension) or None
