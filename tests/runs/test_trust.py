"""What was written here runs unasked; what came from elsewhere runs only after a yes. Every way in: test_what_asks."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from promptvc.cli.hints import hint_of
from promptvc.content.runs.spec import RunSpec, ScorerSpec
from promptvc.errors import NotTrusted
from promptvc.ids import RefName, RepoPath
from promptvc.repo import Repo, Surroundings, make_store
from promptvc.repo.clone import clone_into
from promptvc.runs.providers.openai import is_loopback
from promptvc.runs.trust import Declaration, files_of, what_needs_trust
from promptvc.session.files import trustfile
from promptvc.versioning.sync.push import Send
from tests.cli.shell import EXE, Shell

CONFIG = """\
[track]
include = ["prompts/**", "examples/**", "outputs/**", "*.py", "*.sh"]

[runs.mini]
prompt = "prompts/a.md"
examples = "examples/t.jsonl"
provider = "python:my_model:answer"
model = "tiny-1"
scorers = ["exact:expected", "python:my_scorers:helpful"]
"""
COMMAND = (
    CONFIG.replace("python:my_model:answer", "command:sh tool.sh")
    .replace("mini", "tool")
    .partition("\n\n")[2]
)
MODEL = "def answer(messages, model, params):\n    return 'mine'\n"
SCORERS = "def helpful(output, example):\n    return True\n"


def git(*arguments: object) -> None:
    subprocess.run(["git", *map(str, arguments)], check=True, capture_output=True)


def write_project(root: Path) -> None:
    files = {
        "promptvc.toml": CONFIG + COMMAND,
        "my_model.py": MODEL,
        "my_scorers.py": SCORERS,
        "tool.sh": "echo mine\n",
        "prompts/a.md": "Say {{ text }}",
        "examples/t.jsonl": '{"id": 1, "text": "one", "expected": "mine"}\n',
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def why(repo: Repo, run: str = "mini") -> list[str | None]:
    assert repo.root is not None
    fresh = Repo.open(repo.root, repo.parts.surroundings)
    stands = fresh.parts.runs.trust.standings(what_needs_trust(fresh.project.runs[run]))
    fresh.close()
    return [each.why for each in stands]


def trusted(repo: Repo) -> bool:
    return not any(why(repo))


def approve(repo: Repo) -> None:
    assert repo.root is not None
    Shell(repo.root).run("config", "trust")


def root_of(repo: Repo) -> Path:
    assert repo.root is not None
    return repo.root


def push(repo: Repo) -> None:
    head = repo.parts.revisions.resolve("main")
    repo.parts.sharing.push("origin", [Send(RefName("refs/heads/main"), head)], repo.parts.who())


def spec(provider: str = "openai", base_url: str | None = None, scorers: tuple[str, ...] = ()) -> RunSpec:
    return RunSpec(
        name="mini",
        prompt=RepoPath("prompts/a.md"),
        examples=RepoPath("examples/t.jsonl"),
        provider=provider,
        base_url=base_url,
        scorers=tuple(map(ScorerSpec.parse, scorers)),
    )


@pytest.fixture
def cloned(repo: Repo, world: Surroundings, tmp_path: Path) -> Repo:
    write_project(root_of(repo))
    repo.commit("one")
    return clone_into(str(repo.path), tmp_path / "cloned", world)


@pytest.fixture
def own(repo: Repo) -> Shell:
    """A store that was made here, with a run that was written since."""
    write_project(root_of(repo))
    return Shell(root_of(repo))


# --- what was written here never asks ---------------------------------------------------------------------


def runs(shell: Shell, words: str = "") -> None:
    """The runs make a call for a new row, unasked."""
    with (shell.folder / "examples/t.jsonl").open("a") as rows:
        rows.write(json.dumps({"id": time.monotonic_ns(), "text": f"{words} {time.monotonic_ns()}"}) + "\n")
    done = shell.run("run")
    assert " 0 called" not in done.stdout, done.stdout


def test_what_was_written_since_init_runs_before_and_after_a_commit(own: Shell) -> None:
    runs(own)
    own.run("commit", "-m", "one")
    runs(own)
    own.write("my_model.py", MODEL + "# edited\n")
    own.write("promptvc.toml", own.read("promptvc.toml") + "slices = []\n")
    runs(own)
    own.run("commit", "-m", "two")
    runs(own)


def test_what_was_only_committed_runs_when_it_was_pushed_and_fetched(own: Shell, tmp_path: Path) -> None:
    """Another's commit on top has it too, and the remote has mine: it is from here all the same."""
    own.run("commit", "-m", "one")
    make_store(tmp_path / "shared.git")
    own.run("remote", "add", "origin", str(tmp_path / "shared.git"))
    own.run("push", "-u", "origin", "main")
    shutil.rmtree(own.folder / ".promptvc" / "logs")
    other = Shell(tmp_path / "other")
    other.run("clone", str(tmp_path / "shared.git"), ".")
    other.write("prompts/b.md", "theirs")
    other.run("commit", "-m", "theirs")
    other.run("push")
    own.run("pull")
    assert own.read("prompts/b.md") == "theirs"
    runs(own)


