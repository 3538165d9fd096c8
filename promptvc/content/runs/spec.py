"""What ``[runs.NAME]`` in promptvc.toml declares."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

from promptvc.content.formats.base import Json
from promptvc.errors import Usage
from promptvc.ids import RepoPath
from promptvc.patterns import compiled

NAME = compiled(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What runs, checks and scorers can be called."""
_FUNCTION = "python"
_SETTINGS = (
    "prompt",
    "examples",
    "provider",
    "base_url",
    "model",
    "params",
    "tools",
    "response_format",
    "samples",
    "inputs",
    "scorers",
    "slices",
    "price",
)


class ScorerSpec(Struct, frozen=True):
    """A scorer as declared: ``exact:expected`` is kind ``exact`` with the argument ``expected``, and named ``exact``.

    ``name=`` in front gives it another name. The name of ``python:module:function`` is that of the function.
    """

    name: str
    kind: str
    argument: str

    @property
    def is_function(self) -> bool:
        """Whether it is code of the project, which runs only where the store is trusted; other kinds are built in."""
        return self.kind == _FUNCTION

    @property
    def text(self) -> str:
        """Kind and argument as declared."""
        return f"{self.kind}:{self.argument}" if self.argument else self.kind

    @classmethod
    def parse(cls, text: str) -> ScorerSpec:
        """Read ``[name=]kind[:argument]``."""
        label, found, rest = text.partition("=")
        if not found or not NAME.fullmatch(label.strip()):
            label, rest = "", text
        kind, _, argument = rest.strip().partition(":")
        default = argument.rpartition(":")[2] if kind == _FUNCTION else kind
        return cls(label.strip() or default or kind, kind, argument)


class RunSpec(Struct, frozen=True, kw_only=True):
    """One declared run. ``inputs`` leads from a prompt's variables to fields of rows.

    ``price`` is in US dollars for a million tokens, by ``input`` and ``output``. ``model``, ``params``, ``tools`` and
    ``response_format`` that the run does not name are those of the prompt's front matter.
    """

    name: str
    prompt: RepoPath
    examples: RepoPath
    provider: str
    base_url: str | None = None
    model: str | None = None
    params: Mapping[str, Json] = field(default_factory=dict)
    tools: Json = None
    response_format: Json = None
    samples: int = 1
    inputs: Mapping[str, str] = field(default_factory=dict)
    scorers: tuple[ScorerSpec, ...] = ()
    slices: tuple[str, ...] = ()
    price: Mapping[str, float] = field(default_factory=dict)


def need_run_name(name: str) -> None:
    """Raise `Usage` for what cannot be the name of a run, since files are called by it."""
    if not _is_run_name(name):
        raise Usage(f"{name!r} cannot be the name of a run", "it is made of letters, digits, - _ and .")


def _is_run_name(name: str) -> bool:
    return NAME.fullmatch(name) is not None and not name.endswith((".run", "."))


def read_run(name: str, values: Mapping[str, Any], invalid: Callable[[str], Exception]) -> RunSpec:
    """Read one ``[runs.NAME]``; raises what ``invalid`` makes of a sentence that says what is wrong."""
    label = f"runs.{name}"
    if not _is_run_name(name):
        raise invalid(f"{label}: a run's name is made of letters, digits, - _ and .")
    strange = next((each for each in values if each not in _SETTINGS), None)
    if strange is not None:
        raise invalid(f"{label} has no setting {strange!r}; it has {', '.join(_SETTINGS)}")
    take = _Taker(label, values, invalid)
    scorers = tuple(map(ScorerSpec.parse, take.strings("scorers")))
    counts = Counter(scorer.name for scorer in scorers)
    twice = next((each for each, count in counts.items() if count > 1), None)
    if twice is not None:
        raise invalid(f'{label}.scorers: two are called {twice!r}; "name=kind:argument" names one')
    samples = values.get("samples", 1)
    if isinstance(samples, bool) or not isinstance(samples, int) or samples < 1:
        raise invalid(f"{label}.samples must be a whole number from 1")
    return RunSpec(
        name=name,
        prompt=RepoPath(take.text("prompt")),
        examples=RepoPath(take.text("examples")),
        provider=take.text("provider"),
        base_url=take.maybe("base_url"),
        model=take.maybe("model"),
        params=take.mapping("params"),
        tools=values.get("tools"),
        response_format=values.get("response_format"),
        samples=samples,
        inputs=take.texts("inputs"),
        scorers=scorers,
        slices=tuple(take.strings("slices")),
        price=take.numbers("price", ("input", "output")),
    )


class _Taker:
    """Settings of one table, checked as they are taken."""

    def __init__(self, label: str, values: Mapping[str, Any], invalid: Callable[[str], Exception]) -> None:
        self._label, self._values, self._invalid = label, values, invalid

    def text(self, name: str) -> str:
        found = self.maybe(name)
        if not found:
            raise self._invalid(f"{self._label}.{name} is missing")
        return found

    def maybe(self, name: str) -> str | None:
        found = self._values.get(name)
        if found is not None and not isinstance(found, str):
            raise self._invalid(f"{self._label}.{name} must be text")
        return found

    def strings(self, name: str) -> list[str]:
        found = self._values.get(name, [])
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise self._invalid(f"{self._label}.{name} must be a list of strings")
        return found

    def mapping(self, name: str) -> dict[str, Json]:
        found = self._values.get(name, {})
        if not isinstance(found, dict):
            raise self._invalid(f"{self._label}.{name} must be a table")
        return found

    def texts(self, name: str) -> dict[str, str]:
        found = self.mapping(name)
        texts = {each: value for each, value in found.items() if isinstance(value, str)}
        if len(texts) < len(found):
            raise self._invalid(f"{self._label}.{name} must lead from names to names")
        return texts

    def numbers(self, name: str, known: tuple[str, ...]) -> dict[str, float]:
        numbers: dict[str, float] = {}
        for each, value in self.mapping(name).items():
            number = value if isinstance(value, int | float) and not isinstance(value, bool) else -1
            if each not in known or not 0 <= number < math.inf:
                raise self._invalid(f"{self._label}.{name} has numbers for {' and '.join(known)}")
            numbers[each] = number
        return numbers
