"""Small projects with a run, for tests: a rule-based model, tickets, and a prompt."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

from promptvc.api import init
from promptvc.repo import Repo

MODEL = """
calls = 0

def answer(messages, model, params):
    global calls
    calls += 1
    text = messages[-1]["content"]
    with open("calls.txt", "a") as log:
        log.write("x")
    if "fail" in text:
        raise ValueError("this one fails")
    words = text.split()
    return {"output": words[0] if words else "", "input_tokens": len(words), "output_tokens": 1, "model": "rules-1.0"}
"""
SETTINGS = """
[runs.mini]
prompt = "prompts/sort.md"
examples = "examples/tickets.jsonl"
provider = "python:rule_model:answer"
model = "rules"
inputs = { ticket = "input" }
scorers = ["exact:expected"]
slices = ["slice"]
"""
PROMPT = "system:\nSort the ticket.\n\nuser:\n{{ ticket }}\n"


def tickets(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"t-{n}",
            "input": f"word{n % 5} and more {n}",
            "expected": f"word{n % 4}",
            "slice": f"s{n % 3}",
        }
        for n in range(count)
    ]


class Project:
    """A project in a folder, with a repository that is opened anew for each step."""

    def __init__(self, root: Path, rows: list[dict[str, Any]], settings: str = SETTINGS) -> None:
        self.root = root
        init(root)  # what lay there before would ask before it runs
        (root / "rule_model.py").write_text(
            textwrap.dedent(MODEL).replace('"calls.txt"', repr(str(root / "calls.txt")))
        )
        self.write("promptvc.toml", settings)
        self.write("prompts/sort.md", PROMPT)
        self.write_rows(rows)
        with (root / ".promptvc" / "config").open("a") as config:
            config.write("[user]\n\tname = Tester\n\temail = tester@example.org\n")

    @property
    def repo(self) -> Repo:
        from promptvc.api import open as open_repo

        return open_repo(self.root)

    def write(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def write_rows(self, rows: list[dict[str, Any]], path: str = "examples/tickets.jsonl") -> None:
        self.write(path, "".join(json.dumps(row) + "\n" for row in rows))

    def rows(self, name: str = "mini") -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.root / f"outputs/{name}.jsonl").read_text().splitlines()]

    def record(self, name: str = "mini") -> dict[str, Any]:
        value: dict[str, Any] = json.loads((self.root / f"outputs/{name}.run.json").read_text())
        return value

    def calls(self) -> int:
        """How often the model was called so far."""
        log = self.root / "calls.txt"
        return len(log.read_text()) if log.exists() else 0

    def run(self, name: str = "mini", **options: Any) -> Any:
        return self.repo.runs.run(name, **options)

    def commit(self, message: str) -> str:
        return self.repo.commit(message).id
