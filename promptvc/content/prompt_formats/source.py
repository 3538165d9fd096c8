"""From a file's bytes to its text and YAML values, and the blank lines around a message."""

from __future__ import annotations

from promptvc.content.prompt_formats.base import Json, refuse
from promptvc.content.yaml.load import YamlInvalid, load_yaml

MAX_BYTES = 4 << 20
"""The largest file that is read as a prompt: a million tokens, about what the largest models take."""


def decode(path: str, data: bytes) -> str:
    """The text of a prompt file, line ends as they are, without a byte-order mark.

    Raises `NotAPrompt` for what is too large, binary or not UTF-8.
    """
    if len(data) > MAX_BYTES:
        raise refuse(path, f"larger than {MAX_BYTES >> 20} MiB")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise refuse(path, "the text is UTF-16", hint="save it as UTF-8")
    if b"\x00" in data:
        raise refuse(path, "it is binary: it holds a zero byte")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise refuse(
            path, f"byte 0x{data[error.start]:02x} is not UTF-8", line, column, "save it as UTF-8"
        ) from None


def unify_line_ends(text: str) -> str:
    r"""Every line end as ``\n``: what a model is sent does not depend on the editor that saved the file."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_yaml(path: str, text: str, skipped: int = 0) -> Json:
    """The values of a YAML document; ``skipped`` is the number of lines of the file above the text.

    Raises `NotAPrompt` with line and column.
    """
    try:
        return load_yaml(text)
    except YamlInvalid as error:
        line = None if error.line is None else skipped + error.line
        raise refuse(path, f"invalid YAML: {error.problem}", line, error.column) from None


def trim(text: str) -> str:
    r"""Without the blank lines at both ends and without the last line end: ``"\n  a \n\n" -> "  a "``."""
    start = len(text) - len(text.lstrip())
    if start == len(text):
        return ""
    start = text.rfind("\n", 0, start) + 1
    end = text.find("\n", len(text.rstrip()))
    return text[start:] if end < 0 else text[start:end]
