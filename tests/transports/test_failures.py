"""What went wrong, in one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptvc.cli.hints import hint_of
from promptvc.errors import AuthFailed, PromptvcError, TransferFailed
from promptvc.transports.failures import (
    Circumstances,
    explain,
    http_failure,
    last_words,
    scrub,
    unanswered,
)
from promptvc.transports.urls import parse_url

WHERE = "git@host:team/a.git"


def told(said: str = "", error: Exception | None = None, code: int = 128) -> PromptvcError:
    return explain(error or EOFError(), Circumstances(WHERE, parse_url(WHERE), said, code))


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ("git@host: Permission denied (publickey).\r\nfatal: Could not read from remote repository.\n", AuthFailed,
         "Permission denied (publickey)"),
        ("Host key verification failed.\r\n", AuthFailed, "Host key verification failed"),
        ("ssh: Could not resolve hostname host: Name or service not known\n", TransferFailed, "Could not resolve"),
        ("ssh: connect to host host port 22: Connection refused\n", TransferFailed, "Connection refused"),
        ("fatal: 'team/a.git' does not appear to be a git repository\nfatal: Could not read from remote repository.\n\n"
         "Please make sure you have the correct access rights\nand the repository exists.\n", TransferFailed,
         "'team/a.git' does not appear to be a git repository"),
        ("ERROR: Repository not found.\n", TransferFailed, "Repository not found."),
        ("Warning: Permanently added 'host' to the list\nsomething odd\n", TransferFailed, "something odd"),
        ("sh: 1: git-upload-pack: command not found", TransferFailed, "command not found"),
    ],
)  # fmt: skip
def test_the_telling_line_of_ssh_and_git_is_given(said: str, kind: type, words: str) -> None:
    failure = told(said)
    assert type(failure) is kind
    assert failure.message.startswith(f"{WHERE}: ")
    assert words in failure.message
    assert hint_of(failure)


@given(st.text(max_size=200), st.integers(0, 255))
def test_whatever_a_program_says_the_failure_is_one_line(said: str, code: int) -> None:
    failure = told(said, code=code)
    assert len(failure.message.splitlines()) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 407, 413, 429, 500, 503])
def test_every_http_status_is_told(status: int) -> None:
    failure = http_failure(status, "https://host/a", "https://host", tried=False)
    assert isinstance(failure, AuthFailed) == (status in (401, 403, 407))
    assert hint_of(failure)


def test_secrets_are_taken_out() -> None:
    seen = Circumstances(WHERE, parse_url(WHERE), "cannot use sesame here", 1, ("sesame",))
    assert "sesame" not in str(explain(EOFError(), seen))
    assert scrub("a sesame b", ["sesame"]) == "a *** b"


def test_noise_alone_tells_nothing() -> None:
    assert (
        last_words(
            "fatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\n"
        )
        == ""
    )


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError(), BrokenPipeError(), EOFError()])
def test_a_lost_answer_to_a_push_is_told_as_unknown(error: Exception) -> None:
    failure = told(error=error, code=0)
    unanswered(failure)
    assert hint_of(failure)
    assert "may have taken it or not" in hint_of(failure)


def test_a_push_that_failed_for_a_reason_keeps_the_hint_that_fits_it() -> None:
    failure = http_failure(413, WHERE, "https://host", tried=False)
    before = hint_of(failure)
    unanswered(failure)
    assert hint_of(failure) == before


def test_objects_that_the_remote_could_not_unpack_are_told_with_a_hint() -> None:
    SendPackError = type("SendPackError", (Exception,), {})  # noqa: N806  as dulwich names it
    failure = told(error=SendPackError(b"unpack unpack-objects abnormal exit"), code=0)
    assert "could not take the objects" in failure.message
    assert hint_of(failure)
