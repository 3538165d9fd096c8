"""Whatever is stopped among the working files: the next command finds old or new, and no commit records a mixture."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from promptvc.api import open as open_repo
from tests.stopping import killed_at_file, new_project, pvc, waiting

FILES = ("prompts/a.md", "prompts/b.md", "prompts/c.md")


@dataclass(frozen=True)
class Made:
    """A project, how it is brought to where the operation begins, and the operation."""

    prepare: tuple[tuple[str, ...], ...]
    act: Callable[[Path], object]


def command(*words: str) -> Callable[[Path], object]:
    return lambda root: pvc(root, *words)


def transaction(root: Path) -> None:
    with open_repo(root).transaction("main", "by a service") as tx:
        for path in FILES:
            tx.write(path, f"{path} by a service\n")


OPERATIONS = {
    "switch": Made((), command("switch", "feature")),
    "switch -c": Made((), command("switch", "-c", "new", "feature")),
    "merge": Made((), command("merge", "feature")),
    "fast-forward": Made((("switch", "base"),), command("merge", "feature")),
    "pull": Made((("switch", "base"),), command("pull", "hub")),
    "undo": Made((("merge", "feature"),), command("undo")),
    "redo": Made((("merge", "feature"), ("undo",)), command("undo")),
    "revert": Made((("switch", "feature"),), command("revert", "HEAD")),
    "cherry-pick": Made((), command("cherry-pick", "feature")),
    "restore": Made((), command("restore", "-s", "feature", "prompts")),
    "transaction": Made((), transaction),
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Branches base, feature (all files changed), main (one more file), and a remote whose base is feature."""
    root = new_project(tmp_path_factory.mktemp("template") / "project")
    write(root, "old")
    pvc(root, "commit", "-m", "base")
    pvc(root, "branch", "base")
    pvc(root, "switch", "-c", "feature")
    write(root, "new")
    pvc(root, "commit", "-m", "feature")
    hub = root.parent / "hub"
    shutil.copytree(root, hub)
    pvc(hub, "switch", "base")
    pvc(hub, "merge", "feature")
    pvc(root, "switch", "main")
    (root / "prompts/d.md").write_text("main\n")
    pvc(root, "commit", "-m", "main")
    pvc(root, "remote", "add", "hub", str(hub))
    pvc(root, "fetch", "hub")
    with (root / ".promptvc/config").open("a") as config:
        config.write('[branch "base"]\n\tremote = hub\n\tmerge = refs/heads/base\n')
    return root


def write(root: Path, text: str) -> None:
    for path in FILES:
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(f"{path} {text}\n")


def working(root: Path) -> dict[str, str]:
    found = (path for path in root.rglob("*") if path.is_file() and ".promptvc" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_text() for path in found}


def committed(root: Path) -> dict[str, str]:
    """The files of HEAD, as git reads them."""
    git = ["git", f"--git-dir={root / '.promptvc'}"]
    names = subprocess.check_output([*git, "ls-tree", "-r", "--name-only", "HEAD"], text=True).split()
    return {name: subprocess.check_output([*git, "show", f"HEAD:{name}"], text=True) for name in names}


def state(root: Path) -> tuple[object, ...]:
    head = (root / ".promptvc/HEAD").read_text()
    return working(root), committed(root), head


def prepared(template: Path, folder: Path, name: str) -> Path:
    root = folder / "project"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(template, root)
    for words in OPERATIONS[name].prepare:
        pvc(root, *words)
    return root


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_killed_operation_is_found_old_or_new_and_never_committed_as_a_mixture(
    template: Path, tmp_path: Path, name: str, number: int
) -> None:
    root = prepared(template, tmp_path, name)
    old = state(root)
    OPERATIONS[name].act(root)
    new = state(root)
    assert old[0] != new[0]
    root = prepared(template, tmp_path, name)
    assert killed_at_file(lambda: OPERATIONS[name].act(root), root, number)
    pvc(root, "status")
    found = state(root)
    assert found in (old, new)
    said = pvc(root, "commit", "-m", "x", code=None)
    assert state(root)[0] == found[0]
    if name == "restore" and found == new:
        assert (said.code, committed(root)) == (0, found[0])
    else:
        assert said.code == 1, said  # nothing to commit
        assert state(root) == found
    pvc(root, "fsck")


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_commit_right_after_the_kill_records_no_mixture_and_no_half_made_file(
    template: Path, tmp_path: Path, name: str
) -> None:
    root = prepared(template, tmp_path, name)
    old = state(root)
    OPERATIONS[name].act(root)
    new = state(root)
    root = prepared(template, tmp_path, name)
    assert killed_at_file(lambda: OPERATIONS[name].act(root), root, 1)
    pvc(root, "commit", "-m", "x", code=None)
    assert committed(root) in (old[1], new[1], new[0])
    assert working(root) in (old[0], new[0])


