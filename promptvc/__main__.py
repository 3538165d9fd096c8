"""The program's start: ``promptvc``, or ``python -m promptvc``."""

from __future__ import annotations

import signal


def main() -> None:
    """Run the command line; an interrupt while it is still being imported ends the process without a word."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from promptvc.cli.main import main as run

    if ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()
