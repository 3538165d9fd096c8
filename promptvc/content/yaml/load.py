"""YAML as data and nothing else: no tags, no bombs, no dates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from promptvc.content.formats.base import Json

_MAX_DEPTH = 50
_MAX_NODES = 100_000  # with every alias written out
_MAX_NUMBER = 1_000  # characters; CPython refuses to print integers of more than 4300 digits
_NUMBER_CHARACTERS = frozenset("0123456789abcdefABCDEFxo_.:+-")
_PREFIX = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(_PREFIX + name for name in ("str", "int", "float", "bool", "null", "map", "seq"))


class YamlInvalid(ValueError):
    """The text is no YAML, or none that is taken: why, and where, in lines and columns from 1, if that is known."""

    def __init__(self, problem: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(problem)
        self.problem, self.line, self.column = problem, line, column


def load_yaml(text: str) -> Json:
    """The one document in ``text`` as plain values; dates stay text, keys become text.

    Raises `YamlInvalid` for invalid YAML, tags such as ``!function``, aliases that multiply and nesting without end.
    """
    import yaml  # only here: it takes longer to import than most commands take to run

    _refuse_control_characters(text)
    loader = _loader(yaml)
    try:
        _refuse_shape(yaml.parse(text, Loader=loader))
        return _plain(yaml.load(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise YamlInvalid(str(error.problem or error.context), line, column) from None
    except YamlInvalid:
        raise
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise YamlInvalid(str(error)) from None


def _refuse_control_characters(text: str) -> None:
    from yaml.reader import Reader

    found = Reader.NON_PRINTABLE.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        raise YamlInvalid(f"the character U+{ord(found[0]):04X} is not allowed", line, column)


def _loader(yaml: Any) -> Any:
    """The safe loader, the fast one where there is one, leaving dates as text."""
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    resolvers = {
        first: [pair for pair in pairs if pair[0] != _PREFIX + "timestamp"]
        for first, pairs in base.yaml_implicit_resolvers.items()
    }
    return type("PlainLoader", (base,), {"yaml_implicit_resolvers": resolvers})


def _refuse_shape(events: Iterable[Any]) -> None:
    """Refuse by the stream of events, before anything is built from it: depth, size, tags."""
    sizes: dict[str, int] = {}  # of what an anchor names
    open_nodes: list[tuple[str | None, int]] = []  # anchor, and how many nodes came before
    total = 0
    for event in events:
        kind = type(event).__name__
        if kind in ("MappingEndEvent", "SequenceEndEvent"):
            anchor, before = open_nodes.pop()
            if anchor:
                sizes[anchor] = total - before
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            open_nodes.append((event.anchor, total))
            total += 1
        elif kind == "ScalarEvent":
            total += 1
            if event.anchor:
                sizes[event.anchor] = 1
        elif kind == "AliasEvent":
            total += sizes.get(event.anchor, 1)
        problem = _problem(kind, event, len(open_nodes), total)
        if problem:
            mark = event.start_mark
            raise YamlInvalid(problem, mark.line + 1, mark.column + 1)


def _problem(kind: str, event: Any, depth: int, total: int) -> str | None:
    if depth > _MAX_DEPTH:
        return "nested too deeply"
    if total > _MAX_NODES:
        return f"more than {_MAX_NODES} values, aliases written out"
    tag = getattr(event, "tag", None) if kind.endswith(("ScalarEvent", "StartEvent")) else None
    if tag is not None and tag != "!" and tag not in _PLAIN_TAGS:
        return f"the tag {tag.replace(_PREFIX, '!!')} is not allowed: plain values only"
    if kind == "ScalarEvent" and _is_long_number(event.value):
        return f"a number of more than {_MAX_NUMBER} characters"
    return None


def _is_long_number(text: str) -> bool:
    return len(text) > _MAX_NUMBER and text[0] in "+-.0123456789" and not set(text) - _NUMBER_CHARACTERS


def _plain(value: Any, depth: int = 0) -> Json:
    """The value with text keys, as JSON has them; every alias becomes a value of its own."""
    if depth > 2 * _MAX_DEPTH:
        raise ValueError("nested too deeply")  # through aliases: the stream of events does not show it
    if isinstance(value, dict):
        return {_key(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    scalar: Json = value
    return scalar


def _key(key: object) -> str:
    if isinstance(key, str):
        return key
    return {"None": "null", "True": "true", "False": "false"}.get(str(key), str(key))
