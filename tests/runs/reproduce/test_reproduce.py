"""Reproduce: a run's rows checked against requests rebuilt from what its record pins, and asked again."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from promptvc.content.runs.run import RunRecord, output_path, read_record, record_path
from promptvc.errors import NotTrusted, Refused, RunMissing
from promptvc.ids import ObjectId
from promptvc.repo import Repo, Surroundings
from promptvc.runs.reproduce.drift import Drift, measure_drift, similarity
from promptvc.runs.reproduce.reproduce import Reproduction, reproduce
from promptvc.runs.sources import CommitSource, RunSource
from tests.conftest import ME

RUN = """
[runs.support]
prompt = "prompts/support.md"
examples = "examples/tickets.jsonl"
provider = "python:reproduce_model:answer"
model = "rules-1"
"""
MODEL = """
MOOD = {}

def answer(messages, model, params):
    text = messages[-1]["content"]
    if text in MOOD:
        return MOOD[text]
    return {"output": text[::-1], "finish_reason": "stop", "model": "rules-1-a"}
"""


class Project:
    """A project whose runs ask a function, with the working files at hand."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.repo = Repo.init(root, Surroundings(author=ME, committer=ME))
        self.write("prompts/support.md", "Ticket {{id}}: {{text}}")
        self.rows("examples/tickets.jsonl", tickets(5))
        self.configure(RUN)
        self.write("reproduce_model.py", MODEL)

    def configure(self, text: str) -> None:
        self.write("promptvc.toml", text)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())

    def read(self, path: str) -> str:
        return (self.root / path).read_bytes().decode()

    def rows(self, path: str, rows: list[dict[str, Any]]) -> None:
        self.write(path, "".join(json.dumps(row) + "\n" for row in rows))

    def edit_rows(self, edit: Callable[[list[dict[str, Any]]], None]) -> None:
        path = output_path("support")
        rows = [json.loads(line) for line in self.read(path).splitlines()]
        edit(rows)
        self.rows(path, rows)

    def edit_record(self, edit: Callable[[RunRecord], RunRecord]) -> None:
        path = record_path("support")
        self.write(path, edit(read_record(self.read(path).encode(), path)).encode().decode())

    def run(self) -> None:
        self.repo.runs.run("support", jobs=2)

    def commit(self) -> None:
        self.repo.commit("a change")

    def reproduce(self, revision: str | None = None) -> Reproduction:
        return reproduce(self.source(revision), "support", self.repo.parts.contents, self.repo.parts.store)

    def drift(self, revision: str | None = None, **options: Any) -> Drift:
        return measure_drift(self.repo.parts.runs, self.source(revision), "support", jobs=2, **options)

    def source(self, revision: str | None) -> RunSource:
        repo = self.repo
        return (
            repo.parts.runs.source() if revision is None else CommitSource(repo.snapshot(revision), revision)
        )


def tickets(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [{"id": f"t-{n}", "text": f"case {n}"} for n in range(first, first + count)]


@pytest.fixture
def project(tmp_path: Path) -> Any:
    made = Project(tmp_path / "project")
    yield made
    assert made.repo.verify() == []


@pytest.fixture
def ran(project: Project) -> Project:
    project.run()
    project.commit()
    return project


def ids(places: tuple[tuple[str, int], ...]) -> list[str]:
    return [id for id, _ in places]


# --- verified ---------------------------------------------------------------------------------------------


def test_every_row_of_a_run_ten_commits_back_is_verified(project: Project) -> None:
    for step in range(12):
        project.write("prompts/support.md", f"Step {step}, ticket {{{{id}}}}: {{{{text}}}}")
        project.rows("examples/tickets.jsonl", tickets(5 + step, step % 3))
        project.run()
        project.commit()
    for back in range(12):
        found = project.reproduce(f"HEAD~{back}")
        assert found.is_verified
        assert found.rows == found.verified == 16 - back
    assert project.reproduce("HEAD~10").rows == 6


def test_the_record_counts_and_not_what_is_declared_now(ran: Project) -> None:
    ran.configure(RUN.replace("rules-1", "rules-2") + "params = {temperature = 1}\n")
    ran.commit()
    assert ran.reproduce("HEAD").is_verified
    assert ran.reproduce().is_verified


def test_a_run_that_is_declared_no_more_is_verified(ran: Project) -> None:
    ran.configure("")
    ran.commit()
    assert ran.reproduce("HEAD").is_verified


def test_nothing_is_called_and_no_code_runs(ran: Project) -> None:
    ran.write("reproduce_model.py", "raise SystemExit('must not be imported')")
    assert ran.reproduce().is_verified
    assert ran.reproduce("HEAD").is_verified


def test_a_run_of_many_chunks_is_verified(project: Project) -> None:
    project.rows("examples/tickets.jsonl", [{**row, "more": "x" * 200} for row in tickets(3000)])
    project.run()
    project.commit()
    assert project.repo.snapshot().files["examples/tickets.jsonl"].is_rope  # type: ignore[index]
    project.rows("examples/tickets.jsonl", tickets(1))
    project.commit()
    found = project.reproduce("HEAD")
    assert found.verified == found.rows == 3000


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
words = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="{}"), max_size=20)


