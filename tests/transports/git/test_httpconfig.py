"""git's http configuration for one URL; real git's answer stands beside ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptvc.transports.git.httpconfig import http_settings
from promptvc.transports.settings import HttpSettings
from tests.servers import git, git_environment

CONFIG = [
    ("http.proxy", "all"),
    ("http.https://host.proxy", "host"),
    ("http.https://host/team.proxy", "team"),
    ("http.https://*.example.proxy", "star"),
    ("http.https://ada@host/team.proxy", "ada"),
    ("http.https://host:8443.proxy", "port"),
    ("http.http://host.proxy", "plain"),
    ("core.editor", "vi"),
]


@pytest.mark.parametrize(
    "url",
    ["https://elsewhere/a", "https://host/a", "https://host/team/a", "https://host/teams/a", "https://a.example/x",
     "https://a.b.example/x", "https://ada@host/team/a", "https://host:8443/a", "https://host:443/team", "http://host/"],
)  # fmt: skip
def test_the_best_fitting_section_wins_as_in_git(url: str, tmp_path: Path) -> None:
    environment = git_environment(tmp_path)
    for name, value in CONFIG:
        git(environment, "config", "--global", name, value)
    theirs = git(environment, "config", "--get-urlmatch", "http.proxy", url)
    assert http_settings(CONFIG, url).proxy == theirs


def test_headers_of_all_fitting_sections_are_sent_until_an_empty_one() -> None:
    config = [
        ("http.extraheader", "A: 1"),
        ("http.https://host.extraheader", "B: 2:3"),
        ("http.https://x.extraheader", "C: 4"),
    ]
    assert http_settings(config, "https://host/a").headers == (("A", "1"), ("B", "2:3"))
    assert http_settings([*config, ("http.https://host.extraheader", "")], "https://host/a").headers == ()


def test_the_other_settings_are_read() -> None:
    config = [("http.sslverify", "False"), ("http.sslcainfo", "/ca"), ("http.postbuffer", "2m")]
    found = http_settings(config, "https://host/a")
    assert (found.verify, found.ca_file, found.post_buffer) == (False, "/ca", 2 * 1024 * 1024)
    env = {"GIT_SSL_CAINFO": "/env", "GIT_SSL_NO_VERIFY": "1"}
    assert http_settings([], "https://host/a", env) == HttpSettings(verify=False, ca_file="/env")
    assert http_settings([("http.postbuffer", "much")], "https://[bad") == HttpSettings()
