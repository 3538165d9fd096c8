"""Bytes that nobody wrote: every reader gives what they say, or an error of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reliability.outcomes import Outcome, check_all, drawn_seed
from tests.reliability.targets import TARGETS, Target, rows

QUICK, SLOW = 120, 30
"""Inputs for each target that touches no disk, and for each that does."""
INTERESTING = [
    b"\0",
    b"\xff",
    b"\n",
    b"\r",
    b" ",
    b"0",
    b"-1",
    b"[",
    b"{",
    b'"',
    b"'",
    b",",
    b"\t",
    b"\x80",
    b"{{",
    b"}}",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"null",
    b"1e999",
    b"9" * 30,
    b"\xff\xff\xff\xff",
    b"---\n",
    b"\0" * 41,
    b".rope\0",
    b"40000 ",
    b"160000 ",
    b"a: &a [*a]\n",
    b"%",
    b"\x85",
    b"\xe2\x80\xa8",
]

Edit = tuple[int, int, bytes]
"""Where, how many bytes go, and what comes instead; the place counts round the end."""

edits = st.lists(
    st.tuples(
        st.integers(0, 1 << 20),
        st.integers(0, 8) | st.sampled_from([64, 1 << 20]),
        st.binary(max_size=6) | st.sampled_from(INTERESTING),
    ),
    min_size=1,
    max_size=4,
)


def edited(data: bytes, changes: list[Edit]) -> bytes:
    for place, size, new in changes:
        at = place % (len(data) + 1)
        data = data[:at] + new + data[at + size :]
    return data


def attacks(target: Target) -> st.SearchStrategy[bytes]:
    """Right bytes with some of them wrong, or any bytes at all."""
    right = st.sampled_from(target.seeds())
    return st.builds(edited, right, edits) | st.builds(edited, right, edits) | st.binary(max_size=80)


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_give_what_they_say_or_an_error_of_ours(name: str) -> None:
    target = TARGETS[name]

    @settings(
        max_examples=QUICK if target.pure else SLOW, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(attacks(target))
    def attack(data: bytes) -> None:
        target.check(data)

    attack()


toml_values = st.recursive(
    st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["a/**", "x", "id", "openai"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "key", "unique", "prompt", "run", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
SETTINGS = [
    "track.include",
    "track.exclude",
    "tables.'a/*'.key",
    "tables.'a/*'.unique",
    "runs.x.prompt",
    "runs.x.model",
    "runs.x.examples",
    "runs.x.provider",
    "runs.x.scorers",
    "runs.x.parameters",
    "runs.x.samples",
    "runs.x.price",
    "runs.x.retry",
    "runs.x.concurrency",
    "checks.x.run",
    "checks.x.min",
    "checks.x.max",
    "checks.x",
    "runs.x",
    "runs",
    "tables",
    "track",
    "x",
]


def as_toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {as_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(c) if not 0xD800 <= ord(c) < 0xE000 else 63:08x}" for c in value) + '"'
    return repr(value)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(SETTINGS), toml_values, min_size=1, max_size=5))
def test_settings_of_any_type_are_read_or_refused(values: dict[str, object]) -> None:
    text = "".join(f"{name} = {as_toml(value)}\n" for name, value in values.items())
    TARGETS["project_file"].check(text.encode())


def fuzz(seed: int, amount: int) -> Iterator[Outcome]:
    """Drawn edits of right bytes, ``amount`` over all targets, without a look at what they reach."""
    random = Random(seed)
    for name, target in TARGETS.items():
        seeds = target.seeds()
        for number in range(max(1, amount // len(TARGETS))):
            changes = [
                (random.randrange(1 << 20), random.choice((0, 1, 1, 2, 4, 64)), _bytes(random))
                for _ in range(random.randrange(1, 5))
            ]
            data = edited(random.choice(seeds), changes)
            yield _outcome(f"{name} {seed} {number}", target.check, data)


def _bytes(random: Random) -> bytes:
    return random.choice([random.choice(INTERESTING), random.randbytes(random.randrange(5)), b""])


def _outcome(name: str, check: Callable[[bytes], None], data: bytes) -> Outcome:
    try:
        check(data)
    except Exception as error:
        return Outcome("fuzz", name, False, f"{type(error).__name__}: {error} for {data[:2000]!r}")
    return Outcome("fuzz", name, True)


@pytest.mark.long
def test_a_hundred_thousand_inputs() -> None:
    check_all(fuzz(drawn_seed(), 100_000), least=100_000 - len(TARGETS))


def test_the_sample_holds_a_rope() -> None:
    assert len(rows(3000)) > 100_000
