"""Damage to a file of the store is repaired, refused by name, or has no effect: never other data, never a traceback."""

from __future__ import annotations

import pytest

from tests.reliability.client import Harness
from tests.reliability.corruption import PROJECTS, damages_of
from tests.reliability.counts import check

SHARES = {"resting": 12, "merging": 12}
PARTS = {"resting": 3, "merging": 1}


@pytest.mark.parametrize(
    ("project", "part"), [(name, n) for name, count in PARTS.items() for n in range(count)]
)
def test_damage_is_never_taken_for_the_truth(server: Harness, seed: int, project: str, part: int) -> None:
    assert check(damages_of(server, project, seed + part, SHARES[project]), seed + part) == SHARES[project]


@pytest.mark.long
@pytest.mark.parametrize("project", PROJECTS)
def test_no_damage_to_any_file_is_taken_for_the_truth(server: Harness, seed: int, project: str) -> None:
    assert check(damages_of(server, project, seed, None), seed) > 100
