"""A large table beside databases with versions, DVC, git and pyarrow: whole processes, in turns.

    python -m tests.benchmarks.million_rows --data FOLDER --peers FOLDER [--repeats 5]

``--data`` holds ``base.jsonl`` and the ``*.rows.jsonl`` of one size; ``--peers`` virtual environments ``lance``
(pylance), ``doltlite``, ``dvc`` and ``arrow`` (pyarrow). A peer that is not there is left out. Nothing else should run
meanwhile. pandas in the environment would be imported by pyarrow, and be counted.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.processes import clean_environment, run

TABLE = "examples/data.jsonl"
PROMPTVC_UPSERT = f"""
import json, sys, promptvc
rows = [json.loads(line) for line in open(sys.argv[1])]
with promptvc.open(".").transaction(sys.argv[2], message="rows") as tx:
    tx.upsert("{TABLE}", rows)
assert tx.commit_id
"""
PROMPTVC_ROW = f"""
import sys, promptvc
assert promptvc.open(".").snapshot("main").table("{TABLE}")[sys.argv[1]]["id"] == sys.argv[1]
"""
PROMPTVC_ARROW = f"""
import sys, promptvc
assert promptvc.open(".").snapshot(sys.argv[1]).table("{TABLE}").to_arrow().num_rows
"""
PYARROW = """
import sys, pyarrow.json as pj
assert pj.read_json(sys.argv[1]).num_rows
"""
LANCE = """
import sys, lance, pyarrow.json as pj
step, *given = sys.argv[1:]
if step == "first":
    lance.write_dataset(pj.read_json(given[0]), "x.lance", enable_stable_row_ids=True)
elif step == "upsert":
    made = lance.dataset("x.lance").merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
    made.execute(pj.read_json(given[0]))
elif step == "row":
    assert lance.dataset("x.lance").to_table(filter=f"id = '{given[0]}'").num_rows == 1
"""
DOLTLITE = """
import sys, json, doltlite, sqlite3
step, *given = sys.argv[1:]
c = sqlite3.connect("x.db", isolation_level=None)
def q(*words):
    return c.execute(words[0], words[1:]).fetchall()
def cells(path):
    for line in open(path):
        yield tuple(json.dumps(v) if isinstance(v, (list, dict)) else v for v in json.loads(line).values())
def put(path):
    names = len(q("pragma table_info(d)"))
    c.execute("begin")
    c.executemany(f"insert or replace into d values ({','.join('?' * names)})", cells(path))
    c.execute("commit")
    q("select dolt_add('-A')"), q("select dolt_commit('-m', 'x')")
if step == "first":
    names = list(json.loads(open(given[0]).readline()))
    c.execute("create table d (%s)" % ",".join(f'"{n}"' + " text primary key" * (n == "id") for n in names))
    put(given[0])
elif step == "upsert":
    put(given[0])
elif step == "row":
    assert q("select * from d where id=?", *given)
elif step == "diff":
    commits = [id for (id,) in q("select commit_hash from dolt_log limit 2")][::-1]
    assert q("select * from dolt_diff_d where from_commit=? and to_commit=?", *commits)
elif step == "branches":
    for name, path in zip(given[::2], given[1::2]):
        q("select dolt_checkout('main')"), q(f"select dolt_checkout('-b', '{name}')")
        put(path)
elif step == "merge":
    q(f"select dolt_checkout('{given[0]}')"), q(f"select dolt_merge('{given[1]}')")
elif step == "back":
    q("select dolt_checkout('main')")