def test_branches_switches_merges_undo_and_picks_of_ones_own_never_ask(own: Shell) -> None:
    own.run("commit", "-m", "one")
    own.run("switch", "-c", "side")
    own.write("my_model.py", "# side\n" + MODEL)
    own.write("promptvc.toml", "# side\n" + own.read("promptvc.toml"))
    own.write("extra.py", MODEL)
    own.run("commit", "-m", "side")
    own.run("switch", "main")
    runs(own, "main")
    own.write("my_model.py", MODEL + "\n\n# main\n")
    own.write("promptvc.toml", own.read("promptvc.toml").replace("tiny-1", "tiny-2"))
    own.run("commit", "-m", "main")
    own.run("merge", "side")
    assert own.read("my_model.py") == "# side\n" + MODEL + "\n\n# main\n"
    runs(own, "merged")
    own.run("commit", "-m", "outputs")
    own.write("promptvc.toml", own.read("promptvc.toml").replace("my_model:", "extra:"))
    runs(own, "declared later than it was stored")
    own.run("commit", "-m", "extra")
    own.run("undo")
    runs(own, "undone")
    own.run("restore", "--force", "--source", "main~1", "promptvc.toml", "my_model.py")
    runs(own, "restored")
    own.run("commit", "-m", "restored")
    own.run("revert", "HEAD")
    runs(own, "reverted")
    own.run("gc")
    runs(own, "collected")


def test_what_a_transaction_writes_is_from_here(repo: Repo) -> None:
    write_project(root_of(repo))
    (root_of(repo) / "promptvc.toml").write_text(CONFIG)
    repo.commit("one")
    with repo.transaction("main", message="another model") as tx:
        tx.write("promptvc.toml", CONFIG.replace("my_model", "other_model").encode())
        tx.write("other_model.py", MODEL.encode())
    assert (root_of(repo) / "other_model.py").exists()
    runs(Shell(root_of(repo)))


def test_a_project_that_is_moved_as_a_whole_stays_ones_own(own: Shell, tmp_path: Path) -> None:
    own.run("commit", "-m", "one")
    (tmp_path / "elsewhere").mkdir()
    own.folder.rename(tmp_path / "elsewhere" / "moved")
    runs(Shell(tmp_path / "elsewhere" / "moved"))
    (tmp_path / "elsewhere" / "moved").rename(own.folder)


def test_what_is_written_and_committed_in_the_code_around_never_asks(own: Shell, tmp_path: Path) -> None:
    root = own.folder
    git("init", "-q", "-b", "main", root)
    own.write(".gitignore", ".promptvc/\n__pycache__/\nexamples/\noutputs/\n")
    git("-C", root, "add", "-A", ".")
    runs(own, "staged")
    git("-C", root, "commit", "-q", "-m", "code")
    own.write("my_model.py", MODEL + "# two\n")
    git("-C", root, "commit", "-q", "-a", "-m", "two")
    git("init", "-q", "--bare", tmp_path / "code.git")
    git("-C", root, "push", "-q", tmp_path / "code.git", "main")
    git("-C", root, "fetch", "-q", tmp_path / "code.git", "main:refs/remotes/origin/main")
    runs(own, "pushed and fetched")
    git("-C", root, "switch", "-q", "-c", "side", "HEAD~1")
    git("-C", root, "switch", "-q", "main")
    runs(own, "switched")


