"""Pages of a pack that leave our memory are read again as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptvc.ids import ObjectId
from promptvc.storage import packs
from promptvc.storage.objects import Kind
from promptvc.storage.store import ObjectStore


def test_objects_read_the_same_after_their_pages_were_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = [b"%d " % number * 3000 for number in range(50)]
    with ObjectStore(tmp_path / "objects").begin() as writer:
        ids = [writer.add(Kind.BLOB, data) for data in blobs]
        writer.finish()
    released: list[packs.PackReader] = []
    release = packs.PackReader._release

    def noted(self: packs.PackReader) -> None:
        released.append(self)
        release(self)

    monkeypatch.setattr(packs.PackReader, "_release", noted)
    monkeypatch.setattr(packs, "_RELEASED_FROM", 20_000)
    store = ObjectStore(tmp_path / "objects")
    for id, data in [*zip(ids, blobs, strict=True)] * 2:
        assert store.read_blob(ObjectId(id)) == data
    assert len(released) > 20
    released.clear()
    assert list(store.read_blobs([ObjectId(id).raw for id in ids] * 2, 1 << 20)) == blobs * 2
    assert len(released) > 20
