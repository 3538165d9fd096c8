"""Writes docs/cli.md: the help of every command, the exit codes, and the parts that are written by hand.

python docs/generate_cli.py            # writes docs/cli.md
python docs/generate_cli.py --print    # prints it; a test compares the two
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from promptvc.cli.exit_codes import DONE, INTERRUPTED, NEGATIVE, REFUSED, USAGE, table  # noqa: E402
from promptvc.cli.main import GROUPS, cli  # noqa: E402

WIDTH = 80
CODES = {
    DONE: "done",
    NEGATIVE: "a negative answer",
    USAGE: "the call is wrong",
    REFUSED: "refused, and nothing was changed",
    INTERRUPTED: "interrupted",
}


def page() -> str:
    """The whole page."""
    return "\n".join([*_head(), *_commands(), *_exit_codes(), (HERE / "cli-json.md").read_text("utf-8")])


def _head() -> Iterator[str]:
    yield "# Commands"
    yield ""
    yield "<!-- Written by docs/generate_cli.py from the program itself; the last part is docs/cli-json.md. -->"
    yield ""
    yield from _help(cli, "promptvc")


def _commands() -> Iterator[str]:
    for group, names in GROUPS.items():
        yield f"## {group}"
        yield ""
        for name in names:
            yield from _command(name)


def _command(name: str) -> Iterator[str]:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    yield f"### promptvc {name}"
    yield ""
    yield from _help(command, f"promptvc {name}")
    if isinstance(command, click.Group):
        for inner in sorted(command.commands):
            yield f"#### promptvc {name} {inner}"
            yield ""
            yield from _help(command.commands[inner], f"promptvc {name} {inner}")


def _help(command: click.Command, name: str) -> Iterator[str]:
    """What ``--help`` prints, at the width of this page wherever it is made."""
    settings = {"help_option_names": ["-h", "--help"], "terminal_width": WIDTH, "max_content_width": WIDTH}
    with click.Context(command, info_name=name, **settings) as context:
        text = command.get_help(context)
    yield "```text"
    yield from (line.rstrip() for line in text.splitlines())
    yield "```"
    yield ""


def _exit_codes() -> Iterator[str]:
    yield "## Exit codes"
    yield ""
    yield "| code | meaning |"
    yield "|---|---|"
    for code, meaning in CODES.items():
        yield f"| {code} | {meaning} |"
    yield ""
    yield "Every error has a kind, which does not change from release to release. In Python it is `error.kind`."
    yield ""
    yield "| kind | code | when |"
    yield "|---|---|---|"
    for kind, code, text in table():
        yield f"| `{kind}` | {code} | {text.replace('``', '`').replace('|', chr(92) + '|')} |"
    yield ""


def main() -> None:
    """Write the page, or print it."""
    text = page()
    if "--print" in sys.argv[1:]:
        sys.stdout.write(text)
    else:
        (HERE / "cli.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    os.environ.pop("COLUMNS", None)
    main()
