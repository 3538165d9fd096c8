"""Logs of Inspect as it writes them by default: zip archives whose members are compressed with zstd."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptvc.errors import Usage
from promptvc.runs.record.importers.archive import ZSTD, read_member
from promptvc.runs.record.importers.detect import open_foreign

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "runs"
SHARED = Path(__file__).resolve().parents[4] / "shared" / "field" / "inspect-eval-zstd" / "tiny.eval"


def packed(data: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(data, asbytes=True)) if data else b""


def write_archive(members: Mapping[str, bytes], *, crc: int | None = None, size: int | None = None) -> bytes:
    """A zip archive of zstd members, by APPNOTE.TXT 4.3; ``crc`` and ``size`` are lies about all of them."""
    made, directory = bytearray(), bytearray()
    for name, data in members.items():
        body, raw = packed(data), name.encode()
        facts = (
            ZSTD,
            0,
            0x21,
            zlib.crc32(data) if crc is None else crc,
            len(body),
            len(data) if size is None else size,
        )
        offset, extra = len(made), b"\x99\x99\x02\x00ab"
        made += (
            struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 63, 0x800, *facts, len(raw), len(extra))
            + raw
            + extra
            + body
        )
        directory += struct.pack(
            "<4sHHHHHHIIIHHHHHII", b"PK\1\2", 63, 63, 0x800, *facts, len(raw), 0, 0, 0, 0, 0, offset
        )
        directory += raw
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, len(members), len(members), len(directory), len(made), 0)
    return bytes(made + directory + end)


def log_of(path: Path, **lies: int) -> Path:
    log = json.loads((FIXTURES / "inspect.json").read_bytes())
    members = {
        f"samples/{sample['id']}_epoch_{sample['epoch']}.json": json.dumps(sample).encode()
        for sample in log.pop("samples")
    }
    path.write_bytes(write_archive({**members, "header.json": json.dumps(log).encode()}, **lies))
    return path


def test_an_archive_of_zstd_is_read_as_its_json(tmp_path: Path) -> None:
    found, whole = open_foreign(log_of(tmp_path / "log.eval")), open_foreign(FIXTURES / "inspect.json")
    assert list(found.rows) == list(whole.rows)
    assert (found.model, found.started) == (whole.model, whole.started)


@given(
    st.dictionaries(st.text("abc/", min_size=1, max_size=9), st.binary(min_size=1, max_size=3000), max_size=5)
)
def test_every_member_comes_back(members: dict[str, bytes]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "any.zip"
        path.write_bytes(write_archive(members))
        with zipfile.ZipFile(path) as archive:
            assert {name: read_member(archive, name) for name in archive.namelist()} == members


@pytest.mark.parametrize("lies", [{"crc": 1}, {"size": 3}, {"size": 1 << 20}])
def test_members_that_are_not_what_the_archive_says(tmp_path: Path, lies: dict[str, int]) -> None:
    with pytest.raises(Usage, match="no log of Inspect"):
        open_foreign(log_of(tmp_path / "log.eval", **lies))


def test_damaged_and_cut_archives_are_told(tmp_path: Path) -> None:
    whole = log_of(tmp_path / "log.eval").read_bytes()
    for at in range(40, len(whole), 97):
        for data in (whole[:at], whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]):
            (tmp_path / "bad.eval").write_bytes(data)
            try:
                rows = list(open_foreign(tmp_path / "bad.eval").rows)
            except Usage:
                continue
            assert rows  # what was damaged is read by nobody: a time, an attribute


def test_tokens_are_those_of_all_calls_of_a_sample(tmp_path: Path) -> None:
    log = json.loads((FIXTURES / "inspect.json").read_bytes())
    model = log["eval"]["model"]
    first, second, *_ = log["samples"]
    first["model_usage"] = {
        model: {"input_tokens": 2200, "output_tokens": 150, "total_cost": 0.5},
        "judge/model": {"input_tokens": 7, "output_tokens": 7},
    }
    second["model_usage"] = {"another/model": {"input_tokens": 31, "output_tokens": 3}}
    (tmp_path / "log.json").write_text(json.dumps(log))
    rows = list(open_foreign(tmp_path / "log.json").rows)
    assert [(row["input_tokens"], row["output_tokens"]) for row in rows[:2]] == [(2200, 150), (31, 3)]
    assert rows[0]["cost_usd"] == 0.5


@pytest.mark.skipif(not SHARED.exists(), reason="shared data is not here")
def test_an_archive_that_inspect_wrote() -> None:
    rows = list(open_foreign(SHARED).rows)
    assert [(row["id"], row["sample"]) for row in rows] == [
        ("q1", 0),
        (2, 0),
        (3, 0),
        ("q1", 1),
        (2, 1),
        (3, 1),
    ]
