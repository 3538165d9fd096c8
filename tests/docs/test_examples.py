"""Every example of README and docs runs, and prints what the page says."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest
import yaml

from promptvc.session.files.project import read_project
from tests.docs.examples import ROOT, Block, agrees, blocks, console_steps, rewrite, run_block, session

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in PAGES if page.name != "cli.md"]  # its examples are those of cli-json.md
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_prints_what_it_says(name: str) -> None:
    page = (ROOT / name).read_text(encoding="utf-8")
    wanted = [block for block in blocks(page) if block.run and block.language in ("console", "python")]
    if not wanted:
        return
    wrong = []
    with session() as running:
        for block in wanted:
            for step, found in run_block(running, block):
                if not agrees(step.expected, found):
                    wrong.append(
                        f"{name}:{step.line}: {step.source}\n--- the page\n{step.expected}--- found\n{found}"
                    )
    assert not wrong, "\n".join([*wrong, f"python -m tests.docs.examples {name} writes what is found"])


@pytest.mark.parametrize("name", NAMES)
def test_blocks_that_are_not_run_can_be_read(name: str) -> None:
    for block in blocks((ROOT / name).read_text(encoding="utf-8")):
        if block.language == "sh":
            done = subprocess.run(
                ["bash", "-n"], input=block.text, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{name}:{block.line}: {done.stderr}"
        elif block.language == "toml":
            tomllib.loads(block.text)
            read_project(block.text.encode())
        elif block.language == "yaml":
            yaml.safe_load(block.text)


@pytest.mark.parametrize("name", NAMES)
def test_every_block_says_what_it_is(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    fences = [line for line in lines if line.startswith("```")]
    assert all(line == "```" for line in fences[1::2])
    languages = {line.removeprefix("```") for line in fences[::2]}
    assert languages <= {"console", "python", "sh", "toml", "text", "ini", "yaml"}


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    import re

    page = ROOT / name
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target, anchor in re.findall(r"\]\(([^)#:\s]*)(#[^)\s]*)?\)", text):
        place = page.parent / target if target else page
        assert place.exists(), f"{name}: {target}"
        if anchor and place.suffix == ".md":
            assert anchor[1:] in _anchors(place.read_text(encoding="utf-8")), f"{name}: {target}{anchor}"


def _anchors(page: str) -> set[str]:
    """The names that git hosts give to headings."""
    import re

    headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# --- the runner itself ------------------------------------------------------------------------------------


def test_commands_are_told_from_what_they_print() -> None:
    block = Block("console", "$ cat <<END\n> a\n> END\na\n$ true\n> not a command\n", 0, 0, 7, True)
    [cat, true] = console_steps(block)
    assert (cat.source, cat.expected, cat.line) == ("cat <<END\na\nEND", "a\n", 7)
    assert (true.source, true.expected) == ("true\nnot a command", "")


def test_three_dots_alone_stand_for_any_lines() -> None:
    assert agrees("a\n…\nd\n", "a\nb\nc\nd\n")
    assert agrees("a\n…\n", "a\n")
    assert not agrees("a\n…\nd\n", "b\nd\n")
    assert not agrees("a …\n", "a b\n")


def test_a_wrong_page_is_noticed_and_can_be_written_anew() -> None:
    page = "```console\n$ promptvc --version\nwrong\n$ (exit 3)\n$ echo $?\n```\n\n```python\n>>> 1 + 1\n3\n```\n"
    from promptvc import __version__

    assert rewrite(page) == (
        f"```console\n$ promptvc --version\npromptvc {__version__}\n$ (exit 3)\n$ echo $?\n3\n```\n\n"
        "```python\n>>> 1 + 1\n2\n```\n"
    )


def test_the_commands_page_is_what_the_program_says() -> None:
    made = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate_cli.py"), "--print"],
        capture_output=True, text=True, check=True, encoding="utf-8",
    )  # fmt: skip
    assert made.stdout == (ROOT / "docs" / "cli.md").read_text(encoding="utf-8"), (
        "python docs/generate_cli.py"
    )
