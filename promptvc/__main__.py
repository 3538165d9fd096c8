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
    _open_streams()
    if sys.argv[1:] == ["--version"]:  # most of its time would be the import of click
        from promptvc import __version__

        try:
            sys.stdout.write(f"promptvc {__version__}\n")
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the flush at exit must not fail again
        return
    from promptvc.cli.main import main as run

    try:
        run(interruptible=_OURS)
    except SystemExit as left:
        _end(left.code)
        raise


def _open_streams() -> None:
    """Where the process was started without a stream (``promptvc log >&-``), what is written there goes nowhere.

    It also keeps the stream's number from being given to a file of the store.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115  # to the end of the process


def _end(code: object) -> None:
    """End the process after all that is to be done at its end, if no thread is at work.

    Taking hundreds of modules apart, which Python does before it exits, would take a sixth of a short command's time.
    """
    import atexit
    import threading

    if not isinstance(code, int) or threading.active_count() > 1:
        return
    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:  # noqa: BLE001  # the usual end says what is wrong
        return
    os._exit(code)


if __name__ == "__main__":
    main()
