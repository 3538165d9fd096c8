"""Whatever stops an operation, what is found afterwards is the state before or the state after, and goes on working."""

from __future__ import annotations

import pytest

from tests.reliability.client import Harness
from tests.reliability.counts import check
from tests.reliability.crash_points import points_of_operation
from tests.reliability.operations import OPERATIONS

SHARE = 11
"""Points drawn for each operation: over 400 in all."""


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_stopped_at_a_drawn_call_leaves_old_or_new(
    server: Harness, seed: int, operation: str
) -> None:
    assert check(points_of_operation(server, operation, seed, SHARE), seed) >= 8


@pytest.mark.long
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_stopped_at_any_call_leaves_old_or_new(
    server: Harness, seed: int, operation: str
) -> None:
    assert check(points_of_operation(server, operation, seed, None), seed) >= 8


def test_a_sample_has_at_least_400_points() -> None:
    assert SHARE * len(OPERATIONS) >= 400
