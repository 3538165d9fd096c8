"""A large file of lines taken in by several processes, a part each: cut, hashed, compressed and looked through.

What comes out is as if one process had done it all. Where that cannot be done, the caller does it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from promptvc.content.formats.base import RowFormat
from promptvc.content.keys.gathered import Gathered
from promptvc.session.files.cutting import cutting_of
from promptvc.storage.files import signature
from promptvc.storage.packing import HalfPack, PackWriter, new_temporary
from promptvc.versioning.ropes.chunklist import ChunkList
from promptvc.versioning.ropes.rope import Watch
from promptvc.versioning.ropes.seams import seams

LEAST = 32 << 20
"""Bytes of a part for which it is worth to start a process."""
MOST_PROCESSES = 4
_PROGRAM = "promptvc.session.workspace.part"
_START = f"import sys; sys.path[:] = sys.argv[1:]; from {_PROGRAM} import main; main()"


class Order(Struct, frozen=True, kw_only=True):
    """What a process is asked to do with a part of a file, from ``start`` to ``stop``.

    ``file`` is where it lies, as ``signature`` says; ``path`` is its path in the project. New chunks go into a pack,
    the empty file ``pack``, which is for the store in the folder ``store``. ``watch`` says what to look for
    (`Watch.order`), None where nobody looks; ``key`` is a key of the table to index, empty for none.
    """

    file: str
    signature: tuple[int, ...]
    path: str
    start: int
    stop: int
    store: str
    seed: int
    pack: str = ""
    watch: Any = None
    key: tuple[str, ...] = ()


class Done(Struct, frozen=True, kw_only=True):
    """What came of a part: its chunk list, the pack with those of its chunks that are new, and what was found.

    ``keys`` are those of its chunks, if a key was given.
    """

    chunks: dict[str, Any]
    pack: HalfPack | None
    found: Any = None
    keys: Gathered | None = None


class TakenIn(NamedTuple):
    """A file that was taken in: its chunks, and the keys of all of them, if known."""

    chunks: ChunkList
    keys: list[Gathered]


def write_in_parts(
    path: str,
    file: Path,
    handle: int,
    format: RowFormat,
    writer: PackWriter,
    store: Path,
    seed: int,
    watch: Watch | None,
    key: Sequence[str] = (),
) -> TakenIn | None:
    """Take in an open file, in packs that the writer adopts; None where one process is to do it."""
    info = os.fstat(handle)
    whole = Order(
        file=str(file.absolute()),
        signature=signature(info),
        path=str(path),
        start=0,
        stop=info.st_size,
        store=str(store),
        seed=seed,
        watch=watch.order() if watch else None,
        key=tuple(key),
    )
    orders = _divided(whole, handle) if format.row_is_line and _may_start() else []
    done = _adopted(orders, writer) if len(orders) > 1 else None
    if done is None:
        return None
    lists = [found for part in done if (found := ChunkList.from_value(part.chunks, seed)) is not None]
    assert len(lists) == len(done)
    if watch is not None:
        _show(watch, handle, orders, done, lists)
    chunks = ChunkList(cutting_of(format).style, seed)
    for each in lists:
        chunks.extend_known(each, 0, len(each))
    keys = [part.keys for part in done if part.keys is not None]
    return TakenIn(chunks, keys if len(keys) == len(done) else [])


def _divided(whole: Order, handle: int) -> list[Order]:
    """An order for each part of a file."""
    count = min(MOST_PROCESSES, _processors(), whole.stop // LEAST)
    if count < 2:
        return [whole]
    places = seams(lambda offset, size: os.pread(handle, size, offset), whole.stop, count)
    return [msgspec.structs.replace(whole, start=start, stop=stop) for start, stop in places]


def _adopted(orders: Sequence[Order], writer: PackWriter) -> list[Done] | None:
    """What comes of all parts, with their packs adopted; None, and no pack left, where one fails."""
    packs = [new_temporary(Path(order.store) / "pack") for order in orders]
    try:
        found = [
            msgspec.structs.replace(order, pack=str(pack)) for order, pack in zip(orders, packs, strict=True)
        ]
        done = _all_done(found)
        for part in done or ():
            if part.pack is not None:
                writer.adopt(part.pack)
                packs.remove(Path(part.pack.path))
        return done
    finally:
        for pack in packs:
            pack.unlink(missing_ok=True)


def _show(
    watch: Watch, handle: int, orders: Sequence[Order], done: Sequence[Done], lists: Sequence[ChunkList]
) -> None:
    """Show what the processes found, and what none of them saw: where two parts meet."""
    for part in done:
        watch.take(part.found)
    for order, before, after in zip(orders[1:], lists, lists[1:], strict=False):
        last, first = before.lengths[-1], after.lengths[0]
        data = os.pread(handle, last + first, order.start - last)
        watch.meet(data[:last], data[last:])


def _all_done(orders: Sequence[Order]) -> list[Done] | None:
    """What comes of all parts; None where one fails."""
    with ExitStack() as stack:
        try:
            processes = [stack.enter_context(_Process(order)) for order in orders]
            done = [process.answer() for process in processes]
        except OSError:
            return None
        made = [each for each in done if each is not None]
        return made if len(made) == len(orders) else None


class _Process:
    """A process that does one part. A block: at its end the process is gone; should we be killed, it goes too."""

    def __init__(self, order: Order) -> None:
        paths = [str(Path(__file__).parents[3]), *(path for path in sys.path if path)]
        # No environment, no user's own modules: what may be imported is what this process may import.
        command = [sys.executable, "-I", "-c", _START, *paths]
        self._running = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # an interrupt of the terminal is ours: we end it
        )
        assert self._running.stdin is not None
        data = msgspec.msgpack.encode(order)
        try:
            self._running.stdin.write(len(data).to_bytes(8, "big") + data)
            self._running.stdin.flush()  # and stays open: its end would mean ours
        except OSError:
            self._end()
            raise

    def __enter__(self) -> _Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def answer(self) -> Done | None:
        """What came of its part; None where it failed."""
        assert self._running.stdout is not None
        data = self._running.stdout.read()
        try:
            return msgspec.msgpack.decode(data, type=Done)
        except msgspec.MsgspecError:
            return None

    def _end(self) -> None:
        self._running.kill()
        for pipe in (self._running.stdin, self._running.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._running.wait()


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _may_start() -> bool:
    """Whether the running program is a Python that can be started once more, on a system where parts can be read."""
    return hasattr(os, "pread") and Path(sys.executable or "").name.startswith(("python", "pypy"))
