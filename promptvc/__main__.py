"""The program's start: ``promptvc``, or ``python -m promptvc``.

From the first line of this module on an interrupt ends the process without a word, until `cli.main` catches it.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__" and sys.path[:1] == [os.getcwd()]:  # noqa: PTH109
    del sys.path[
        0
    ]  # that of -m: nothing of the project is to be imported unasked, and its signal.py not at all

import signal

_OURS = signal.getsignal(signal.SIGINT) is signal.default_int_handler
if _OURS:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def main() -> None:
    """Run the command line."""
    from promptvc.cli.main import main as run

    run(interruptible=_OURS)


if __name__ == "__main__":
    main()
