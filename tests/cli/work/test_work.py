"""The commands of a working day: init, status, commit, restore, branch, switch, tag, config, fsck, gc, demo."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.shell import EXE, Shell


@pytest.fixture
def sh(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path / "project")
    shell.write("prompts/a.md", "Answer {{ ticket }} in a {{ tone }} tone.\n")
    shell.write("examples/t.jsonl", "".join(f'{{"id": "t-{n}", "text": "row {n}"}}\n' for n in range(500)))
    shell.run("init")
    return shell


def test_init_says_what_it_tracks(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "p")
    shell.write("prompts/a.md", "x")
    assert shell.out("init") == (
        "Store in .promptvc (a git repository). Tracking prompts/, examples/, outputs/\nand promptvc.toml: 1 prompt.\n"
    )


def test_init_in_a_code_repository_ignores_the_store_and_commits_name_the_code(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "code")
    subprocess.run(["git", "init", "-q"], cwd=shell.folder, check=True)
    shell.write("main.py", "print()\n")
    subprocess.run("git add . && git commit -qm code", shell=True, cwd=shell.folder, check=True)
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=shell.folder, capture_output=True, text=True
    ).stdout.strip()
    shell.write("prompts/a.md", "x")
    assert "Added .promptvc/ to .gitignore" in shell.out("init")
    assert shell.read(".gitignore") == ".promptvc/\n"
    shell.run("commit", "-m", "one\n\nReviewed-by: me")
    assert shell.json("log")[0]["message"] == f"one\n\nReviewed-by: me\nCode-Commit: {head}\n"
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=shell.folder, capture_output=True, text=True
    ).stdout
    assert ".promptvc" not in status


def test_status_in_json_has_the_promised_shape(sh: Shell) -> None:
    [value] = sh.json("status")
    assert list(value) == ["branch", "head", "clean", "files", "ahead", "behind", "runs"]
    assert value["files"][:2] == [
        {"path": "examples/t.jsonl", "kind": "table", "status": "added"},
        {"path": "prompts/a.md", "kind": "prompt", "status": "added"},
    ]
    sh.run("commit", "-m", "one")
    [value] = sh.json("status")
    assert (value["branch"], value["clean"], value["files"], value["ahead"]) == ("main", True, [], None)


def test_status_tells_people(sh: Shell) -> None:
    lines = sh.out("status").splitlines()
    assert lines[0] == "On main, no commits yet"
    assert lines[1].split() == ["new", "examples/t.jsonl", "table", "500", "rows,", "key", "id"]
    assert lines[2].split() == ["new", "prompts/a.md", "prompt", "variables:", "ticket,", "tone"]
    sh.run("commit", "-m", "one")
    assert sh.out("status") == "On main\nnothing to commit\n"


def test_commit_sums_up(sh: Shell) -> None:
    first = sh.out("commit", "-m", "Baseline").splitlines()
    assert first[0].startswith("[main ")
    assert first[0].endswith("] Baseline")
    assert first[1].startswith("  1 prompt, 1 table of 500 rows in ")
    sh.write("prompts/a.md", "Answer {{ ticket }} in a {{ tone }} tone, in {{ limit }} words.\n")
    sh.write(
        "examples/t.jsonl", sh.read("examples/t.jsonl").replace("row 7", "row seven", 1) + '{"id": "new"}\n'
    )
    second = sh.out("commit", "-m", "More").splitlines()
    assert second[1:] == ["  examples/t.jsonl  +1 ~1", "  prompts/a.md      1 word group, + limit"]
    assert "nothing to commit" in sh.run("commit", "-m", "again", code=1).stderr
    assert sh.json("commit", "--allow-empty", "-m", "empty")[0]["files"] == []


def test_a_message_may_come_from_a_file_or_stdin(sh: Shell) -> None:
    sh.run("commit", "-F", "-", input="From stdin\n\nwith a body\n")
    assert sh.json("log")[0]["message"] == "From stdin\n\nwith a body\n"


def test_the_editor_is_asked_for_a_message(sh: Shell) -> None:
    script = sh.folder / "editor.sh"
    script.write_text("#!/bin/sh\nprintf 'From the editor\\n# a comment\\n' > \"$1\"\n")
    script.chmod(0o755)
    command = f"GIT_EDITOR={script} script -qec \"{EXE[0]} -c '{EXE[2]}' commit\" /dev/null"
    done = subprocess.run(
        ["sh", "-c", command.replace(f"-c '{EXE[2]}'", "-m promptvc")],
        cwd=sh.folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert sh.json("log")[0]["message"] == "From the editor\n"


def test_from_a_folder_below_paths_are_relative_to_it(sh: Shell) -> None:
    sh.run("commit", "-m", "one")
    sh.write("prompts/a.md", "changed\n")
    below = Shell(sh.folder / "prompts")
    below.run("commit", "-m", "two", "a.md")
    below.run("restore", "--source", "HEAD~1", "a.md")
    assert "Answer" in sh.read("prompts/a.md")
    assert "outside the project" in below.run("commit", "-m", "x", "../../..", code=2).stderr


def test_branches_live_and_die(sh: Shell) -> None:
    sh.run("commit", "-m", "one")
    sh.run("branch", "x")
    sh.run("switch", "x")
    sh.write("prompts/a.md", "on x\n")
    sh.run("commit", "-m", "two")
    assert [(b["name"], b["current"]) for b in sh.json("branch")] == [("main", False), ("x", True)]
    sh.run("switch", "-")
    assert "Answer" in sh.read("prompts/a.md")
    assert "nowhere else" in sh.run("branch", "-d", "x", code=3).stderr
    assert "current branch" in sh.run("branch", "-d", "main", code=3).stderr
    line = sh.out("branch", "-f", "-d", "x")
    sh.run(*line.split(": promptvc ")[1].split()[:3])  # the hint works
    sh.run("branch", "-m", "x", "y")
    assert {b["name"] for b in sh.json("branch")} == {"main", "y"}
    assert "exists already" in sh.run("switch", "-c", "y", code=3).stderr
    sh.run("switch", "--detach", "y")
    assert sh.json("status")[0]["branch"] is None
    sh.write("prompts/a.md", "detached\n")
    sh.run("commit", "-m", "on no branch")
    sh.run("switch", "-c", "kept")
    assert sh.json("log")[0]["message"] == "on no branch\n"


def test_switch_refuses_to_overwrite_uncommitted_work(sh: Shell) -> None:
    sh.run("commit", "-m", "one")
    sh.run("switch", "-c", "x")
    sh.write("prompts/a.md", "on x\n")
    sh.run("commit", "-m", "two")
    sh.write("prompts/a.md", "work\n")
    refused = sh.run("switch", "main", code=3).stderr
    assert refused.splitlines()[0] == "error: prompts/a.md has changes that are not committed"
    assert sh.read("prompts/a.md") == "work\n"
    sh.run("switch", "--force", "main")
    assert "Answer" in sh.read("prompts/a.md")


def test_tags_name_commits(sh: Shell) -> None:
    sh.run("commit", "-m", "one")
    sh.run("tag", "v1")
    sh.run("tag", "v2", "HEAD", "-m", "with a message")
    tags = sh.json("tag")
    assert [tag["name"] for tag in tags] == ["v1", "v2"]
    assert tags[0]["id"] == tags[1]["id"] == sh.json("log", "v2")[0]["id"]
    assert tags[1]["object"] != tags[1]["id"]
    assert "exists already" in sh.run("tag", "v1", code=3).stderr
    sh.run("tag", "-d", "v1")
    assert [tag["name"] for tag in sh.json("tag")] == ["v2"]


def test_revisions_reach_back_through_reflog_and_time(sh: Shell) -> None:
    sh.run("commit", "-m", "one")
    one = sh.json("log")[0]["id"]
    sh.write("prompts/a.md", "two\n")
    sh.run("commit", "-m", "two")
    two = sh.json("log")[0]["id"]
    for text in (
        "HEAD~1",
        "main~",
        "main^",
        "main@{1}",
        "@~1",
        one[:8],
        "HEAD^{commit}~1",
    ):
        assert sh.json("log", "-n", "1", text)[0]["id"] == one, text
    for text in ("HEAD", "@", "main@{0}", "main@{now}", "main^0"):
        assert sh.json("log", "-n", "1", text)[0]["id"] == two, text
    for text, said in (
        ("main@{yesterday}", "the log of main begins at "),
        ("refs/heads/main@{1.week.ago}", "the log of main begins at "),
        ("main@{2}", "the log of main has 2 entries"),
    ):
        assert said in sh.run("log", text, code=2).stderr


def test_config_is_gits(sh: Shell) -> None:
    sh.run("config", "user.name", "Somebody")
    assert sh.out("config", "user.name") == "Somebody\n"
    git = subprocess.run(
        ["git", "--git-dir=.promptvc", "config", "user.name"], cwd=sh.folder, capture_output=True, text=True
    )
    assert git.stdout == "Somebody\n"
    sh.run("config", "--unset", "user.name")
    sh.run("config", "user.name", code=1)
    assert "not a configuration name" in sh.run("config", "nonsense", "x", code=3).stderr


def test_fsck_and_gc(sh: Shell) -> None:
    sh.run("commit", "-m", "one")
    assert sh.json("fsck")[-1]["problems"] == 0
    sh.run("branch", "x")
    assert sh.json("gc")[0]["dropped"] == 0
    assert sh.json("fsck")[-1]["problems"] == 0
    pack = next((sh.folder / ".promptvc/objects/pack").glob("*.pack"))
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 0xFF
    pack.chmod(0o644)
    pack.write_bytes(data)
    assert sh.run("fsck", code=1).stdout


def test_the_demo_runs_and_leaves_nothing(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    text = shell.out("demo")
    assert text.count("$ promptvc ") >= 12
    assert ">>> snap" in text
    assert "error" not in text
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_leaves_is_no_error(sh: Shell) -> None:
    sh.run("commit", "-m", "one")
    command = f"{EXE[0]} -m promptvc rows examples/t.jsonl --limit 0 | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=sh.folder, capture_output=True, text=True
    )
    assert done.stderr == ""
    assert done.returncode in (0, 141)


INTERRUPTING = """
import os, signal, sys
place, number = sys.argv.pop(1), int(sys.argv.pop(1))
seen = 0

