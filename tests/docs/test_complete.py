"""Nothing that a user can call, set or meet is undocumented, and nothing documented is gone."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

import promptvc
from promptvc import errors
from promptvc.cli.exit_codes import table
from promptvc.cli.main import GROUPS, cli
from promptvc.session.files.project import DEFAULT_INCLUDE
from tests.docs.examples import ROOT

DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = (DOCS / "cli.md").read_text(encoding="utf-8")
CONCEPTS = (DOCS / "concepts.md").read_text(encoding="utf-8")
RUNS = (DOCS / "runs.md").read_text(encoding="utf-8")
FORMAT = (DOCS / "format.md").read_text(encoding="utf-8")
PYTHON = (DOCS / "python-api.md").read_text(encoding="utf-8")
ERRORS = [
    cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, errors.PromptvcError)
]
EVERYTHING = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


# --- the command line -------------------------------------------------------------------------------------


def commands() -> Iterator[tuple[str, click.Command]]:
    """(full name, command) of every command, those inside others too."""
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        yield f"promptvc {name}", command
        if isinstance(command, click.Group):
            yield from ((f"promptvc {name} {inner}", found) for inner, found in command.commands.items())


def section(page: str, heading: str) -> str:
    """What stands below a heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL)
    assert found is not None, f"no heading {heading}"
    return found[1]


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=[name for name, _ in commands()])
def test_a_command_and_its_options_are_documented(name: str, command: click.Command) -> None:
    text = section(COMMANDS, name)
    assert (command.help or "").split()[0] in text
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help or parameter.name == "json", f"{name} {parameter.name} has no help"
            for option in (*parameter.opts, *parameter.secondary_opts):
                assert option in text, f"{name} {option}"


def test_every_command_module_is_in_a_group() -> None:
    folder = Path(inspect.getfile(promptvc)).parent / "cli"
    modules = {
        (path.parent.name, path.stem.replace("_", "-"))
        for path in folder.rglob("*.py")
        if path.name != "main.py"
        and ('\n@click.group("' in _source(path) or '\n@click.command("' in _source(path))
    }
    assert modules == {(group.lower(), name) for group, names in GROUPS.items() for name in names}


def _source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_exit_codes_and_kinds_are_documented() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", COMMANDS, re.MULTILINE)
    assert rows == [(kind, str(code)) for kind, code, _ in table()]
    codes = re.findall(r"^\| (\d+) \|", section(COMMANDS, "Exit codes"), re.MULTILINE)
    assert codes == ["0", "1", "2", "3", "130"]


def test_no_two_errors_share_a_kind() -> None:
    assert len({cls.kind for cls in ERRORS}) == len(ERRORS)


def test_nothing_promises_a_command_that_is_not_there() -> None:
    there = {name for names in GROUPS.values() for name in names}
    code = Path(inspect.getfile(promptvc)).parent.rglob("*.py")
    for path in [*code, *EVERYTHING]:
        told = set(re.findall(r"(?:`|\$ )promptvc ([a-z][a-z-]*)", _source(path)))
        assert told <= there, path


# --- from Python ------------------------------------------------------------------------------------------


def signature(function: Any, *, method: bool) -> str:
    """``(path, *, mode=0o100644)``: names and defaults, without types."""
    found = inspect.signature(function)
    parameters = [p.replace(annotation=inspect.Parameter.empty) for p in found.parameters.values()]
    plain = found.replace(parameters=parameters[1:] if method else parameters, return_annotation=found.empty)
    return str(plain).replace("(/, ", "(")


