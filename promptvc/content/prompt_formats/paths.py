"""Which files are prompts, by their path and first bytes; reads nothing else and imports nothing heavy."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from promptvc.content.formats import is_row_path

_PROMPT_SUFFIXES = (
    ".prompt",
    ".prompty",
    ".prompt.md",
    ".prompt.yml",
    ".prompt.yaml",
    ".j2",
    ".jinja",
    ".jinja2",
)
_BEGINNING = 4096  # bytes of a JSON file that decide when it cannot be read whole
_MESSAGES_BEGIN = rb'\s*(?:\[|\{.*"messages"\s*:\s*\[)\s*\{\s*"(?:role|content)"\s*:'


def is_prompt_path(path: str) -> bool:
    """Whether a file is a prompt by its path: in a folder ``prompts``, or with a suffix that only prompts have.

    Never files of rows, hidden files, nor ``.json``: that is a prompt in such a folder when `looks_like_messages`.
    """
    parts = PurePosixPath(path).parts
    name = parts[-1].lower() if parts else ""
    if not name or name.startswith(".") or is_row_path(name) or name.endswith(".json"):
        return False
    return "prompts" in parts[:-1] or name.endswith(_PROMPT_SUFFIXES)


def looks_like_messages(data: bytes) -> bool:
    """Whether JSON holds messages: a list of ``{"role", "content"}``, or an object with such a list.

    The first bytes of a longer file will do, and so does a list that is broken further down: then its
    beginning decides.
    """
    import orjson

    from promptvc.content.prompt_formats.messages import is_message_list

    try:
        return is_message_list(orjson.loads(data))
    except orjson.JSONDecodeError:
        return re.match(_MESSAGES_BEGIN, data[:_BEGINNING], re.DOTALL) is not None
