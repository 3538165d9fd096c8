"""``promptvc demo``: a tour of promptvc on sample data in a temporary project."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from code import InteractiveInterpreter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

import click

from promptvc.cli.app import App, pass_app
from promptvc.cli.main import run
from promptvc.repo import make_store

PYTHON = (
    "import promptvc",
    'repo = promptvc.open("../support.git")',
    'snap = repo.snapshot("main")',
    "snap",
    'snap.prompt("prompts/support.md").variables',
    'tickets = snap.table("examples/tickets.jsonl")',
    'tickets["t-0004"]["expected"]',
    "[change.path for change in repo.diff('main~1', 'main')]",
)
_LAST = '{"id": "t-0024", "input": "test test", "expected": "?", "slice": "junk", "tags": []}'
_NEW = '{"id": "t-0025", "input": "Can I get half of it back?", "expected": "refund", "slice": "billing", "tags": []}'

_RUN = """
[runs.triage]
prompt   = "prompts/triage.prompt"
examples = "examples/tickets.jsonl"
provider = "python:rule_based_model:answer"
model    = "rule-based"
inputs   = { ticket = "input" }
scorers  = ["exact:expected"]
slices   = ["slice"]
price    = { input = 0.25, output = 2.0 }
"""


@click.command("demo")
@click.option("--keep", is_flag=True, help="Keep the project afterwards, and print where it is.")
@pass_app
def command(app: App, keep: bool) -> None:
    """Show what promptvc does, on sample data in a temporary project. Nothing else is changed."""
    folder = Path(tempfile.mkdtemp(prefix="promptvc-demo-"))
    try:
        with _somebody(), _inside(folder):
            Demo(app, folder).run()
        if keep:
            app.out.text()
            app.out.text(f"The project is in {folder}")
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


class Demo:
    """The steps of the demo; each command is shown and then run."""

    def __init__(self, app: App, folder: Path) -> None:
        self._app, self._folder = app, folder
        self._project = folder / "support-bot"

    def run(self) -> None:
        """Commit, edit, diff, branch, run, compare, push, clone, read."""
        self._say("A support bot: two prompts, and 24 tickets that it must get right.")
        with as_file(files("promptvc.samples") / "support") as samples:
            shutil.copytree(samples, self._project, ignore=shutil.ignore_patterns("__pycache__"))
        os.chdir(self._project)
        self._do("init", "--no-ignore")
        self._do("status")
        self._do("commit", "-m", "Baseline")
        self._say("Somebody makes the tone calmer, and fixes the examples.")
        self._edit()
        self._do("diff")
        self._do("commit", "-m", "Calmer tone; partial refunds")
        self._say("An experiment gets a branch of its own.")
        self._do("switch", "-c", "terse")
        self._replace(
            "prompts/support.md", "If you are not sure, say so and", "Use two sentences. If unsure,"
        )
        self._do("commit", "-m", "Two sentences at most")
        self._do("switch", "main")
        self._do("diff", "--stat", "main", "terse")
        self._outputs()
        self._say("Any git repository is a remote: here a bare one in a folder beside it.")
        self._remote()
        self._do("remote", "add", "origin", "../support.git")
        self._do("push", "-u", "origin", "main", "terse")
        self._do("clone", "../support.git", "../colleague")
        self._do("log", "--graph", "--all")
        self._say("And from Python, without your own clone:")
        self._python()

    def _outputs(self) -> None:
        """Runs of a rule-based model: requests, known answers, and the effect of a prompt edit."""
        self._say(
            "A model answers the tickets: here a rule-based one, a few lines of Python (rule_based_model.py)."
        )
        model = files("promptvc.samples") / "rule_based_model.py"
        (self._project / "rule_based_model.py").write_text(model.read_text("utf-8"), encoding="utf-8")
        with (self._project / "promptvc.toml").open("a", encoding="utf-8") as settings:
            settings.write(_RUN)
        self._do("run", "triage", "--dry-run")
        self._do("run", "triage")
        self._do("commit", "-m", "Outputs of triage")
        self._say("Somebody adds what a refund is. Known answers are never asked for again.")
        self._replace(
            "prompts/triage.prompt",
            "Answer with the word",
            "Money that should come back is a refund. Answer with the word",
        )
        self._do("status")
        self._do("run", "triage")
        self._do("commit", "-m", "Say what a refund is")
        self._do("compare", "HEAD~1", "HEAD", "triage")
        self._do("run", "triage")
        self._say("And the recorded outputs follow from their inputs, row by row, without a call:")
        self._do("reproduce", "HEAD~1", "triage")

    def _edit(self) -> None:
        tickets = "examples/tickets.jsonl"
        self._replace("prompts/support.md", "in a friendly tone", "in a calm, brief tone")
        self._replace(
            "prompts/support.md", "Never promise a refund.", "Never promise a refund above {{ limit }} EUR."
        )
        self._replace("prompts/support.md", "temperature: 0.7", "temperature: 0.2")
        self._replace(tickets, 'still there.", "expected": "billing"', 'still there.", "expected": "refund"')
        self._replace(tickets, "charged twice for March", "charged twice for April")
        self._replace(tickets, _LAST, _NEW)

    def _replace(self, name: str, before: str, after: str) -> None:
        path = self._project / name
        text = path.read_text(encoding="utf-8")
        assert before in text, before
        path.write_text(text.replace(before, after), encoding="utf-8")

    def _do(self, *words: str) -> None:
        """Show a command, and run it."""
        click.echo()
        click.echo(click.style(f"$ promptvc {shlex.join(words)}", bold=True), color=self._app.out.color)
        sys.stdout.flush()
        color = "always" if self._app.out.color else "never"
        code = run(["--no-pager", "--color", color, *words])
        if code != 0:
            raise click.ClickException(f"promptvc {shlex.join(words)} ended with exit code {code}")

    def _remote(self) -> None:
        """An empty bare repository, as ``git init --bare`` makes it."""
        make_store(self._folder / "support.git")

    def _python(self) -> None:
        interpreter = InteractiveInterpreter({})
        click.echo()
        for line in PYTHON:
            click.echo(click.style(f">>> {line}", bold=True), color=self._app.out.color)
            sys.stdout.flush()
            interpreter.runsource(line)

    def _say(self, text: str) -> None:
        click.echo()
        click.echo(click.style(f"# {text}", fg="cyan"), color=self._app.out.color)


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Leave the folder afterwards, so that it can be removed."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def _somebody() -> Iterator[None]:
    """Commit with a default author if git has none configured; keep clones out of the user's cache."""
    before = dict(os.environ)
    for who in ("AUTHOR", "COMMITTER"):
        os.environ.setdefault(f"GIT_{who}_NAME", "you")
        os.environ.setdefault(f"GIT_{who}_EMAIL", "you@example.com")
    os.environ["PROMPTVC_CACHE"] = str(Path.cwd() / ".cache")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
