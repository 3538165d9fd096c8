"""Every way that code or data can come in, times every declaration that can run code: it asks, or refuses.

Real git brings what does not come by promptvc. The positive side is in `tests/runs/test_trust.py`.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from promptvc.errors import NotTrusted
from promptvc.ids import RefName
from promptvc.repo import Repo, Surroundings
from promptvc.repo.clone import clone_into
from promptvc.versioning.sync.push import Send
from tests.cli.shell import Shell

TRACK = '[track]\ninclude = ["prompts/**", "examples/**", "outputs/**", "*.py", "*.sh"]\n'
RUN = """
[runs.{name}]
prompt = "prompts/a.md"
examples = "examples/t.jsonl"
model = "tiny-1"
{declared}
"""
MODEL = "def answer(messages, model, params):\n    return 'mine'\n\n\ndef score(output, example):\n    return True\n"
EVIL = "open({mark!r}, 'w').close()\n" + MODEL
EVIL_PROGRAM = "#!/bin/sh\ntouch {mark}\necho theirs\n"
ONE = 'provider = "python:my_one:answer"'
DECLARED = {
    "python": (ONE, 'provider = "python:evil:answer"'),
    "command": (ONE, 'provider = "command:./evil.sh"'),
    "argument": (ONE, 'provider = "command:sh argument.sh"'),
    "alone": (ONE, "provider = \"command:sh -c 'touch {mark}'\""),
    "scorer": (ONE, ONE + '\nscorers = ["python:evil:score"]'),
    "address": (
        'provider = "openai"\nbase_url = "http://127.0.0.1:9/v1"',
        'provider = "openai"\nbase_url = "https://evil.invalid/v1"',
    ),
    "module": ('provider = "python:my_two:answer"',) * 2,
    "imported": ('provider = "python:caller:answer"',) * 2,
    "program": ('provider = "command:./model.sh"',) * 2,
    "scores": (ONE + '\nscorers = ["python:my_four:score"]',) * 2,
    "package": ('provider = "python:my_five:answer"',) * 2,
    "shadow": ('provider = "python:caller_six:answer"',) * 2,
}
"""The runs that promptvc.toml declares, mine and as theirs has it."""
MINE = {
    "my_one.py": MODEL,
    "my_two.py": MODEL,
    "my_three.py": MODEL,
    "my_four.py": MODEL,
    "my_five.py": MODEL,
    "caller.py": "from my_three import answer\n",
    "caller_six.py": "import importlib\n\ntry:\n    importlib.import_module('shadowed' + '_by_theirs')\n"
    "except ModuleNotFoundError:\n    pass\n\nfrom my_one import answer\n",
    "model.sh": "#!/bin/sh\necho mine\n",
    "prompts/a.md": "Say {{ text }}",
    "examples/t.jsonl": '{"id": 1, "text": "one"}\n',
}
THEIRS = {
    "evil.py": EVIL,
    "evil.sh": EVIL_PROGRAM,
    "argument.sh": EVIL_PROGRAM,
    "my_two.py": EVIL,
    "my_three.py": EVIL,
    "model.sh": EVIL_PROGRAM,
    "my_four.py": EVIL,
    "my_five/__init__.py": EVIL,
    "shadowed_by_theirs.py": EVIL,
}
"""What theirs adds and changes."""


def git(*arguments: object) -> None:
    subprocess.run(["git", *map(str, arguments)], check=True, capture_output=True)


@dataclass
class Two:
    """My project, made here, and a clone of it whose owner wrote other declarations."""

    mine: Repo
    theirs: Repo
    mark: Path
    folder: Path
    world: Surroundings

    @property
    def root(self) -> Path:
        assert self.mine.root is not None
        return self.mine.root

    @property
    def their_root(self) -> Path:
        assert self.theirs.root is not None
        return self.theirs.root

    def send(self, repo: Repo, remote: str = "origin") -> None:
        head = repo.parts.revisions.resolve("main")
        repo.parts.sharing.push(remote, [Send(RefName("refs/heads/main"), head)], repo.parts.who())

    def write_theirs(self, root: Path) -> None:
        mark = str(self.mark)
        declared = {name: theirs.replace("{mark}", mark) for name, (_, theirs) in DECLARED.items()}
        declare(root, declared)
        for path, text in THEIRS.items():
            write(root, path, text.format(mark=mark))


def write(root: Path, path: str, text: str) -> None:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    if path.endswith(".sh"):
        place.chmod(0o755)


def declare(root: Path, declared: dict[str, str]) -> None:
    runs = (RUN.format(name=name, declared=text) for name, text in declared.items())
    write(root, "promptvc.toml", TRACK + "".join(runs))


def write_mine(root: Path) -> None:
    declare(root, {name: mine for name, (mine, _) in DECLARED.items()})
    for path, text in MINE.items():
        write(root, path, text)


@pytest.fixture
def two(tmp_path: Path, world: Surroundings) -> Two:
    mine = Repo.init(tmp_path / "mine", world)
    write_mine(tmp_path / "mine")
    mine.commit("mine")
    git("init", "-q", "--bare", tmp_path / "shared.git")
    mine.parts.sharing.add("origin", str(tmp_path / "shared.git"))
    mine.parts.sharing.follow("main", "origin", "main")
    made = Two(mine, mine, tmp_path / "ran", tmp_path, world)
    made.send(mine)
    made.theirs = clone_into(str(tmp_path / "shared.git"), tmp_path / "theirs", world)
    made.write_theirs(made.their_root)
    made.theirs.commit("theirs")
    return made


# --- the ways --------------------------------------------------------------------------------------------------


def by_clone(two: Two) -> Path:
    two.send(two.theirs)
    clone_into(str(two.folder / "shared.git"), two.folder / "cloned", two.world)
    return two.folder / "cloned"


def by_clone_of_git(two: Two) -> Path:
    git("clone", "-q", "--bare", two.theirs.path, two.folder / "cloned" / ".promptvc")
    git(
        "-C",
        two.folder / "cloned/.promptvc",
        "--work-tree",
        two.folder / "cloned",
        "checkout",
        "-q",
        "-f",
        "main",
    )
    with (two.folder / "cloned/.promptvc/config").open("a") as config:
        config.write("[promptvc]\n\tstoreformat = 1\n")
    return two.folder / "cloned"


def by_fetch(two: Two) -> Path:
    two.send(two.theirs)
    Shell(two.root).run("fetch")
    Shell(two.root).run("switch", "--detach", "origin/main")
    return two.root


def by_restore_of_fetched_files(two: Two) -> Path:
    two.send(two.theirs)
    Shell(two.root).run("fetch")
    Shell(two.root).run("restore", "--source", "origin/main", "--force", ".")
    return two.root


def by_pull(two: Two) -> Path:
    two.send(two.theirs)
    Shell(two.root).run("pull")
    return two.root


def by_pull_and_an_edit_of_the_file(two: Two) -> Path:
    by_pull(two)
    with (two.root / "promptvc.toml").open("a") as project:
        project.write("# a comment of mine\n")
    return two.root


def by_push_into(two: Two) -> Path:
    git("-C", two.theirs.path, "push", "-q", two.mine.path, "main:brought")
    Shell(two.root).run("switch", "brought")
    return two.root


def by_push_into_the_current_branch(two: Two) -> Path:
    git("-C", two.theirs.path, "push", "-q", two.mine.path, "main:main")
    Shell(two.root).run("restore", "--force", ".")
    return two.root


def by_push_of_promptvc(two: Two) -> Path:
    two.theirs.parts.sharing.add("mine", str(two.mine.path))
    head = two.theirs.parts.revisions.resolve("main")
    two.theirs.parts.sharing.push("mine", [Send(RefName("refs/heads/brought"), head)], two.theirs.parts.who())
    Shell(two.root).run("switch", "brought")
    return two.root


def by_bundle(two: Two) -> Path:
    git("-C", two.theirs.path, "bundle", "create", two.folder / "b", "main")
    git("-C", two.mine.path, "bundle", "unbundle", two.folder / "b")
    Shell(two.root).run("branch", "brought", str(two.theirs.parts.revisions.resolve("main")))
    Shell(two.root).run("switch", "brought")
    return two.root


def by_copied_folder(two: Two) -> Path:
    shutil.copytree(two.their_root, two.folder / "copied", symlinks=True)
    return two.folder / "copied"


def by_a_folder_that_is_trusted_where_it_was(two: Two) -> Path:
    Shell(two.their_root).run("config", "trust")
    subprocess.run(["cp", "-a", two.their_root, two.folder / "copied"], check=True)
    return two.folder / "copied"


def by_branch_of_received_objects(two: Two) -> Path:
    two.send(two.theirs)
    Shell(two.root).run("fetch")
    Shell(two.root).run("switch", "-c", "fresh", "origin/main")
    return two.root


def by_fetch_of_git(two: Two) -> Path:
    git("-C", two.mine.path, "fetch", "-q", two.theirs.path, "main:brought")
    Shell(two.root).run("switch", "brought")
    return two.root


def by_git_writing_a_file(two: Two) -> Path:
    git("-C", two.mine.path, "fetch", "-q", two.theirs.path, "main")
    where = ("--git-dir", two.mine.path, "--work-tree", ".")
    subprocess.run(["git", *where, "checkout", "-q", "FETCH_HEAD", "--", "."], check=True, cwd=two.root)
    return two.root


def by_merge(two: Two) -> Path:
    write(two.root, "prompts/b.md", "mine alone")
    two.mine.commit("mine again")
    two.send(two.theirs)
    Shell(two.root).run("fetch")
    Shell(two.root).run("merge", "origin/main")
    return two.root


def by_merge_of_lines(two: Two) -> Path:
    """Both sides changed the files, so that the merged ones are in no commit that came."""
    for path in set(THEIRS) & set(MINE):
        write(two.root, path, MINE[path] + "\n# mine\n")
    write(two.root, "promptvc.toml", "# mine\n" + (two.root / "promptvc.toml").read_text())
    return by_merge(two)


def by_cherry_pick(two: Two) -> Path:
    two.send(two.theirs)
    Shell(two.root).run("fetch")
    Shell(two.root).run("cherry-pick", "origin/main")
    return two.root


def by_init_where_it_lay(two: Two) -> Path:
    place = two.folder / "found"
    write_mine(place)
    two.write_theirs(place)
    Shell(place).run("init")
    return place


def by_init_in_a_clone_of_code(two: Two) -> Path:
    place = code_repository(two)
    git("clone", "-q", place, two.folder / "code")
    Shell(two.folder / "code").run("init", "--no-ignore")
    return two.folder / "code"


def by_pull_of_code(two: Two) -> Path:
    """The code around a store of mine is pulled by git: what is tracked there never comes through the store."""
    place, here = two.folder / "origin-of-code", two.folder / "code"
    write_mine(place)
    commit_code(place)
    git("clone", "-q", place, here)
    Shell(here).run("init", "--no-ignore")
    Shell(here).run("config", "trust")
    Shell(here).run("run", "module", "command", "shadow")
    two.write_theirs(place)
    git("-C", place, "add", "-A")
    git("-C", place, "commit", "-q", "-m", "theirs")
    git("-C", here, "pull", "-q")
    return here


def code_repository(two: Two) -> Path:
    place = two.folder / "origin-of-code"
    write_mine(place)
    two.write_theirs(place)
    commit_code(place)
    return place


def commit_code(place: Path) -> None:
    git("init", "-q", "-b", "main", place)
    git("-C", place, "add", "-A")
    git("-C", place, "commit", "-q", "-m", "code")


WAYS: dict[str, Callable[[Two], Path]] = {
    name.removeprefix("by_"): way for name, way in list(globals().items()) if name.startswith("by_")
}


@pytest.mark.parametrize("way", WAYS)
def test_what_came_asks_before_it_runs(two: Two, way: str) -> None:
    place = WAYS[way](two)
    write(place, "examples/t.jsonl", '{"id": 2, "text": "another, so that there is something to call"}\n')
    asked = {name: asks(place, two.world, name) for name in DECLARED}
    assert [name for name, asking in asked.items() if not asking] == []
    shell = Shell(place)
    refused = shell.run("run", "module", code=3).stderr
    assert "is not trusted yet" in refused
    assert "promptvc config trust" in refused
    assert not two.mark.exists(), "it ran unasked"
    assert shell.json("config", "trust", "--show")[0]["trust"] is False
    assert shell.json("config", "trust")[0] | {"code": []} == {"trust": True, "code": [], "asks": []}
    shell.run("run", "module", "program", "shadow", "scores", "package", "imported", "python", "command")
    assert two.mark.exists()


def asks(place: Path, world: Surroundings, run: str) -> bool:
    repo = Repo.open(place, world)
    try:
        repo.runs.run(run)
    except NotTrusted:
        return True
    finally:
        repo.close()
    return False
