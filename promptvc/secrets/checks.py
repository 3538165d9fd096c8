"""Checks that a real token passes and a placeholder fails: checksums, and randomness."""

from __future__ import annotations

import binascii
import re
import zlib
from collections.abc import Callable
from itertools import pairwise

Check = Callable[[bytes], bool]

_BASE62 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BECH32 = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_TERMS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_SAME = rb"(.)\1{7}"
_DISTINCT, _KEY_DISTINCT = 7, 14
_RUN = 8


def is_random(token: bytes) -> bool:
    """Whether this may be random: no ``xxxxxxxx``, no ``abcdef``, no ``EXAMPLE``.

    It takes fewer than one in a million real tokens for invented ones.
    """
    if len(set(token)) < _DISTINCT or re.search(_SAME, token) or b"EXAMPLE" in token.upper():
        return False
    length = 1
    for one, other in pairwise(token):
        length = length + 1 if other == one + 1 else 1
        if length == _RUN:
            return False
    return True


def is_key(token: bytes) -> bool:
    """Whether the text after a key's header is not filler: real keys have many distinct letters, though some repeat."""
    return len(set(token.rpartition(b"-----")[2])) >= _KEY_DISTINCT


def has_crc(token: bytes) -> bool:
    """The checksum of GitHub's and npm's tokens: 30 characters, then their CRC-32 in 6 digits of base 62."""
    body, number = token[-36:-6], 0
    for digit in token[-6:]:
        number = number * 62 + _BASE62.index(digit)
    return zlib.crc32(body) == number


def has_bech32(token: bytes) -> bool:
    """The checksum of Bech32 (BIP 173), which age's secret keys end in."""
    name, _, data = token.lower().rpartition(b"1")
    values = [*(c >> 5 for c in name), 0, *(c & 31 for c in name), *map(_BECH32.index, data)]
    state = 1
    for value in values:
        top, state = state >> 25, (state & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate(_BECH32_TERMS):
            state ^= term if top >> bit & 1 else 0
    return state == 1


def has_snowflake(token: bytes) -> bool:
    """Whether the first part of a Discord token is a user's number in base 64."""
    part = token.partition(b".")[0]
    try:
        number = binascii.a2b_base64(part + b"=" * (-len(part) % 4))
    except binascii.Error:
        return False
    return number.isdigit() and 17 <= len(number) <= 20 and is_random(token.partition(b".")[2])
