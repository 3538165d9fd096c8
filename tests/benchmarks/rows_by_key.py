"""Rows by key, beside databases with versions: whole processes, in turns, on the generator's table.

    python -m tests.benchmarks.rows_by_key --data FOLDER --peers FOLDER [--repeats 5]

``--data`` holds ``base.jsonl`` and the ``*.rows.jsonl`` of one size; ``--peers`` virtual environments ``lance``
(pylance) and ``doltlite``. A peer that is not there is left out. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
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
def cells(path):
    for line in open(path):
        yield tuple(json.dumps(v) if isinstance(v, (list, dict)) else v for v in json.loads(line).values())
def put(path, names):
    c.execute("begin")
    c.executemany(f"insert or replace into d values ({','.join('?' * names)})", cells(path))
    c.execute("commit")
    c.execute("select dolt_add('-A')").fetchall(), c.execute("select dolt_commit('-m', 'x')").fetchall()
if step == "first":
    names = list(json.loads(open(given[0]).readline()))
    c.execute("create table d (%s)" % ",".join(f'"{n}"' + " text primary key" * (n == "id") for n in names))
    put(given[0], len(names))
elif step == "upsert":
    put(given[0], len(c.execute("pragma table_info(d)").fetchall()))
elif step == "row":
    assert c.execute("select * from d where id=?", given).fetchone()
"""


class Bench:
    """Stores of every program, and what each step took: (seconds, bytes of memory) by (step, program)."""

    def __init__(self, data: Path, work: Path, peers: Path | None) -> None:
        self.data, self.work = data, work
        self._environment = clean_environment(work / "home")
        self.found: dict[tuple[str, str], list[tuple[float, int]]] = {}
        self.python = {"promptvc": sys.executable}
        for peer in ("lance", "doltlite"):
            python = peers / peer / "bin/python" if peers else Path("none")
            if python.exists():
                self.python[peer] = str(python)

    def run(self, step: str, program: str, folder: str, command: list[str]) -> None:
        """One step, measured."""
        os.sync()
        cost = run(shlex.join(command), self.work / folder, self._environment)
        self.found.setdefault((step, program), []).append((cost.wall, cost.memory))

    def _prepare(self, words: str, folder: Path) -> None:
        command = self.promptvc(*words.split())
        subprocess.run(command, cwd=folder, check=True, capture_output=True, env=self._environment)

    def promptvc(self, *words: str) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", "promptvc", *words]

    def prepare(self) -> None:
        """First commits: with a declared key and without, and those of the peers."""
        for name, settings in (("keyed", f'[tables."{TABLE}"]\nkey = ["id"]\n'), ("plain", "")):
            folder = self.work / name
            (folder / "examples").mkdir(parents=True)
            self._prepare("init", folder)
            (folder / "promptvc.toml").write_text(settings)
            subprocess.run(["cp", str(self.data / "base.jsonl"), TABLE], cwd=folder, check=True)
            step = "first commit" + (", declared key" if settings else "")
            self.run(step, "promptvc", name, self.promptvc("commit", "-m", "one"))
            self._prepare("branch side", folder)
        for peer, script in (("lance", LANCE), ("doltlite", DOLTLITE)):
            if peer in self.python:
                (self.work / peer).mkdir()
                base = str(self.data / "base.jsonl")
                self.run("first commit", peer, peer, [self.python[peer], "-c", script, "first", base])
        cold = [sys.executable, "-c", PROMPTVC_ROW, self.key]
        self.run("first question by key (builds the index)", "promptvc", "plain", cold)

    @property
    def key(self) -> str:
        """The key of a row in the middle."""
        with (self.data / "base.jsonl").open("rb") as file:
            file.seek((self.data / "base.jsonl").stat().st_size * 3 // 4)
            file.readline()
            return str(json.loads(file.readline())["id"])

    def round(self, number: int) -> None:
        """Every step once."""
        rows, many = (self._edited(name, number) for name in ("p00.rows.jsonl", "edit.rows.jsonl"))
        key, py = self.key, sys.executable
        for folder, words in (("keyed", ", declared key"), ("plain", "")):
            self.run(
                f"upsert of 100 rows{words}",
                "promptvc",
                folder,
                [py, "-c", PROMPTVC_UPSERT, many, "side"],
            )
            self.run(
                f"upsert of 10 rows{words}",
                "promptvc",
                folder,
                [py, "-c", PROMPTVC_UPSERT, rows, "side"],
            )
            self.run(f"table[key]{words}", "promptvc", folder, [py, "-c", PROMPTVC_ROW, key])
        self.run("rows --key", "promptvc", "plain", self.promptvc("rows", TABLE, "--key", key))
        self.run("blame --key", "promptvc", "plain", self.promptvc("blame", TABLE, "--key", key))
        self.run(
            "diff of two commits", "promptvc", "plain", self.promptvc("diff", "side~2", "side", "--stat")
        )
        for peer, script in (("lance", LANCE), ("doltlite", DOLTLITE)):
            if peer in self.python:
                python = [self.python[peer], "-c", script]
                self.run("upsert of 100 rows", peer, peer, [*python, "upsert", many])
                self.run("upsert of 10 rows", peer, peer, [*python, "upsert", rows])
                self.run("table[key]", peer, peer, [*python, "row", key])

    def _edited(self, name: str, number: int) -> str:
        """The rows of a file as this round has them: none is as any round before had it."""
        lines = (self.data / name).read_text().splitlines()
        path = self.work / f"{number}-{name}"
        rows = (json.loads(line) | {"score": 1000.5 + number} for line in lines)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(path)

    def table(self) -> list[str]:
        """Medians as Markdown: seconds and peak memory, and the ratio to each peer."""
        lines = [
            "| step | promptvc s | MB | Lance s | of Lance | doltlite s | of doltlite |",
            "|---|---|---|---|---|---|---|",
        ]
        for step in dict.fromkeys(step for step, _ in self.found):
            ours = self._median(step, "promptvc")
            cells = [step, f"{ours[0]:.2f}", f"{ours[1] / 1e6:.0f}"]
            for peer in ("lance", "doltlite"):
                same = step.removesuffix(", declared key").replace("rows --key", "table[key]")
                theirs = self._median(same, peer) if (same, peer) in self.found else None
                cells += [f"{theirs[0]:.2f}", f"{ours[0] / theirs[0]:.2f}"] if theirs else ["", ""]
            lines.append(f"| {' | '.join(cells)} |")
        return lines

    def _median(self, step: str, program: str) -> tuple[float, int]:
        found = self.found[step, program]
        return statistics.median(wall for wall, _ in found), max(memory for _, memory in found)


def main() -> None:
    """Measure, and print or write the table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("--peers", type=Path)
    asked.add_argument("--repeats", type=int, default=5)
    asked.add_argument("--work", type=Path)
    given = asked.parse_args()
    with TemporaryDirectory(dir=given.work) as work:
        bench = Bench(given.data.resolve(), Path(work), given.peers.resolve() if given.peers else None)
        bench.prepare()
        for number in range(given.repeats):
            bench.round(number)
        print("\n".join(bench.table()))


if __name__ == "__main__":
    main()
