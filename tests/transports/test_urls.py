"""Remote URLs: what git takes for what, and what may be shown."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptvc.errors import Usage
from promptvc.secrets.redact import redact_url
from promptvc.transports.urls import Address, parse_url, rewrite


@pytest.mark.parametrize(
    ("text", "kind", "host", "port", "user", "path"),
    [
        ("/srv/a.git", "local", "", None, None, "/srv/a.git"),
        ("../a", "local", "", None, None, "../a"),
        ("./a:b", "local", "", None, None, "./a:b"),
        ("dir/a:b", "local", "", None, None, "dir/a:b"),
        ("C:/data/a", "local", "", None, None, "C:/data/a"),
        ("C:\\data\\a", "local", "", None, None, "C:\\data\\a"),
        ("file:///srv/a%20b", "local", "", None, None, "/srv/a b"),
        ("file://localhost/srv/a", "local", "", None, None, "/srv/a"),
        ("git@host:team/a.git", "ssh", "host", None, "git", "team/a.git"),
        ("host:a", "ssh", "host", None, None, "a"),
        ("git@[::1]:a", "ssh", "::1", None, "git", "a"),
        ("[host:2222]:a", "ssh", "host", 2222, None, "a"),
        ("ssh://git@host:2222/srv/a", "ssh", "host", 2222, "git", "/srv/a"),
        ("ssh://host/~ada/a", "ssh", "host", None, None, "~ada/a"),
        ("git+ssh://host/a", "ssh", "host", None, None, "/a"),
        ("ssh://[::1]:22/a", "ssh", "::1", 22, None, "/a"),
        ("git://host/a", "git", "host", None, None, "/a"),
        ("https://host/a.git", "http", "host", None, None, "/a.git"),
        ("https://ada:p%40ss@host:8443/a", "http", "host", 8443, "ada", "/a"),
    ],
)
def test_a_url_is_what_git_takes_it_for(text, kind, host, port, user, path) -> None:
    found = parse_url(text)
    assert (found.kind, found.host, found.port, found.user, found.path) == (kind, host, port, user, path)


@pytest.mark.parametrize(
    "text",
    ["", "s3://bucket/a", "ext::sh -c evil", "ssh://-oProxyCommand=evil/a", "-evil:a", "host:-x", "https://",
     "ssh://host", "http://host:port/a", "host:", "a\nb", "ssh://host/a%0Ab", "https://a%0ab:c@host/d", "file://host/a",
     "ssh://-u@host/a", "http://[::1/a"],
)  # fmt: skip
def test_what_is_no_remote_or_would_be_an_option_is_refused(text: str) -> None:
    with pytest.raises(Usage) as caught:
        parse_url(text)
    assert caught.value.hint


def test_a_password_is_decoded_and_kept_out_of_sight() -> None:
    found = parse_url("https://ada:p%40ss@[::1]:8443/a?x=1")
    assert found.password == "p@ss"
    assert (found.base, found.site) == ("https://[::1]:8443/a", "https://[::1]:8443")
    assert "p@ss" not in repr(found)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://ada:secret@host/a", "https://host/a"),
        ("https://secret@host/a", "https://host/a"),
        ("https://host/a?token=secret", "https://host/a"),
        ("https://ada:sec@ret@host/a", "https://host/a"),
        ("ssh://git:secret@host/a", "ssh://git@host/a"),
        ("ssh://git@host:22/a", "ssh://git@host:22/a"),
        ("git@host:a", "git@host:a"),
        ("/a:b@c", "/a:b@c"),
        ("HTTPS://ada:secret@host/a", "HTTPS://host/a"),
    ],
)
def test_a_shown_url_holds_no_secret(text: str, shown: str) -> None:
    assert redact_url(text) == shown


@given(
    st.text(max_size=40),
    st.sampled_from(["", "https://", "ssh://", "git@h:", "file://", "git://h/", "ssh://a:b@"]),
)
def test_any_text_is_an_address_or_refused(text: str, start: str) -> None:
    found = None
    with suppress(Usage):
        found = parse_url(start + text)
    if found is not None:
        assert isinstance(found, Address)
        assert not found.host.startswith("-")


def test_the_longest_rule_rewrites_a_url() -> None:
    rules = [("gh:", "https://hub/"), ("gh:team/", "ssh://git@hub/team/")]
    assert rewrite("gh:team/a", rules) == "ssh://git@hub/team/a"
    assert rewrite("gh:me/a", rules) == "https://hub/me/a"
    assert rewrite("/srv/a", rules) == "/srv/a"
