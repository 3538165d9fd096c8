"""promptvc.toml, patterns, revisions, git's configuration: long and twisted ones are read or refused at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from promptvc.errors import ConfigInvalid, PromptvcError, UnknownRevision
from promptvc.secrets.redact import redact_url
from promptvc.session.files.patterns import LONGEST, MOST, read_patterns
from promptvc.session.files.project import LARGEST, read_project
from promptvc.transports.git.httpconfig import size_of
from promptvc.transports.urls import parse_url
from tests.amounts import examples
from tests.confined import confined
from tests.hostile.stores import HostileStore

DEEP = "prompts/" + "a/" * 1000 + "b.md"
LONG = "prompts/" + "a" * 250
PATTERNS = {
    "two stars and a slash": "**/" * 200 + "x",
    "two stars between names": "**/a/" * 160 + "x",
    "two stars between stars": "**/*/" * 160 + "x",
    "stars between letters": "*a" * 400 + "b",
    "stars": "*" * 900 + "b",
    "both": "**/*a*a*a*/" * 80 + "x",
    "question marks": "?" * 900,
    "brackets": "[a-" * 300,
    "classes": "[!b]*" * 150 + "/c",
}


@pytest.mark.parametrize("path", [DEEP, LONG], ids=["deep", "long"])
@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_is_matched_in_time_that_grows_with_the_path(name: str, path: str) -> None:
    pattern = PATTERNS[name]
    found = confined(lambda: read_patterns("x", [pattern], [pattern]).match_file(path), seconds=5)
    assert found in (True, False)


def test_status_with_two_hundred_double_stars(tmp_path: Path) -> None:
    store = HostileStore(tmp_path / "project")
    folder = store.root / "prompts" / "/".join("abcdefghij" * 3)
    folder.mkdir(parents=True)
    (folder / "x.md").write_text("x")
    for pattern in ("**/" * 200 + "y", "**/a/" * 100 + "y", "*a" * 100):
        (store.root / "promptvc.toml").write_text(f"[track]\nexclude = [{json.dumps(pattern)}]\n")
        assert confined(lambda: len(store.open().status().changes), seconds=5) == 2


@pytest.mark.parametrize("setting", ["include", "exclude"])
@pytest.mark.parametrize(
    "patterns", [["a" * (LONGEST + 1)], ["a"] * (MOST + 1), ["a\0b"]], ids=["long", "many", "zero byte"]
)
def test_patterns_that_are_too_long_or_too_many_are_refused(setting: str, patterns: list[str]) -> None:
    data = f"[track]\n{setting} = {json.dumps(patterns)}\n".encode()
    with pytest.raises(ConfigInvalid, match=rf"track\.{setting}"):
        read_project(data).tracks("a")


NAMES = ["**", "*", "a", "b", "a*", "*a", "*a*b", "*ab*", "a*b*", "?", "[ab]*", "[!a]", "**a", "*a*a*b", ""]
globs = st.builds(
    lambda no, names: no + "/".join(names),
    st.sampled_from(["", "", "!"]),
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=5),
)
paths = st.lists(st.text("ab*", min_size=1, max_size=4), min_size=1, max_size=6).map("/".join)


@settings(max_examples=examples(1500), deadline=None)
@given(st.lists(globs, min_size=1, max_size=3), st.lists(paths, min_size=1, max_size=4))
def test_linear_patterns_say_what_pathspec_says(patterns: list[str], paths: list[str]) -> None:
    try:
        theirs = GitIgnoreSpec.from_lines(patterns, backend="simple")
    except ValueError:
        return
    ours = read_patterns("x", patterns, patterns)
    for path in paths:
        assert ours.match_file(path) == theirs.match_file(path), path


RUN = b'[runs.x]\nprompt = "a"\nexamples = "b"\nprovider = "c"\n'
FILES = {
    "more than a megabyte": b"#" * (LARGEST + 1),
    "arrays in arrays": b"x = " + b"[" * 100_000 + b"]" * 100_000,
    "tables in tables": b"x=" + b"{a=" * 10_000 + b"}",
    "names in names": b"a." * 50_000 + b"b = 1",
    "a header of names in names": b"[" + b"a." * 50_000 + b"b]",
    "quoted names in names": b'"a" . ' * 50_000 + b"b = 1",
    "a number without end": b"x = " + b"9" * 500_000,
    "a day that is none": b"x = 9999-99-99",
    "quotes": b"x='''" + b"''x" * 300_000 + b"'''",
    "escaped line ends": b'x="""' + b"\\\n" * 400_000 + b'"""',
    "many tables": b"".join(b"[tables.t%d]\n" % n for n in range(30_000)),
    "tables of an array": b"[[a]]\n" * 150_000,
    "many scorers": RUN + b"scorers=[" + b",".join(b'"a%d=exact:x"' % n for n in range(50_000)) + b"]",
    "many equal scorers": RUN + b"scorers=[" + b'"exact:x",' * 80_000 + b"]",
    "a table pattern of stars": b'[tables."%s"]\nkey=["id"]\n' % (b"*a" * 300 + b"b"),
    "a regular expression of brackets": RUN + b'scorers = ["regex:' + b"(" * 500_000 + b'"]',
}


@pytest.mark.parametrize("name", FILES)
def test_a_promptvc_toml_of_any_kind_is_read_or_refused_in_bounds(name: str) -> None:
    def read() -> object:
        try:
            project = read_project(FILES[name])
            return project.tracks("a" * 250), project.table("a" * 250)
        except ConfigInvalid as error:
            return error.message

    found = confined(read, seconds=15)
    assert not isinstance(found, str) or len(found) < 1000


REVISIONS = {
    "a number larger than any history": "HEAD~99999999999",
    "parents of parents": "HEAD" + "^" * 1_000_000,
    "the commit itself": "HEAD" + "~0" * 1_000_000,
    "peeled": "HEAD" + "^{commit}" * 100_000,
    "an entry of many digits": "main@{" + "9" * 1_000_000 + "}",
    "a time of many digits": "main@{" + "9" * 18 + " years ago}",
    "the beginning of time": "main@{0001-01-01}",
    "a long name": "a" * 1_000_000,
    "many folders": "a/" * 100_000,
    "dots": "." * 1_000_000,
    "digits": "a" * 39,
    "a zero byte": "a\0b",
    "half a character": "\udcff",
}


@pytest.mark.parametrize("name", REVISIONS)
def test_a_revision_of_any_kind_is_found_or_unknown(tmp_path: Path, name: str) -> None:
    store = HostileStore(tmp_path / "project")
    store.commit(store.tree())

    def look(what: Callable[[str], Any]) -> str:
        with pytest.raises(UnknownRevision) as caught:
            what(REVISIONS[name])
        return caught.value.message

    revisions = store.open().parts.revisions
    for what in (revisions.resolve, revisions.range):
        assert len(confined(lambda what=what: look(what), seconds=5)) < 5000


@pytest.mark.parametrize(
    "url",
    [
        "a" * 1_000_000,
        "https://" + "a" * 1_000_000,
        "https://" + "@" * 1_000_000 + "/x",
        "ssh://" + ":" * 1_000_000 + "@h/x",
        "[" * 1_000_000,
        "https://h:" + "9" * 100_000 + "/x",
        "h:" + "/" * 1_000_000,
        "a+" * 500_000 + "://x/y",
        "https://[" + ":" * 1_000_000 + "]/x",
        "[h:" + "9" * 100_000 + "]:x",
    ],
    ids=lambda url: url[:12],
)
def test_a_url_of_any_length_is_parsed_or_refused(url: str) -> None:
    def parse() -> None:
        redact_url(url)
        with suppress(PromptvcError):
            parse_url(url)

    confined(parse, seconds=5)


def test_a_size_of_many_digits_is_none() -> None:
    assert size_of("2k") == 2048
    assert size_of("9" * 5000) == 0


@pytest.mark.parametrize(
    "more",
    [
        b"".join(b'[a "s%d"]\n\tx = y\n' % n for n in range(20_000)),
        b"[a]\nx = " + b"y" * (1 << 20) + b"\n",
        b"[a]\nx = " + b"\\\n" * 100_000 + b"\n",
        b"[" * 1_000_000,
        b'[a]\nx = "' + b'\\"' * 1_000_000,
        b'[a]\nx = "a' + b" " * 1_000_000 + b'"\n',
        b'[a "' + b"\\\\" * 500_000 + b'"]\nx = 1\n',
    ],
    ids=["sections", "a line", "joined lines", "brackets", "quotes", "spaces", "backslashes"],
)
def test_a_configuration_of_any_size_is_read_or_refused(tmp_path: Path, more: bytes) -> None:
    store = HostileStore(tmp_path / "project")
    with (store.store / "config").open("ab") as file:
        file.write(more)

    def read() -> None:
        with suppress(ConfigInvalid):
            store.open().parts.config.items()

    confined(read, seconds=15)
