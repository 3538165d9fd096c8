"""What the benchmarks found: tables, and each claim with what was measured for it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Report:
    """Collects while the tests run; printed after them."""

    tables: list[str] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)

    def add_table(self, title: str, lines: Iterable[str]) -> None:
        self.tables += ["", title, "", *lines]

    def claim(self, text: str, measured: float, at_most: float, unit: str = "x", beside: str = "") -> None:
        """Note a claim, and fail unless what was measured is at most what it says."""
        held = "yes" if measured <= at_most else "NO"
        self.claims.append(f"| {text} | {measured:.2f} {unit}{beside} | {at_most:g} {unit} | {held} |")
        assert measured <= at_most, f"{text}: {measured:.3f} {unit}{beside}, claimed at most {at_most:g}"

    def lines(self) -> Iterator[str]:
        """Markdown."""
        if not self.claims and not self.tables:
            return
        load = os.getloadavg()[0]
        yield from self.tables
        yield ""
        yield f"{os.cpu_count()} cores, load average at the end {load:.1f}"
        yield ""
        yield "| claim | measured | at most | held |"
        yield "|---|---|---|---|"
        yield from self.claims
