"""Hints: the library names an advice, the command line has its words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import promptvc
from promptvc.cli.hints import HINTS, hint_of
from promptvc.cli.main import GROUPS
from promptvc.errors import Advice, Refused

ROOT = Path(promptvc.__file__).parent
COMMANDS = "|".join(name for names in GROUPS.values() for name in names)
SPEAKS_OF_COMMANDS = re.compile(rf"\bpromptvc ({COMMANDS})\b|(?:^|[\s(])--[a-z]{{2,}}")
ABOUT_OTHERS = re.compile(
    r"\bgit config\b|\binspect (log|eval)\b|\bpromptfoo eval\b|\A--git-dir=\Z| --abort\Z"
)
"""Commands of other programs, which the library may know, and the name of an operation in the log."""
FILES = {
    "__main__.py": "the program itself",
    "session/files/project.py": "the template of promptvc.toml is read by people",
    "runs/check/check.py": "what to do after a check is text of its report",
    "runs/check/reports.py": "the name of a report",
}


def library() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(("cli/", "samples/")):
            yield name, ast.parse(path.read_text())


def literals(tree: ast.Module) -> Iterator[str]:
    """Every text that is no docstring."""
    statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in statements:
            yield node.value


def test_every_advice_of_the_library_has_words_and_every_word_an_advice() -> None:
    used = {
        node.args[0].value
        for _, tree in library()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Advice"
        if isinstance(node.args[0], ast.Constant)
    }
    either = {"merge-open", "merge-resolved"}
    assert used | either == set(HINTS)


def test_the_words_of_an_advice_use_the_facts_that_it_is_given() -> None:
    given: dict[str, set[str]] = {name: {"step"} for name in ("merge-open", "merge-resolved")}
    for _, tree in library():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Advice":
                names = [part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)]
                for name in set(names) & set(HINTS):
                    given[name] = {str(fact.arg) for fact in node.keywords}
    for name, facts in given.items():
        said = hint_of(Refused("no", Advice(name, **dict.fromkeys(facts, "THIS"))))
        assert (said or "").count("THIS") >= len(facts), name
        assert "{{" not in (said or ""), name


def test_braces_of_a_revision_stand_in_the_words() -> None:
    said = hint_of(Refused("no", Advice("diverged")))
    assert said == "promptvc log --graph HEAD @{upstream} shows how"


def test_the_library_speaks_of_no_command() -> None:
    found = [
        f"{name}: {text}"
        for name, tree in library()
        if name not in FILES
        for text in literals(tree)
        if SPEAKS_OF_COMMANDS.search(text) and not ABOUT_OTHERS.search(text)
    ]
    assert not found, "\n".join(found)


def test_facts_stand_in_the_words() -> None:
    error = Refused("there is a merge", Advice("merge-open", step="revert"))
    assert error.hint is None
    assert hint_of(error) == "promptvc resolve lists them; promptvc revert --abort gives it up"


def test_a_hint_of_its_own_comes_first() -> None:
    error = Refused("no", Advice("fsck"))
    error.hint = "did you mean yes?"
    assert hint_of(error) == "did you mean yes?"


def test_what_is_left_to_settle_is_said_too() -> None:
    error = Refused("no", "free some space")
    error.unsettled = True
    assert hint_of(error) == "free some space; then promptvc status: it finishes or takes back what was begun"
