"""How numbers of runs are formatted: means, differences, money, times."""

from __future__ import annotations

import math


def p_words(p: float | None) -> str:
    """``p = 0.011``; empty for None."""
    if p is None:
        return ""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.9995 else "p = 1"


def change_words(before: float | None, after: float | None) -> str:
    """``143, 61 -> "−57 %"``; from tenfold on ``× 12``; empty if there is nothing to take a percentage of."""
    if not before or after is None:
        return ""
    change = after / before - 1
    if change >= 9:
        return f"× {change + 1:,.0f}"
    return f"{minus(f'{change * 100:+.0f}')} %" if round(change * 100) else "±0 %"


def number(value: float, size: float | None = None) -> str:
    """Three decimals for scores up to 10, fewer the larger ``size`` is (by default the number itself)."""
    return minus(f"{value:,.{decimals(abs(value) if size is None else size)}f}")


def rounded(value: float) -> str:
    """A mean of counts: ``97``, ``5.3``, ``20,011``."""
    return f"{value:,.0f}" if value >= 10 else f"{value:,.1f}"


def signed(value: float, size: float | None = None) -> str:
    """`number` with its sign: ``+0.034``; zero has none."""
    places = decimals(abs(value) if size is None else size)
    text = f"{value:+,.{places}f}"
    return minus(text if float(text.replace(",", "")) else f"{0:.{places}f}")


def minus(text: str) -> str:
    """The text with minus signs instead of hyphens."""
    return text.replace("-", "−")


def plain(value: float, digits: int = 4) -> str:
    """That many significant digits, no exponent: ``20,011``, ``0.85``, ``0.000033``."""
    if not value or not math.isfinite(value):
        return f"{value:g}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    text = f"{value:,.{max(0, places)}f}"
    return minus(text.rstrip("0").rstrip(".") if places > 0 else text)


def dollars(value: float) -> str:
    """``0.11 USD``; small amounts with significant digits: ``0.000033 USD``."""
    value = float(f"{value:.10g}")  # the last digits of the sum depend on the order of the answers
    return f"{value:,.2f} USD" if value >= 0.1 or not value else f"{plain(value, 2)} USD"


def milliseconds(value: float) -> str:
    """``under 1 ms``, ``850 ms``, ``1.24 s``."""
    if value < 1:
        return "under 1 ms"
    return f"{value:,.0f} ms" if value < 1000 else f"{value / 1000:,.2f} s"


def latency_change(before: float | None, after: float | None) -> str:
    """`change_words` of times; empty below a millisecond, where clocks matter more than models."""
    return change_words(before, after) if before and after and min(before, after) >= 1 else ""


def decimals(size: float) -> int:
    """How many decimals are significant in a number of this size."""
    return 3 if size < 10 else 1 if size < 1000 else 0
