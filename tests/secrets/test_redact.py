"""What is shown or kept has no password and no key in it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptvc.secrets.redact import Redactor, redact_url, secret_values, url_secrets
from tests.secrets.tokens import TOKENS

URLS = {
    "https://ada:sesame@host/a.git": "https://host/a.git",
    "https://ada:ses/ame@host/a.git": "https://host/a.git",
    "https://ada:ses@ame@host/a.git": "https://host/a.git",
    "https://sesame@host/a.git": "https://host/a.git",
    "https://host/a.git?token=sesame": "https://host/a.git",
    "HTTPS://ada:sesame@host/a.git": "HTTPS://host/a.git",
    "git://ada:sesame@host/a.git": "git://ada@host/a.git",
    "git://ada:ses/ame@host/a.git": "git://ada@host/a.git",
    "git://host/a.git?access_token=sesame": "git://host/a.git?access_token=***",
    "ssh://git:sesame@host:22/a": "ssh://git@host:22/a",
    "git+ssh://git:ses/ame@host/a": "git+ssh://git@host/a",
    "ada:sesame@host:team/a.git": "ada@host:team/a.git",
    "ada:ses/ame@host:team/a.git": "ada@host:team/a.git",
    "ftp://ada:sesame@host/a": "ftp://ada@host/a",
    "https://ada:sesame@ho\nst/a": "https://ho",
}
PLAIN = [
    "https://host:8443/a.git",
    "https://host/@scope/name",
    "ssh://git@host:2222/srv/a",
    "git@host:team/a.git",
    "git@[::1]:a",
    "host:a",
    "/srv/a:b@c",
    "../a@b",
    "C:\\data\\a",
    "file:///srv/a@b",
    "git://host/a",
]


@pytest.mark.parametrize("url", URLS)
def test_an_address_is_shown_without_its_password(url: str) -> None:
    assert redact_url(url) == URLS[url]
    shown = Redactor()(f"could not read {url}: refused")
    assert "sesame" not in shown
    assert "ses" not in shown
    assert shown.startswith("could not read ")
    assert shown.endswith("refused")


@pytest.mark.parametrize("url", PLAIN)
def test_an_address_without_a_password_stays(url: str) -> None:
    assert redact_url(url) == url
    assert Redactor()(f"{url}: gone") == f"{url}: gone"
    assert url_secrets(url) == []


def test_the_parts_of_an_address_that_programs_quote_are_known() -> None:
    assert url_secrets("ada:ses/ame@host:a") == ["ses/ame"]
    assert url_secrets("https://ada:p%40ss@host/?token=abcdef") == ["p%40ss", "abcdef", "p@ss"]
    assert url_secrets("https://sesame@host/") == ["sesame"]


def test_keys_of_the_environment_are_known_by_their_names() -> None:
    secret = {
        "OPENAI_API_KEY": "value-of-one",
        "MY_TOKEN": "value-of-two",
        "DB_PASSWORD": "value-of-three",
        "AWS_SECRET_ACCESS_KEY": "value-of-four",
        "PROMPTVC_TOKEN": "value-of-five",
        "MYTOKEN": "value-of-six",
        "SECRET_KEY_BASE": "value-of-seven",
        "DB_PWD": "value-of-eight",
    }
    plain = {
        "PATH": "/usr/bin:/bin",
        "SSH_AUTH_SOCK": "/tmp/agent",
        "TOKENIZERS_PARALLELISM": "false",
        "MAX_TOKENS": "100000000",
        "SECRET_FILE": "/run/secrets/x",
        "API_KEY": "short",
        "KEYBOARD": "qwertyqwerty",
        "PWD": "/home/ada/project",
        "GOOGLE_APPLICATION_CREDENTIALS": "/home/ada/key.json",
        "TOKEN_ENDPOINT": "https://host/token",
        "TOKENIZERS_CACHE": "/home/ada/cache",
    }
    assert secret_values({**secret, **plain}) == {value: name for name, value in secret.items()}


def test_known_values_are_hidden_also_as_part_of_an_address() -> None:
    redact = Redactor(["p/ss word", "p/ss word and more"])
    assert redact("a p/ss word and more b p/ss word c p%2Fss%20word") == "a *** b *** c ***"


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer sesame-sesame",
        "authorization=Basic c2VzYW1lOnNlc2FtZQ==",
        "{'Authorization': 'sesame-sesame'}",
        "bearer sesame-sesame",
    ],
)
def test_headers_are_hidden(text: str) -> None:
    shown = Redactor()(text)
    assert "sesame" not in shown
    assert "c2Vz" not in shown


@pytest.mark.parametrize(("kind", "make"), TOKENS, ids=[f"{k}-{n}" for n, (k, _) in enumerate(TOKENS)])
def test_tokens_are_hidden(kind: str, make: object) -> None:
    token = make(random.Random(1))  # type: ignore[operator]
    assert token not in Redactor()(f"it said {token} and left")


@pytest.mark.parametrize(
    "text",
    [
        "examples/a.jsonl: row 812 and row 40 have the same key id=t-0042",
        "hint: promptvc push origin HERE:THERE",
        "3 rows changed, what now?",
        "main@{yesterday}: unknown revision",
        "author Me <me@example.com>",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert Redactor(["not in there"])(text) == text


@given(st.text(max_size=300), st.lists(st.text(min_size=1, max_size=10), max_size=3))
def test_any_text_can_be_redacted(text: str, values: list[str]) -> None:
    Redactor(values)(text)
    redact_url(text)
    url_secrets(text)
