"""Every name that a command prints with --json stands in docs/cli-json.md, where that command is told of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from promptvc.cli.main import GROUPS
from tests.docs.examples import ROOT, Session, session

PAGE = (ROOT / "docs" / "cli-json.md").read_text(encoding="utf-8")
START = "cp -r promptvc/samples/support ~/json && cd ~/json && git init -q --bare ~/shared.git"
# Command, and the line of the table that tells of it.
STEPS = [
    ("init --json", "init"),
    ("commit --json -m Baseline", "commit"),
    ("remote add --json origin ~/shared.git", "remote"),
    ("remote --json", "remote"),
    ("push --json -u origin main", "push"),
    ("clone --json ~/shared.git ~/copy", "clone"),
    ("-C ~/copy commit --json --allow-empty -m More", "commit"),
    ("-C ~/copy push --json", "push"),
    ("pull --json", "pull"),
    ("fetch --json", "fetch"),
    ("show --json HEAD:prompts/support.md", "show REV:PATH"),
    ("show --json HEAD:examples/tickets.jsonl", "show REV:PATH"),
    ("show --json HEAD:prompts", "show REV:FOLDER"),
    ("switch --json -c side", "switch"),
    ("branch --json", "branch"),
    ("branch --json other", "branch"),
    ("branch --json -m other renamed", "branch"),
    ("branch --json -d renamed", "branch"),
    ("blame --json prompts/support.md", "blame"),
    ("blame --json examples/tickets.jsonl --key t-0001", "blame"),
    ("revert --json HEAD", "revert"),
    ("cherry-pick --json HEAD~1", "cherry-pick"),
    ("tag --json v1 -m text", "tag"),
    ("tag --json", "tag"),
    ("restore --json .", "restore"),
    ("undo --json", "undo"),
    ("undo --json --list", "undo"),
    ("scan --json", "scan"),
    ("forget --json examples/tickets.jsonl --key t-0007 --dry-run", "forget"),
    ("gc --json", "gc"),
    ("fsck --json", "fsck"),
    ("config --json user.name you", "config"),
]
RUNS_START = (
    "cp -r promptvc/samples/support ~/runs && promptvc init ~/runs > /dev/null && "
    "cp promptvc/samples/rule_based_model.py ~/runs && cd ~/runs && cat >> promptvc.toml <<'END'\n"
    "[runs.triage]\nprompt = 'prompts/triage.prompt'\nexamples = 'examples/tickets.jsonl'\n"
    "provider = 'python:rule_based_model:answer'\nmodel = 'rule-based'\ninputs = { ticket = 'input' }\n"
    "scorers = ['exact:expected']\nslices = ['slice']\n"
    "[checks.gold]\nrun = 'triage'\nmin = { exact = 0.99 }\nper_slice = ['slice']\nEND\n"
    "printf 'id,label\\nt-0001,refund\\n' > ../made.csv"
)
RUN_STEPS = [
    ("run --json", "run"),
    ("commit --json -m Outputs > /dev/null; sed -i 's/Answer with/No money. Answer with/' prompts/triage.prompt; "
     "promptvc run --dry-run --json", "run --dry-run"),
    ("run --json", "run"),
    ("compare --json", "compare"),
    ("compare --json --html page.html", "compare"),
    ("reproduce --json --call", "reproduce"),
    ("check --json", "check"),
    ("record by-hand --json --from ../made.csv --example-key id --output label --examples examples/tickets.jsonl",
     "record"),
    ("config trust --json --show", "config trust"),
    ("commit --json -m Refunds > /dev/null; promptvc switch -q -c side HEAD~1; touch examples/x; "
     "promptvc commit -m Side > /dev/null; promptvc merge --json main", "merge"),
    ("init ../clash > /dev/null; cd ../clash; mkdir -p prompts; echo One > prompts/a.md; "
     "promptvc commit -m 1 > /dev/null; "
     "promptvc switch -c side > /dev/null; echo Two > prompts/a.md; promptvc commit -m 2 > /dev/null; "
     "promptvc switch main > /dev/null; echo Three > prompts/a.md; promptvc commit -m 3 > /dev/null; "
     "promptvc merge side > /dev/null; promptvc resolve --json", "resolve"),
    ("resolve --json --take ours prompts/a.md", "resolve"),
]  # fmt: skip
LONG = ["status", "diff", "log", "show"]
PRINT_NO_JSON = {"cat", "demo"}
PRINT_ROWS = {"rows"}
ALLOWED = {"show REV:PATH": {"role", "content"}, "tag": {"deleted"}}


def test_every_command_has_its_json_documented() -> None:
    said = [word for step in (*STEPS, *RUN_STEPS) for word in (step[1].split()[0], *step[0].split())]
    commands = {name for names in GROUPS.values() for name in names}
    assert commands - PRINT_NO_JSON - PRINT_ROWS <= {*said, *LONG}


@pytest.fixture(scope="module")
def running() -> Iterator[Session]:
    with session() as made:
        made.run_shell(START)
        yield made


@pytest.fixture(scope="module")
def printed(running: Session) -> dict[str, str]:
    """What each command prints, run in their order whichever of the tests are run here."""
    return {command: running.run_shell(f"promptvc {command}") for command, _ in STEPS}


@pytest.mark.parametrize(("command", "row"), STEPS)
def test_names_in_json_are_documented(printed: dict[str, str], command: str, row: str) -> None:
    values = [json.loads(line) for line in printed[command].splitlines()]
    assert values or row in ("restore", "scan"), printed[command]
    told = _documented(row)
    if "as `fetch`" in told:
        told += re.findall(r"^\| `fetch` \| (.*) \|$", PAGE, re.MULTILINE)[0]
    names = set(re.findall(r"`(\w+)`", told)) | ALLOWED.get(row, set())
    for value in values:
        assert set(value) <= names, f"{row}: {sorted(set(value) - names)}"


@pytest.mark.usefixtures("printed")
@pytest.mark.parametrize("command", LONG)
def test_names_of_the_long_ones_are_documented(running: Session, command: str) -> None:
    running.run_shell(
        'sed -i s/friendly/calm/ prompts/support.md; sed -i \'s/t-0001"/&, "new": 1/; 2d\' examples/tickets.jsonl'
    )
    running.run_shell(
        "printf a > outputs.txt; printf 'a\\n' > examples/notes.txt; printf '\\0' > examples/x.bin"
    )
    if command == "show":
        running.run_shell(
            "promptvc commit -m Changed && chmod +x examples/notes.txt && promptvc commit -m Mode"
        )
    for line in running.run_shell(f"promptvc {command} --json").splitlines():
        for name in _names(json.loads(line)):
            assert re.search(rf"[`\"]{name}[`\"]", PAGE), f"{command}: {name}"


def test_names_of_runs_are_documented() -> None:
    with session() as made:
        made.run_shell(RUNS_START)
        for command, row in RUN_STEPS:
            lines = [
                line for line in made.run_shell(f"promptvc {command}").splitlines() if line.startswith("{")
            ]
            assert lines, command
            names = set(re.findall(r"`(\w+)`", _documented(row)))
            for line in lines:
                assert set(json.loads(line)) <= names, f"{row}: {sorted(set(json.loads(line)) - names)}"


def _documented(row: str) -> str:
    """What the table says of a command; some share a line."""
    cell = rf"(?:`[\w-]+` )*`{re.escape(row)}`(?: `[\w-]+`)*"
    [said] = re.findall(rf"^\| {cell} \| (.*) \|$", PAGE, re.MULTILINE)
    return str(said)


def _names(value: Any) -> Iterator[str]:
    """The names in a value, but for those that are the user's own: rows, keys, cells, settings."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            if name not in ("before", "after", "key", "cells", "absent", "settings", "fields"):
                yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)
