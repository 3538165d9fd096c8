"""Requests: what a run asks a model for each row, and the fingerprint that names each of them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgpack
import msgspec

from promptvc.content.formats.base import Json, Row
from promptvc.content.json_type import LooseJson
from promptvc.content.prompt.prompt import Message, Prompt
from promptvc.content.runs.spec import RunSpec
from promptvc.errors import RenderFailed, Usage
from promptvc.patterns import compiled

__all__ = ["Calling", "Message", "Request", "calling_of", "example_ids", "fingerprint", "requests"]

_VERSION = "promptvc-call-1"
_BIG = 1
"""The msgpack extension type of an integer of more than 64 bits, as decimal digits."""
_FORMATS = ("response_format", "responseFormat")
_LONE = compiled("[\ud800-\udfff]")


class Calling(msgspec.Struct, frozen=True, kw_only=True):
    """What all requests of a run have in common.

    ``provider`` names the service, with its ``base_url`` where one is declared; ``params`` holds every other parameter.
    """

    provider: str
    model: str
    params: Mapping[str, Json] = msgspec.field(default_factory=dict)
    tools: Json = None
    response_format: Json = None
    base_url: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One request: the messages for one row, and which of its samples it is. ``hash`` is its `fingerprint`.

    ``row`` is the example that it was made from.
    """

    example_id: str
    sample_index: int
    messages: Sequence[Mapping[str, Json]]
    hash: str
    row: Row = field(default_factory=dict, compare=False, repr=False)

    @property
    def place(self) -> tuple[str, int]:
        """What its answer is the output of: example and sample."""
        return self.example_id, self.sample_index


def calling_of(spec: RunSpec, prompt: Prompt) -> Calling:
    """What a run's requests have in common: what it declares, else what the prompt says; raises `Usage`.

    Parameters of both are joined; where both have one, that of the run stands.
    """
    model = spec.model or prompt.model
    if not model:
        raise Usage(
            f"runs.{spec.name} names no model, nor does {spec.prompt}",
            'add model = "…" to it in promptvc.toml',
        )
    params = {**prompt.parameters, **spec.params}
    for name in (*_FORMATS, "tools"):
        params.pop(name, None)
    sources = (
        {"tools": spec.tools, "response_format": spec.response_format},
        spec.params,
        prompt.parameters,
        prompt.config,
    )
    tools = _first(sources, "tools")
    found = _first(sources, *_FORMATS)
    return Calling(
        provider=spec.provider,
        model=model,
        params=params,
        tools=tools,
        response_format=found,
        base_url=spec.base_url,
    )


def _first(sources: Iterable[Mapping[str, Json]], *names: str) -> Json:
    """What the first of these says that says something, by any of the names."""
    found = (source[name] for source in sources for name in names if source.get(name) is not None)
    return next(found, None)


def fingerprint(calling: Calling, messages: Sequence[Mapping[str, Json]], sample_index: int = 0) -> str:
    """The sha256, in hexadecimal digits, that names a request: of all that determines it.

    Hashed is one msgpack array: ``"promptvc-call-1"``, provider (with a declared base_url: both, in an array), model,
    messages, params, tools, response_format, sample_index. Maps are in the order of their keys' UTF-8 bytes, numbers
    without a fractional part are integers. Keys that are no text, dates and times count as the text that JSON has for
    them; an integer of more than 64 bits is extension type 1 with its digits. Raises `Usage` for a number that is not
    finite.
    """
    return _Prints(calling).of(messages, sample_index)


class _Prints:
    """Fingerprints of requests that have much in common."""

    def __init__(self, calling: Calling) -> None:
        provider = [calling.provider, calling.base_url] if calling.base_url else calling.provider
        self._head = b"\x98" + _pack(_VERSION) + _pack(provider) + _pack(calling.model)
        self._tail = _pack(calling.params) + _pack(calling.tools) + _pack(calling.response_format)

    def of(self, messages: Sequence[Mapping[str, Json]], sample_index: int) -> str:
        data = b"".join((self._head, _pack_messages(messages), self._tail, _pack(sample_index)))
        return hashlib.sha256(data).hexdigest()


