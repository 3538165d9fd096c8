"""The result of a run, and its plan."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from promptvc.content.runs.run import RunRecord
from promptvc.content.runs.view import totals_words
from promptvc.html.render import render


class RunResult(Struct, frozen=True, kw_only=True):
    """The result of a run.

    - ``rows``: in the file; ``known``: of them, answered before; ``called``: calls made now, including failed ones;
    - ``failed``: rows with an error; ``stale``: rows not called because of a limit; ``retries``: repeated calls;
    - ``cost_usd``: of the calls made now; ``changed``: whether the files changed;
    - ``first_error``: why the first of the failed calls failed;
    - ``withheld``: of the failed rows, those whose answer holds a secret; ``secrets``: from digest to kind.
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
    withheld: int = 0
    secrets: Mapping[str, str] = {}

    @property
    def complete(self) -> bool:
        """Whether every row has an answer."""
        return not self.failed and not self.stale

    def _repr_html_(self) -> str:
        scores = self.record.totals.get("scores") or {}
        return render("result.html", caption=_result_words(self), scores=scores, error=self.first_error)


class Plan(Struct, frozen=True):
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
