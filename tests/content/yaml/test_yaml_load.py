"""YAML as data: what is refused says where, as numbers; readers of files say which file."""

from __future__ import annotations

import pytest

from promptvc.content.prompt_formats.source import read_yaml
from promptvc.content.yaml.load import YamlInvalid, load_yaml
from promptvc.errors import NotAPrompt


@pytest.mark.parametrize(
    ("text", "problem", "line", "column"),
    [
        ("a: 1\nb: [1\n", "expected", 3, 1),
        ("a: 1\nb: !run x\n", "the tag !run is not allowed", 2, 4),
        ("a: 1\n\x01\n", "the character U+0001 is not allowed", 2, 1),
        ("a: 1" + "0" * 2000, "a number of more than", 1, 4),
        ("[" * 60, "nested too deeply", 1, 51),
    ],
)
def test_what_is_refused_says_where(text: str, problem: str, line: int, column: int) -> None:
    with pytest.raises(YamlInvalid) as caught:
        load_yaml(text)
    assert problem in caught.value.problem
    assert (caught.value.line, caught.value.column) == (line, column)


def test_a_prompt_says_in_which_file_and_counts_the_lines_above() -> None:
    with pytest.raises(
        NotAPrompt, match=r"^p\.md: line 4, column 4: invalid YAML: the tag !run is not allowed"
    ):
        read_yaml("p.md", "a: 1\nb: !run x\n", skipped=2)
