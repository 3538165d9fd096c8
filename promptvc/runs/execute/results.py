"""What a run did, and what it would do."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from promptvc.content.runs.run import RunRecord
from promptvc.content.runs.view import totals_words


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run did.

    - ``rows``: in the file; ``known``: of them, answered before; ``called``: calls made now, failed ones too;
    - ``failed``: rows with an error; ``stale``: rows not called because of a limit; ``retries``: calls repeated;
    - ``cost_usd``: of the calls made now; ``changed``: whether the files are other than before;
    - ``first_error``: why the first of the failed calls failed.
    """

    name: str
    rows: int
    known: int
    called: int
    failed: int
    stale: int
    retries: int
    cost_usd: float
    changed: bool
    record: RunRecord
    first_error: str | None = None

    @property
    def complete(self) -> bool:
        """Whether every row has an answer."""
        return not self.failed and not self.stale

    def _repr_html_(self) -> str:
        return _result_html(self)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do: ``calls`` in all, ``known``, ``missing`` (equal requests once), and estimated ``tokens``."""

    name: str
    calls: int
    known: int
    missing: int
    tokens: int


def _result_words(result: RunResult) -> str:
    """``support-mini: 501 rows, 494 known, 7 called, exact 0.846, 0.11 USD``."""
    counts = [
        (result.rows, "rows"),
        (result.known, "known"),
        (result.called, "called"),
        (result.retries, "retries"),
    ]
    parts = [f"{count:,} {words}" for count, words in counts if count or words != "retries"]
    return f"{result.name}: {', '.join([*parts, *totals_words(result.record.totals)])}"


def _result_html(result: RunResult) -> str:
    """What it did in one line, then its scores and, where calls failed, why the first of them did."""
    scores = result.record.totals.get("scores") or {}
    rows = "".join(f"<tr><th>{_text(name)}</th>{_cells(score)}</tr>" for name, score in scores.items())
    table = (
        "<table><thead><tr><th>score</th><th>mean</th><th>labels</th><th>rows</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
        if rows
        else ""
    )
    error = f"<p>first error: {_text(result.first_error)}</p>" if result.first_error else ""
    return f"<div><p>{_text(_result_words(result))}</p>{table}{error}</div>"


def _cells(score: dict[str, object]) -> str:
    mean, labels = score.get("mean"), score.get("labels")
    shown = f"{mean:,.3f}" if isinstance(mean, float) else ""
    counts = (
        ", ".join(f"{label} {count}" for label, count in labels.items()) if isinstance(labels, dict) else ""
    )
    return f"<td>{shown}</td><td>{_text(counts)}</td><td>{_text(str(score.get('count', '')))}</td>"


def _text(text: str) -> str:
    return escape(text.encode("utf-8", "replace").decode())
