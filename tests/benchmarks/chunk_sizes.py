"""What the size of chunks costs: 16, 32 and 64 KiB, on generated rows and on real histories. Run by hand:

    python -m tests.benchmarks.chunk_sizes --rows FOLDER      (FOLDER holds base.jsonl and edit.jsonl of gen.py)

It measures the writing of a file, not a whole program: rows cut, hashed, compressed, and the pack made durable.
"""

from __future__ import annotations

import argparse
import gzip
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from promptvc.content.formats import HEAD_SIZE, row_format
from promptvc.session.files.cutting import cutting_of
from promptvc.storage.store import ObjectStore
from promptvc.versioning.ropes import chunking
from promptvc.versioning.ropes.chunking import file_blocks
from promptvc.versioning.ropes.chunklist import ChunkList
from promptvc.versioning.ropes.rope import write_rows
from promptvc.versioning.upkeep.upkeep import fold

TARGETS = (16, 32, 64)
"""KiB; a chunk is at least a quarter of this, and at most 256 KiB."""
HISTORIES = ("prompts_history", "dataset_history/leaderboard", "dataset_history/bfcl_multi_turn_base_answers")
SHARED_DATA = Path(__file__).resolve().parent.parent.parent.parent / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Write:
    """One version written: seconds, bytes of the pack and its index, objects in it."""

    wall: float
    cpu: float
    size: int
    objects: int


def main() -> None:
    parser = argparse.ArgumentParser(description="What the size of chunks costs.")
    parser.add_argument("--rows", type=Path, required=True, help="folder with base.jsonl and edit.jsonl")
    parser.add_argument("--histories", type=Path, default=SHARED_DATA, help="folder with real histories")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        one = Path(folder, "one.jsonl")
        edit_one_row(options.rows / "base.jsonl", one)
        versions = [options.rows / "base.jsonl", one, options.rows / "edit.jsonl"]
        print_rows(versions, options.repeats)
    if options.histories.is_dir():
        print_histories(options.histories)


def print_rows(versions: Sequence[Path], repeats: int) -> None:
    """A table of the generated rows: the first version, one row edited, a hundred edited."""
    found: dict[int, list[list[Write]]] = {target: [] for target in TARGETS}
    for _ in range(repeats):
        for target in TARGETS:  # in turns: a busy moment of the machine does not meet one size only
            found[target].append(write_versions(versions, target))
    print(f"| target | first: CPU s | wall s | stored | objects | {' | '.join(_HEADS)} |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for target, runs in found.items():
        first, one, edit = runs[0]
        cells = [f"{target} KiB", middle(runs, 0, "cpu"), middle(runs, 0, "wall")]
        cells += [f"{first.size / 1e6:.2f} MB", str(first.objects)]
        for place, write in ((1, one), (2, edit)):
            cells += [middle(runs, place, "cpu"), f"{write.size / 1e3:.1f} KB", str(write.objects)]
        print(f"| {' | '.join(cells)} |")


_HEADS = ("1 row edited: CPU s", "adds", "objects", "100 rows edited: CPU s", "adds", "objects")


def middle(runs: Sequence[Sequence[Write]], place: int, field: str) -> str:
    """The median of a field over the runs."""
    return f"{statistics.median(getattr(run[place], field) for run in runs):.3f}"


def print_histories(folder: Path) -> None:
    """A table of the real histories: all versions in one store, against each of them gzipped."""
    print(
        "\n| history | versions | size | gzip -9 of each | " + " | ".join(f"{t} KiB" for t in TARGETS) + " |"
    )
    print("|---|---|---|---|" + "---|" * len(TARGETS))
    for name in HISTORIES:
        versions = sorted(path for path in (folder / name).iterdir() if path.name[1:2].isdigit())
        zipped = sum(len(gzip.compress(path.read_bytes(), 9)) for path in versions)
        size = sum(path.stat().st_size for path in versions)
        cells = [name.rsplit("/")[-1], str(len(versions)), f"{size / 1e3:.0f} KB", f"{zipped / 1e3:.0f} KB"]
        for target in TARGETS:
            stored = store_size(versions, target)
            cells.append(f"{stored / zipped:.2f} ({stored / 1e3:.0f} KB)")
        print(f"| {' | '.join(cells)} |")


def write_versions(versions: Sequence[Path], target: int) -> list[Write]:
    """Write one version after the other into a new store, each knowing the chunks of the one before."""
    writes: list[Write] = []
    chunks: ChunkList | None = None
    with chunks_of(target), new_store() as store:
        for version in versions:
            os.sync()
            write, chunks = write_version(store, version, chunks)
            writes.append(write)
    return writes


def store_size(versions: Sequence[Path], target: int) -> int:
    """Bytes of packs and indexes after so many versions, folded on the way as commits do."""
    chunks: ChunkList | None = None
    with chunks_of(target), new_store() as store:
        for version in versions:
            _, chunks = write_version(store, version, chunks)
            fold(store)
        return folder_size(store.pack_folder)


def write_version(store: ObjectStore, path: Path, known: ChunkList | None) -> tuple[Write, ChunkList]:
    before = folder_size(store.pack_folder)
    wall, cpu = time.perf_counter(), time.process_time()
    with path.open("rb", buffering=0) as file:
        format = row_format(path.name, file.read(HEAD_SIZE))
        assert format is not None
        file.seek(0)
        with store.begin() as writer:
            written = write_rows(file_blocks(file.read), cutting_of(format), writer, known, seed=1)
            objects = writer.count
            writer.finish()
    spent = time.perf_counter() - wall, time.process_time() - cpu
    return Write(*spent, folder_size(store.pack_folder) - before, objects), written.chunks


@contextmanager
def new_store() -> Iterator[ObjectStore]:
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_WORK")) as folder:
        yield ObjectStore(Path(folder))


@contextmanager
def chunks_of(target: int) -> Iterator[None]:
    """Cut chunks of so many KiB meanwhile. The numbers are constants of the format, so nothing else may run."""
    names = ("CHUNK_MIN", "CHUNK_TARGET", "CHUNK_MAX", "CUT_BELOW")
    before = {name: getattr(chunking, name) for name in names}
    least, size = target << 8, target << 10
    values = (least, size, 256 << 10, (1 << 64) // (size - least))
    try:
        for name, value in zip(names, values, strict=True):
            setattr(chunking, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(chunking, name, value)


def edit_one_row(source: Path, target: Path) -> None:
    """Copy a file with the score of the row in its middle changed."""
    lines = source.read_bytes().split(b"\n")
    place = len(lines) // 2
    lines[place] = lines[place].replace(b'"score": 0', b'"score": 1')
    target.write_bytes(b"\n".join(lines))


def folder_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir()) if folder.is_dir() else 0


if __name__ == "__main__":
    main()