@given(
    words,
    words,
    st.lists(
        st.fixed_dictionaries({"text": values, "id": st.integers(0, 3) | words}), min_size=1, max_size=6
    ),
    st.integers(1, 3),
    st.dictionaries(st.text("abc", min_size=1), st.integers() | st.booleans() | words, max_size=3),
    st.booleans(),
)
@settings(max_examples=15)
def test_what_run_wrote_is_always_verified(
    before: str,
    after: str,
    rows: list[dict[str, Any]],
    samples: int,
    params: dict[str, Any],
    keyed: bool,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder, "project"))
        project.write("prompts/support.md", f"Say {before}{{{{subject}}}}{after}.")
        project.rows("examples/tickets.jsonl", rows)
        inline = ", ".join(f"{name} = {toml(value)}" for name, value in params.items())
        key = '[tables."examples/tickets.jsonl"]\nkey = ["id"]\n' if keyed else ""
        project.configure(
            f'{RUN}samples = {samples}\nparams = {{{inline}}}\ninputs = {{subject = "text"}}\n{key}'
        )
        project.run()
        project.commit()
        project.rows("examples/tickets.jsonl", [])
        project.write("prompts/support.md", "other")
        found = project.reproduce("HEAD")
        assert found.is_verified
        assert found.verified == len(rows) * samples
        assert project.repo.verify() == []
        project.repo.close()


def toml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def test_params_of_every_kind_are_verified(project: Project) -> None:
    project.configure(
        RUN + "params = {big = 36893488147419103233, day = 2026-01-01, ratio = 1.0, deep = {list = [1, 2.5]}}"
    )
    project.run()
    assert project.reproduce().is_verified


# --- what does not follow ---------------------------------------------------------------------------------


def test_a_byte_of_the_pinned_prompt_changed_by_hand_names_the_rows(ran: Project) -> None:
    ran.write("prompts/support.md", "Ticket {{id}}; {{text}}")
    found = ran.reproduce()
    assert not found.is_verified
    assert ids(found.astray) == [f"t-{n}" for n in range(5)]
    assert [pin.path for pin in found.changed] == ["prompts/support.md"]
    assert ran.reproduce("HEAD").is_verified


def test_only_rows_whose_request_changed_are_named(project: Project) -> None:
    text = "{% if id == 't-3' %}X{% endif %}{{ text }}"
    project.write("prompts/support.md.j2", text)
    project.configure(RUN.replace("support.md", "support.md.j2"))
    project.run()
    project.write("prompts/support.md.j2", text.replace("X", "Y"))
    found = project.reproduce()
    assert (ids(found.astray), found.verified) == (["t-3"], 4)


def test_a_pin_changed_by_hand_to_another_object_names_the_rows(ran: Project) -> None:
    ran.write("prompts/other.md", "Other {{text}}")
    ran.commit()
    other = ran.repo.snapshot().files["prompts/other.md"].id  # type: ignore[index]
    ran.edit_record(lambda record: replace(record, prompt=replace(record.prompt, id=ObjectId(other))))
    ran.commit()
    found = ran.reproduce("HEAD")
    assert len(found.astray) == found.rows == 5
    assert ran.reproduce("HEAD~2").is_verified


