"""Whatever a power cut takes, the store is whole, and what was said to be done is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability.client import Harness
from tests.reliability.counts import check
from tests.reliability.disk import Call, Disk
from tests.reliability.power_loss import CUT, cuts_of_operation

SHARE, LONG_SHARE = 3, 200


@pytest.mark.parametrize("operation", CUT)
def test_the_store_is_whole_after_a_power_cut(server: Harness, seed: int, operation: str) -> None:
    assert check(cuts_of_operation(server, operation, seed, SHARE), seed) == SHARE


@pytest.mark.long
@pytest.mark.parametrize("operation", CUT)
def test_the_store_is_whole_after_many_power_cuts(server: Harness, seed: int, operation: str) -> None:
    assert check(cuts_of_operation(server, operation, seed, LONG_SHARE), seed) == LONG_SHARE


def _disks(
    before: Path, out: Path, calls: list[Call], *, ordered: bool
) -> set[tuple[tuple[str, bytes], ...]]:
    """Every way in which 60 drawn power cuts leave the disk."""
    import random

    found = set()
    for number in range(60):
        disk = Disk("/r", before)
        for call in calls:
            disk.apply(call)
        target = out / f"{number}"
        disk.write(target, random.Random(number), ordered=ordered)
        files = sorted(path for path in target.rglob("*") if path.is_file())
        found.add(tuple((path.relative_to(target).as_posix(), path.read_bytes()) for path in files))
    return found


def _call(op: str, path: str, other: str = "", data: bytes = b"", a: int = 0, b: int = 0o644) -> Call:
    return Call(op, a, b, path, other, data)


REPLACE = [_call("c", "/r/t"), _call("w", "/r/t", data=b"new"), _call("r", "/r/t", "/r/f")]


def test_a_simulated_disk_loses_what_was_not_synced(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    (tmp_path / "before/f").write_bytes(b"old")
    found = _disks(tmp_path / "before", tmp_path / "out", REPLACE, ordered=False)
    assert (("f", b"old"),) in found
    assert (("f", b"new"),) in found
    assert (("f", b""),) in found


def test_a_simulated_disk_keeps_what_was_synced(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    (tmp_path / "before/f").write_bytes(b"old")
    calls = [*REPLACE[:2], _call("s", "/r/t"), REPLACE[2]]
    for ordered in (False, True):
        found = _disks(tmp_path / "before", tmp_path / f"a{ordered}", calls, ordered=ordered)
        assert {dict(files)["f"] for files in found} == {b"old", b"new"}
        kept = _disks(
            tmp_path / "before", tmp_path / f"b{ordered}", [*calls, _call("s", "/r")], ordered=ordered
        )
        assert kept == {(("f", b"new"),)}
