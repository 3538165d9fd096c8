"""The command group: imports commands when they are called, turns errors into one line and an exit code."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import click

from promptvc import __version__
from promptvc.cli.app import App

GROUPS: dict[str, dict[str, str]] = {
    "Start": {
        "init": "create a store beside your files",
        "clone": "copy a remote store and its files",
        "demo": "see what promptvc does, on sample data",
    },
    "Work": {
        "status": "what changed since the last commit",
        "diff": "what changed: rows, cells, words, lines",
        "commit": "record what changed",
        "restore": "restore files as they were",
    },
    "Look": {
        "log": "the commits, newest first",
        "show": "one commit, or one file at a revision",
        "cat": "a file as it was committed, byte for byte",
        "rows": "the rows of a table",
        "blame": "who last changed each line, row or cell",
    },
    "Branch": {
        "branch": "list, create, rename and delete branches",
        "switch": "switch to another branch",
        "tag": "list, create and delete tags",
        "merge": "merge another branch into this one, row by row",
        "resolve": "list what conflicts, and settle it",
        "cherry-pick": "apply a commit's changes to this branch",
        "revert": "undo a commit's changes with a new commit",
        "undo": "undo the last operation, or return to an earlier state",
    },
    "Share": {
        "remote": "list, add, change and remove remotes",
        "fetch": "fetch what is new from a remote",
        "pull": "fetch, and move the current branch forward",
        "push": "send branches and tags to a remote",
        "forget": "remove a row or a file from all history",
    },
    "Run": {
        "run": "make the outputs that are missing",
        "record": "import outputs that another tool made",
        "compare": "compare two versions of a run, row by row",
        "check": "gates for CI: what promptvc.toml asks of a run",
        "reproduce": "whether outputs follow from what is pinned",
    },
    "Keep": {
        "gc": "join packs and drop unneeded objects",
        "fsck": "check that everything is there and whole",
        "scan": "look for tokens and private keys",
        "config": "git's configuration, and the store's own",
    },
}
"""The commands by group, with their summaries, so that ``--help`` imports none of them."""


class LazyGroup(click.Group):
    """A group whose commands are modules ``promptvc.cli.GROUP.COMMAND``, imported only when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of the groups."""
        return [name for names in GROUPS.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        group = next(title.lower() for title, names in GROUPS.items() if cmd_name in names)
        module = importlib.import_module(f"promptvc.cli.{group}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As in click, with a suggestion for an unknown name."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], self.list_commands(ctx), 1)
            if near:
                raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?", ctx) from None
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands by group."""
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(8), purpose) for name, purpose in commands.items()])


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="promptvc", message="%(prog)s %(version)s")
@click.option("-C", "folder", metavar="PATH", default=".", help="Run as if started in PATH.")
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="When to use colour."
)
@click.option("--no-pager", is_flag=True, help="Never show long output through a pager.")
@click.pass_context
def cli(context: click.Context, folder: str, color: str, no_pager: bool) -> None:
    """Version prompts, example sets and model outputs together: commit, diff, branch, share."""
    app = context.ensure_object(App)
    app.folder = Path(folder)
    app.color = {"always": True, "never": False}.get(color)
    app.pager = not no_pager


def main(arguments: list[str] | None = None, *, interruptible: bool = False) -> None:
    """Run the command line and exit with its code.

    ``interruptible`` means that Ctrl-C has ended the process silently so far: now it raises `KeyboardInterrupt`, only
    where that is caught, and once; a second one ends the process at once.
    """
    from promptvc.cli.exit_codes import INTERRUPTED

    try:
        if interruptible:
            sys.unraisablehook = _unraisable
            signal.signal(signal.SIGINT, _interrupt)
        code = run(arguments)
        if interruptible:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)


def _interrupt(number: int, frame: object) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise KeyboardInterrupt


def _unraisable(event: sys.UnraisableHookArgs) -> None:
    """An interrupt that cannot be raised, in a destructor, ends the process as a second one does."""
    if event.exc_type is KeyboardInterrupt:
        signal.raise_signal(signal.SIGINT)
    else:
        sys.__unraisablehook__(event)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code. Never raises except for bugs under PROMPTVC_DEBUG."""
    from promptvc.cli.exit_codes import INTERRUPTED, USAGE

    gc.set_threshold(
        100_000, 20, 100
    )  # a short process with many small values: garbage collection would take longer
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # an ASCII terminal gets \u2192 for an arrow, not an error
            stream.reconfigure(errors="backslashreplace")
    try:
        result: Any = cli.main(args=arguments, prog_name="promptvc", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return USAGE
    except click.ClickException as error:
        return _show_click_error(error)
    except BrokenPipeError:
        return _reader_left()
    except SystemExit as left:  # click raises it if the reader of a pipe has gone; commands never do
        return _reader_left() if left.code == 1 else int(left.code or 0)
    except Exception as error:  # noqa: BLE001  # whatever goes wrong, the user sees one line
        return _show_error(error)


def _reader_left() -> int:
    """The reader of a pipe has gone. Redirect stdout, so that the flush at exit does not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0


def _show_click_error(error: click.ClickException) -> int:
    from promptvc.cli.exit_codes import USAGE
    from promptvc.cli.output import show_error

    context = getattr(error, "ctx", None)
    hint = f"{context.command_path} --help" if context is not None else "promptvc --help"
    show_error(error.format_message().replace("\n", " "), hint)
    return USAGE


def _show_error(error: Exception) -> int:
    from promptvc.cli.exit_codes import REFUSED, exit_code
    from promptvc.cli.hints import hint_of
    from promptvc.cli.output import show_error
    from promptvc.errors import PromptvcError

    if os.environ.get("PROMPTVC_DEBUG"):
        raise error
    if isinstance(error, PromptvcError):
        show_error(error.message, hint_of(error))
        return exit_code(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        show_error(
            f"{where}{error.strerror or error}", "check that the path can be read and written, and the disk"
        )
        return REFUSED
    if isinstance(error, MemoryError):
        show_error(
            "there is not enough memory for this", "a row, or a file that is not a table, must fit in memory"
        )
        return REFUSED
    text = " ".join(str(error).split()) or "no message"
    show_error(
        f"internal error: {type(error).__name__}: {text}", "PROMPTVC_DEBUG=1 shows where; please report it"
    )
    return REFUSED