def test_a_model_changed_in_the_record_names_the_rows(ran: Project) -> None:
    ran.edit_record(lambda record: replace(record, model="better-1"))
    assert len(ran.reproduce().astray) == 5


def test_rows_edited_by_hand_are_named(ran: Project) -> None:
    def edit(rows: list[dict[str, Any]]) -> None:
        rows[1]["request_hash"] = "0" * 64
        rows[2]["example_id"] = "t-9"
        rows[3]["error"] = "timed out"
        rows.append(dict(rows[0]))
        rows.reverse()

    ran.edit_rows(edit)
    ran.commit()
    found = ran.reproduce("HEAD")
    assert ids(found.astray) == ["t-1"]
    assert sorted(ids(found.left_over)) == ["t-0", "t-9"]
    assert ids(found.missing) == ["t-2"]
    assert ids(found.failed) == ["t-3"]
    assert (found.rows, found.verified) == (6, 2)


def test_examples_edited_among_the_working_files_are_told(ran: Project) -> None:
    rows = tickets(6)[1:]
    rows[0]["text"] = "another case"
    ran.rows("examples/tickets.jsonl", rows)
    found = ran.reproduce()
    assert (ids(found.astray), ids(found.left_over), ids(found.missing)) == (["t-1"], ["t-0"], ["t-5"])


def test_rows_in_another_order_follow_and_are_told_to_be_edited(ran: Project) -> None:
    ran.edit_rows(lambda rows: rows.reverse())
    found = ran.reproduce()
    assert (found.verified, found.astray, found.edited, found.is_verified) == (found.rows, (), True, False)


def test_an_output_that_was_edited_is_seen(ran: Project) -> None:
    ran.edit_rows(lambda rows: rows[0].update(output="better"))
    assert ran.reproduce().edited


def test_a_prompt_that_cannot_be_rendered_any_more_names_its_rows(ran: Project) -> None:
    ran.write("prompts/support.md", "{{nothing}} {{text}}")
    assert len(ran.reproduce().astray) == 5


def test_rows_that_wait_for_their_call_are_told(project: Project) -> None:
    project.repo.runs.run("support", limit=2)
    found = project.reproduce()
    assert (found.verified, len(found.failed)) == (2, 3)


def test_outputs_that_were_stale_when_committed_are_told(ran: Project) -> None:
    ran.write("prompts/support.md", "Changed {{text}}")
    ran.commit()
    found = ran.reproduce("HEAD")
    assert found.is_verified
    assert [pin.path for pin in found.changed] == ["prompts/support.md"]
    assert len(found.stale) == 5
    assert not ran.reproduce("HEAD~1").changed


# --- what cannot be verified ------------------------------------------------------------------------------


def test_recorded_outputs_are_told_apart(project: Project) -> None:
    project.repo.record_run(
        "support", [{"id": "t-0", "a": "x"}], output="a", examples="examples/tickets.jsonl"
    )
    found = project.reproduce()
    assert not found.is_verified
    assert "recorded" in (found.unverifiable or "")


def test_rows_without_a_record_are_told_apart(ran: Project) -> None:
    (ran.root / record_path("support")).unlink()
    assert "no record" in (ran.reproduce().unverifiable or "")


def test_pinned_objects_that_are_not_in_the_store_are_named(ran: Project) -> None:
    ran.edit_record(
        lambda record: replace(
            record,
            prompt=replace(record.prompt, id=ObjectId("12" * 20)),
            examples=replace(record.examples, id=ObjectId("34" * 20)),
        )
    )
    ran.commit()
    found = ran.reproduce("HEAD")
    assert not found.is_verified
    assert "prompts/support.md" in found.lacking[0]
    assert "12" * 20 in found.lacking[0]
    assert "examples/tickets.jsonl" in found.lacking[1]


def test_a_pinned_file_that_is_gone_from_the_working_files_is_named(ran: Project) -> None:
    (ran.root / "prompts/support.md").unlink()
    assert ran.reproduce().lacking == ("prompts/support.md is no longer among the working files",)
    assert ran.reproduce("HEAD").is_verified