"""
FIRST = {
    "git": ["git init -q .", "git add data.jsonl && git commit -qm one"],
    "dvc": ["git init -q . && dvc init -q", "dvc add -q data.jsonl && git add . && git commit -qm one"],
}
"""How a program keeps a file: what is done before, and what is measured."""
PEERS = ("lance", "doltlite", "dvc", "git", "pyarrow", "cp")


class Bench:
    """Stores of every program, and what each step took: (seconds, bytes of memory) by (step, program)."""

    def __init__(self, data: Path, work: Path, peers: Path | None) -> None:
        self.data, self.work = data, work
        self.found: dict[tuple[str, str], list[tuple[float, int]]] = {}
        self.python = {"promptvc": sys.executable}
        for peer, name in (
            ("lance", "lance"),
            ("doltlite", "doltlite"),
            ("dvc", "dvc"),
            ("pyarrow", "arrow"),
        ):
            python = peers / name / "bin/python" if peers else Path("none")
            if python.exists():
                self.python[peer] = str(python)
        self._environment = clean_environment(work / "home")
        here = str(Path(__file__).resolve().parents[2])
        self._environment["PYTHONPATH"] = here  # this version, not an installed one; peers get none
        folders = [str(Path(self.python[peer]).parent) for peer in ("dvc",) if peer in self.python]
        self._theirs = {**self._environment, "PATH": ":".join([*folders, os.environ["PATH"]])}
        del self._theirs["PYTHONPATH"]

    def run(self, step: str, program: str, folder: str, command: list[str] | str) -> None:
        """One step, measured."""
        os.sync()
        words = command if isinstance(command, str) else shlex.join(command)
        ours = program == "promptvc"
        cost = run(words, self.work / folder, self._environment if ours else self._theirs)
        self.found.setdefault((step, program), []).append((cost.wall, cost.memory))

    def _prepare(self, folder: Path, *command: str) -> None:
        ours = command[0] == sys.executable
        environment = self._environment if ours else self._theirs
        subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment)

    def promptvc(self, *words: str) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", "promptvc", *words]

    def first(self) -> None:
        """First commits: with a declared key and without, with the look for secrets and without, and those of peers."""
        for name, settings, step, options in (
            ("quiet", "", "first commit, no look for secrets", ["--allow-secrets"]),
            ("keyed", f'[tables."{TABLE}"]\nkey = ["id"]\n', "first commit, declared key", []),
            ("plain", "", "first commit", []),
        ):
            folder = self._fresh(name)
            (folder / "examples").mkdir()
            self._prepare(folder, *self.promptvc("init"))
            (folder / "promptvc.toml").write_text(settings)
            shutil.copy(self.data / "base.jsonl", folder / TABLE)
            self.run(step, "promptvc", name, self.promptvc("commit", "-m", "one", *options))
            self._prepare(folder, *self.promptvc("branch", "side"))
        base = str(self.data / "base.jsonl")
        for peer, script in (("lance", LANCE), ("doltlite", DOLTLITE)):
            if peer in self.python:
                self._fresh(peer)
                self.run("first commit", peer, peer, [self.python[peer], "-c", script, "first", base])
        for peer in ("git", "dvc"):
            if peer == "git" or peer in self.python:
                folder = self._fresh(peer)
                self._prepare(folder, "bash", "-c", FIRST[peer][0])
                shutil.copy(self.data / "base.jsonl", folder / "data.jsonl")
                self.run("first commit", peer, peer, FIRST[peer][1])
                shutil.rmtree(folder)

    def _fresh(self, name: str) -> Path:
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def prepare(self) -> None:
        """The first question by key, which builds the index."""
        cold = [sys.executable, "-c", PROMPTVC_ROW, self.key]
        self.run("first question by key (builds the index)", "promptvc", "plain", cold)

    @property
    def key(self) -> str:
        """The key of a row in the middle."""
        return str(self._row["id"])

    @property
    def _row(self) -> dict[str, str]:
        with (self.data / "base.jsonl").open("rb") as file:
            file.seek((self.data / "base.jsonl").stat().st_size * 3 // 4)
            file.readline()
            row: dict[str, str] = json.loads(file.readline())
            return row

    def round(self, number: int) -> None:
        """Every step once."""
        self._upserts(number)
        self._questions()
        self._merges(number)
        self._arrow()

    def _upserts(self, number: int) -> None:
        rows, many = (self._edited(name, number) for name in ("p00.rows.jsonl", "edit.rows.jsonl"))
        for folder, words in (("keyed", ", declared key"), ("plain", "")):
            for count, path in ((100, many), (10, rows)):
                command = [sys.executable, "-c", PROMPTVC_UPSERT, path, "side"]
                self.run(f"upsert of {count} rows{words}", "promptvc", folder, command)
        for peer, script in (("lance", LANCE), ("doltlite", DOLTLITE)):
            if peer in self.python:
                python = [self.python[peer], "-c", script]
                self.run("upsert of 10 rows", peer, peer, [*python, "upsert", rows])
                self.run("upsert of 100 rows", peer, peer, [*python, "upsert", many])
        if "doltlite" in self.python:
            python = [self.python["doltlite"], "-c", DOLTLITE]
            self.run("diff of 100 rows", "doltlite", "doltlite", [*python, "diff"])

    def _questions(self) -> None:
        key, py = self.key, sys.executable
        for folder, words in (("keyed", ", declared key"), ("plain", "")):
            self.run(f"table[key]{words}", "promptvc", folder, [py, "-c", PROMPTVC_ROW, key])
        for peer, script in (("lance", LANCE), ("doltlite", DOLTLITE)):
            if peer in self.python:
                self.run("table[key]", peer, peer, [self.python[peer], "-c", script, "row", key])
        where = f"input={self._row['input']}"
        self.run("rows --key", "promptvc", "plain", self.promptvc("rows", TABLE, "--key", key))
        self.run("rows --where", "promptvc", "plain", self.promptvc("rows", TABLE, "--where", where))
        self.run("blame --key", "promptvc", "plain", self.promptvc("blame", TABLE, "--key", key))
        diff = self.promptvc("diff", "side~2", "side~1", "--stat")
        self.run("diff of 100 rows", "promptvc", "plain", diff)

    def _merges(self, number: int) -> None:
        """100 rows changed on each of two branches, merged without working files, and with them."""
        plain, names = self.work / "plain", (f"a{number}", f"b{number}")
        files = [self._edited(f"{side}.rows.jsonl", number) for side in "ab"]
        for name, path in zip(names, files, strict=True):
            self._prepare(plain, *self.promptvc("branch", name, "main"))
            self._prepare(plain, sys.executable, "-c", PROMPTVC_UPSERT, path, name)
        self._prepare(plain, *self.promptvc("branch", f"c{number}", names[0]))
        into = self.promptvc("merge", names[1], "--into", names[0])
        self.run("merge --into of 100 + 100 rows", "promptvc", "plain", into)
        self._prepare(plain, *self.promptvc("switch", f"c{number}"))
        self.run("merge of 100 + 100 rows", "promptvc", "plain", self.promptvc("merge", names[1]))
        shutil.copy(self.data / "base.jsonl", self.work / "copied")
        # what any program pays that puts another file in the place of such a large one
        self.run("merge of 100 + 100 rows", "cp", "", f"cp plain/{TABLE} copying && mv copying copied")
        self._prepare(plain, *self.promptvc("switch", "main"))
        if "doltlite" in self.python:
            python, folder = [self.python["doltlite"], "-c", DOLTLITE], self.work / "doltlite"
            given = [word for pair in zip(names, files, strict=True) for word in pair]
            self._prepare(folder, *python, "branches", *given)
            self.run("merge --into of 100 + 100 rows", "doltlite", "doltlite", [*python, "merge", *names])
            self._prepare(folder, *python, "back")

    def _arrow(self) -> None:
        """A table that no cache has, from the working file, and from a branch whose rows are in packs only."""
        cache = self.work / "plain/.promptvc/promptvc/arrow"
        for step, branch in (("from the working file", "main"), ("from packs", "side")):
            shutil.rmtree(cache, ignore_errors=True)
            command = [sys.executable, "-c", PROMPTVC_ARROW, branch]
            self.run(f"to_arrow, {step}", "promptvc", "plain", command)
        self.run("to_arrow, cached", "promptvc", "plain", command)
        if "pyarrow" in self.python:
            base = str(self.data / "base.jsonl")
            command = [self.python["pyarrow"], "-c", PYARROW, base]
            for step in ("from the working file", "from packs"):
                self.run(f"to_arrow, {step}", "pyarrow", "plain", command)

    def _edited(self, name: str, number: int) -> str:
        """The rows of a file as this round has them: none is as any round before had it."""
        lines = (self.data / name).read_text().splitlines()
        path = self.work / f"{number}-{name}"
        rows = (json.loads(line) | {"score": 1000.5 + number} for line in lines)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(path)

    def table(self) -> list[str]:
        """Medians as Markdown: seconds, peak memory of the largest process, and the ratios to peers."""
        peers = [peer for peer in PEERS if any(program == peer for _, program in self.found)]
        names = [name for peer in peers for name in (f"{peer} s", f"of {peer}")]
        head = ["step", "promptvc s", "MB", *names]
        lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        for step in dict.fromkeys(step for step, program in self.found if program == "promptvc"):
            ours = self._median(step, "promptvc")
            cells = [step, f"{ours[0]:.2f}", f"{ours[1] / 1e6:.0f}"]
            for peer in peers:
                same = step.partition(", declared")[0].replace("rows --key", "table[key]")
                same = same.removesuffix(", no look for secrets")
                theirs = self._median(same, peer) if (same, peer) in self.found else None
                cells += [f"{theirs[0]:.2f}", f"**{ours[0] / theirs[0]:.2f}**"] if theirs else ["", ""]
            lines.append(f"| {' | '.join(cells)} |")
        return lines

    def _median(self, step: str, program: str) -> tuple[float, int]:
        found = self.found[step, program]
        return statistics.median(wall for wall, _ in found), max(memory for _, memory in found)


def main() -> None:
    """Measure, and print the table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("--peers", type=Path)
    asked.add_argument("--repeats", type=int, default=5)
    asked.add_argument("--first", type=int, default=3, help="how often first commits are made")
    asked.add_argument("--work", type=Path)
    given = asked.parse_args()
    with TemporaryDirectory(dir=given.work) as work:
        bench = Bench(given.data.resolve(), Path(work), given.peers.resolve() if given.peers else None)
        for _ in range(given.first):
            bench.first()
        bench.prepare()
        for number in range(given.repeats):
            bench.round(number)
        print("\n".join(bench.table()))


if __name__ == "__main__":
    main()
