"""Runs: the outputs of one prompt over one example set, and the record that pins what produced them.

``outputs/NAME.jsonl`` holds one `OutputRow` a line, ``outputs/NAME.run.json`` the `RunRecord`. docs/runs.md explains
every field and how it is called in OpenTelemetry's ``gen_ai.*``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from msgspec import Struct, field
from msgspec.structs import replace

from promptvc.content.formats.base import Json
from promptvc.content.json_type import LooseJson
from promptvc.errors import Advice, RunUnreadable, Usage
from promptvc.ids import ObjectId, RepoPath
from promptvc.patterns import compiled

FOLDER = "outputs"
RECORD_SUFFIX = ".run.json"
RECORD_VERSION = 1
NOT_CALLED = "not called yet"
UNANSWERED = "neither side of the merge has this answer"
_STALE = "stale: "
_STALE_ERRORS = {f"{_STALE}{why}": why for why in (NOT_CALLED, UNANSWERED)}
"""What the error of such a row was before it had the field ``stale``, to why its answer is not known."""

_LONE = compiled("[\ud800-\udfff]")

Score = float | int | bool | str | None
"""A number, a boolean (passed or failed), a label; None where it could not be computed."""


def output_path(name: str) -> RepoPath:
    """Where a run's rows are."""
    return RepoPath(f"{FOLDER}/{name}.jsonl")


def record_path(name: str) -> RepoPath:
    """Where a run's record is."""
    return RepoPath(f"{FOLDER}/{name}{RECORD_SUFFIX}")


def run_name(path: str) -> str | None:
    """The run that a record, or a file of output rows, belongs to; None for a path of neither shape."""
    folder, _, rest = path.partition("/")
    for suffix in (RECORD_SUFFIX, ".jsonl"):
        if folder == FOLDER and rest.endswith(suffix):
            return rest.removesuffix(suffix) or None
    return None


def run_names(paths: Iterable[str]) -> list[str]:
    """The runs among these paths: those that have a record."""
    return sorted({run_name(path) or "" for path in paths if path.endswith(RECORD_SUFFIX)} - {""})


class OutputRow(Struct, frozen=True, kw_only=True):
    """One output: of one example, and of one sample where several are drawn.

    - ``output``: the text, None where there is none; ``tool_calls``: what the model asks to be called, if anything;
    - ``input_tokens``, ``output_tokens``: as the provider counts; ``latency_ms``: of the answer, in milliseconds;
    - ``cost_usd``: in US dollars, as the provider says or by the run's ``price``; None where neither is known;
    - ``error``: why there is no output; such a row answers no request;
    - ``stale``: why the answer is not known yet, where it can still be asked for; `stale_row` makes such a row;
    - ``response_model``: what the provider calls the model that answered;
    - ``request_hash``: the fingerprint of the request (`content.request.fingerprint`), None for recorded outputs;
    - ``scores``: by scorer.
    """

    example_id: str
    sample_index: int = 0
    output: str | None = None
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    latency_ms: float | None = None
    cost_usd: float | None = None
    error: str | None = None
    response_model: str | None = None
    request_hash: str | None = None
    tool_calls: Sequence[Json] | None = None
    scores: Mapping[str, Score] = field(default_factory=dict)
    stale: str | None = None

    @property
    def is_answer(self) -> bool:
        """Whether the row answers its request: it was made, and did not fail."""
        return self.error is None and self.request_hash is not None

    @property
    def is_stale(self) -> bool:
        """Whether the row stands for an answer that is not known yet."""
        return self.stale is not None

    @property
    def place(self) -> tuple[str, int]:
        """What the row is the output of: its example and sample."""
        return self.example_id, self.sample_index

    def to_value(self) -> dict[str, Json]:
        """The fields in the order of the file; ``tool_calls`` and ``stale`` only where they say something.

        An error that reads as `stale_row` writes it, and is none, says so by a ``stale`` of null.
        """
        value = {name: getattr(self, name) for name in _FIELDS}
        value["scores"] = dict(self.scores)
        if self.tool_calls:
            value["tool_calls"] = list(self.tool_calls)
        if self.stale is not None or self.error in _STALE_ERRORS:
            value["stale"] = self.stale
        return value

    @classmethod
    def from_value(cls, value: Mapping[str, Json]) -> OutputRow:
        """Read a row of a file; fields that are unknown are left out, missing ones empty. Raises `RunUnreadable`."""
        known: dict[str, Any] = {name: value.get(name) for name in (*_FIELDS, "tool_calls", "scores")}
        known["sample_index"] = value.get("sample_index", 0)
        known["scores"] = known["scores"] or {}
        known["stale"] = _stale_of(value)
        for name, kinds in _KINDS.items():
            if type(known[name]) not in kinds:
                raise RunUnreadable(f"{name} of an output row cannot be {known[name]!r:.60}")
        if not all(type(score) in _SCORES for score in known["scores"].values()):
            raise RunUnreadable("scores of an output row are numbers, booleans and text")
        if known["stale"] is not None and known["error"] is None:
            known["error"] = f"{_STALE}{known['stale']}"
        return cls(**known)


