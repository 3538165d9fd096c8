"""What a file is, judged by its path and its first bytes."""

from __future__ import annotations

from typing import Literal

from promptvc.content.formats import row_format
from promptvc.content.prompt_formats.paths import is_prompt_path, looks_like_messages

FileKind = Literal["prompt", "table", "run", "text", "binary"]


def file_kind(path: str, head: bytes) -> FileKind:
    """The kind of a file: a table by its suffix, a prompt by its place or suffix, else text; with a NUL, binary.

    ``head`` is the first 64 KiB or less. A message list in ``.json`` is a prompt below ``prompts/``, though it is
    an array of objects too.
    """
    if path.startswith("outputs/") and path.endswith(".run.json"):
        return "run"
    if _in_prompts(path) and path.lower().endswith(".json") and looks_like_messages(head):
        return "prompt"
    if row_format(path, head) is not None:
        return "table"
    if b"\0" in head:
        return "binary"
    return "prompt" if is_prompt_path(path) else "text"


def _in_prompts(path: str) -> bool:
    return "prompts" in path.split("/")[:-1]
