"""A comparison of two versions of a run as one HTML file, which needs no network and no other files.

The file holds the comparison as JSON; the scripts in `assets/` draw it. Outputs are whatever a model wrote, so
none of them is ever parsed as HTML: the JSON cannot close its element, the script only sets text, and a policy in
the file lets the browser run only this script, by its hash, and load nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

from msgspec import to_builtins

from promptvc.content.json_type import LooseJson as Json
from promptvc.html.render import render
from promptvc.patterns import compiled
from promptvc.runs.compare.measures import Measures
from promptvc.runs.compare.report.texts import measure_texts, noise_texts, score_texts
from promptvc.runs.compare.scores import NoiseComparison, ScoreComparison
from promptvc.runs.compare.slices import SliceComparison, slice_values

_ASSETS = files("promptvc.runs.compare") / "assets"
_SCRIPTS = (
    "data",
    "elements",
    "numbers",
    "state",
    "header",
    "charts",
    "scores",
    "slices",
    "measures",
    "select",
    "filters",
    "rows",
    "detail",
    "words",
    "start",
)
"""The parts of the one script, in the order they run; `start` draws the page."""
# What could end or confuse the script element that holds the JSON, and lone surrogates, which UTF-8 cannot encode.
_UNSAFE = compiled("[<>&\u2028\u2029\ud800-\udfff]")
_EXACT = 2**53
"""JavaScript rounds integers beyond this."""


class Comparison(Protocol):
    """What a page is made from: numbers, which the page shows as text, and the same as JSON."""

    @property
    def scores(self) -> Sequence[ScoreComparison]:
        """Each score over all pairs."""

    @property
    def slices(self) -> Sequence[SliceComparison]:
        """The scores of each slice."""

    @property
    def measures(self) -> Measures:
        """Length, tokens, cost and time."""

    @property
    def noise(self) -> Sequence[NoiseComparison]:
        """The noise of each score with several samples."""

    def to_json(self) -> Mapping[str, Json]:
        """The two sides, their scores, slices and rows, as ``promptvc compare --json`` prints them."""


def write_page(comparison: Comparison, path: Path) -> None:
    """Write the page as UTF-8."""
    path.write_text(page(comparison), encoding="utf-8", newline="\n")


def page(comparison: Comparison) -> str:
    """The whole HTML text; the same comparison always gives the same text."""
    value = comparison.to_json()
    style, script = _asset("compare.css"), "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)
    rows = [_with_slice_texts(row) for row in value.get("rows") or ()]
    texts = {
        "scores": [_texts(score) for score in comparison.scores],
        "slices": [[_texts(score) for score in each.scores] for each in comparison.slices],
        "measures": [to_builtins(each) for each in measure_texts(comparison.measures)],
        "noise": [to_builtins(noise_texts(each)) for each in comparison.noise],
    }
    return render(
        "page.html",
        title=_title(value),
        policy=_policy(style, script),
        style=style,
        script=script,
        data=embedded({**value, "rows": rows, "texts": texts}),
    )


def embedded(value: Any) -> str:
    """JSON that a script element can safely hold; ``"</p>" -> "\\u003c/p\\u003e"``."""
    text = json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _texts(score: ScoreComparison) -> Json:
    texts = score_texts(score)
    return {**to_builtins(texts), "p": texts.bare_p}


def _with_slice_texts(row: Json) -> Json:
    """The row with the names of the slices it counts in: ``{"level": 3.0, "tag": None}`` -> ``["3.0"]``, ``[None]``."""
    slices = row.get("slices") or {}
    return {**row, "slices": {field: list(slice_values(value)) for field, value in slices.items()}}


def _plain(value: Any) -> Json:
    """Values that JavaScript reads exactly: no NaN, no integer that it would round."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if -_EXACT <= value <= _EXACT else str(value)
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {str(name): _plain(item) for name, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    return str(value)


def _title(value: Mapping[str, Json]) -> str:
    before, after = (value.get(side) or {} for side in ("before", "after"))
    if before.get("name") != after.get("name"):
        return f"{before.get('name') or '?'} → {after.get('name') or '?'}"
    return f"{after.get('name') or 'run'}: {before.get('label') or '?'} → {after.get('label') or '?'}"


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    """The hash by which a Content-Security-Policy names the text between two tags (CSP Level 3, 2.3.1)."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")