def _stale_of(value: Mapping[str, Json]) -> Json:
    """The field, or in a row of before it what exactly the errors say that promptvc wrote."""
    if "stale" in value:
        return value["stale"]
    error = value.get("error")
    return _STALE_ERRORS.get(error) if isinstance(error, str) else None


_FIELDS = (
    "example_id",
    "sample_index",
    "output",
    "finish_reason",
    "input_tokens",
    "output_tokens",
    "latency_ms",
    "cost_usd",
    "error",
    "response_model",
    "request_hash",
)

_NONE = type(None)
_TEXTS: tuple[type, ...] = (str, _NONE)
_NUMBERS: tuple[type, ...] = (int, float, _NONE)
_SCORES: tuple[type, ...] = (int, float, bool, str, _NONE)
_KINDS: dict[str, tuple[type, ...]] = {
    "example_id": (str,),
    "sample_index": (int,),
    **dict.fromkeys(("output", "finish_reason", "error", "response_model", "request_hash", "stale"), _TEXTS),
    **dict.fromkeys(("input_tokens", "output_tokens", "latency_ms", "cost_usd"), _NUMBERS),
    "tool_calls": (list, _NONE),
    "scores": (dict,),
}


def stale_row(example_id: str, sample_index: int, why: str, request_hash: str) -> OutputRow:
    """A row that stands for an answer that is not known yet; for those who look at errors alone, that says so too."""
    return OutputRow(
        example_id=example_id,
        sample_index=sample_index,
        error=f"{_STALE}{why}",
        request_hash=request_hash,
        stale=why,
    )


def encode_row(row: OutputRow) -> bytes:
    """A line of ``outputs/NAME.jsonl``; the same row always gives the same bytes."""
    value = row.to_value()
    try:
        return orjson.dumps(value) + b"\n"
    except TypeError:  # a lone surrogate, which is no character, or an integer of more than 64 bits
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return _LONE.sub("\ufffd", text).encode() + b"\n"


def read_rows(lines: Iterable[Mapping[str, Json]], path: str = "") -> Iterator[OutputRow]:
    """Output rows from rows of a table; raises `RunUnreadable`, naming the row."""
    for number, value in enumerate(lines, 1):
        try:
            yield OutputRow.from_value(value)
        except RunUnreadable as error:
            raise RunUnreadable(f"{path} row {number}: {error.message}") from None


class Pin(Struct, frozen=True):
    """A file that a run was made from: its path, and its git object (of a rope: the tree)."""

    path: RepoPath
    id: ObjectId

    def to_value(self) -> dict[str, Json]:
        """As in the record."""
        return {"path": self.path, "id": self.id}


class ScorerPin(Struct, frozen=True):
    """A scorer of a run: what it is called, how it was declared, and the sha256 of its code."""

    name: str
    spec: str
    code: str

    def to_value(self) -> dict[str, Json]:
        """As in the record."""
        return {"name": self.name, "spec": self.spec, "code": self.code}


class RunRecord(Struct, frozen=True, kw_only=True):
    """What produced the rows of a run.

    - ``recorded``: the outputs were made by another tool (``source``) and taken in, so that nothing proves what made
      them; their rows have no request hash;
    - ``outputs``: the object that the rows are: of other rows it is not the record;
    - ``prompt``, ``examples``: pinned files; None where they are not known;
    - ``started``, ``ended``: when calls were made, in seconds since 1970; ``code_commit``: the code around the project;
    - ``totals``: see `totals`.
    """

    name: str
    recorded: bool = False
    source: str | None = None
    outputs: ObjectId | None = None
    prompt: Pin | None = None
    examples: Pin | None = None
    example_key: tuple[str, ...] | None = None
    provider: str | None = None
    base_url: str | None = None
    model: str | None = None
    response_models: tuple[str, ...] = ()
    params: Mapping[str, Json] = field(default_factory=dict)
    tools: Json = None
    response_format: Json = None
    samples: int = 1
    inputs: Mapping[str, str] = field(default_factory=dict)
    scorers: tuple[ScorerPin, ...] = ()
    slices: tuple[str, ...] = ()
    code_commit: str | None = None
    started: float | None = None
    ended: float | None = None
    totals: Mapping[str, LooseJson] = field(default_factory=dict)

    def to_value(self) -> dict[str, Json]:
        """As in the file."""
        value: dict[str, Json] = {"version": RECORD_VERSION}
        for name in self.__struct_fields__:
            found = getattr(self, name)
            if isinstance(found, Pin):
                found = found.to_value()
            elif name == "scorers":
                found = [pin.to_value() for pin in self.scorers]
            elif isinstance(found, tuple):
                found = list(found)
            elif isinstance(found, Mapping):
                found = dict(found)
            value[name] = found
        return value

    def encode(self) -> bytes:
        """``outputs/NAME.run.json``."""
        text = json.dumps(
            self.to_value(), indent=2, ensure_ascii=False, default=str
        )  # dates of TOML and YAML
        return text.encode("utf-8", "replace") + b"\n"

    def without_times(self) -> RunRecord:
        """The same, less what depends on when and in which code repository it was made."""
        return replace(self, started=None, ended=None, code_commit=None)


