"""How a command ends: at once, and with everything written and tidied up that is to be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import promptvc

PLAIN = "from promptvc.__main__ import main\nmain()"
# The program, with something to be done at its end, and a file in a buffer that is then written.
TIDIES = """
import atexit, sys, tempfile, weakref
from pathlib import Path
from promptvc.__main__ import main
class Held: pass
held = Held()
weakref.finalize(held, Path("finalized").write_text, "yes")
atexit.register(Path("registered").write_text, "yes")
main()
"""
WORKS_ON = """
import sys, threading, time
from pathlib import Path
from promptvc.__main__ import main
def work():
    time.sleep(0.3)
    Path("worked").write_text("yes")
threading.Thread(target=work).start()
main()
"""


def run(root: Path, code: str, *arguments: str, redirect: str = "") -> subprocess.CompletedProcess[str]:
    (root / "run.py").write_text(code)
    command = ["bash", "-c", f'"$@" {redirect}', "bash", sys.executable, "run.py", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    promptvc.init(tmp_path).close()
    return tmp_path


@pytest.mark.parametrize(("arguments", "code"), [(["status"], 0), (["show", "nosuch"], 2), (["nosuch"], 2)])
def test_what_is_to_be_done_at_the_end_is_done(root: Path, arguments: list[str], code: int) -> None:
    done = run(root, TIDIES, *arguments)
    assert done.returncode == code, done.stderr
    assert (root / "finalized").read_text() == (root / "registered").read_text() == "yes"
    assert (done.stdout if code == 0 else done.stderr).strip()


def test_a_thread_at_work_is_waited_for(root: Path) -> None:
    done = run(root, WORKS_ON, "status")
    assert done.returncode == 0, done.stderr
    assert (root / "worked").read_text() == "yes"


@pytest.mark.parametrize("redirect", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("arguments", "code"), [(["status"], 0), (["--version"], 0), (["show", "nosuch"], 2)]
)
def test_a_closed_stream_is_no_failure(root: Path, redirect: str, arguments: list[str], code: int) -> None:
    done = run(root, PLAIN, *arguments, redirect=redirect)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_a_full_disk_is_told(root: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    done = run(root, PLAIN, "status", redirect=">/dev/full")
    assert done.returncode == 3
    assert done.stderr.startswith("error: ")


def test_a_commit_is_whole_after_the_end(root: Path) -> None:
    (root / "prompts").mkdir()
    (root / "prompts/a.md").write_text("hello\n")
    assert run(root, PLAIN, "commit", "-m", "one").returncode == 0
    with promptvc.open(root) as repo:
        assert not repo.verify()
