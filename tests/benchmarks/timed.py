"""Runs one command and writes what it cost, as JSON.

    python timed.py REPORT COMMAND [ARGUMENT]...

A program's peak memory counts from that of the process it was forked from, so it is started here, from a small one, and
not from the tests. The time is that of the command alone.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def main(report: str, *command: str) -> int:
    began = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ)
    _, status, used = os.wait4(process, 0)
    wall = time.perf_counter() - began
    cost = {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss << 10}
    Path(report).write_text(json.dumps(cost))
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