def test_a_clone_of_nothing_runs_what_is_written_in_it(world: Surroundings, tmp_path: Path) -> None:
    make_store(tmp_path / "empty.git")
    made = clone_into(str(tmp_path / "empty.git"), tmp_path / "cloned", world)
    write_project(root_of(made))
    runs(Shell(root_of(made)))


def test_ones_own_edit_of_an_approved_clone_does_not_ask_again(cloned: Repo) -> None:
    approve(cloned)
    shell = Shell(root_of(cloned))
    runs(shell)
    shell.write("my_model.py", MODEL + "# edited\n")
    shell.write("promptvc.toml", shell.read("promptvc.toml").replace("my_scorers", "own_scorers"))
    shell.write("own_scorers.py", SCORERS)
    runs(shell)
    shell.run("commit", "-m", "edited")
    runs(shell)


# --- what came asks once, and again when it changes from elsewhere ------------------------------------------


def test_a_clone_is_not_trusted_until_the_user_says_yes(cloned: Repo) -> None:
    assert why(cloned) == ["it came from elsewhere"] * 2
    with pytest.raises(NotTrusted, match="python:my_model:answer") as caught:
        cloned.parts.runs.need_trust(cloned.project.runs["mini"])
    assert caught.value.kind == "not-trusted"
    assert "promptvc config trust" in str(hint_of(caught.value))
    approve(cloned)
    assert trusted(cloned)


def test_bytes_that_are_pulled_ask_again_and_prompts_and_rows_do_not(
    repo: Repo, world: Surroundings, tmp_path: Path
) -> None:
    root = root_of(repo)
    write_project(root)
    repo.commit("one")
    make_store(tmp_path / "shared.git")
    repo.parts.sharing.add("origin", str(tmp_path / "shared.git"))
    push(repo)
    cloned = clone_into(str(tmp_path / "shared.git"), tmp_path / "cloned", world)
    approve(cloned)
    shell = Shell(root_of(cloned))
    (root / "prompts" / "a.md").write_text("Say it: {{ text }}")
    repo.commit("a prompt")
    push(repo)
    shell.run("pull")
    assert trusted(cloned)
    (root / "my_model.py").write_text(MODEL + "# theirs\n")
    repo.commit("a module")
    push(repo)
    shell.run("pull")
    assert why(cloned) == ["my_model.py came from elsewhere", None]
    approve(cloned)
    assert trusted(cloned)
    shell.run("undo")
    assert trusted(cloned)


def test_where_nothing_says_what_came_it_is_not_trusted(own: Shell, repo: Repo) -> None:
    (repo.path / "promptvc" / "trust").unlink()
    assert set(why(repo)) == {"nothing says where files are from"}
    approve(repo)
    assert trusted(repo)
    own.write("my_model.py", MODEL + "# edited\n")
    assert trusted(repo)


@pytest.mark.parametrize("copy", ["cp -a", "cp -r", "tar"])
def test_the_yes_counts_only_where_it_was_said(own: Shell, tmp_path: Path, copy: str) -> None:
    own.run("config", "trust")
    runs(own)
    place = tmp_path / "copied"
    if copy == "tar":
        place.mkdir()
        subprocess.run(["tar", "-C", own.folder, "-cf", tmp_path / "t", "."], check=True)
        subprocess.run(["tar", "-C", place, "-xpf", tmp_path / "t"], check=True)
    else:
        subprocess.run([*copy.split(), own.folder, place], check=True)
    (place / "examples/t.jsonl").write_text('{"id": 9, "text": "nine"}\n')
    assert "nothing says where files are from" in Shell(place).run("run", code=3).stderr


