"""Words: the short way for plain ASCII gives what the long way gives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from promptvc.content.text import words as textwords
from promptvc.content.text.words import tokens, weight, words

ASCII = st.text(st.sampled_from("ab1 _.,'\n\r\t!?-{}\x00Z9"), max_size=40)


@given(ASCII)
def test_ascii_text_has_the_same_tokens_either_way(text: str) -> None:
    long_way = [match[0] for match in textwords._compiled(textwords._TOKEN).finditer(text)]
    assert tokens(text) == long_way
    assert "".join(long_way) == text
    assert words(text) == textwords._compiled(textwords._WORD).findall(text)
    for token in long_way:
        assert weight(token) == (len(token) if textwords._compiled(textwords._WORD).match(token) else 0)
