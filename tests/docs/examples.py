"""The examples of a page: found, run in one session from top to bottom, compared or written anew.

A ``console`` block holds ``$ command`` lines (``> `` continues one) and what they print. A ``python`` block holds
``>>>`` examples and what they print, or plain code, which must run. Both work in one project, from top to bottom.
A line ``…`` in expected output stands for any lines. ``<!-- not run: why -->`` above a block lets it be.

    python -m tests.docs.examples README.md docs/*.md      # write the real output into these pages
"""

from __future__ import annotations

import atexit
import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
CLOCK_START = 1_793_610_000  # 2026-11-02 10:00 +0100; each command is a minute later than the one before
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NOT_RUN = re.compile(r"<!-- not run: [^\n]+ -->\n\s*\Z")
_MARK = "\x01end of step\x01"
_SESSION = "set +o history; shopt -s expand_aliases 2>/dev/null; PS1= PS2="

# What differs from run to run, or from one version of a compressor to the next, and how it is shown instead.
_VARYING: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"in \d+\.\d\d s\b"), "in 0.04 s"),
    (re.compile(r"(objects, )[\d.]+ [KM]?B"), r"\g<1>4.2 KB"),
    (
        re.compile(r"^(  latency +)(not known)?.*$", re.MULTILINE),
        lambda line: f"{line[1]}not known → median 0.1 ms" if line[2] else f"{line[1]}median 0.1 ms → 0.1 ms",
    ),
    (re.compile(r"(latency_ms +)[\d.]+"), r"\g<1>0.1"),
    (re.compile(r"( dropped, )[\d.]+ [KM]?B → [\d.]+ [KM]?B"), r"\g<1>9.1 KB → 6.3 KB"),
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, its text, and where the text begins and ends in the page."""

    language: str
    text: str
    start: int
    end: int
    line: int
    run: bool


@dataclass(frozen=True)
class Step:
    """A command or a statement, and what it should print."""

    source: str
    expected: str
    line: int


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [
        Block(
            match[1],
            match[2],
            match.start(2),
            match.end(2),
            page.count("\n", 0, match.start(2)) + 1,
            _NOT_RUN.search(page[: match.start()]) is None,
        )
        for match in _FENCE.finditer(page)
    ]


def console_steps(block: Block) -> list[Step]:
    """``$ `` lines with the lines that follow each."""
    steps: list[Step] = []
    source: list[str] = []
    expected: list[str] = []
    line = block.line

    def flush() -> None:
        if source:
            steps.append(Step("\n".join(source), "".join(expected), line))

    for number, text in enumerate(block.text.splitlines(keepends=True)):
        if text.startswith("$ "):
            flush()
            source, expected, line = [text[2:].rstrip("\n")], [], block.line + number
        elif text.startswith("> ") and not expected:
            source.append(text[2:].rstrip("\n"))
        else:
            expected.append(text)
    flush()
    return steps


@cache
def compiled_folder() -> str:
    """Where all sessions of this run keep compiled modules: not in the checkout, and not made anew by each command."""
    folder = tempfile.TemporaryDirectory(prefix="compiled-")
    atexit.register(folder.cleanup)
    return folder.name


@dataclass
class Session:
    """One page's project: a shell and an interpreter side by side, in a home folder of their own."""

    folder: Path
    shell: subprocess.Popen[str] = field(init=False)
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})

    def __post_init__(self) -> None:
        self.home = self.folder / "home" / "you"
        self.checkout = self.folder / "home" / "you" / "promptvc"
        self.checkout.mkdir(parents=True)
        for name in ("promptvc", "fixtures"):  # as in a checkout: the samples and the golden repository
            (self.checkout / name).symlink_to(ROOT / name)
        self.clock = self.folder / "clock"
        self.clock.write_text(str(CLOCK_START))
        self._write_programs()
        self.shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            env=self.environment(),
            cwd=self.checkout,
        )
        self.run_shell(_SESSION)

    def environment(self) -> dict[str, str]:
        """What both see: an author, a fixed clock, no configuration of the user's own."""
        kept = {
            name: os.environ[name] for name in ("PATH", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ
        }
        return {
            **kept,
            "PATH": f"{self.folder / 'bin'}:{kept.get('PATH', '')}",
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
            "TZ": "Etc/GMT-1",
            "COLUMNS": "80",
            "PYTHONPYCACHEPREFIX": compiled_folder(),
            "PYTHONUNBUFFERED": "1",  # both streams in the order of a terminal
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "you",
            "GIT_AUTHOR_EMAIL": "you@example.com",
            "GIT_COMMITTER_NAME": "you",
            "GIT_COMMITTER_EMAIL": "you@example.com",
            "PROMPTVC_CACHE": str(self.home / ".cache/promptvc"),
        }

    def close(self) -> None:
        """End the shell."""
        assert self.shell.stdin is not None
        assert self.shell.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.shell.stdin.close()
        self.shell.stdout.close()
        self.shell.wait()

    def run_shell(self, source: str) -> str:
        """What a command prints, both streams, as a page shows it."""
        assert self.shell.stdin is not None
        assert self.shell.stdout is not None
        self.shell.stdin.write(f"{source}\n{{ _s=$?; printf '\\n{_MARK}\\n'; (exit $_s); }} 2>&1\n")
        self.shell.stdin.flush()
        lines: list[str] = []
        for line in self.shell.stdout:
            if line == f"{_MARK}\n":
                break
            lines.append(line)
        return self._shown("".join(lines).removesuffix("\n"))

    def run_python(self, source: str, *, example: bool = True) -> str:
        """What code prints, in the shell's folder; as an example, values of expressions and errors included."""
        folder = self._raw_line("pwd")
        out = io.StringIO()
        with _world(self.environment() | self._tick(), folder), contextlib.redirect_stdout(out):
            try:
                exec(compile(source, "<example>", "single" if example else "exec"), self.names)
            except Exception as error:
                if not example:
                    raise
                out.write(_as_shown(error))
        return self._shown(out.getvalue())

    def _raw_line(self, source: str) -> str:
        """The one line that a command prints, paths as they are."""
        assert self.shell.stdin is not None
        assert self.shell.stdout is not None
        self.shell.stdin.write(f"{source}\n")
        self.shell.stdin.flush()
        return self.shell.stdout.readline().rstrip("\n")

    def _tick(self) -> dict[str, str]:
        now = int(self.clock.read_text())
        self.clock.write_text(str(now + 60))
        return {"GIT_AUTHOR_DATE": f"{now} +0100", "GIT_COMMITTER_DATE": f"{now} +0100"}

    def _write_programs(self) -> None:
        """``promptvc`` as an installed one would run, each time a minute later; ``python`` that finds it."""
        (self.folder / "bin").mkdir()
        python = f'PYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} "$@"\n'
        self._write_program("python", python)
        clock = shlex.quote(str(self.clock))
        main = "from promptvc.cli.main import main; main()"
        self._write_program(
            "promptvc",
            f"now=$(cat {clock}); echo $((now + 60)) > {clock}\n"
            'export GIT_AUTHOR_DATE="$now +0100" GIT_COMMITTER_DATE="$now +0100"\n'
            f'set -- -c {shlex.quote(main)} "$@"\n{python}',
        )

    def _write_program(self, name: str, text: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{text}")
        path.chmod(0o755)

    def _shown(self, text: str) -> str:
        text = text.replace(str(self.folder.resolve()), "").replace(str(self.folder), "")
        for pattern, shown in _VARYING:
            text = pattern.sub(shown, text)
        return "".join(line.rstrip() + "\n" for line in text.splitlines())


def run_block(session: Session, block: Block) -> Iterator[tuple[Step, str]]:
    """The steps of a block and what each printed."""
    if block.language == "console":
        for step in console_steps(block):
            yield step, session.run_shell(step.source)
    elif block.text.startswith(">>> "):
        for example in doctest.DocTestParser().get_examples(block.text):
            yield (
                Step(example.source.rstrip("\n"), example.want, block.line + example.lineno),
                session.run_python(example.source),
            )
    else:
        yield Step(block.text, "", block.line), session.run_python(block.text, example=False)


@contextlib.contextmanager
def _world(environment: dict[str, str], folder: str) -> Iterator[None]:
    """Another environment and working folder, for a while."""
    before, there = dict(os.environ), Path.cwd()
    try:
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        yield
    finally:
        os.chdir(there)
        os.environ.clear()
        os.environ.update(before)


def _as_shown(error: Exception) -> str:
    """An error as an interpreter shows it, the way to it left out."""
    return "Traceback (most recent call last):\n  …\n" + "".join(traceback.format_exception_only(error))


def agrees(expected: str, found: str) -> bool:
    """Whether output is as the page says; a line ``…`` stands for any lines."""
    parts = [re.escape(part) for part in re.split(r"^…\n", expected, flags=re.MULTILINE)]
    return re.fullmatch(r"(?:.*\n)*?".join(parts), found) is not None


@contextlib.contextmanager
def session() -> Iterator[Session]:
    """A session in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="page-") as folder:
        made = Session(Path(folder))
        try:
            yield made
        finally:
            made.close()


def rewrite(page: str) -> str:
    """The page with the real output in it; an output that has ``…`` and still agrees stays as it is."""
    made, at = "", 0
    with session() as running:
        for block in blocks(page):
            if block.language not in ("console", "python") or not block.run:
                continue
            made += page[at : block.start]
            at = block.end
            if block.language == "python" and not block.text.startswith(">>> "):
                list(run_block(running, block))
                made += block.text
                continue
            for step, found in run_block(running, block):
                prompts = ("$ ", "> ") if block.language == "console" else (">>> ", "... ")
                first, *rest = step.source.splitlines()
                made += (
                    prompts[0]
                    + first
                    + "\n"
                    + "".join(f"{prompts[1]}{line}".rstrip() + "\n" for line in rest)
                )
                keep = re.search(r"^…$", step.expected, re.MULTILINE) and agrees(step.expected, found)
                made += step.expected if keep else found
    return made + page[at:]


def main() -> None:
    """Rewrite the pages named on the command line."""
    for name in sys.argv[1:]:
        path = Path(name)
        before = path.read_text(encoding="utf-8")
        after = rewrite(before)
        path.write_text(after, encoding="utf-8")
        print(f"{name}: {'written anew' if after != before else 'as it was'}")


if __name__ == "__main__":
    main()