def documented(heading: str) -> dict[str, str]:
    """name -> what follows it, of the first cells of the tables below a heading: ``read -> (path)``."""
    cells = re.findall(r"^\| (`[^|]+`) \|", section(PYTHON, heading), re.MULTILINE)
    names = [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
    return {name.partition("(")[0]: name[len(name.partition("(")[0]) :] for name in names}


def test_all_is_sorted_and_what_the_page_tells() -> None:
    assert promptvc.__all__ == sorted(promptvc.__all__)
    functions = set(documented("Opening"))
    headings = {
        heading for heading in re.findall(r"^## (\w+)$", PYTHON, re.MULTILINE) if heading in dir(promptvc)
    }
    assert functions | headings | {cls.__name__ for cls in ERRORS} == set(promptvc.__all__)
    assert dir(promptvc) == sorted(promptvc.__all__)


@pytest.mark.parametrize("name", ["open", "init", "clone"])
def test_functions_have_the_documented_signatures(name: str) -> None:
    assert documented("Opening")[name] == signature(getattr(promptvc, name), method=False)


CLASSES = [
    name
    for name in promptvc.__all__
    if inspect.isclass(getattr(promptvc, name)) and getattr(promptvc, name) not in ERRORS
]


def members(cls: type) -> dict[str, str]:
    """Public names of a class -> signature, "" for what is no method."""
    made = {name: "" for name in _set_in_init(cls) if not name.startswith("_")}
    for name in dir(cls):
        if name.startswith("_"):
            continue
        found = inspect.getattr_static(cls, name)
        function = getattr(found, "__func__", found)
        made[name] = signature(function, method=True) if inspect.isfunction(function) else ""
    return made


def field_names(cls: type) -> list[str]:
    """The fields of a value: of a dataclass, or of a struct."""
    if issubclass(cls, msgspec.Struct):
        return list(cls.__struct_fields__)
    return [field.name for field in dataclasses.fields(cls)]


def _set_in_init(cls: type) -> list[str]:
    if dataclasses.is_dataclass(cls) or issubclass(cls, msgspec.Struct):
        return field_names(cls)
    source = inspect.getsource(cls.__init__)
    assigned = re.findall(r"^\s+((?:self\.\w+(?:: [^=\n]+)?(?:, )?)+) = ", source, re.MULTILINE)
    return re.findall(r"self\.(\w+)", " ".join(assigned))


@pytest.mark.parametrize("name", CLASSES)
def test_methods_and_attributes_are_documented(name: str) -> None:
    told, real = documented(name), members(getattr(promptvc, name))
    assert set(told) == set(real)
    for member, text in real.items():
        assert _same(told[member], text), f"{name}.{member}{text} is documented as {told[member]}"


def _same(told: str, real: str) -> bool:
    return told.replace("0o100644", str(0o100644)) == real


def _parts_of_a_repo() -> list[type]:
    from promptvc.repo.branch.branches import Branches
    from promptvc.repo.branch.tags import Tags
    from promptvc.repo.judge.runs import ProjectRuns
    from promptvc.repo.share.remotes import Remotes

    return [Branches, ProjectRuns, Remotes, Tags]


@pytest.mark.parametrize("cls", _parts_of_a_repo())
def test_the_parts_of_a_repo_are_documented(cls: type) -> None:
    told, real = documented(cls.__name__), members(cls)
    assert told == real


def test_values_have_the_documented_fields() -> None:
    from promptvc.content.prompt.diff import MessageDiff, PromptDiff
    from promptvc.content.prompt.prompt import Message
    from promptvc.content.runs.run import OutputRow, RunRecord
    from promptvc.content.table.view import MalformedRow
    from promptvc.content.tablediff.diff import RowChange, TableDiff
    from promptvc.content.tablemerge.merge import RowMerge
    from promptvc.content.text.diff import Hunk, Line, Span
    from promptvc.content.values.conflict import MergeConflict
    from promptvc.repo.branch.branches import Branch
    from promptvc.repo.branch.switching import Restored, Switched
    from promptvc.repo.branch.tags import Tag
    from promptvc.repo.share.forget import ForgetResult
    from promptvc.repo.share.pull import PullResult
    from promptvc.repo.share.remotes import NamedRemote
    from promptvc.runs.check.results import CheckResult, GateResult
    from promptvc.runs.compare.compare import ComparedRow, RunComparison, RunSide
    from promptvc.runs.compare.measures import Measures
    from promptvc.runs.compare.scores import NoiseComparison, ScoreComparison
    from promptvc.runs.compare.slices import SliceComparison
    from promptvc.runs.compare.why import Cause
    from promptvc.runs.execute.results import Plan, RunResult
    from promptvc.runs.execute.staleness import Staleness
    from promptvc.runs.record.logbook import Logged
    from promptvc.runs.record.record import Recorded
    from promptvc.runs.reproduce.drift import Drift
    from promptvc.runs.reproduce.reproduce import Reproduction
    from promptvc.secrets.finding import SecretFinding
    from promptvc.session.files.keys import KeyWarning
    from promptvc.session.forget.quotes import Quote
    from promptvc.session.history.blamed import Blamed
    from promptvc.session.history.log import LogCommit
    from promptvc.session.history.undo import Undone
    from promptvc.session.merge.leaf import MergedFile
    from promptvc.session.merge.resolve import Resolved
    from promptvc.session.merge.result import Merged
    from promptvc.session.workspace.comparison import BinaryDiff, TextDiff
    from promptvc.session.workspace.workspace import Committed, Status
    from promptvc.storage.objects import Commit, Signature
    from promptvc.versioning.diff import FileChange
    from promptvc.versioning.oplog.operation import Operation
    from promptvc.versioning.sync.fetch import FetchResult
    from promptvc.versioning.sync.push import PushResult
    from promptvc.versioning.sync.refchange import RefChange
    from promptvc.versioning.upkeep.upkeep import Collected
    from promptvc.versioning.upkeep.verify import Problem

    values = (Message, MessageDiff, PromptDiff, RowChange, TableDiff, MalformedRow, Hunk, Line, Span, BinaryDiff,
              TextDiff, MergeConflict, Merged, Resolved, MergedFile, RowMerge, OutputRow, RunRecord, RunResult, Logged,
              Recorded, RunComparison, RunSide, Cause, ScoreComparison, SliceComparison, NoiseComparison, Measures,
              ComparedRow,
              LogCommit, Blamed, Branch, Tag, NamedRemote, Switched, Restored, FetchResult, PushResult, RefChange,
              PullResult, Operation, Undone, Plan, Staleness, CheckResult, GateResult, Reproduction, Drift,
              ForgetResult, Quote,
              Collected, KeyWarning, Committed, Status, Commit, Signature, FileChange, Problem,
              SecretFinding)  # fmt: skip
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section(PYTHON, "Values"), re.MULTILINE))
    assert set(rows) == {cls.__name__ for cls in values}
    for cls in values:
        for name in members(cls):
            assert re.search(rf"`{name}(\(\))?`", rows[cls.__name__]), f"{cls.__name__}.{name}"


