"""How cost grows with history, rows and files: whole processes, medians, and the exponent of each.

    python -m tests.benchmarks.growth [--commits 10000] [--rows 1000000] [--files 10000] [--repeats 5] [--write FILE]

Each number is the largest of its series; those before it are tenths. ``--write`` puts the tables into a Markdown
page, between the marks that stand there. Nothing else should run meanwhile.

The exponent is the slope of log(seconds) over log(size) between the two largest sizes: 0 is no growth, 1 is growth in
proportion. Starting Python is in every number, so that it is that of what a user waits for.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import shlex
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from promptvc import Repo
from promptvc import init as init_repo
from promptvc.ids import RefName, RepoPath
from promptvc.session.files.contents import source_of
from promptvc.storage.objects import Kind, Signature
from promptvc.versioning.commit import write_commit
from promptvc.versioning.tree import FileEntry, load_files, write_tree
from tests.benchmarks.processes import clean_environment, run

TABLE, RARE = "examples/data.jsonl", "notes/rare.md"
PROMPTS = 20
"""Prompts that the commits of a history edit in turn."""
AT_ONCE = 500
"""Commits in a pack."""
Step = tuple[str, Callable[[Path, int], object], str]
"""What it is called, what is done before, and the words of the command."""


def sizes(largest: int, smallest: int) -> list[int]:
    """``10000, 10 -> [10, 100, 1000, 10000]``; the largest is in it whatever it is."""
    found = [largest]
    while found[0] // 10 >= smallest:
        found.insert(0, found[0] // 10)
    return found


def rows(count: int, changed: int = -1) -> bytes:
    """A table of rows of some 200 bytes, one of which is another than it was."""
    lines = (
        json.dumps({"id": f"t-{n}", "text": f"words of row {n} " * 8, "score": -n if n == changed else n})
        for n in range(count)
    )
    return "\n".join([*lines, ""]).encode()


def history(root: Path, count: int) -> None:
    """A project of so many commits: a small prompt each, a row of the table each fiftieth, one file three times.

    The branch ``side`` left the main one halfway.
    """
    repo = init_repo(root)
    with repo.transaction("main", message="first") as tx:
        tx.write(TABLE, rows(2000))
        tx.write(RARE, "rare\n")
        for n in range(PROMPTS):
            tx.write(f"prompts/p{n}.md", f"prompt {n}\n")
    parts = repo.parts
    main, side = RefName.branch("main"), RefName.branch("side")
    half = 1 + count // 2
    _extend(repo, main, range(1, half), count)
    parts.refs.move(side, None, parts.refs.read(main), parts.who(), "forked")
    _extend(repo, main, range(half, count), count)
    with repo.transaction("side", message="beside") as tx:
        tx.write("notes/side.md", "beside\n")
    repo.close()
    _pvc(root, "restore --force .")
    _pvc(root, "gc")


def _extend(repo: Repo, branch: RefName, numbers: range, count: int) -> None:
    for begun in range(numbers.start, numbers.stop, AT_ONCE):
        _write(repo, branch, range(begun, min(begun + AT_ONCE, numbers.stop)), count)


def _write(repo: Repo, branch: RefName, numbers: range, count: int) -> None:
    store, refs = repo.parts.store, repo.parts.refs
    tip = before = refs.read(branch)
    assert tip is not None
    files = load_files(store, store.load_commit(tip).tree)
    with store.begin() as writer:
        for number in numbers:
            rare = number in (count // 3, 2 * count // 3)
            path = RepoPath(RARE if rare else f"prompts/p{number % PROMPTS}.md")
            files[path] = FileEntry(writer.add(Kind.BLOB, f"prompt, edit {number}\n".encode()))
            if number % 50 == 0:
                files[RepoPath(TABLE)] = repo.parts.contents.write(
                    TABLE, source_of(rows(2000, number % 2000)), writer
                )
            who = Signature("Me", "me@example.com", 1_700_000_000 + 60 * number)
            tip = write_commit(writer, write_tree(writer, files), (tip,), f"edit {number}\n", who, who)
        writer.finish()
        refs.move(branch, before, tip, repo.parts.who(), "written")


def project_of_rows(root: Path, count: int) -> None:
    """A table of so many rows, committed twice: the second time with another row in the middle."""
    init_repo(root).close()
    (root / "examples").mkdir()
    for turn in (-1, count // 2):
        (root / TABLE).write_bytes(rows(count, turn))
        _pvc(root, "commit -m rows")


def project_of_files(root: Path, count: int) -> None:
    """So many small files in folders of a hundred, committed twice: the second time with one of them edited."""
    init_repo(root).close()
    for n in range(count):
        path = root / f"prompts/{n // 100}/p{n}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"prompt {n}\n")
    _pvc(root, "commit -m files")
    (root / "prompts/0/p0.md").write_text("another\n")
    _pvc(root, "commit -m edit")


def _nothing(root: Path, turn: int) -> None:
    pass


def _edit_prompt(root: Path, turn: int) -> None:
    path = next(p for p in (root / "prompts/p1.md", root / "prompts/0/p1.md") if p.exists())
    path.write_text(f"turn {turn}\n")


def _edit_row(root: Path, turn: int) -> None:
    path = root / TABLE
    data = path.read_bytes()
    at = data.index(b"\n", len(data) // 3) + 1
    line = data[at : data.index(b"\n", at)]
    path.write_bytes(data.replace(line, re.sub(rb'"score": -?\d+', b'"score": %d' % (turn + 10**9), line), 1))


STATUS: Step = ("status", _nothing, "status")
LOG: Step = ("log -n 20", _nothing, "log -n 20")
DIFF: Step = ("diff HEAD~1 HEAD", _nothing, "diff HEAD~1 HEAD --stat")
SERIES: dict[str, tuple[Callable[[Path, int], None], int, Sequence[Step]]] = {
    "commits": (
        history,
        10,
        (
            STATUS,
            ("commit of one edit", _edit_prompt, "commit -m edit"),
            LOG,
            ("log PATH -n 3", _nothing, f"log {RARE} -n 3"),
            DIFF,
            ("merge --dry-run", _nothing, "merge side --dry-run"),
        ),
    ),
    "rows": (
        project_of_rows,
        1000,
        (
            STATUS,
            ("commit of one row", _edit_row, "commit -m row"),
            DIFF,
            ("rows --key", _nothing, f"rows {TABLE} --key t-7"),
            ("blame --key", _nothing, f"blame {TABLE} --key t-7"),
        ),
    ),
    "files": (
        project_of_files,
        10,
        (STATUS, ("commit of one file", _edit_prompt, "commit -m file"), LOG, DIFF),
    ),
}


def _pvc(root: Path, words: str) -> None:
    command = [sys.executable, "-m", "promptvc", *words.split()]
    subprocess.run(command, cwd=root, check=True, capture_output=True)


def measure(work: Path, series: str, largest: int, repeats: int) -> dict[str, dict[int, float]]:
    """Medians in seconds, by step and size."""
    make, smallest, steps = SERIES[series]
    here = str(Path(__file__).parents[2])  # this version, and no installed one
    environment = clean_environment(work / "home") | {"PYTHONPATH": here}
    found: dict[str, dict[int, float]] = {name: {} for name, _, _ in steps}
    for size in sizes(largest, smallest):
        root = work / f"{series}-{size}"
        make(root, size)
        for name, prepare, words in steps:
            command = shlex.join([sys.executable, "-m", "promptvc", *shlex.split(words)])
            taken = []
            for turn in range(repeats + 1):  # the first one makes what is kept beside the store
                prepare(root, turn)
                taken.append(run(command, root, environment).wall)
            found[name][size] = statistics.median(taken[1:])
        subprocess.run(["rm", "-rf", str(root)], check=True)
    return found


def exponent(costs: dict[int, float]) -> float:
    """Between the two largest sizes."""
    (small, before), (large, after) = sorted(costs.items())[-2:] if len(costs) > 1 else [(1, 1.0), (2, 1.0)]
    return math.log(after / before) / math.log(large / small)


def table(series: str, found: dict[str, dict[int, float]]) -> Iterable[str]:
    """Markdown: a line a step, a column a size, and the exponent."""
    columns = sorted(next(iter(found.values())))
    yield f"| {series} | " + " | ".join(f"{size:,}" for size in columns) + " | exponent | largest / second |"
    yield "|---|" + "---|" * (len(columns) + 2)
    for name, costs in found.items():
        cells = [f"{costs[size]:.3f}" for size in columns]
        second = costs[columns[-2]] if len(columns) > 1 else costs[columns[-1]]
        yield f"| {name} | {' | '.join(cells)} | {exponent(costs):.2f} | {costs[columns[-1]] / second:.2f} |"


def put(page: Path, series: str, lines: Iterable[str]) -> None:
    """Replace what stands between ``<!-- commits -->`` and the next empty line."""
    text = page.read_text()
    body = "\n".join(lines)
    page.write_text(
        re.sub(rf"(<!-- {series} -->\n\n).*?(?=\n\n|\Z)", lambda m: m[1] + body, text, count=1, flags=re.S)
    )


def main() -> None:
    """Measure, print the tables, and write them where asked."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--commits", type=int, default=10_000)
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--files", type=int, default=10_000)
    asked.add_argument("--repeats", type=int, default=5)
    asked.add_argument("--work", type=Path)
    asked.add_argument("--write", type=Path)
    given = asked.parse_args()
    with TemporaryDirectory(dir=given.work) as work:
        for series in SERIES:
            largest = getattr(given, series)
            if not largest:
                continue
            lines = list(table(series, measure(Path(work), series, largest, given.repeats)))
            print("\n".join(lines), flush=True)
            if given.write:
                put(given.write, series, lines)


if __name__ == "__main__":
    main()
