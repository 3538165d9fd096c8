"""Names near one that is not there."""

from __future__ import annotations

import pytest

from promptvc.content.text.near import did_you_mean, near_names

PATHS = [
    "examples/tickets.jsonl",
    "examples/old/tickets.csv",
    "prompts/classify.md",
    "prompts/Triage.prompt.md",
]


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("classify", ["prompts/classify.md"]),
        ("classify.md", ["prompts/classify.md"]),
        ("prompts/classify", ["prompts/classify.md"]),
        ("prompts/clasify.md", ["prompts/classify.md"]),
        ("promts/classify.md", ["prompts/classify.md"]),
        ("clasify", ["prompts/classify.md"]),
        ("triage", ["prompts/Triage.prompt.md"]),
        ("tickets", ["examples/tickets.jsonl", "examples/old/tickets.csv"]),
        ("tickets.csv", ["examples/old/tickets.csv"]),
        ("unlike anything", []),
        ("", []),
    ],
)
def test_a_stem_a_name_and_a_slip_are_near(asked: str, near: list[str]) -> None:
    assert near_names(asked, PATHS) == near


def test_the_hint_names_what_is_near_or_says_something_else() -> None:
    assert (
        did_you_mean("tickets", PATHS, "-")
        == "did you mean examples/tickets.jsonl or examples/old/tickets.csv?"
    )
    assert did_you_mean("unlike", PATHS, "look around") == "look around"
    assert len(near_names("a", [f"{n}/a" for n in range(9)])) == 3
