"""How numbers of runs are written, for whoever shows them: means, differences, sums of money, times."""

from __future__ import annotations

import math


def p_words(p: float | None) -> str:
    """``p = 0.011``; nothing where there is none."""
    if p is None:
        return ""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.9995 else "p = 1"


def change_words(before: float | None, after: float | None) -> str:
    """``143, 61 -> "−57 %"``; from ten times as much on ``× 12``; nothing where a part of nothing is meant."""
    if not before or after is None:
        return ""
    change = after / before - 1
    if change >= 9:
        return f"× {change + 1:,.0f}"
    return f"{minus(f'{change * 100:+.0f}')} %" if round(change * 100) else "±0 %"


def number(value: float, size: float | None = None) -> str:
    """Three decimals for scores up to 10, fewer the larger ``size`` is (of the number itself, unless given)."""
    return minus(f"{value:,.{decimals(abs(value) if size is None else size)}f}")


def rounded(value: float) -> str:
    """A mean of counts: ``97``, ``5.3``, ``20,011``."""
    return f"{value:,.0f}" if value >= 10 else f"{value:,.1f}"


def signed(value: float, size: float | None = None) -> str:
    """`number` with its sign: ``+0.034``; none for zero."""
    places = decimals(abs(value) if size is None else size)
    text = f"{value:+,.{places}f}"
    return minus(text if float(text.replace(",", "")) else f"{0:.{places}f}")


def minus(text: str) -> str:
    """The text with a minus sign for each hyphen."""
    return text.replace("-", "−")


def plain(value: float, digits: int = 4) -> str:
    """So many digits that say something, no exponent: ``20,011``, ``0.85``, ``0.000033``."""
    if not value or not math.isfinite(value):
        return f"{value:g}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    text = f"{value:,.{max(0, places)}f}"
    return minus(text.rstrip("0").rstrip(".") if places > 0 else text)


def dollars(value: float) -> str:
    """``0.11 USD``; small sums with the digits that say something: ``0.000033 USD``."""
    value = float(f"{value:.10g}")  # the order in which answers came shows in the last digits of their sum
    return f"{value:,.2f} USD" if value >= 0.1 or not value else f"{plain(value, 2)} USD"


def milliseconds(value: float) -> str:
    """``under 1 ms``, ``850 ms``, ``1.24 s``."""
    if value < 1:
        return "under 1 ms"
    return f"{value:,.0f} ms" if value < 1000 else f"{value / 1000:,.2f} s"


def latency_change(before: float | None, after: float | None) -> str:
    """`change_words` of times; nothing under a millisecond, where clocks say more than models."""
    return change_words(before, after) if before and after and min(before, after) >= 1 else ""


def decimals(size: float) -> int:
    """How many digits behind the point say something in a number of this size."""
    return 3 if size < 10 else 1 if size < 1000 else 0
