"""Whatever a server says, the answer is an error of ours."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promptvc.errors import PromptvcError
from promptvc.ids import ObjectId, RefName
from promptvc.transports.git.remote import GitRemote
from promptvc.transports.remote import PackStream
from promptvc.transports.settings import TransportSettings
from tests.servers import Environment, git_environment

QUICK = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MAIN = RefName("refs/heads/main")

words = st.sampled_from(
    [b"version 2", b"1" * 40 + b" HEAD\0multi_ack side-band-64k report-status", b"1" * 40 + b" refs/heads/main", b"ACK",
     b"unborn HEAD symref-target:refs/heads/main", b"packfile", b"NAK", b"\x01PACK", b"\x03dead", b"\x02Counting: 1",
     b"unpack ok", b"ng refs/heads/main", b"ok refs/heads/main", b"ERR no", b"fetch=shallow", b"ls-refs", b"a b c",
     b"1" * 64 + b" refs/heads/long", b"shallow-info", b"agent", b"", b"\xff\xfe", b"2" * 40 + b"\n"]
)  # fmt: skip
lines = words.map(lambda word: b"%04x" % (len(word) + 4) + word)
marks = st.sampled_from([b"0000", b"0001", b"0002", b"0003", b"zzzz", b"ffff"])
answers = st.lists(lines | marks | st.binary(max_size=8), max_size=12).map(b"".join)


class Nothing:
    def next(self) -> ObjectId | None:
        return None

    def ack(self, id: ObjectId) -> None:
        """Not of interest."""


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return git_environment(tmp_path)


@QUICK
@given(answers)
def test_any_answer_is_a_listing_or_one_clear_line(
    environment: Environment, tmp_path: Path, answer: bytes
) -> None:
    (tmp_path / "answer").write_bytes(answer)
    remote = GitRemote(
        "host:a", TransportSettings(environment, ssh_command=f"cat {tmp_path}/answer;:", patience=5)
    )
    acts = (
        remote.list_refs,
        lambda: remote.fetch(lambda refs: list(refs.refs.values()), Nothing(), lambda data: None),
        lambda: remote.send(lambda refs: {MAIN: (refs.refs.get(MAIN), ObjectId("3" * 40))},
                            lambda have, want: PackStream(0, iter(()))),
    )  # fmt: skip
    for act in acts:
        error = None
        with suppress(PromptvcError):
            try:
                act()
            except PromptvcError as caught:
                error = caught
                raise
        assert error is None or len(error.message.splitlines()) == 1
