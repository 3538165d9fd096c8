"""Three versions of a prompt merged: its settings by name, its messages one by one, its text by line."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from promptvc.content.align.align import find_changes
from promptvc.content.formats.base import Json
from promptvc.content.formats.equal import same
from promptvc.content.formats.missing import MISSING, Missing
from promptvc.content.prompt.parts import (
    PromptParts,
    divide_prompt,
    is_list_path,
    load_list,
    rewrite_list,
    write_list,
)
from promptvc.content.prompt.prompt import read_prompt
from promptvc.content.prompt_formats.source import decode
from promptvc.content.text.merge import TextConflict, TextMerge, marker_size, merge_lines
from promptvc.content.values.conflict import MergeConflict
from promptvc.content.values.merge import ValueMerge, merge_value, put
from promptvc.content.yaml.merge import holds_value, merge_comments, merge_yaml
from promptvc.content.yaml.rewrite import rewrite_yaml
from promptvc.errors import NotAPrompt, Usage

_BOM = "\ufeff"


class PromptMerge(Struct, frozen=True):
    """A merged prompt: its whole text, with the conflicts between lines in it, and the conflicts between settings.

    ``lines`` are the numbers, from 1, of the lines at which changes of theirs begin, in the file as `marked` gives it.
    """

    text: TextMerge
    settings: tuple[MergeConflict, ...] = ()
    lines: tuple[int, ...] = ()

    @property
    def conflicts(self) -> tuple[MergeConflict, ...]:
        """Those of settings and messages first, then those of lines."""
        texts = self.text.conflicts
        return self.settings + tuple(
            MergeConflict(kind="text", base=each.base, ours=each.ours, theirs=each.theirs) for each in texts
        )

    @property
    def data(self) -> bytes:
        """The merged file, with ours in place of everything that conflicts."""
        return _encoded(self.text.text())

    @property
    def marker_size(self) -> int:
        """The length of the signs on marker lines."""
        return self.text.marker_size

    def marked(self, ours: str, theirs: str) -> bytes:
        """The merged file with markers around lines that conflict, and ours in place where settings do."""
        return _encoded(self.text.marked(ours, theirs))


def merge_prompts(path: str, base: bytes, ours: bytes, theirs: bytes) -> PromptMerge:
    """Merge three versions of the prompt at ``path``; base is empty where both sides added it.

    What cannot be read in all three versions is merged by line. What can, and could not any more once merged, is one
    conflict. Never raises for what is in the files.
    """
    texts = [_decoded(data) for data in (base, ours, theirs)]
    marks = [text.startswith(_BOM) for text in texts]
    before, left, right = (text.removeprefix(_BOM) for text in texts)
    found = _merged(path, (base, ours, theirs), before, left, right)
    text = replace(found.text, marker_size=marker_size(before, left, right))
    if _changed(marks[0], marks[1], marks[2]):
        text = replace(text, parts=(_BOM, *text.parts))
    return PromptMerge(text, found.settings, _lines_of_theirs(texts[1], text))


def set_setting(
    path: str, data: bytes, field: str, at: tuple[str, ...], value: Json | Missing, like: bytes = b""
) -> bytes | None:
    """The prompt file with one setting, or its ``messages``, put to a value; `MISSING` takes it out.

    ``at`` names a place inside the setting. All else keeps its bytes. Where ``like``, another version of the file, has
    that value in YAML, it is written as it is there. None where it cannot be done.
    """
    text = _decoded(data)
    mark, text = (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)
    model = _decoded(like).removeprefix(_BOM)
    try:
        made = (_set_in_list if is_list_path(path) else _set_in_head)(path, text, (field, *at), value, model)
        return None if made is None else _encoded(mark + made)
    except (NotAPrompt, Usage, ValueError, TypeError, RecursionError):
        return None


# --- which way ----------------------------------------------------------------------------------------


def _merged(path: str, data: tuple[bytes, ...], base: str, ours: str, theirs: str) -> PromptMerge:
    if ours == theirs or base in (ours, theirs):
        return PromptMerge(merge_lines(base, ours, theirs))
    merge: Callable[[str, str, str, str], PromptMerge | None] = _lists if is_list_path(path) else _with_heads
    try:
        for each in data:
            decode(path, each)
        found = merge(path, base, ours, theirs)
    except (NotAPrompt, RecursionError):
        found = None
    found = found or PromptMerge(merge_lines(base, ours, theirs))
    if found.text.conflicts or _stays_readable(path, (base, ours, theirs), found.text.text()):
        return found
    return PromptMerge(TextMerge((TextConflict(base, ours, theirs),)))


def _stays_readable(path: str, versions: tuple[str, ...], merged: str) -> bool:
    """Whether the merged text is what all versions are: a prompt, or a value at least. What is empty is no version."""
    return all(
        is_read(path, merged) or not all(is_read(path, text) for text in versions if text)
        for is_read in (_is_prompt, _is_value)
    )


def _is_prompt(path: str, text: str) -> bool:
    try:
        read_prompt(path, _encoded(text))
    except NotAPrompt:
        return False
    return True


def _is_value(path: str, text: str) -> bool:
    """Whether a file of messages can be read, if only as a value; a text can always."""
    try:
        return not is_list_path(path) or load_list(path, text) is not None
    except NotAPrompt:
        return False


def _settled(text: str) -> TextMerge:
    return TextMerge((text,) if text else ())


def _by_line(base: str, ours: str, theirs: str, otherwise: TextMerge) -> PromptMerge:
    """Merged by line if something conflicts then; lines that fit together need not make the values that were meant."""
    found = merge_lines(base, ours, theirs)
    return PromptMerge(found if found.conflicts else otherwise)


def _conflicts(found: ValueMerge) -> tuple[MergeConflict, ...]:
    return tuple(
        MergeConflict(
            kind=each.kind,
            key=None,
            row=None,
            field=each.at[0],
            at=each.at[1:],
            base=each.base,
            ours=each.ours,
            theirs=each.theirs,
        )
        for each in found.conflicts
    )


# --- front matter -------------------------------------------------------------------------------------


def _with_heads(path: str, base: str, ours: str, theirs: str) -> PromptMerge | None:
    """Settings by name and the body by line; None where not all versions have front matter that can be read."""
    old, left, right = (divide_prompt(path, text) for text in (base, ours, theirs))
    if not left.head or not right.head:
        return None
    settings = merge_value(old.config, left.config, right.config)
    assert isinstance(settings.value, dict)
    head = _head(old, left, right, settings.value)
    body = merge_lines(old.body, left.body, right.body)
    if head is not None:
        if not body.parts and _changed(old.is_open, left.is_open, right.is_open):
            head = head.removesuffix("\n").removesuffix("\r")
        text = replace(body, parts=(head, *body.parts))
        again = divide_prompt(path, text.text())
        if same(again.config, settings.value) and again.body == body.text():
            return PromptMerge(text, _conflicts(settings))
    if len({old.head, left.head, right.head}) < 3:
        return None
    heads = TextConflict(old.head, left.head, right.head)
    return _by_line(base, ours, theirs, replace(body, parts=(heads, *body.parts)))


def _changed(old: bool, left: bool, right: bool) -> bool:
    """What three versions of a yes or no come to."""
    return left if left == right or old == right else right


def _head(old: PromptParts, left: PromptParts, right: PromptParts, config: Json) -> str | None:
    if left.head == right.head or old.head == right.head:
        return left.head
    if old.head == left.head:
        return right.head
    inner = merge_yaml(old.inner, left.inner, right.inner, config)
    if inner is None or not holds_value(inner, config):
        return None
    opening = merge_comments(old.opening, left.opening, right.opening)
    return opening + inner + (left.closing if old.closing == right.closing else right.closing)


def _set_in_head(path: str, text: str, at: tuple[str, ...], value: Json | Missing, like: str) -> str | None:
    found = divide_prompt(path, text)
    config = put(found.config, at, value)
    assert not isinstance(config, Missing)
    inner = rewrite_yaml(found.inner, config, _inner(path, like)) if found.head else None
    if inner is None:
        return None
    made = found.opening + inner + found.closing + found.body
    made = made.removesuffix(found.added_end) if found.is_open else made
    return made if same(divide_prompt(path, made).config, config) else None


def _inner(path: str, text: str) -> str:
    """The YAML of the front matter; nothing where it cannot be read."""
    try:
        return divide_prompt(path, text).inner
    except NotAPrompt:
        return ""


# --- lists of messages --------------------------------------------------------------------------------


def _lists(path: str, base: str, ours: str, theirs: str) -> PromptMerge | None:
    """Messages one by one; None where the versions differ in what holds the messages. Raises `NotAPrompt`."""
    old = load_list(path, base) if base else MISSING
    left, right = load_list(path, ours), load_list(path, theirs)
    if not isinstance(left, dict | list) or not isinstance(right, type(left)):
        return None
    if not isinstance(old, type(left) | Missing):
        return None
    merged = merge_value(*(_as_mapping(value) for value in (old, left, right)))
    assert isinstance(merged.value, dict)
    value = merged.value if isinstance(left, dict) else merged.value["messages"]
    text = write_list(path, base, ours, theirs, value)
    if text is None:
        return _by_line(base, ours, theirs, TextMerge((TextConflict(base, ours, theirs),)))
    return PromptMerge(_settled(text), _conflicts(merged))


def _as_mapping(value: Json | Missing) -> Json | Missing:
    return {"messages": value} if isinstance(value, list) else value


def _set_in_list(path: str, text: str, at: tuple[str, ...], value: Json | Missing, like: str) -> str | None:
    old = load_list(path, text)
    new = put(_as_mapping(old), at, value)
    if isinstance(old, list):
        new = new.get("messages", MISSING) if at[0] == "messages" and isinstance(new, dict) else MISSING
    return None if isinstance(new, Missing) else rewrite_list(path, text, new, like)


# --- bytes and lines ----------------------------------------------------------------------------------


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _lines_of_theirs(ours: str, merged: TextMerge) -> tuple[int, ...]:
    """The lines at which the merged text, with ours in place of conflicts, differs from ours; markers counted."""
    text = merged.text()
    changes = find_changes(ours.split("\n"), text.split("\n")) if text != ours else []
    return tuple(_shown_line(merged, change.b1) for change in changes)


def _shown_line(merged: TextMerge, line: int) -> int:
    """The number, from 1, of a line once the conflicts above it are shown with markers."""
    at = shown = 0
    for part in merged.parts:
        if isinstance(part, TextConflict):
            height = _height(part.ours)
            extra = 4 + _height(part.base) + _height(part.theirs)
            if line < at + height:
                return shown + line - at + 2
            shown += extra
        else:
            height = part.count("\n")
            if line < at + height:
                break
        at += height
        shown += height
    return shown + line - at + 1


def _height(text: str) -> int:
    return text.count("\n") + (not text.endswith("\n") and bool(text))
