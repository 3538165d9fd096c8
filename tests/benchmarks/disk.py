"""What edits by key add on disk, after promptvc gc, beside Lance: whole processes.

    python -m tests.benchmarks.disk --large FOLDER --small FOLDER --lance PYTHON [--work FOLDER]

The folders hold ``base.jsonl``, ``edit.rows.jsonl`` and ``p00.rows.jsonl`` to ``p49.rows.jsonl``: a table, 100 of its
rows edited, and 50 times ten of them. What Lance has written stays as it is: its own clean-up keeps versions.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.million_rows import LANCE, PROMPTVC_UPSERT, TABLE
from tests.benchmarks.processes import clean_environment


def size(folder: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def promptvc_adds(work: Path, base: Path, edits: Sequence[Path]) -> tuple[int, int]:
    """Bytes of the first version, and of what each of these edits as a commit adds; both after gc."""
    here = str(Path(__file__).resolve().parents[2])
    environment = clean_environment(work / "home") | {"PYTHONPATH": here}
    folder = work / "promptvc"
    (folder / "examples").mkdir(parents=True)
    shutil.copy(base, folder / TABLE)

    def run(*words: str) -> None:
        subprocess.run([sys.executable, *words], cwd=folder, env=environment, check=True, capture_output=True)

    run("-m", "promptvc", "init")
    run("-m", "promptvc", "commit", "-m", "one")
    run("-m", "promptvc", "gc")
    first = size(folder / ".promptvc/objects")
    run("-m", "promptvc", "branch", "side")
    for edit in edits:
        run("-c", PROMPTVC_UPSERT, str(edit), "side")
    run("-m", "promptvc", "gc")
    return first, size(folder / ".promptvc/objects") - first


def lance_adds(work: Path, python: Path, base: Path, edits: Sequence[Path]) -> tuple[int, int]:
    """The same of Lance."""
    folder = work / "lance"
    folder.mkdir()

    def run(step: str, path: Path) -> None:
        command = [str(python), "-c", LANCE, step, str(path)]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)

    run("first", base)
    first = size(folder)
    for edit in edits:
        run("upsert", edit)
    return first, size(folder) - first


def main() -> None:
    """Measure, and print the table."""
    asked = argparse.ArgumentParser(description=__doc__)
    for name in ("large", "small", "lance"):
        asked.add_argument(f"--{name}", type=Path, required=True)
    asked.add_argument("--work", type=Path)
    given = asked.parse_args()
    small, large = given.small.resolve(), given.large.resolve()
    steps = (
        ("100 edited rows of the large table", large, [large / "edit.rows.jsonl"]),
        (
            "50 commits of ten edited rows of the small table",
            small,
            [small / f"p{number:02}.rows.jsonl" for number in range(50)],
        ),
    )
    print(
        "| step | first, promptvc MB | adds, MB | first, lance MB | adds, MB | of lance |\n|---|---|---|---|---|---|"
    )
    for step, folder, edits in steps:
        with TemporaryDirectory(dir=given.work) as work:
            ours = promptvc_adds(Path(work), folder / "base.jsonl", edits)
            theirs = lance_adds(Path(work), given.lance.absolute(), folder / "base.jsonl", edits)
        cells = [f"{each / 1e6:.3f}" for each in (*ours, *theirs)]
        print(f"| {step} | {' | '.join(cells)} | **{ours[1] / theirs[1]:.2f}** |", flush=True)


if __name__ == "__main__":
    main()