def read_record(data: bytes, path: str) -> RunRecord:
    """Read ``outputs/NAME.run.json``; raises `RunUnreadable`, also for a record of a newer version."""
    try:
        value = json.loads(data)  # orjson would round integers of more than 64 bits
        if value["version"] > RECORD_VERSION:
            raise RunUnreadable(f"{path} is of a newer version", "install a newer promptvc")
        return _record(value)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, Usage) as error:
        raise RunUnreadable(f"{path} cannot be read as the record of a run", Advice("run-anew")) from error


def _record(value: dict[str, Any]) -> RunRecord:
    key = value.get("example_key")
    return RunRecord(
        name=str(value["name"]),
        recorded=bool(value.get("recorded")),
        source=value.get("source"),
        outputs=ObjectId.parse(value["outputs"]) if value.get("outputs") else None,
        prompt=_pin(value.get("prompt")),
        examples=_pin(value.get("examples")),
        example_key=None if key is None else tuple(key),
        provider=value.get("provider"),
        base_url=value.get("base_url"),
        model=value.get("model"),
        response_models=tuple(value.get("response_models") or ()),
        params=dict(value.get("params") or {}),
        tools=value.get("tools"),
        response_format=value.get("response_format"),
        samples=int(value.get("samples") or 1),
        inputs=dict(value.get("inputs") or {}),
        scorers=tuple(
            ScorerPin(str(each["name"]), str(each["spec"]), str(each["code"]))
            for each in value.get("scorers") or ()
        ),
        slices=tuple(value.get("slices") or ()),
        code_commit=value.get("code_commit"),
        started=value.get("started"),
        ended=value.get("ended"),
        totals=_totals(value.get("totals") or {}),
    )


def _totals(value: dict[str, Any]) -> dict[str, Any]:
    counts = ("rows", "errors", "stale", "input_tokens", "output_tokens")
    if (
        any(type(value.get(name, 0)) is not int for name in counts)
        or type(value.get("scores", {})) is not dict
    ):
        raise ValueError("totals are numbers")
    return dict(value)


def _pin(value: Any) -> Pin | None:
    return None if value is None else Pin(RepoPath(value["path"]), ObjectId.parse(value["id"]))


class Totals:
    """Sums over rows, one row at a time."""

    def __init__(self) -> None:
        self._counts = {"rows": 0, "errors": 0, "stale": 0, "input_tokens": 0, "output_tokens": 0}
        self._cost: list[float] = []
        self._latency = 0.0
        self._timed = 0
        self._models: set[str] = set()
        self._scores: dict[str, _ScoreSum] = {}

    def add(self, row: OutputRow) -> None:
        """Count a row."""
        counts = self._counts
        counts["rows"] += 1
        counts["errors"] += row.error is not None and not row.is_stale
        counts["stale"] += row.is_stale
        counts["input_tokens"] += row.input_tokens or 0
        counts["output_tokens"] += row.output_tokens or 0
        if row.cost_usd is not None:
            self._cost.append(row.cost_usd)
        if row.latency_ms is not None:
            self._latency, self._timed = self._latency + row.latency_ms, self._timed + 1
        if row.response_model:
            self._models.add(row.response_model)
        for name, score in row.scores.items():
            self._scores.setdefault(name, _ScoreSum()).add(score)

    @property
    def response_models(self) -> tuple[str, ...]:
        """What the models called themselves, sorted."""
        return tuple(sorted(self._models))

    def to_value(self) -> dict[str, Json]:
        """Sums: ``rows``, ``errors``, ``stale``, ``input_tokens``, ``output_tokens``, ``cost_usd``; and ``scores``.

        ``latency_ms`` is the mean. A score has its ``count`` and ``mean`` (of numbers and of booleans, as 0 and 1), or
        ``labels`` with counts.
        """
        import math

        return {
            **self._counts,
            "cost_usd": math.fsum(self._cost) if self._cost else None,
            "latency_ms": self._latency / self._timed if self._timed else None,
            "scores": {name: found.to_value() for name, found in sorted(self._scores.items())},
        }


class _ScoreSum:
    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0
        self._labels: dict[str, int] = {}

    def add(self, score: Score) -> None:
        if isinstance(score, str):
            self._labels[score] = self._labels.get(score, 0) + 1
        elif score is not None:
            self._sum, self._count = self._sum + score, self._count + 1

    def to_value(self) -> dict[str, Json]:
        value: dict[str, Json] = {"count": self._count + sum(self._labels.values())}
        if self._count:
            value["mean"] = self._sum / self._count
        if self._labels:
            value["labels"] = dict(sorted(self._labels.items()))
        return value