def strike(frame, event, argument):
    global seen
    if frame.f_code.co_filename.endswith(place):
        seen += 1
        if seen == number:
            os.kill(os.getpid(), signal.SIGINT)
    return strike

sys.argv[0] = "promptvc"
from promptvc.__main__ import main
sys.settrace(strike)
main()
"""
"""Interrupts the program at the Nth event of a file: a line, a call, a return."""
PLACES = [
    ("promptvc/__main__.py", range(1, 13)),
    ("promptvc/cli/main.py", range(1, 90, 8)),
    ("promptvc/session/workspace/workspace.py", (1, 30, 90)),
    ("promptvc/storage/packing.py", (5, 60, 200)),
    ("promptvc/storage/refs.py", (5, 40, 90, 140)),
]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place[0].rpartition("/")[2])
def test_ctrl_c_at_any_line_leaves_the_old_state_or_the_new_one(
    sh: Shell, place: tuple[str, Sequence[int]]
) -> None:
    sh.run("commit", "-m", "one")
    ended = set()
    for number in place[1]:
        sh.write("prompts/a.md", f"at {number}\n")
        before = sh.json("log")
        done = subprocess.run(
            [EXE[0], "-c", INTERRUPTING, place[0], str(number), "commit", "-m", "more"],
            cwd=sh.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        ended.add(done.returncode)
        assert "Traceback" not in done.stderr, (number, done.stderr)
        assert done.returncode in (0, 130, -signal.SIGINT), (number, done.stderr)
        log = sh.json("log")
        assert log == before or log[1:] == before
        assert not list((sh.folder / ".promptvc/objects/pack").glob("tmp_*")) or done.returncode < 0
    assert ended & {130, -signal.SIGINT}, "none was interrupted"
    assert sh.json("fsck")[-1]["problems"] == 0
