"""How many examples a law is tried on: a share in everyday runs, all of them with PROMPTVC_TEST_LONG=1."""

from __future__ import annotations

import os

SHARE = 1.0 if os.environ.get("PROMPTVC_TEST_LONG", "") not in ("", "0") else 0.4


def examples(amount: int) -> int:
    """The amount, or the everyday share of it."""
    return max(1, round(amount * SHARE))
