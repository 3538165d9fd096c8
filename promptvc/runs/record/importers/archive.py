"""Members of a zip archive, those compressed with zstd too, which Python's zipfile does not read.

The layout is that of PKWARE's APPNOTE.TXT: 4.3.7 is the header in front of a member, 4.4.5 the methods.
"""

from __future__ import annotations

import struct
import zipfile
import zlib

from promptvc.content.arrow.zstd import unpacked

ZSTD = 93
"""The compression method, "Zstandard (zstd) Compression"."""
_HEADER = struct.Struct("<4s5HIIIHH")
_ENCRYPTED = 1


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of a member, of which the archive says how many there are; of several of a name, the last.

    Raises what `zipfile.ZipFile.read` does.
    """
    info = archive.getinfo(name)
    if info.compress_type != ZSTD or info.flag_bits & _ENCRYPTED:
        return archive.read(name)
    try:
        data = unpacked(_packed(archive, info), info.file_size)
    except ValueError as error:
        raise zipfile.BadZipFile(str(error)) from None
    if len(data) != info.file_size or zlib.crc32(data) != info.CRC:
        raise zipfile.BadZipFile(f"{name} is damaged")
    return data


def _packed(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """The bytes of a member as they are in the file."""
    if archive.filename is None:
        raise zipfile.BadZipFile("the archive has no file")
    with open(archive.filename, "rb") as file:  # noqa: PTH123  # as zipfile was given it
        file.seek(info.header_offset)
        head = file.read(_HEADER.size)
        if len(head) < _HEADER.size or not head.startswith(b"PK\3\4"):
            raise zipfile.BadZipFile(f"{info.filename} has no header")
        *_, name_length, extra_length = _HEADER.unpack(head)
        file.seek(name_length + extra_length, 1)
        return file.read(info.compress_size)