def requests(
    spec: RunSpec, calling: Calling, prompt: Prompt, rows: Iterable[tuple[str, Row]]
) -> Iterator[Request]:
    """The requests of a run for these rows, each with its example's id: all samples of a row, row by row.

    Raises `RenderFailed`, naming the example, where a row lacks what the prompt needs.
    """
    prints = _Prints(calling)
    inputs = [(name, spec.inputs[name]) for name in prompt.variables if name in spec.inputs]
    for number, (example_id, row) in enumerate(rows, 1):
        given = {**row, **{name: row[source] for name, source in inputs if source in row}}
        try:
            messages = prompt.render(**given)
        except RenderFailed as error:
            where = f"{spec.examples} row {number} (example {example_id})"
            lacking = next(((name, source) for name, source in inputs if source not in row), None)
            if lacking is None:
                raise RenderFailed(f"{error.message}: {where}", error.hint or error.advice) from None
            raise RenderFailed(
                f"{where} has no field {lacking[1]!r}, which inputs.{lacking[0]} names",
                f"its fields: {', '.join(list(row)[:12])}",
            ) from None
        for sample in range(spec.samples):
            yield Request(example_id, sample, messages, prints.of(messages, sample), row)


def example_ids(rows: Iterable[Row], key: Sequence[str] | None) -> Iterator[tuple[str, Row]]:
    """Each row with its example id: its key as text; without a key, the first 12 digits of its content's sha256.

    One text is taken as it is, any other key as JSON. The second row of one id gets ``#2`` behind it, and so on.
    """
    ids = DistinctIds()
    for row in rows:
        yield ids.add(example_id(row, key)), row


class DistinctIds:
    """Makes ids distinct, in the order in which they are added."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._taken: set[str] = set()

    def add(self, id: str) -> str:
        """The id, or what stands for it where it is taken."""
        made = id
        while made in self._taken:
            self._counts[id] = self._counts.get(id, 1) + 1
            made = f"{id}#{self._counts[id]}"
        self._taken.add(made)
        return made


def example_id(row: Row, key: Sequence[str] | None) -> str:
    """The id of the first row with this key: see `example_ids`."""
    if key and len(key) == 1 and type(value := row.get(key[0])) is str and value.isascii():
        return value
    values = [row.get(name) for name in key or ()]
    if not values or any(value is None for value in values):
        return hashlib.sha256(_pack(row)).hexdigest()[:12]
    if len(values) == 1:
        return _LONE.sub("\ufffd", values[0]) if isinstance(values[0], str) else _text(values[0])
    return _text(values)


def _text(value: Json) -> str:
    return _LONE.sub("\ufffd", json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True))


def _pack_messages(messages: Sequence[Mapping[str, Json]]) -> bytes:
    """`_pack` of messages; those of a role and a text, as nearly all are, need no look at each value."""
    plain = []
    for message in messages:
        role, content = message.get("role"), message.get("content")
        if len(message) != 2 or type(role) is not str or type(content) is not str:
            return _pack(messages)
        plain.append({"content": content, "role": role})
    return bytes(msgpack.packb(plain, unicode_errors="surrogatepass"))


def _pack(value: LooseJson) -> bytes:
    return bytes(msgpack.packb(_canonical(value), unicode_errors="surrogatepass"))


def _canonical(value: LooseJson) -> LooseJson:
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return value
    if kind is float:
        if not math.isfinite(value):
            raise Usage(f"{value} cannot be a part of a request")
        return _canonical(int(value)) if value.is_integer() else value
    if kind is int:
        return value if -(1 << 63) <= value < 1 << 64 else msgpack.ExtType(_BIG, str(value).encode())
    if isinstance(value, Mapping):
        pairs = sorted((str(name).encode("utf-8", "surrogatepass"), item) for name, item in value.items())
        return {name.decode("utf-8", "surrogatepass"): _canonical(item) for name, item in pairs}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    return str(value)  # dates and times of TOML and YAML: as in the record, and as JSON sends them
