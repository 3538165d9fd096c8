"""A pattern that is compiled at its first use is the pattern that `re` compiles."""

from __future__ import annotations

import copy
import pickle
import re

import pytest

from promptvc.patterns import compiled


def test_it_does_what_the_pattern_does() -> None:
    lazy, plain = compiled(r"(?P<a>x+)(y?)", re.IGNORECASE), re.compile(r"(?P<a>x+)(y?)", re.IGNORECASE)
    assert lazy.pattern == plain.pattern
    for text in ("", "xXy", "axxybX"):
        assert lazy.findall(text) == plain.findall(text)
        assert lazy.sub(r"\2", text) == plain.sub(r"\2", text)
        assert bool(lazy.search(text)) == bool(plain.search(text))
    assert lazy.groupindex == plain.groupindex
    assert lazy.flags == plain.flags


def test_it_is_compiled_when_it_is_used() -> None:
    wrong = compiled("(")
    assert wrong.pattern == "("
    with pytest.raises(re.error):
        wrong.match("")


def test_it_can_be_copied() -> None:
    lazy = compiled(rb"a+")
    assert (
        copy.deepcopy(lazy).findall(b"caat") == pickle.loads(pickle.dumps(lazy)).findall(b"caat") == [b"aa"]
    )