def test_files_changed_since_are_named_and_undo_force_settles_it_and_keeps_them(
    template: Path, tmp_path: Path
) -> None:
    root = prepared(template, tmp_path, "switch")
    before = state(root)
    killed_at_file(lambda: OPERATIONS["switch"].act(root), root, 2)
    (root / "prompts/a.md").write_text("my own words\n")
    half = working(root)
    for words in (("status",), ("commit", "-m", "x"), ("switch", "feature"), ("restore", "."), ("undo",)):
        said = pvc(root, *words, code=3)
        assert "switch feature was interrupted" in said.err
        assert "prompts/a.md" in said.err
        assert "promptvc undo --force" in said.err
        assert working(root) == half
    pvc(root, "undo", "--force")
    assert state(root) == before
    pvc(root, "status")
    pvc(root, "undo")
    assert (root / "prompts/a.md").read_text() == "my own words\n"
    pvc(root, "fsck")


def test_what_was_interrupted_is_said_once(template: Path, tmp_path: Path) -> None:
    root = prepared(template, tmp_path, "switch")
    killed_at_file(lambda: OPERATIONS["switch"].act(root), root, 1)
    assert "switch feature was interrupted, and was taken back" in pvc(root, "status").err
    assert "interrupted" not in pvc(root, "status").words


def test_half_made_files_are_neither_tracked_nor_left(template: Path, tmp_path: Path) -> None:
    root = prepared(template, tmp_path, "switch")
    pvc(root, "switch", "feature")
    (root / "prompts/.a.md.4711.tmp").write_text("of an earlier release")
    assert killed_at_file(lambda: pvc(root, "switch", "main"), root, 1)
    scratch = root / ".promptvc/promptvc/tmp"
    pvc(root, "status")
    assert list(scratch.glob("*")) == []
    assert not [name for name in working(root) if "promptvc" in name and name != "promptvc.toml"]


HOLDER = """
    import sys, promptvc
    repo = promptvc.open(sys.argv[1])
    with repo.parts.intents.exclusive():
        print("held", flush=True)
        sys.stdin.read()
"""


def hold(root: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", textwrap.dedent(HOLDER), str(root)]
    child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


@pytest.mark.parametrize("words", [("commit", "-m", "x"), ("switch", "feature"), ("merge", "feature")])
def test_a_living_process_at_work_on_the_files_is_waited_for(
    template: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    root = prepared(template, tmp_path, "switch")
    if words[0] == "commit":
        (root / "prompts/a.md").write_text("mine\n")
    child = hold(root)
    with waiting(lambda: None, lambda: child.communicate("")) as clock:
        pvc(root, *words)
    assert clock.pauses >= 2


def test_a_living_process_that_does_not_end_is_refused_and_nothing_is_changed(
    template: Path, tmp_path: Path
) -> None:
    root = prepared(template, tmp_path, "switch")
    before = state(root)
    child = hold(root)
    with waiting() as clock:
        said = pvc(root, "switch", "feature", code=3)
    assert clock.waited >= 10
    assert "at work on the working files" in said.err
    assert state(root) == before
    child.communicate("")
    pvc(root, "switch", "feature")


def test_an_intent_that_cannot_be_read_is_settled_by_what_the_operation_log_knows(
    template: Path, tmp_path: Path
) -> None:
    root = prepared(template, tmp_path, "switch")
    old = state(root)
    killed_at_file(lambda: OPERATIONS["switch"].act(root), root, 2)
    intent = root / ".promptvc/promptvc/intent"
    intent.write_bytes(intent.read_bytes()[:-9])
    pvc(root, "status")
    assert state(root) == old
