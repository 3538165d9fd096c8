"""Every shape of token is found wherever it stands, and nothing else is taken for one."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptvc.secrets.checks import is_random
from promptvc.secrets.find import Stream, find, find_small
from promptvc.secrets.shapes import LONGEST, SHAPES
from tests.secrets.tokens import TOKENS, Maker, key_text

Place = Callable[[str], bytes]


def _csv(token: str, **options: object) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, **options)  # type: ignore[arg-type]
    writer.writerows([["id", "text"], ["1", f'he said "{token}", then left'], ["2", "b"]])
    return out.getvalue().encode()


def _json(value: object, **options: object) -> bytes:
    return json.dumps(value, **options).encode()  # type: ignore[arg-type]


PLACES: dict[str, Place] = {
    "text": lambda t: f"The key is {t}\nthanks\n".encode(),
    "the whole file": lambda t: t.encode(),
    "at the end": lambda t: f"key={t}".encode(),
    "behind a byte-order mark": lambda t: b"\xef\xbb\xbf" + t.encode(),
    "quoted": lambda t: f"export KEY='{t}'\n".encode(),
    "a JSON value": lambda t: _json({"id": 1, "text": t}),
    "in the middle of a JSON value": lambda t: _json({"id": 1, "text": f"before\n{t}\nafter"}),
    "behind a tab": lambda t: _json({"text": f"a\t{t}\tb"}),
    "behind a JSON escape": lambda t: b'{"text":"\\u00e9' + _json(t)[1:-1] + b'"}',
    "a nested field": lambda t: _json({"a": [{"b": {"c": [1, t]}}]}),
    "a field's name": lambda t: _json({t: 1}),
    "chat messages": lambda t: _json({"messages": [{"role": "user", "content": f"use {t}."}]}),
    "JSON inside JSON": lambda t: _json({"arguments": json.dumps({"key": f"x\n{t}"})}),
    "JSON inside JSON inside JSON": lambda t: _json({"a": json.dumps({"b": json.dumps({"key": t})})}),
    "JSON with escaped slashes": lambda t: _json({"key": t}).replace(b"/", b"\\/"),
    "an indented JSON array": lambda t: _json([{"id": 1}, {"id": 2, "key": t}], indent=2),
    "a CSV cell with quotes": _csv,
    "a CSV cell, all quoted": lambda t: _csv(t, quoting=csv.QUOTE_ALL),
    "a TSV cell": lambda t: _csv(t, delimiter="\t"),
    "CSV with CRLF": lambda t: _csv(t).replace(b"\n", b"\r\n"),
    "a prompt": lambda t: (
        f"---\nmodel: x\n---\nsystem:\nUse {t} to sign in.\n\nuser:\n{{{{ q }}}}\n".encode()
    ),
    "YAML": lambda t: b"key: |\n" + b"".join(b"  " + line for line in t.encode().splitlines(True)) + b"\n",
    "an environment file": lambda t: f'A=1\nKEY="{t}"\nB=2\n'.encode(),
    "an address": lambda t: f"curl https://x:{t}@host/path -H 'a'\n".encode(),
    "a query": lambda t: f"https://host/?a=b&key={t}&c=d".encode(),
    "a malformed row": lambda t: b'{"id": 1}\n{"id": 2, "key": "' + t.encode() + b"\n{oops\n",
    "bytes that are not UTF-8": lambda t: b"\xff\xfe\x80 " + t.encode() + b" \xc3\n",
    "a percent escape": lambda t: b"a%3A" + t.encode() + b"\n",
    "in brackets": lambda t: f"see ({t}) or <{t}>".encode(),
}
"""At least the 25 that are promised."""


@pytest.mark.parametrize("place", PLACES)
def test_a_token_is_found_wherever_it_stands(place: str) -> None:
    for kind, make in TOKENS:
        for seed in range(3):
            data = PLACES[place](make(random.Random(seed)))
            assert {hit.kind for hit in find(data)} == {kind}, data
            assert [hit.digest for hit in find_small(data)] == [hit.digest for hit in find(data)]


def test_every_shape_has_a_token_that_is_tried() -> None:
    assert len(PLACES) >= 25
    assert {shape.kind for shape in SHAPES} == {kind for kind, _ in TOKENS}


@pytest.mark.parametrize(("kind", "make"), TOKENS, ids=[f"{k}-{n}" for n, (k, _) in enumerate(TOKENS)])
def test_a_token_has_one_digest_however_it_is_written(kind: str, make: Maker) -> None:
    token = make(random.Random(7))
    plain = find(token.encode())[0].digest
    for place in PLACES.values():
        assert {hit.digest for hit in find(place(token))} == {plain}


@pytest.mark.parametrize(("kind", "make"), TOKENS, ids=[f"{k}-{n}" for n, (k, _) in enumerate(TOKENS)])
def test_a_token_is_found_across_an_edge(kind: str, make: Maker) -> None:
    token = make(random.Random(3)).encode()
    filler = b"some words and more of them, " * 300
    data = filler + token + b" " + filler
    for cut in range(len(filler) - 1, len(filler) + len(token) + 2, 7):
        stream = Stream()
        found = [*stream.begin(data[:cut]), *stream.go_on(data[cut:]), *stream.end()]
        assert [(hit.kind, hit.digest) for hit in found] == [(kind, find(token)[0].digest)]


@given(st.integers(0, 1000), st.lists(st.integers(1, 3000), min_size=1, max_size=12))
def test_a_stream_finds_what_the_whole_has(seed: int, sizes: list[int]) -> None:
    rng = random.Random(seed)
    parts = [make(rng) for _, make in rng.sample(TOKENS, 6)]
    data = "".join(f"{'word ' * rng.randrange(400)} {part} " for part in parts).encode()
    stream, found, at = Stream(), [], 0
    for size in [*sizes, len(data)]:
        found += stream.go_on(data[at : at + size])
        at += size
    found += stream.end()
    assert [hit.digest for hit in found] == [hit.digest for hit in find(data)]


@pytest.mark.parametrize(
    "text",
    [
        "gh" + "p_" + "x" * 36,
        "gh" + "p_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7cF0iL3oR6u",  # no checksum
        "AK" + "IAIOSFODNN7EXAMPLE",
        "AI" + "zaSy" + "A" * 33,
        "sk-" + "ant-api03-" + "x" * 93 + "AA",
        "sk-" + "proj-your-key-here",
        "sk_" + "test_" + "4eC39HqLyjWDarjtT1zdp7dc",
        "h" + "f_" + "abcdefghijklmnopqrstuvwxyzABCDEFGH",
        "S" + "K" + "0123456789abcdef" * 2,
        "key" + "-" + "0123456789abcdef" * 2,
        "cache-ke" + "y-8f14e45fceea167a5a36dedd4bea2543",
        "-----BEGIN RSA PRIVATE" + " KEY-----\n...\n-----END RSA PRIVATE" + " KEY-----",
        "-----BEGIN RSA PRIVATE" + " KEY-----\n" + "x" * 64,
        "-----BEGIN PUBLIC" + " KEY-----\n" + "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA" * 3,
        "123e4567-e89b-12d3-a456-426614174000",
        "8f14e45fceea167a5a36dedd4bea2543",
        "12345678:AA",
    ],
)
def test_what_only_looks_so_is_none(text: str) -> None:
    assert find(text.encode()) == []


def test_a_token_inside_a_word_is_none() -> None:
    rng = random.Random(1)
    for make in (TOKENS[0][1], TOKENS[26][1]):
        token = make(rng)
        assert find(f"x{token} {token}x {token[:-1]}".encode()) == []


@given(st.binary(max_size=5000))
def test_any_bytes_can_be_looked_at(data: bytes) -> None:
    assert find(data) == []


@given(st.text("AQgR+/=\\n \n\"',:-", max_size=600))
def test_what_follows_a_keys_header_takes_no_time(tail: str) -> None:
    text = "-----BEGIN RSA PRIVATE" + " KEY-----" + tail
    for hit in find(text.encode() * 20):
        assert hit.kind == "private-key"


@pytest.mark.parametrize(
    "piece", ["+", "\\", "Abc: ", "\\n", '",', "+\\n", "hf_", "12345678:AA", "gh" + "p_aaaaaaaaaaaa"]
)
def test_hostile_text_comes_to_an_end(piece: str) -> None:
    header = "-----BEGIN RSA PRIVATE" + " KEY-----"
    find((header + piece * 200 + "!").encode() * 200)  # ends; exponential matching would not


def test_no_token_is_longer_than_what_is_seen_of_it() -> None:
    for _, make in TOKENS:
        token = make(random.Random(5)).encode()
        assert all(len(hit.token) < LONGEST for hit in find(token))


def test_a_key_counts_as_one_though_its_lines_are_broken_otherwise() -> None:
    text = key_text(random.Random(2))
    flat = text.replace("\n", "\\n")
    crlf = text.replace("\n", "\r\n")
    assert len({find(each.encode())[0].digest for each in (text, flat, crlf)}) == 1


def test_chance_is_told_from_invention() -> None:
    rng = random.Random(0)
    assert all(is_random(make(rng).encode()) for _, make in TOKENS for _ in range(200))


def test_no_alarm_on_real_data(data: Path) -> None:
    for path in sorted(data.rglob("*")):
        if path.is_file():
            assert find(path.read_bytes()) == [], path
