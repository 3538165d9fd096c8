"""A file put in the place of another one, small or large."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptvc.session.files import removals
from promptvc.session.files.removals import Removals
from promptvc.storage.files import exchange

SIZES = [1, removals._LARGE + 1]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_file_takes_the_place_of_another_and_nothing_else_is_left(
    tmp_path: Path, size: int, can_exchange: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not can_exchange:
        monkeypatch.setattr(removals, "exchange", lambda one, other: False)
    place, new = tmp_path / "data.jsonl", tmp_path / ".new"
    place.write_bytes(b"a" * size)
    new.write_bytes(b"b")
    with Removals() as all_removals:
        all_removals.replace(new, place)
        assert place.read_bytes() == b"b"
    assert [file.name for file in tmp_path.iterdir()] == ["data.jsonl"]


def test_a_link_to_a_large_file_is_replaced_and_the_file_stays(tmp_path: Path) -> None:
    large, place, new = tmp_path / "large", tmp_path / "link", tmp_path / ".new"
    large.write_bytes(b"a" * SIZES[1])
    place.symlink_to(large)
    new.write_bytes(b"b")
    with Removals() as all_removals:
        all_removals.replace(new, place)
    assert not place.is_symlink()
    assert place.read_bytes() == b"b"
    assert large.stat().st_size == SIZES[1]


def test_two_files_trade_places(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"1")
    other.write_bytes(b"2")
    if exchange(one, other):
        assert (one.read_bytes(), other.read_bytes()) == (b"2", b"1")
    else:
        assert (one.read_bytes(), other.read_bytes()) == (b"1", b"2")
    assert not exchange(one, tmp_path / "absent")
    assert one.exists()
