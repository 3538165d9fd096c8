"""The provider ``command:./model.sh --fast``: a program, run once per request.

It runs in the project's folder without a shell, reads one JSON object on stdin and writes its answer on stdout, as
a dict of `promptvc.runs.providers.answer.read_answer` or as plain text, without the last line end:

    {"messages": […], "model": "tiny-1", "params": {…}, "tools": null, "response_format": null, "sample_index": 0}

Exit code 75 (EX_TEMPFAIL of sysexits.h) means that the same request may succeed later, any other code but 0 that it
will not. The last line on stderr is the reason.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from promptvc.content.runs.request import Calling, Request
from promptvc.errors import ConfigInvalid
from promptvc.runs.providers.answer import ANSWERS, Answer, CallFailed, read_answer

TIMEOUT = 600.0
"""Seconds after which a program is stopped."""
TRY_AGAIN = 75
"""EX_TEMPFAIL."""


class CommandProvider:
    """Runs a program for every request; raises `ConfigInvalid` if the program does not exist."""

    def __init__(
        self, command: str, root: Path, environment: Mapping[str, str], timeout: float = TIMEOUT
    ) -> None:
        self._words = _find_program(command, root, environment)
        self._name = f"command:{command}"
        self._root, self._environment, self._timeout = root, dict(environment), timeout
        self._lock = Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def call(self, calling: Calling, request: Request) -> Answer:
        """Run the program once; raises `CallFailed`."""
        with self._started() as process:
            try:
                out, err = process.communicate(_question(calling, request), self._timeout)
            except subprocess.TimeoutExpired:
                raise CallFailed(f"{self._name} gave no answer in {self._timeout:g} s") from None
        if process.returncode:
            raise self._failed(process.returncode, err)
        return _read(out, self._name)

    def close(self) -> None:
        """Stop the running programs."""
        with self._lock:
            self._closed = True
            for process in self._running:
                _stop(process)

    @contextmanager
    def _started(self) -> Iterator[subprocess.Popen[bytes]]:
        """The running program; if it is still running at the end of the block, it is stopped with all its children."""
        process = self._start()
        try:
            yield process
        finally:
            _stop(process)
            for pipe in (process.stdin, process.stdout, process.stderr):
                with suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]  # all three are pipes
            with self._lock:
                self._running.discard(process)
            process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        with self._lock:
            if self._closed:
                raise CallFailed(f"{self._name} is closed")
            try:
                process = subprocess.Popen(
                    self._words,
                    cwd=self._root,
                    env=self._environment,
                    stdin=pipe,
                    stdout=pipe,
                    stderr=pipe,
                    start_new_session=True,  # its own group: stopped with all its children, and not by Ctrl-C
                )
            except OSError as error:
                raise CallFailed(f"{self._words[0]} cannot be started: {error.strerror}") from error
            self._running.add(process)
        return process

    def _failed(self, code: int, err: bytes) -> CallFailed:
        how = f"exit code {code}" if code > 0 else f"stopped by {_signal_name(-code)}"
        lines = err.decode(errors="replace").split("\n")
        why = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return CallFailed(f"{self._name}: {how}{': ' if why else ''}{why}", retry=code == TRY_AGAIN)


def _question(calling: Calling, request: Request) -> bytes:
    question = {
        "messages": list(request.messages),
        "model": calling.model,
        "params": dict(calling.params),
        "tools": calling.tools,
        "response_format": calling.response_format,
        "sample_index": request.sample_index,
    }
    return json.dumps(question, default=str).encode() + b"\n"  # default: dates and times of TOML and YAML


def _read(out: bytes, who: str) -> Answer:
    try:
        text = out.decode()
    except UnicodeDecodeError:
        raise CallFailed(f"{who} wrote what is not UTF-8") from None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and any(name in value for name in ANSWERS):
        return read_answer(value, who)
    return Answer(output=text.removesuffix("\n").removesuffix("\r"))


def _find_program(command: str, root: Path, environment: Mapping[str, str]) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ConfigInvalid(f"command:{command} cannot be read: {error}", "quote it as in a shell") from None
    if not words:
        raise ConfigInvalid("command: names no program", "command:./model.sh is the form")
    program = words[0]
    if "/" not in program:
        found = shutil.which(program, path=environment.get("PATH", os.defpath))
        if found is None:
            raise ConfigInvalid(
                f"command:{command}: there is no program {program}", "install it, or write ./ in front"
            )
        return [found, *words[1:]]
    place = root / program
    if not place.is_file():
        raise ConfigInvalid(f"command:{command}: there is no file {place}", "paths start at the project")
    if not os.access(place, os.X_OK):
        raise ConfigInvalid(f"command:{command}: {place} may not be executed", f"chmod +x {place}")
    return [str(place), *words[1:]]


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Kill the program's process group, unless it was waited for: its number may have been reused."""
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