def test_a_run_that_is_not_there_is_missing(project: Project) -> None:
    with pytest.raises(RunMissing):
        project.reproduce()


# --- asked again ------------------------------------------------------------------------------------------


def change_mind(project: Project, **answers: Any) -> None:
    mood = {f"Ticket {id.replace('_', '-')}: case {id[2:]}": answer for id, answer in answers.items()}
    project.write("reproduce_model.py", MODEL.replace("MOOD = {}", f"MOOD = {mood!r}"))
    import sys

    sys.modules.pop("reproduce_model", None)


def test_a_model_that_answers_as_before_has_no_drift(ran: Project) -> None:
    before = {path: ran.read(path) for path in ("outputs/support.jsonl", "outputs/support.run.json")}
    drift = ran.drift()
    assert (drift.asked, drift.equal, drift.calls, drift.rows, drift.failed) == (5, 5, 5, (), {})
    assert before == {path: ran.read(path) for path in before}
    assert ran.repo.status().clean


def test_a_model_that_changes_its_mind_is_told(ran: Project) -> None:
    same = "3 esac :3-t tekciT"
    change_mind(
        ran,
        t_1="1 esac has another end",
        t_3={"output": same, "finish_reason": "length", "model": "rules-1-b", "cost_usd": 0.5},
        t_4={"error": "gone"},
    )
    drift = ran.drift("HEAD")
    assert (drift.asked, drift.equal, drift.different, drift.calls) == (4, 3, 1, 4)
    assert [row.place[0] for row in drift.rows] == ["t-1", "t-3"]
    assert "output" in drift.rows[0].changed
    assert 0 < drift.rows[0].similarity < 1
    assert drift.rows[1].changed == ("finish_reason", "response_model")
    assert list(drift.failed) == [("t-4", 0)]
    assert drift.cost_usd == 0.5


def test_scores_of_the_new_answers_are_compared(project: Project) -> None:
    project.rows("examples/tickets.jsonl", [{**row, "want": "esac"} for row in tickets(4)])
    project.configure(RUN + 'scorers = ["contains:want"]\n')
    project.run()
    change_mind(project, t_2="no such word")
    drift = project.drift()
    (row,) = drift.rows
    assert "scores.contains" in row.changed
    assert (row.before.scores, row.after.scores) == ({"contains": True}, {"contains": False})
    assert drift.before["scores"]["contains"]["mean"] == 1
    assert drift.after["scores"]["contains"]["mean"] == 0.75


def test_limit_asks_for_the_first_rows_only(ran: Project) -> None:
    change_mind(ran, t_0="first", t_4="last")
    drift = ran.drift(limit=2)
    assert (drift.asked, drift.calls, [row.place[0] for row in drift.rows]) == (2, 2, ["t-0"])


def test_new_answers_are_not_kept(ran: Project) -> None:
    change_mind(ran, t_0="another")
    ran.drift()
    ran.run()
    assert "another" not in ran.read("outputs/support.jsonl")
    assert ran.repo.status().clean


def test_rows_that_do_not_follow_are_not_asked_again(ran: Project) -> None:
    ran.edit_rows(lambda rows: rows[0].update(request_hash="0" * 64))
    assert ran.drift().asked == 4


def test_code_is_not_trusted_because_an_old_commit_names_it(ran: Project) -> None:
    ran.repo.parts.runs.trust.revoke()
    ran.repo.close()
    ran.repo = Repo.open(ran.root, Surroundings(author=ME, committer=ME))
    with pytest.raises(NotTrusted):
        ran.drift("HEAD")


def test_recorded_outputs_cannot_be_asked_again(project: Project) -> None:
    project.repo.record_run(
        "support", [{"id": "t-0", "a": "x"}], output="a", examples="examples/tickets.jsonl"
    )
    with pytest.raises(Refused):
        project.drift()


@given(st.text(), st.text())
def test_similarity_is_even_handed_and_one_for_equal_texts(one: str, other: str) -> None:
    assert similarity(one, one) == 1
    assert similarity(one, other) == similarity(other, one)
    assert 0 <= similarity(one, other) <= 1