def test_every_error_class_is_documented() -> None:
    text = section(PYTHON, "Errors")
    for cls in ERRORS:
        assert re.search(rf"\b{cls.__name__}\b", text), cls.__name__


# --- settings and constants -------------------------------------------------------------------------------


def test_environment_variables_are_documented() -> None:
    code = Path(inspect.getfile(promptvc)).parent.rglob("*.py")
    names = {name for path in code for name in re.findall(r"\bPROMPTVC_[A-Z]+\b", _source(path))}
    assert names
    for name in [*names, "GIT_AUTHOR_NAME", "GIT_CONFIG_GLOBAL", "GIT_SSH_COMMAND", "GIT_EDITOR", "NO_COLOR"]:
        assert f"`{name}`" in CONCEPTS, name


def test_settings_of_the_project_are_documented() -> None:
    from promptvc.content.tablemerge.rules import MergeRules
    from promptvc.session.files.project import DEFAULT_EXCLUDE

    for name in field_names(MergeRules):
        assert f'`tables."PATH".{name}`' in CONCEPTS
    assert "`track.include`" in CONCEPTS
    assert "`track.exclude`" in CONCEPTS
    assert all(f'"{pattern}"' in CONCEPTS for pattern in DEFAULT_INCLUDE)
    assert all(f"`{pattern}`" in CONCEPTS for pattern in DEFAULT_EXCLUDE)


def test_settings_of_runs_are_documented() -> None:
    from promptvc.content.runs.spec import RunSpec

    told = section(RUNS, "What a run declares")
    for name in field_names(RunSpec):
        assert name == "name" or f"| `{name}` |" in told, name


def test_scorers_and_the_fields_of_outputs_are_documented() -> None:
    from promptvc.content.runs.run import OutputRow, RunRecord
    from promptvc.runs.scoring.kinds import KINDS

    assert all(f"| `{kind}:" in section(RUNS, "Scorers") for kind in [*KINDS, "python"])
    for cls, heading in ((OutputRow, "The rows"), (RunRecord, "The record")):
        first_cells = " ".join(re.findall(r"^\| ([^|]+) \|", section(RUNS, heading), re.MULTILINE))
        assert {*field_names(cls)} - {"version"} <= set(re.findall(r"`(\w+)`", first_cells))


