"""Lists of messages in YAML or JSON: GitHub Models' ``.prompt.yml``, and messages as OpenAI's API takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from promptvc.content.prompt_formats import engine, fields, source
from promptvc.content.prompt_formats.base import Json, Message, Reading, Render, refuse
from promptvc.content.prompt_formats.chat import Marks

_MAX_DEPTH = 60


def read_yaml(path: str, text: str) -> Reading:
    """A YAML mapping with ``messages``, or a YAML list of messages; everything else in it is config.

    The format is https://docs.github.com/en/github-models/use-github-models/storing-prompts-in-github-repositories.
    Raises `NotAPrompt`.
    """
    return _reading(path, source.read_yaml(path, text))


def read_json(path: str, text: str) -> Reading:
    """A JSON object with ``messages``, or a JSON array of messages. Raises `NotAPrompt`."""
    import orjson

    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise refuse(path, f"invalid JSON: {error.msg}", error.lineno, error.colno) from None
    return _reading(path, value)


def is_message_list(value: Json) -> bool:
    """Whether a JSON value is a list of messages, or an object with one."""
    listed = value.get("messages") if isinstance(value, dict) else value
    return isinstance(listed, list) and bool(listed) and all(_problem(item) is None for item in listed)


def _reading(path: str, value: Json) -> Reading:
    messages = tuple(_message(item) for item in _checked(path, value))
    config = {key: value[key] for key in value if key != "messages"} if isinstance(value, dict) else {}
    return Reading("messages", messages, _variables(messages), lambda threads: _compile(messages), config)


def _checked(path: str, value: Json) -> list[dict[str, Json]]:
    listed = value.get("messages") if isinstance(value, dict) else value
    if listed == []:
        raise refuse(path, "its list of messages is empty")
    if not isinstance(listed, list) or not any(isinstance(item, dict) and "role" in item for item in listed):
        raise refuse(path, "no list of messages in it", hint='a list of {"role", "content"} makes a prompt')
    if _too_deep(value):
        raise refuse(path, "nested too deeply")
    for number, item in enumerate(listed, 1):
        problem = _problem(item)
        if problem:
            raise refuse(path, f"message {number} {problem}")
    return [item for item in listed if isinstance(item, dict)]


def _problem(item: Json) -> str | None:
    if not isinstance(item, dict):
        return "is not a mapping"
    if not isinstance(item.get("role"), str) or not item["role"]:
        return "has no role"
    if "content" not in item and not any(key.endswith(("_call", "_calls")) for key in item):
        return "has no content"
    good = isinstance(item.get("content"), str | list | None)
    return None if good else "has a content that is neither text nor a list of parts"


def _too_deep(value: Json) -> bool:
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [inner for item in level for inner in _inside(item)]
        if not level:
            return False
    return True


def _inside(value: Json) -> list[Json]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, dict | list)]


def _message(item: dict[str, Json]) -> Message:
    """Of a mapping without a `_problem`."""
    content = item.get("content")
    extra = {key: value for key, value in item.items() if key not in ("role", "content")}
    text = content if isinstance(content, str) else None
    return Message(str(item["role"]), tuple(content) if isinstance(content, list) else text, extra)


def _variables(messages: tuple[Message, ...]) -> tuple[str, ...]:
    texts = (text for message in messages for text in _texts(message.content))
    return tuple(dict.fromkeys(name for text in texts for name in fields.variables(fields.pieces(text))))


def _texts(content: Json | tuple[Json, ...]) -> Iterator[str]:
    """Every text in a content: that of image addresses too, so that they can be variables."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list | tuple | dict):
        for item in content.values() if isinstance(content, dict) else content:
            yield from _texts(item)


def _compile(messages: tuple[Message, ...]) -> Render:
    texts = {text for message in messages for text in _texts(message.content) if "{{" in text}
    writers = {text: engine.compile_pieces(fields.pieces(text), Marks()) for text in texts}

    def render(values: Mapping[str, object]) -> list[dict[str, Json]]:
        def write(text: str) -> str:
            return writers[text](values) if text in writers else text

        return [
            {"role": message.role, "content": _filled(message.content, write), **_copy(message.extra)}
            for message in messages
        ]

    return render


def _filled(content: Json | tuple[Json, ...], write: Callable[[str], str]) -> Json:
    if isinstance(content, str):
        return write(content)
    if isinstance(content, list | tuple):
        return [_filled(item, write) for item in content]
    if isinstance(content, dict):
        return {key: _filled(item, write) for key, item in content.items()}
    return content


def _copy(value: Any) -> Any:
    return _filled(dict(value), lambda text: text)