def test_a_forged_or_damaged_record_is_none(own: Shell, repo: Repo) -> None:
    file = repo.path / "promptvc" / "trust"
    data = file.read_bytes()
    for forged in (
        b"",
        b"yes, no\n",
        b"{}\n",
        b"[]\n",
        data[:-2],
        data.replace(b"false", b"true", 1),
        b"\xff",
    ):
        file.write_bytes(forged)
        assert not trusted(repo)
    file.write_bytes(data)
    assert trusted(repo)
    anchor = repo.path / "promptvc" / "made-here"
    anchor.write_bytes(anchor.read_bytes())
    assert not trusted(repo)


def test_the_old_yes_counts_for_what_lay_there_when_it_was_said(
    cloned: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = cloned.path / "promptvc" / "trust"
    time.sleep(0.02)
    file.write_bytes(b"yes\n")
    assert trusted(cloned) is (time.time_ns() < trustfile.LAST_YES)
    monkeypatch.setattr(trustfile, "LAST_YES", time.time_ns() + 10**18)
    assert trusted(cloned)
    time.sleep(0.02)
    (root_of(cloned) / "my_model.py").write_text(MODEL + "# since\n")
    assert why(cloned) == ["my_model.py came from elsewhere", None]
    monkeypatch.setattr(trustfile, "LAST_YES", 0)
    assert set(why(cloned)) == {"nothing says where files are from"}


def test_the_old_no_stays_one(own: Shell, repo: Repo) -> None:
    (repo.path / "promptvc" / "trust").write_bytes(b"no\n")
    assert set(why(repo)) == {"its trust was revoked"}
    approve(repo)
    assert trusted(repo)


def test_the_yes_does_not_travel(cloned: Repo, world: Surroundings, tmp_path: Path) -> None:
    approve(cloned)
    assert not cloned.status().changes
    assert not trusted(clone_into(str(cloned.path), tmp_path / "again", world))


def test_a_record_of_outputs_cannot_name_what_runs(repo: Repo) -> None:
    """`reproduce --call` asks what the record names, which any commit may have brought."""
    write_project(root_of(repo))
    trust = repo.parts.runs.trust
    assert trust.allows(["python:my_model:answer"])
    assert not trust.allows(["command:rm -rf x"])
    assert not trust.allows(["base_url https://evil.example/v1"])


def test_what_lay_there_before_init_asks_whatever_is_declared_since(
    tmp_path: Path, world: Surroundings
) -> None:
    write_project(tmp_path)
    (tmp_path / "promptvc.toml").unlink()
    old = tmp_path / "notes.txt"
    old.write_text("echo old")
    time.sleep(0.02)
    made = Repo.init(tmp_path, world)
    (tmp_path / "promptvc.toml").write_text(CONFIG + COMMAND.replace("tool.sh", "notes.txt"))
    assert why(made) == ["my_model.py came from elsewhere", "my_scorers.py came from elsewhere"]
    assert why(made, "tool")[0] == "notes.txt came from elsewhere"
    (tmp_path / "my_model.py").chmod(0o755)
    assert why(made)[0] == "my_model.py came from elsewhere"
    (tmp_path / "my_model.py").write_text(MODEL + "# since\n")
    assert why(made)[0] is None


def test_a_link_counts_with_what_it_leads_to(cloned: Repo, repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text(MODEL + "# outside\n")
    (root_of(repo) / "my_model.py").unlink()
    (root_of(repo) / "my_model.py").symlink_to(tmp_path / "outside.py")
    repo.commit("a link")
    approve(cloned)
    Shell(root_of(cloned)).run("pull")
    assert why(cloned) == ["my_model.py came from elsewhere", None]


def test_the_compiled_form_of_a_module_that_came_asks(own: Shell, repo: Repo) -> None:
    runs(own)
    assert trusted(repo)
    cached = own.folder / "__pycache__"
    assert trusted(repo)
    cached.mkdir(exist_ok=True)
    name = Path(__import__("importlib.util").util.cache_from_source("my_model.py")).name
    with repo.parts.store.begin() as writer:
        from promptvc.storage.objects import Kind

        writer.add(Kind.BLOB, b"evil bytecode")
        writer.finish()
    (cached / name).write_bytes(b"evil bytecode")
    assert why(repo)[0] == f"__pycache__/{name} came from elsewhere"


def test_the_files_of_a_declaration(tmp_path: Path) -> None:
    for path in ("a.py", "pkg/__init__.py", "pkg/b.py", "pkg/c/__init__.py", "tool.py", "d.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    (tmp_path / "a.py").write_text("import json, pkg.b\nfrom pkg import c\n")
    (tmp_path / "pkg" / "b.py").write_text("from .. import nowhere\nfrom . import c\nimport d\n")
    assert set(files_of("python:a:f", tmp_path)) == {
        "a.py", "pkg/__init__.py", "pkg/b.py", "pkg/c/__init__.py", "d.py"
    }  # fmt: skip
    assert files_of("command:python tool.py --in ../x /etc/passwd", tmp_path) == ["tool.py"]
    assert files_of("command:'unclosed", tmp_path) == []
    assert files_of("python:../a:f", tmp_path) == []
    assert Declaration("base_url https://me:secret@x.example/v1").shown == "base_url https://x.example/v1"


# --- what needs it ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "needs"),
    [
        (spec(), []),
        (spec("openai:local", "http://127.0.0.1:8000/v1"), []),
        (spec("openai", "https://evil.example/v1"), ["base_url https://evil.example/v1"]),
        (
            spec("openai", "https://me:secret@evil.example/v1"),
            ["base_url https://me:secret@evil.example/v1"],
        ),
        (spec("python:m:f"), ["python:m:f"]),
        (spec("command:./model.sh"), ["command:./model.sh"]),
        (spec(scorers=("exact:expected", "good=python:s:g")), ["python:s:g"]),
        (spec("python:m:f", scorers=("python:s:g",)), ["python:m:f", "python:s:g"]),
    ],
)
def test_code_and_addresses_need_trust(run: RunSpec, needs: list[str]) -> None:
    assert what_needs_trust(run) == needs


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("http://localhost/v1", True),
        ("https://LOCALHOST:1/", True),
        ("http://[::1]:8000/v1", True),
        ("http://127.9.9.9", True),
        ("https://api.openai.com/v1", False),
        ("http://localhost.evil.example/v1", False),
        ("http://127.0.0.1.evil.example/v1", False),
        ("http://127.0.0.1@evil.example/v1", False),
        ("http://127.0.0.1:8000@evil.example/v1", False),
        ("http://127.0.0.1\\@evil.example/v1", False),
        ("http://127.0.0.1/\\@evil.example/v1", False),
        ("http://evil.example\\@127.0.0.1/v1", False),
        ("http://evil.example/http://127.0.0.1/", False),
        ("http://127.0.0.1#@evil.example/v1", False),
        ("http://127.0.0.1\n.evil.example/v1", False),
        ("http://0x7f000001/v1", False),
    ],
)
def test_only_what_is_plainly_this_machine_is_loopback(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


# --- from the command line --------------------------------------------------------------------------------


def test_config_trust_says_yes_and_takes_it_back(cloned: Repo) -> None:
    shell = Shell(root_of(cloned))
    code = ["python:my_model:answer", "python:my_scorers:helpful", "command:sh tool.sh"]
    came = "it came from elsewhere"
    asks = [{"code": each, "why": came} for each in code]
    assert shell.json("config", "trust", "--show") == [{"trust": False, "code": code, "asks": asks}]
    assert shell.out("config", "trust", "--show").splitlines() == [
        f"Code that promptvc.toml names may not run in this store: {came}",
        *(f"  {each}  asks: {came}" for each in code),
    ]
    assert shell.out("config", "trust").splitlines() == [
        "Code that promptvc.toml names may run in this store",
        *(f"  {each}" for each in code),
    ]
    assert trusted(cloned)
    assert shell.json("config", "trust", "--show")[0]["trust"] is True
    assert (
        shell.out("config", "trust", "--revoke")
        == "Code that promptvc.toml names may not run in this store\n"
    )
    assert not trusted(cloned)
    assert shell.out("status", "--json").count('"clean":true') == 1
    assert not any(line.startswith("trust") for line in shell.out("config").splitlines())


def at_a_terminal(folder: Path, *words: str, answer: str) -> tuple[int, str]:
    """What a command says at a terminal where a question is answered."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*EXE, *words], cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    os.write(ours, answer.encode() + b"\n")
    said = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            block = os.read(ours, 1 << 16)
        except OSError:
            break
        if not block:
            break
        said += block
    os.close(ours)
    if process.poll() is None:
        time.sleep(1)
        process.kill()
    return process.wait(), said.decode(errors="replace")


@pytest.mark.parametrize("words", [("run", "mini"), ("reproduce", "--call", "mini"), ("record", "other")])
def test_at_a_terminal_it_is_asked_once_and_no_is_the_default(
    repo: Repo, world: Surroundings, tmp_path: Path, words: tuple[str, ...]
) -> None:
    root = root_of(repo)
    write_project(root)
    with (root / "promptvc.toml").open("a") as project:
        project.write(
            CONFIG.partition("\n\n")[2].replace("mini", "other").replace("my_scorers", "my_scorers")
        )
    Shell(root).run("run", "mini")
    repo.commit("one")
    cloned = clone_into(str(repo.path), tmp_path / "cloned", world)
    place = root_of(cloned)
    if words[0] == "run":
        (place / "examples/t.jsonl").write_text('{"id": 2, "text": "two", "expected": "mine"}\n')
    if words[0] == "record":
        (place / "made.jsonl").write_text('{"id": 1, "output": "mine"}\n')
        words = (
            *words,
            "--from",
            "made.jsonl",
            "--example-key",
            "id",
            "--output",
            "output",
            "--with-scorers",
        )
    for answer in ("", "n"):
        code, said = at_a_terminal(place, *words, answer=answer)
        assert code == 3, said
        assert "Code that came from elsewhere would run" in said
        assert "my_scorers.py" in said
    code, said = at_a_terminal(place, *words, answer="y")
    assert code == 0, said
    if words[0] == "run":
        (place / "examples/t.jsonl").write_text('{"id": 3, "text": "three", "expected": "mine"}\n')
    code, said = at_a_terminal(place, *words, *(["--force"] if words[0] == "record" else []), answer="")
    assert code == 0, said
    assert "elsewhere" not in said


def test_a_configuration_that_cannot_be_read_is_not_trusted_and_can_be_revoked(cloned: Repo) -> None:
    shell = Shell(root_of(cloned))
    shell.write("promptvc.toml", "[runs\n")
    assert "promptvc.toml" in shell.run("config", "trust", code=3).stderr
    shell.write("promptvc.toml", CONFIG)
    assert not trusted(cloned)
    shell.write("promptvc.toml", "[runs\n")
    shell.run("config", "trust", "--revoke")


@pytest.mark.parametrize(
    "words",
    [
        ["trust", "yes"],
        ["trust", "--unset"],
        ["trust", "--show", "--revoke"],
        ["user.name", "--revoke"],
        ["--show"],
    ],
)
def test_what_makes_no_sense_is_refused(repo: Repo, words: list[str]) -> None:
    assert repo.root is not None
    assert "config trust" in Shell(repo.root).run("config", *words, code=2).stderr


def test_what_is_known_are_local_files(cloned: Repo) -> None:
    before = {str(p) for p in cloned.path.rglob("*")}
    approve(cloned)
    assert {str(p) for p in cloned.path.rglob("*")} == before
    local = {each for each in before if "trust" in each or "made-here" in each}
    assert local == {str(cloned.path / "promptvc" / name) for name in ("trust", "trust.lock", "made-here")}
