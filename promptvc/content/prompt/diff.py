"""What changed between two versions of a prompt: words by message, variables, settings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

from msgspec import Struct, field

from promptvc.content.align.align import find_changes
from promptvc.content.json_type import Json
from promptvc.content.prompt.prompt import Message, Prompt
from promptvc.content.text.diff import Span, count_groups, diff_words, similarity

Value: TypeAlias = "Json | tuple[Json, ...]"
"""A setting, or the content of a message, which may be a tuple of parts."""

Settings: TypeAlias = "Mapping[str, tuple[Value, Value]]"
"""``{"temperature": (0.7, 0.2)}``: values before and after by dotted key, None where there is none."""

_ENOUGH_SIMILARITY = 0.3  # below, a message was not edited but replaced
_MANY_PAIRS = 2_500  # of messages; above, they are paired by their order


class MessageDiff(Struct, frozen=True, kw_only=True):
    """One message that differs.

    ``before`` and ``after`` are its places in the two prompts, from 0, None where it is absent. ``spans`` are its
    words; ``fields`` what changed beside them (``name``, ``tool_calls``, …).
    """

    op: Literal["added", "removed", "changed"]
    role: str
    before: int | None
    after: int | None
    spans: tuple[Span, ...]
    fields: Settings = field(default_factory=dict)


class PromptDiff(Struct, frozen=True, kw_only=True):
    """What changed in a prompt.

    ``word_groups`` counts the changes a reader sees in all messages. ``layout`` says that the files differ in
    nothing but what no model sees: line ends, blank lines, comments or the order of settings.
    """

    messages: tuple[MessageDiff, ...]
    variables_added: tuple[str, ...]
    variables_removed: tuple[str, ...]
    settings: Settings
    word_groups: int
    layout: bool

    def __bool__(self) -> bool:
        """Whether anything differs at all."""
        return bool(
            self.messages or self.variables_added or self.variables_removed or self.settings or self.layout
        )

    def to_json(self) -> dict[str, Json]:
        """The same as plain values: spans and settings become lists of two."""
        return {
            "messages": [_message_json(message) for message in self.messages],
            "variables": {"added": list(self.variables_added), "removed": list(self.variables_removed)},
            "settings": {key: [*map(_plain, values)] for key, values in self.settings.items()},
            "word_groups": self.word_groups,
            "layout": self.layout,
        }


def diff_prompts(before: Prompt, after: Prompt) -> PromptDiff:
    """What changed from one version of a prompt to another; of any two prompts, whatever their syntax."""
    messages = tuple(_messages(before.messages, after.messages))
    settings = _settings(before.config, after.config)
    added = tuple(name for name in after.variables if name not in before.variables)
    removed = tuple(name for name in before.variables if name not in after.variables)
    groups = sum(count_groups(message.spans) for message in messages)
    layout = before.text != after.text and not (messages or settings or added or removed)
    return PromptDiff(
        messages=messages,
        variables_added=added,
        variables_removed=removed,
        settings=settings,
        word_groups=groups,
        layout=layout,
    )


def _message_json(message: MessageDiff) -> dict[str, Json]:
    reported: dict[str, Json] = {
        "op": message.op,
        "role": message.role,
        "at": [message.before, message.after],
        "spans": [[span.op, span.text] for span in message.spans],
    }
    if message.fields:
        reported["fields"] = {key: [*map(_plain, pair)] for key, pair in message.fields.items()}
    return reported


def _plain(value: Value) -> Json:
    return list(value) if isinstance(value, tuple) else value


# --- messages -----------------------------------------------------------------------------------------


def _messages(before: tuple[Message, ...], after: tuple[Message, ...]) -> Iterator[MessageDiff]:
    for change in find_changes(
        [_identity(message) for message in before], [_identity(message) for message in after]
    ):
        pairs = _paired(before[change.a1 : change.a2], after[change.b1 : change.b2])
        for old, new in pairs:
            i = change.a1 + old if old is not None else None
            j = change.b1 + new if new is not None else None
            yield _message(before[i] if i is not None else None, after[j] if j is not None else None, i, j)


def _identity(message: Message) -> str:
    return _dumped([message.role, _plain(message.content), dict(message.extra)])


def _message(old: Message | None, new: Message | None, i: int | None, j: int | None) -> MessageDiff:
    spans = tuple(diff_words(old.text if old else "", new.text if new else ""))
    if old is None or new is None:
        message = old or new
        assert message is not None
        return MessageDiff(
            op="removed" if new is None else "added", role=message.role, before=i, after=j, spans=spans
        )
    fields = _settings(_beside_text(old), _beside_text(new))
    if not fields and not count_groups(spans):
        fields = {"content": (old.content, new.content)}  # one text as a string and as parts
    return MessageDiff(op="changed", role=new.role, before=i, after=j, spans=spans, fields=fields)


def _beside_text(message: Message) -> dict[str, Json]:
    """What a word diff of the texts does not show."""
    parts = [_without_text(part) for part in message.content] if isinstance(message.content, tuple) else []
    others = [part for part in parts if part not in ({"type": "text"}, "")]
    return {**message.extra, **({"content": others} if others else {})}


def _without_text(part: Json) -> Json:
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        return {key: value for key, value in part.items() if key != "text"}
    return "" if isinstance(part, str) else part


def _paired(before: tuple[Message, ...], after: tuple[Message, ...]) -> list[tuple[int | None, int | None]]:
    """Places of messages that are versions of each other, in order; alone where there is no such."""
    few = len(before) * len(after) <= _MANY_PAIRS
    kept = _pairs_by_similarity(before, after) if few else _pairs_in_order(before, after)
    paired: list[tuple[int | None, int | None]] = []
    i = j = 0
    for old, new in [*kept, (len(before), len(after))]:
        paired += [(place, None) for place in range(i, old)]
        paired += [(None, place) for place in range(j, new)]
        paired += [(old, new)] if old < len(before) else []
        i, j = old + 1, new + 1
    return paired


def _pairs_in_order(before: tuple[Message, ...], after: tuple[Message, ...]) -> list[tuple[int, int]]:
    shared = min(len(before), len(after))
    return [(place, place) for place in range(shared) if before[place].role == after[place].role]


def _pairs_by_similarity(before: tuple[Message, ...], after: tuple[Message, ...]) -> list[tuple[int, int]]:
    """The pairs of one role, in order on both sides, whose similarity is the largest in sum."""
    if len(before) == len(after) == 1:
        return [(0, 0)] if before[0].role == after[0].role else []
    worth = [[_worth(old, new) for new in after] for old in before]
    best = [[0.0] * (len(after) + 1) for _ in range(len(before) + 1)]
    for i in reversed(range(len(before))):
        for j in reversed(range(len(after))):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], worth[i][j] + best[i + 1][j + 1])
    pairs = []
    i = j = 0
    while i < len(before) and j < len(after):
        if worth[i][j] and best[i][j] == worth[i][j] + best[i + 1][j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _worth(old: Message, new: Message) -> float:
    if old.role != new.role:
        return 0.0
    alike = similarity(old.text, new.text)
    return alike if alike >= _ENOUGH_SIMILARITY else 0.0


# --- settings -----------------------------------------------------------------------------------------


def _settings(before: Mapping[str, Json], after: Mapping[str, Json]) -> dict[str, tuple[Value, Value]]:
    """What differs, by dotted key, in the order of ``after``; then what is gone."""
    changed: dict[str, tuple[Value, Value]] = {}
    _compare("", dict(before), dict(after), changed)
    return changed


def _compare(key: str, old: Json, new: Json, changed: dict[str, tuple[Value, Value]]) -> None:
    inner = _inner(old), _inner(new)
    if inner[0] is not None and inner[1] is not None:
        for name in [*inner[1], *(name for name in inner[0] if name not in inner[1])]:
            below = f"{key}.{_quoted(name)}" if key else _quoted(name)
            _compare(below, inner[0].get(name), inner[1].get(name), changed)
    elif _dumped(old) != _dumped(new):
        changed[key] = (old, new)


def _inner(value: Json) -> dict[str, Json] | None:
    """The parts of a value that have names: of a mapping, or of a list of mappings that each have a ``name``."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, list) or not value:
        return None
    named: dict[str, Json] = {
        str(item["name"]): item for item in value if isinstance(item, dict) and item.get("name")
    }
    return named if len(named) == len(value) else None


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[^\s.\"]+", name) else json.dumps(name, ensure_ascii=False)


def _dumped(value: Json) -> str:
    """The value as text: equal for equal values, and distinguishes 1 from true and 1.0."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
