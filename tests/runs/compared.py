"""Comparisons of runs as `RunComparison.to_json` gives them, drawn by hand for the page that shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from promptvc.runs.compare.measures import Measure, MeasureComparison, Measures
from promptvc.runs.compare.scores import LabelChange, NoiseComparison, ScoreComparison
from promptvc.runs.compare.slices import SliceComparison
from promptvc.runs.compare.stats import Interval, Noise

Json = Any


class Drawn:
    """A comparison that is already JSON."""

    def __init__(self, value: Mapping[str, Json]) -> None:
        self._value = dict(value)

    def to_json(self) -> dict[str, Json]:
        """As it was drawn."""
        return self._value

    @property
    def scores(self) -> list[ScoreComparison]:
        return [_score(each) for each in self._value.get("scores", ())]

    @property
    def slices(self) -> list[SliceComparison]:
        return [
            SliceComparison(
                each.get("field"), each.get("value"), each.get("pairs", 0), tuple(map(_score, each["scores"]))
            )
            for each in self._value.get("slices", ())
        ]

    @property
    def measures(self) -> Measures:
        tokens = self._value.get("tokens", {})
        found = (self._value.get(name) for name in ("characters", "cost_usd", "latency_ms"))
        characters, cost, latency = map(_measure, found)
        return Measures(
            characters, _measure(tokens.get("input")), _measure(tokens.get("output")), cost, latency
        )

    @property
    def noise(self) -> list[NoiseComparison]:
        sides = ("before", "after")
        return [
            NoiseComparison(each["name"], *(each[side] and Noise(**each[side]) for side in sides))
            for each in self._value.get("noise", ())
        ]


def _score(value: Mapping[str, Json]) -> ScoreComparison:
    interval, labels = value.get("interval"), value.get("labels") or ()
    typed = {
        "interval": interval and Interval(*interval),
        "labels": tuple(LabelChange(**each) for each in labels),
    }
    return ScoreComparison(**{**value, **typed})


def _measure(value: Json) -> MeasureComparison:
    before, after = (Measure(**(value or {}).get(side, {})) for side in ("before", "after"))
    return MeasureComparison(before, after, before.rows, min(before.rows, after.rows))


def side(output: str | None, error: str | None = None, **scores: Json) -> dict[str, Json]:
    """One side of a row."""
    return {"output": output, "scores": scores, "error": error}


def row(id: str, before: Json, after: Json, status: str = "changed", **more: Json) -> dict[str, Json]:
    """A row of a comparison."""
    empty = {"sample_index": 0, "slices": {}, "input": None, "expected": None}
    return {"example_id": id, **empty, "before": before, "after": after, "status": status, **more}


def score(name: str, kind: str = "boolean", **more: Json) -> dict[str, Json]:
    """The comparison of one score."""
    names = ("before", "after", "difference", "interval", "p")
    empty = {**dict.fromkeys(names), "pairs": 3, "fixed": 0, "broken": 0, "labels": []}
    return {"name": name, "kind": kind, **empty, **more}


def comparison(rows: Iterable[Json], **more: Json) -> Drawn:
    """A comparison of main with terse that has these rows."""
    listed = list(rows)
    sides = {"name": "support", "rows": len(listed), "errors": 0, "stale": 0, "recorded": False, "samples": 1}
    only = {
        status: [
            {"example_id": each["example_id"], "sample_index": 0}
            for each in listed
            if each["status"] == status
        ]
        for status in ("only_before", "only_after")
    }
    value = {
        "before": {**sides, "label": "main", "model": "small"},
        "after": {**sides, "label": "terse", "model": "large"},
        "pairs": sum(not each["status"].startswith("only") for each in listed),
        **only,
        "why": [{"what": "model", "name": None, "before": "small", "after": "large", "rows": None}],
        "outputs_changed": 2,
        "primary": "exact",
        "scores": [],
        "slices": [],
        "noise": [],
        "rows": listed,
    }
    return Drawn({**value, **more})


def support() -> Drawn:
    """Five rows: one fixed, one broken, one whose length alone changed, one the same, one only before."""
    rows = [
        row(
            "t-1",
            side("The answer is four", exact=False, words=4),
            side("The answer is five", exact=True, words=4),
            "fixed",
            slices={"topic": ["billing"]},
            input="2+3?",
            expected="five",
        ),
        row(
            "t-2",
            side("Paris", exact=True, words=1),
            side("London", exact=False, words=1),
            "broken",
            slices={"topic": ["travel", "billing"]},
            input="Capital of France?",
        ),
        row(
            "t-3",
            side("Yes", exact=True, words=1),
            side("Yes, of course", exact=True, words=3),
            slices={"topic": [None]},
        ),
        row(
            "t-4",
            side("No", exact=False, words=1),
            side("No", exact=False, words=1),
            "same",
            slices={"topic": ["travel"]},
        ),
        row("t-5", side("Gone", exact=True, words=1), None, "only_before"),
    ]
    exact = {"pairs": 4, "before": 0.5, "after": 0.5, "difference": 0.0, "interval": [-0.4, 0.4], "p": 1.0}
    slices = [
        {
            "field": "topic",
            "value": "billing",
            "pairs": 2,
            "scores": [score("exact", **exact, fixed=1, broken=1)],
        },
        {
            "field": "topic",
            "value": "travel",
            "pairs": 2,
            "scores": [score("exact", difference=-0.5, broken=1)],
        },
    ]
    words = score("words", "number", pairs=4, before=1.75, after=2.25, difference=0.5, interval=[0.0, 1.5])
    parts = {"rows": 4, "mean": 8.0, "total": 32.0, "p50": 5.0, "p95": 17.0}
    measures = {name: {"before": parts, "after": parts} for name in ("characters", "cost_usd", "latency_ms")}
    return comparison(
        rows, scores=[score("exact", **exact, fixed=1, broken=1), words], slices=slices, **measures
    )
