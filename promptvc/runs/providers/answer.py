"""What a provider returns for one request: an answer, or the reason why there is none."""

from __future__ import annotations

import json
import math
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from promptvc.content.formats.base import Json

LONGEST_MESSAGE = 500
"""Most characters of the reason for a failed call; a row's ``error`` holds it."""


class Answer(Struct, frozen=True, kw_only=True):
    """What a provider returned for one request; None for what it does not say.

    ``cost_usd`` is in US dollars. ``response_model`` is the provider's name for the model that answered,
    ``tool_calls`` the tool calls that the model requests.
    """

    output: str | None
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    response_model: str | None = None
    tool_calls: Sequence[Json] | None = None


class CallFailed(Exception):
    """A call gave no answer. The runner retries it or writes ``message`` into the row; users never see this error.

    - ``message``: one line;
    - ``retry``: whether the same request may succeed later;
    - ``after``: the least number of seconds to wait, as the provider asks; None if it does not say.
    """

    def __init__(self, message: str, retry: bool = False, after: float | None = None) -> None:
        self.message = one_line(message)
        super().__init__(self.message)
        self.retry, self.after = retry, after


def one_line(text: object) -> str:
    """Any text as one line of limited length."""
    line = " ".join(str(text).split())
    return line if len(line) <= LONGEST_MESSAGE else line[: LONGEST_MESSAGE - 1] + "…"


def reason_of(error: BaseException) -> str:
    """An exception in one line, with where it was raised: ``ValueError: no such city (my_model.py, line 31)``."""
    text = one_line(error)
    reason = f"{type(error).__name__}: {text}" if text else type(error).__name__
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_ours(frame.filename)]
    return f"{reason} ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else reason


def _is_ours(file: str) -> bool:
    return Path(file).parent.name == "runs" and Path(file).parent.parent.name == "promptvc"


ANSWERS = ("output", "text", "tool_calls", "error")
"""One of these makes a dict an answer."""


def read_answer(value: Json, who: str) -> Answer:
    """Read what user code returned: a text, or a dict like the one below; raises `CallFailed`.

    {"output": "Berlin", "finish_reason": "stop", "input_tokens": 12, "output_tokens": 1, "cost_usd": 0.0001,
     "model": "tiny-1", "tool_calls": [...]}

    ``text`` is another name for ``output``. All fields are optional, but one of ``output`` and ``tool_calls`` must be
    there; unknown fields are ignored. ``{"error": "busy", "retry": true, "retry_after": 2}`` reports a failed call.
    """
    if isinstance(value, str):
        return Answer(output=value)
    if not isinstance(value, Mapping) or not any(name in value for name in ANSWERS):
        raise CallFailed(f"{who} gave {_shown(value)}, neither a text nor a dict with output")
    take = _Taker(value, who)
    if value.get("error"):
        after = take.number("retry_after")
        raise CallFailed(str(value["error"]), bool(value.get("retry", after is not None)), after)
    return Answer(
        output=take.text("text") if value.get("output") is None else take.text("output"),
        finish_reason=take.text("finish_reason"),
        input_tokens=take.count("input_tokens"),
        output_tokens=take.count("output_tokens"),
        cost_usd=take.number("cost_usd"),
        response_model=take.text("model"),
        tool_calls=take.items("tool_calls"),
    )


class _Taker:
    """Takes and checks the fields of a dict; None counts as absent."""

    def __init__(self, value: Mapping[str, Json], who: str) -> None:
        self._value, self._who = value, who

    def text(self, name: str) -> str | None:
        found = self._value.get(name)
        if found is not None and not isinstance(found, str):
            raise self._wrong(name, "text")
        return found

    def count(self, name: str) -> int | None:
        found = self.number(name)
        if found is not None and found != int(found):
            raise self._wrong(name, "a whole number")
        return None if found is None else int(found)

    def number(self, name: str) -> float | None:
        found = self._value.get(name)
        if found is None:
            return None
        if (
            isinstance(found, bool)
            or not isinstance(found, int | float)
            or not math.isfinite(found)
            or found < 0
        ):
            raise self._wrong(name, "a number from 0")
        return found

    def items(self, name: str) -> Sequence[Json] | None:
        found = self._value.get(name)
        if found is not None and not isinstance(found, list | tuple):
            raise self._wrong(name, "a list")
        try:
            json.dumps(found, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            raise self._wrong(name, "a list of JSON values") from None
        return found or None

    def _wrong(self, name: str, wanted: str) -> CallFailed:
        return CallFailed(
            f"{self._who} gave {_shown(self._value.get(name))} as {name}, which must be {wanted}"
        )


def _shown(value: Json) -> str:
    text = one_line(repr(value))
    return text if len(text) <= 60 else text[:59] + "…"
