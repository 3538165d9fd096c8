"""A prompt file divided for merging: front matter, line by line, and body; or a list of messages."""

from __future__ import annotations

import json

from msgspec import Struct

from promptvc.content.formats.base import Json
from promptvc.content.formats.equal import same
from promptvc.content.prompt_formats import front_matter
from promptvc.content.prompt_formats.source import read_yaml, unify_line_ends
from promptvc.content.text.merge import merge_lines
from promptvc.content.values.json import rewrite_json
from promptvc.content.yaml.blocks import holds
from promptvc.content.yaml.merge import merge_yaml
from promptvc.content.yaml.rewrite import rewrite_yaml
from promptvc.errors import NotAPrompt
from promptvc.patterns import compiled

_FENCE = compiled(r"---[ \t]*(\r\n?|\n|\Z)")
_LINE = compiled(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


class PromptParts(Struct, frozen=True, kw_only=True):
    """A text with front matter: ``opening`` ends with the first fence, ``inner`` is YAML, ``closing`` the second one.

    All three are empty where there is none. ``added_end`` is the line end that the last fence was lent, where it
    had none; else "".
    """

    config: dict[str, Json]
    opening: str
    inner: str
    closing: str
    body: str
    added_end: str = ""

    @property
    def head(self) -> str:
        """All that stands above the body."""
        return self.opening + self.inner + self.closing

    @property
    def is_open(self) -> bool:
        """Whether the text ends with the second fence, without a line end."""
        return self.added_end != ""


def divide_prompt(path: str, text: str) -> PromptParts:
    """The front matter and body of a text prompt. Raises `NotAPrompt` for front matter that cannot be read."""
    name = path.rpartition("/")[2].lower()
    if not name.endswith((".md", ".txt", ".prompty", ".prompt")):
        return PromptParts(config={}, opening="", inner="", closing="", body=text)
    preamble = name.endswith(".prompt")
    required = name.endswith((".prompt.md", ".prompty", ".prompt"))
    found = front_matter.split(path, unify_line_ends(text), required=required, preamble=preamble)
    lines = _LINE.findall(text)
    head, body = lines[: found.line - 1], "".join(lines[found.line - 1 :])
    if not head:
        return PromptParts(config={}, opening="", inner="", closing="", body=text)
    end = "" if head[-1].endswith(("\n", "\r")) else "\r\n" if "\r\n" in text else "\n"
    first = next(at for at, line in enumerate(head) if _FENCE.match(line)) + 1
    inner = "".join(head[first:-1])
    return PromptParts(
        config=found.config,
        opening="".join(head[:first]),
        inner=inner,
        closing=head[-1] + end,
        body=body,
        added_end=end,
    )


def is_list_path(path: str) -> bool:
    """Whether a prompt of this name is a list of messages."""
    return path.lower().endswith((".json", ".yml", ".yaml"))


def load_list(path: str, text: str) -> Json:
    """The value of a file of messages: a list, or a mapping that holds one; it may be empty. Raises `NotAPrompt`."""
    if not path.lower().endswith(".json"):
        return read_yaml(path, text)
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotAPrompt(f"{path}: {error}") from None
    return value


def write_list(path: str, base: str, ours: str, theirs: str, value: Json) -> str | None:
    """The text that holds the merged value, out of the lines of three; None where none can be made."""
    if not path.lower().endswith(".json"):
        return _closed_merge(base, ours, theirs, value)
    lines = merge_lines(base, ours, theirs)
    # Of a name that stands twice, readers would take one and lose the other.
    repeats = max(_repeats(ours), _repeats(theirs))
    if not lines.conflicts and _holds(path, lines.text(), value) and _repeats(lines.text()) <= repeats:
        return lines.text()
    made = rewrite_json(ours, value)
    return made if _holds(path, made, value) else None


def rewrite_list(path: str, text: str, value: Json, like: str) -> str | None:
    """The text put to another value; what ``like``, another version, holds in the same place is written as there."""
    if path.lower().endswith(".json"):
        made = rewrite_json(text, value)
        return made if _holds(path, made, value) else None
    end = "\r\n" if "\r\n" in text else "\n"
    new = rewrite_yaml(_closed(text, end), value, _closed(like, end))
    return new if new is None or text.endswith("\n") else _opened(new, value)


def _holds(path: str, text: str, value: Json) -> bool:
    try:
        return same(load_list(path, text), value)
    except NotAPrompt:
        return False


def _repeats(text: str) -> int:
    """How many names stand in an object that has them already; the text is valid JSON."""
    count = 0

    def add(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        nonlocal count
        count += len(pairs) - len(dict(pairs))
        return dict(pairs)

    json.loads(text, object_pairs_hook=add)
    return count


def _closed_merge(base: str, ours: str, theirs: str, value: Json) -> str | None:
    """Merged as texts that have a final line end; it is taken away again where the merge of the lines has none."""
    end = "\r\n" if "\r\n" in ours else "\n"
    closed = [_closed(text, end) for text in (base, ours, theirs)]
    made = merge_yaml(closed[0], closed[1], closed[2], value)
    if made is None:
        return None
    flags = [text.endswith("\n") for text in (base, ours, theirs)]
    with_end = flags[1] if flags[1] == flags[2] or flags[0] == flags[2] else flags[2]
    return made if with_end else _opened(made, value)


def _closed(text: str, end: str) -> str:
    return text + end if text and not text.endswith("\n") else text


def _opened(text: str, value: Json) -> str:
    """Without the final line end, unless it belongs to the value."""
    bare = text.removesuffix("\n").removesuffix("\r")
    return bare if holds(bare, value) else text
