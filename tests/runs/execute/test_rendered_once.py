"""A run is rendered and hashed once in one command, however often its requests are looked through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from promptvc.content.prompt.prompt import Prompt
from promptvc.content.runs.request import Request
from promptvc.runs.execute.kept import KeptRequests
from tests.runs.projects import PROMPT, Project, tickets

ROWS = 30


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "p", tickets(ROWS))


@pytest.fixture
def renders(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was rendered: a text for each time."""
    seen: list[str] = []
    render = Prompt.render

    def counting(self: Prompt, **values: Any) -> Any:
        seen.append(str(values["ticket"]))
        return render(self, **values)

    monkeypatch.setattr(Prompt, "render", counting)
    return seen


def once(renders: list[str]) -> bool:
    found, wanted = sorted(renders), sorted(row["input"] for row in tickets(ROWS))
    renders.clear()
    return found == wanted


def test_a_run_renders_each_example_once(project: Project, renders: list[str]) -> None:
    assert project.run(limit=10).called == 10
    assert once(renders)
    assert project.run().called == 20
    assert once(renders)
    assert project.run().called == 0
    assert once(renders)


def test_so_does_a_run_with_holes(project: Project, renders: list[str]) -> None:
    project.run()
    rows = tickets(ROWS)
    rows[3]["input"], rows[20]["input"] = "another one", "and another"
    project.write_rows(rows)
    renders.clear()
    assert project.run().called == 2
    assert len(renders) == ROWS
    assert [row["output"] for row in project.rows()][2:5] == ["word2", "another", "word4"]


def test_a_dry_run_renders_once_for_the_plan_and_what_is_stale(project: Project, renders: list[str]) -> None:
    project.run()
    project.write("prompts/sort.md", PROMPT.replace("Sort", "Look at"))
    renders.clear()
    plan, stale = project.repo.parts.runs.look("mini")
    assert (plan.missing, stale.stale) == (ROWS, ROWS)
    assert once(renders)
    assert (plan, stale) == (project.repo.runs.plan("mini"), project.repo.runs.staleness("mini"))


def test_the_command_too(project: Project, renders: list[str]) -> None:
    from promptvc.cli.main import run

    for words in (["run"], ["run"], ["run", "--dry-run"]):
        assert run(["-C", str(project.root), *words]) == 0
        assert once(renders)


# --- what keeps them --------------------------------------------------------------------------------------


def request(number: int) -> Request:
    return Request(
        f"t-{number}", number % 2, [{"role": "user", "content": "\ud800 x"}], f"{number:064x}", {"n": 2**80}
    )


def test_kept_requests_come_back_in_order_and_as_they_were() -> None:
    made = [request(number) for number in range(1203)]
    with KeptRequests() as kept:
        for each in made:
            kept.add(each)
        assert list(kept) == made
        assert [each.row for each in kept] == [each.row for each in made]
        assert list(zip(kept, kept, strict=True)) == list(zip(made, made, strict=True))


def test_what_was_not_read_to_its_end_is_rendered_again() -> None:
    calls = []

    def render() -> Iterator[Request]:
        calls.append(1)
        yield from (request(number) for number in range(1000))

    with KeptRequests() as kept:
        next(kept.through(render))
        assert len(list(kept.through(render))) == len(list(kept.through(render))) == 1000
    assert len(calls) == 2