def test_constants_of_the_format_are_those_of_the_code() -> None:
    from promptvc.content.formats import HEAD_SIZE
    from promptvc.content.keys.tokens import KEY_NAMES
    from promptvc.versioning.ropes import chunking, rope

    told = {name: int(value) for name, value in re.findall(r"^\| `(\w+)` \| (\d+) \|", FORMAT, re.MULTILINE)}
    assert told == {
        "CHUNK_MIN": chunking.CHUNK_MIN,
        "CHUNK_TARGET": chunking.CHUNK_TARGET,
        "CHUNK_MAX": chunking.CHUNK_MAX,
        "NODE_MIN": rope.NODE_MIN,
        "NODE_TARGET": rope.NODE_TARGET,
        "NODE_MAX": rope.NODE_MAX,
    }
    assert (chunking.CHUNK_TARGET - chunking.CHUNK_MIN) * chunking.CUT_BELOW <= 2**64
    assert 2**64 // (told["CHUNK_TARGET"] - told["CHUNK_MIN"]) == chunking.CUT_BELOW
    assert 2**32 // (told["NODE_TARGET"] - told["NODE_MIN"]) == rope.NODE_CUT_BELOW
    assert f"first {HEAD_SIZE:,} bytes" in FORMAT
    assert rope.MARKER_ID in FORMAT
    assert all(f"`{name}`" in CONCEPTS for name in KEY_NAMES)


def test_dependencies_are_explained() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[<>=]", requirement)[0] for requirement in project["dependencies"]}
    page = (DOCS / "adr" / "0003-dependencies.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| ([\w-]+) \| \w", page, re.MULTILINE)) - {"package"} == names


def test_the_map_names_files_that_exist() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    package = Path(inspect.getfile(promptvc)).parent
    for name in re.findall(r"`([\w/]+\.py)`", text):
        assert any(
            path.as_posix().endswith(f"/{name}")
            for path in [*package.rglob("*.py"), *DOCS.glob("*.py"), *(ROOT / "tests").rglob("*.py")]
        ), name
    told = set(re.findall(r"^\| `([\w/]+)/` \|", text, re.MULTILINE))
    assert told >= {folder.name for folder in package.iterdir() if (folder / "__init__.py").exists()} - {
        "samples"
    }


def test_every_page_and_decision_can_be_found() -> None:
    text = README + (DOCS / "adr" / "README.md").read_text(encoding="utf-8")
    for page in EVERYTHING[1:]:
        if page.name not in ("README.md", "cli-json.md"):
            assert page.name in text, page.name


def test_the_program_and_the_changelog_agree_on_the_version() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == promptvc.__version__
    assert f"## {promptvc.__version__}\n" in (DOCS / "changelog.md").read_text(encoding="utf-8")


# --- installing -------------------------------------------------------------------------------------------


def test_nobody_is_told_to_install_the_other_package_of_this_name() -> None:
    told = re.compile(r"\b(install|add|tool run|uvx)( -\S+)* [\"']?promptvc\b(?!/)")
    assert told.search("pip install -q promptvc")
    assert told.search("pip install 'promptvc[test]'")
    for path in [*EVERYTHING, *Path(inspect.getfile(promptvc)).parent.rglob("*.py")]:
        assert not told.search(_source(path)), path
    assert "is another project" in README


def test_the_readme_has_one_line_to_try_it_and_one_to_test_it() -> None:
    found = re.search(r"<!-- test command -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert found is not None
    lines = found[1].splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("python3 -m venv .venv && ")
    assert '".[test]"' in lines[0]
    assert lines[0].endswith("-m pytest -n auto")
    assert re.search(r"^python3 -m venv \.venv && .* && \.venv/bin/promptvc demo$", README, re.MULTILINE)


def test_ci_finds_the_test_command_of_the_readme() -> None:
    import subprocess

    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    [line] = [line for line in script.splitlines() if line.startswith("test_command=")]
    done = subprocess.run(
        ["bash", "-euc", f'{line}\nvenv=/tmp/elsewhere/venv\necho "${{test_command//.venv/$venv}}"'],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == (
        'python3 -m venv /tmp/elsewhere/venv && /tmp/elsewhere/venv/bin/pip install -q ".[test]" '
        "&& /tmp/elsewhere/venv/bin/python -m pytest -n auto"
    )
